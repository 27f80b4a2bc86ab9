"""The residual backbone: blocks that add to what passes through, dense ones on a table."""

from __future__ import annotations

import pytest
import torch
from tests.parts.pairs import LATENT, SPECS, pair, rows, settings
from torch import nn

from isthmus.core.spec import Column, Spec
from isthmus.errors import ParameterError
from isthmus.parts.backbones.residual import Block, Residual


@pytest.mark.parametrize("kind", SPECS)
@pytest.mark.parametrize("blocks", [1, 3])
def test_each_level_has_its_blocks(kind: str, blocks: int) -> None:
    encoder, decoder = pair(Residual(blocks_per_level=blocks), SPECS[kind])
    for part in (encoder, decoder):
        assert [sum(isinstance(m, Block) for m in level.modules()) for level in part.levels] == [blocks, blocks]
    assert decoder(encoder(rows(SPECS[kind]))[:, :LATENT]).shape == (4, *SPECS[kind].shape)


@pytest.mark.parametrize("kind", SPECS)
def test_blocks_without_weights_leave_a_linear_network(kind: str) -> None:
    encoder, _ = pair(Residual(normalization="layer"), SPECS[kind])
    x = rows(SPECS[kind])
    for block in (m for m in encoder.modules() if isinstance(m, Block)):
        for parameter in block.branch[-1].parameters():
            nn.init.zeros_(parameter)
    torch.testing.assert_close(encoder(2 * x) + encoder(0 * x), 2 * encoder(x))


def test_a_table_gets_dense_layers_and_any_shape_of_params() -> None:
    architecture = Residual()
    decoder = architecture.decoder(SPECS["table"], (6, 2), settings(architecture))
    assert not any(isinstance(m, nn.Conv1d) for m in decoder.modules())
    assert decoder(torch.zeros(4, LATENT)).shape == (4, 6, 2)


def test_a_table_with_gaps_and_names_goes_through_its_entry() -> None:
    columns = (Column("age", gaps=True), Column("sex", "categorical", categories=("f", "m", "x")))
    encoder, _ = pair(Residual(), Spec("table", (2,), columns))
    h = encoder(torch.tensor([[0.5, 2.0], [torch.nan, 0.0]]))
    assert h.isfinite().all()
    assert not torch.equal(h[0], h[1])


def test_a_level_has_at_least_one_block() -> None:
    with pytest.raises(ParameterError, match=r"blocks_per_level=0: at least 1"):
        Residual(blocks_per_level=0)
