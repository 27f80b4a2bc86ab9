"""The convolutional backbone: its shape level by level, and the data it refuses."""

from __future__ import annotations

import pytest
import torch
from tests.parts.pairs import SPECS, rows, settings

from isthmus.core.spec import Spec
from isthmus.errors import ParameterError
from isthmus.parts.backbones.conv import Convolutional

DIGIT = Spec("image", (1, 28, 28))


def traced(module: torch.nn.Module, given: torch.Tensor) -> list[torch.Tensor]:
    """What each level of an encoder or decoder answers."""
    answers: list[torch.Tensor] = []
    hooks = [level.register_forward_hook(lambda _m, _i, answer: answers.append(answer)) for level in module.levels]
    module(given)
    for hook in hooks:
        hook.remove()
    return answers


@pytest.mark.parametrize("downsampling", ["stride", "pool"])
@pytest.mark.parametrize("upsampling", ["resize", "transposed", "pixel-shuffle"])
def test_the_decoder_mirrors_the_encoder(downsampling: str, upsampling: str) -> None:
    architecture = Convolutional(downsampling=downsampling, upsampling=upsampling)
    given = settings(architecture, hidden_dims=(32, 64), latent_dim=128)
    encoder, decoder = architecture.encoder(DIGIT, 128, given), architecture.decoder(DIGIT, (1, 28, 28), given)
    assert [tuple(x.shape[1:]) for x in traced(encoder, rows(DIGIT))] == [(32, 14, 14), (64, 7, 7)]
    assert [tuple(x.shape[1:]) for x in traced(decoder, torch.zeros(4, 128))] == [(32, 14, 14), (1, 28, 28)]
    assert encoder.head[0].weight.shape == (128, 64 * 7 * 7)


@pytest.mark.parametrize("kind", ["image", "odd image", "volume"])
@pytest.mark.parametrize("upsampling", ["resize", "transposed", "pixel-shuffle"])
def test_levels_work_with_the_channels_innermost(kind: str, upsampling: str) -> None:
    architecture = Convolutional(upsampling=upsampling)
    given = settings(architecture)
    spec = SPECS[kind]
    encoder, decoder = architecture.encoder(spec, 5, given), architecture.decoder(spec, spec.shape, given)
    inner = [*traced(encoder, rows(spec)), traced(decoder, torch.zeros(4, 3))[0]]
    assert {x.stride(1) for x in inner} == {1}


def test_a_hidden_layer_stands_on_both_sides_of_the_code() -> None:
    architecture = Convolutional(hidden=10)
    given = settings(architecture)
    encoder, decoder = architecture.encoder(DIGIT, 5, given), architecture.decoder(DIGIT, (1, 28, 28), given)
    assert [layer.out_features for layer in (encoder.head[0], encoder.head[2], decoder.stem[0])] == [10, 5, 10]


def test_a_table_is_refused_with_a_way_out() -> None:
    architecture = Convolutional()
    with pytest.raises(ParameterError, match=r"Convolutional\(\) on a table of shape \(6,\): .*Use .*'residual'"):
        architecture.encoder(SPECS["table"], 5, settings(architecture))
