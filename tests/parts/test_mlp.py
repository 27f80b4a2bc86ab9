"""What the options of an MLP do, and that none of them changes what a code is."""

from __future__ import annotations

import pytest
import torch
from tests.parts.pairs import FEATURES, LATENT, SPECS, rows, settings

from isthmus.core.code import Batch
from isthmus.core.network import Network
from isthmus.parts.backbones.dropout import Dropout, listen
from isthmus.parts.backbones.mlp import MLP
from isthmus.parts.bottlenecks.plain import Plain
from isthmus.parts.compose import autoencoder
from isthmus.parts.initialise import initialise

SPEC = SPECS["table"]


def network(mlp: MLP) -> Network:
    """An autoencoder of this MLP with weights from seed 0."""
    made = autoencoder(SPEC, settings(mlp, activation="relu"), Plain())
    initialise(made, torch.Generator().manual_seed(0))
    return made


@pytest.mark.parametrize("spec", SPECS.values(), ids=SPECS)
def test_any_data_goes_in_flat_and_comes_out_in_shape(spec: object) -> None:
    mlp = MLP()
    h = mlp.encoder(spec, FEATURES, settings(mlp))(rows(spec))
    params = mlp.decoder(spec, (2, *spec.shape), settings(mlp))(h[:, :LATENT])
    assert h.shape == (4, FEATURES)
    assert params.shape == (4, 2, *spec.shape)


@pytest.mark.parametrize(("name", "kind"), [("batch", torch.nn.BatchNorm1d), ("layer", torch.nn.LayerNorm)])
def test_normalization_stands_before_each_activation(name: str, kind: type) -> None:
    made = network(MLP(normalization=name))
    widths = [norm.weight.numel() for norm in made.modules() if isinstance(norm, kind)]
    assert widths == [4, 6, 6, 4]
    assert not made.encoder.has_node


@pytest.mark.parametrize(("side", "drops"), [("encoder", (True, False)), ("decoder", (False, True)), ("both", (1, 1))])
def test_dropout_acts_where_it_was_put(side: str, drops: tuple[bool, bool]) -> None:
    made = network(MLP(dropout=0.5, dropout_in=side))
    listen(made, torch.Generator().manual_seed(0))
    for part, width, wanted in ((made.encoder, SPEC.n_features, drops[0]), (made.decoder, LATENT, drops[1])):
        x = torch.randn(64, width, generator=torch.Generator().manual_seed(1))
        assert torch.equal(part(x), part(x)) != wanted
        assert torch.equal(part.eval()(x), part(x))


def test_skip_connections_reach_the_decoder_around_the_code() -> None:
    made = network(MLP(skip_connections=True)).eval()
    x = rows(SPEC)
    around = made.rebuild(Batch(x))
    z = made.encode(Batch(x)).z
    alone = made.mean(made.decode(z))
    assert not torch.allclose(around, alone)
    assert torch.equal(made.mean(made.decode(torch.cat([z, z])))[:4], alone)  # codes from anywhere, however many


def test_an_empty_bypass_leaves_the_weights_and_answers_of_none() -> None:
    with_bypass, without = network(MLP(skip_connections=True)).eval(), network(MLP()).eval()
    without.load_state_dict(with_bypass.state_dict())
    z = torch.randn(4, LATENT, generator=torch.Generator().manual_seed(1))
    torch.testing.assert_close(with_bypass.decode(z), without.decode(z))


def test_gradients_take_the_way_around_too() -> None:
    made = network(MLP(skip_connections=True))
    made.decoder(made.encoder(rows(SPEC)).detach()).sum().backward()
    inner, last = made.encoder.linears[1].weight, made.encoder.linears[-1].weight
    assert inner.grad.any()
    assert last.grad is None


def test_dropout_of_nothing_is_no_layer() -> None:
    assert not [part for part in network(MLP(dropout_in="encoder")).modules() if isinstance(part, Dropout)]
