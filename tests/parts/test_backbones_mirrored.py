"""Every option of the backbones with levels, over every kind of data."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import pytest
import torch
from tests.parts.pairs import FEATURES, LATENT, SPECS, pair, rows

from isthmus.errors import IsthmusError
from isthmus.parts.backbones.conv import Convolutional
from isthmus.parts.backbones.dropout import listen
from isthmus.parts.backbones.mirrored import Mirrored
from isthmus.parts.backbones.residual import Residual

OPTIONS: list[dict[str, Any]] = [
    {},
    {"normalization": "batch"},
    {"normalization": "layer"},
    {"dropout": 0.25, "dropout_in": "encoder"},
    {"dropout": 0.25, "dropout_in": "decoder"},
    {"dropout": 0.25, "dropout_in": "both"},
    {"skip_connections": True},
    {"downsampling": "pool"},
    {"upsampling": "transposed"},
    {"upsampling": "pixel-shuffle"},
    {"downsampling": "pool", "upsampling": "transposed", "kernel_size": 5, "normalization": "batch"},
    {"downsampling": "pool", "upsampling": "pixel-shuffle", "kernel_size": 5, "skip_connections": True},
    {"hidden": 7},
]
KINDS = [(Convolutional, kind) for kind in SPECS if kind != "table"] + [(Residual, kind) for kind in SPECS]
every_kind = pytest.mark.parametrize(("backbone", "kind"), KINDS)
every_option = pytest.mark.parametrize("options", OPTIONS, ids=lambda options: "-".join(map(str, options.values())))


@every_kind
@every_option
def test_shapes_are_exact_and_gradient_reaches_every_parameter(
    backbone: type[Mirrored], kind: str, options: dict[str, Any]
) -> None:
    spec = SPECS[kind]
    encoder, decoder = pair(backbone(**options), spec, params=2)
    parts = torch.nn.ModuleList([encoder, decoder])
    listen(parts, torch.Generator().manual_seed(0))
    h = encoder(rows(spec))
    params = decoder(h[:, :LATENT])
    assert h.shape == (4, FEATURES)
    assert params.shape == (4, 2 * spec.shape[0], *spec.shape[1:])
    assert params.is_contiguous()
    (params.square().sum() + h.square().sum()).backward()
    untouched = [name for name, p in parts.named_parameters() if p.grad is None or not p.grad.any()]
    assert not untouched


@every_kind
@every_option
def test_a_row_does_not_depend_on_its_neighbours(backbone: type[Mirrored], kind: str, options: dict[str, Any]) -> None:
    encoder, decoder = (part.eval() for part in pair(backbone(**options), SPECS[kind]))
    x, others = rows(SPECS[kind]), rows(SPECS[kind], seed=1)
    others[0] = x[0]
    with torch.no_grad():
        h, g = encoder(x), encoder(others)
        assert torch.equal(h[0], g[0])
        assert not torch.equal(h[1], g[1])
        alone = decoder(g[:, :LATENT])[0]
        encoder(x)
        assert torch.equal(decoder(h[:, :LATENT])[0], alone)


@every_kind
@pytest.mark.parametrize("activation", ["relu", "leaky-relu", "gelu", "tanh", "linear"])
def test_activations(backbone: type[Mirrored], kind: str, activation: str) -> None:
    encoder, _ = pair(backbone(), SPECS[kind], activation=activation)
    x = rows(SPECS[kind])
    bent = (encoder(2 * x) + encoder(0 * x) - 2 * encoder(x)).abs().max()
    assert bool(bent < 1e-5) == (activation == "linear")


@every_kind
def test_bfloat16_is_inside_only(backbone: type[Mirrored], kind: str) -> None:
    spec = SPECS[kind]
    exact, rounded = (pair(backbone(), spec, precision=precision) for precision in ("float32", "bfloat16"))
    x, z = rows(spec), torch.randn(4, LATENT, generator=torch.Generator().manual_seed(1))
    for full, low, given in zip(exact, rounded, (x, z), strict=True):
        wanted, got = full(given), low(given)
        got.sum().backward()
        assert got.dtype == torch.float32
        assert {p.dtype for p in low.parameters()} | {p.grad.dtype for p in low.parameters()} == {torch.float32}
        assert 0 < (got - wanted).abs().max() < 0.05


@every_kind
def test_double_precision_passes_through(backbone: type[Mirrored], kind: str) -> None:
    encoder, decoder = (part.double() for part in pair(backbone(normalization="layer"), SPECS[kind]))
    assert decoder(encoder(rows(SPECS[kind]).double())[:, :LATENT]).dtype == torch.float64


@pytest.mark.parametrize("backbone", [Convolutional, Residual])
@pytest.mark.parametrize(
    ("side", "moves"), [("encoder", (True, False)), ("decoder", (False, True)), ("both", (True, True))]
)
def test_dropout_acts_where_it_is_asked_for_and_in_training_only(
    backbone: type[Mirrored], side: str, moves: tuple[bool, bool]
) -> None:
    parts = pair(backbone(dropout=0.5, dropout_in=side), SPECS["image"])
    for part, given, moved in zip(parts, (rows(SPECS["image"]), torch.ones(4, LATENT)), moves, strict=True):
        listen(part, torch.Generator().manual_seed(0))
        assert torch.equal(part(given), part(given)) != moved
        part.eval()
        assert torch.equal(part(given), part(given))


@pytest.mark.parametrize("size", [(7,), (1,), (2, 1), (28, 28), (5, 9), (3, 1, 4)])
@pytest.mark.parametrize("upsampling", ["resize", "transposed", "pixel-shuffle"])
@pytest.mark.parametrize("downsampling", ["stride", "pool"])
def test_any_extent_and_any_depth_come_back(size: tuple[int, ...], upsampling: str, downsampling: str) -> None:
    kind = ("series", "image", "volume")[len(size) - 1]
    spec = SPECS[kind].__class__(kind, (1, *size))
    architecture = Convolutional(upsampling=upsampling, downsampling=downsampling)
    for hidden_dims in ((), (2,), (2, 3, 2, 2)):
        encoder, decoder = pair(architecture, spec, hidden_dims=hidden_dims)
        assert decoder(encoder(rows(spec))[:, :LATENT]).shape == (4, 1, *size)


@pytest.mark.parametrize("backbone", [Convolutional, Residual])
def test_second_derivatives_exist(backbone: type[Mirrored]) -> None:
    encoder, _ = pair(backbone(), SPECS["image"])
    x = rows(SPECS["image"]).requires_grad_()
    (slope,) = torch.autograd.grad(encoder(x).square().sum(), x, create_graph=True)
    slope.square().sum().backward()
    assert encoder.head[0].weight.grad.any()


@pytest.mark.parametrize("backbone", [Convolutional, Residual])
@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"normalization": "bacth"}, r"normalization='bacth': known are .*Did you mean 'batch'"),
        ({"upsampling": "resized"}, r"upsampling='resized': .*Did you mean 'resize'"),
        ({"downsampling": "strides"}, r"downsampling='strides': .*Did you mean 'stride'"),
        ({"dropout_in": "encode"}, r"dropout_in='encode': .*Did you mean 'encoder'"),
        ({"dropout": 1.0}, r"dropout=1.0: .*\[0, 1\)"),
        ({"kernel_size": 4}, r"kernel_size=4: an odd number .*Use kernel_size=3"),
        ({"kernel_size": 1}, r"kernel_size=1: "),
        ({"hidden": 0}, r"hidden=0: .*Use hidden=None"),
    ],
)
def test_wrong_options_are_refused_at_once(backbone: type[Mirrored], options: dict[str, Any], message: str) -> None:
    with pytest.raises(IsthmusError, match=message):
        backbone(**options)


@every_option
def test_an_architecture_is_its_options(options: dict[str, Any]) -> None:
    architecture = Residual(**options)
    assert Residual(**asdict(architecture)) == architecture
    assert hash(Residual(**options)) == hash(architecture)
