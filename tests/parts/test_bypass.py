"""Skip connections: what goes around the code, when it is forgotten, and that no copy takes it along."""

from __future__ import annotations

import copy
import pickle

import pytest
import torch
from tests.parts.pairs import LATENT, SPECS, pair, rows
from torch import nn

from isthmus.errors import ParameterError
from isthmus.parts.backbones.bypass import Bypass, connect
from isthmus.parts.backbones.conv import Convolutional
from isthmus.parts.backbones.residual import Residual

KINDS = [(Convolutional, "series"), (Convolutional, "odd image"), (Residual, "table"), (Residual, "volume")]


@pytest.mark.parametrize(("backbone", "kind"), KINDS)
def test_levels_reach_the_decoder_until_they_are_cleared(
    backbone: type[Convolutional] | type[Residual], kind: str
) -> None:
    spec, z = SPECS[kind], torch.zeros(4, LATENT)
    encoder, decoder = pair(backbone(skip_connections=True), spec)
    _, plain = pair(backbone(), spec)
    assert plain.bypass is None
    encoder(rows(spec))
    first = decoder(z)
    encoder(rows(spec, seed=1))
    assert not torch.equal(decoder(z), first)
    decoder.bypass.clear()
    assert torch.equal(decoder(z), plain(z))
    assert list(decoder.state_dict()) == list(plain.state_dict())


def test_every_level_is_added_at_its_own_depth_with_its_gradient() -> None:
    bypass = Bypass()
    shallow, deep = (torch.full((2, n), float(n), requires_grad=True) for n in (3, 5))
    bypass.keep(shallow)
    bypass.keep(deep)
    assert torch.equal(bypass.add(0, torch.zeros(2, 5)), deep)
    bypass.add(1, torch.zeros(2, 3)).sum().backward()
    assert torch.equal(shallow.grad, torch.ones(2, 3))


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda parts: pickle.loads(pickle.dumps(parts))])
def test_copies_share_an_empty_bypass_of_their_own(copied: object) -> None:
    spec = SPECS["image"]
    parts = nn.ModuleList(pair(Convolutional(skip_connections=True), spec))
    parts[0](rows(spec))
    encoder, decoder = copied(parts)
    assert encoder.bypass is decoder.bypass is not parts[0].bypass
    z = torch.zeros(7, LATENT)
    assert decoder(z).shape == (7, *spec.shape)


def test_codes_of_other_rows_are_refused() -> None:
    encoder, decoder = pair(Convolutional(skip_connections=True), SPECS["image"])
    encoder(rows(SPECS["image"]))
    with pytest.raises(ParameterError, match=r"8 codes for 4 encoded rows: .*Use skip_connections=False"):
        decoder(torch.zeros(8, LATENT))


def test_connecting_needs_a_place_on_both_sides() -> None:
    encoder, decoder = pair(Convolutional(skip_connections=True), SPECS["image"])
    own = encoder.bypass
    connect(encoder, nn.Linear(1, 1))
    connect(nn.Linear(1, 1), decoder)
    assert encoder.bypass is decoder.bypass is own
