"""At a price of one it is a VAE; a higher one lowers the total correlation of the codes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from isthmus import VAE, BetaTCVAE
from isthmus.core.code import Batch
from isthmus.errors import ParameterError
from tests.models.rows import cells

SHAPE: dict[str, Any] = {
    "latent_dim": 5,
    "hidden_dims": (32,),
    "epochs": 35,
    "batch_size": 128,
    "learning_rate": 0.01,
    "random_state": 0,
}


def test_at_a_price_of_one_it_is_a_vae() -> None:
    quick = {**SHAPE, "epochs": 10}
    model, twin = BetaTCVAE(beta=1.0, **quick).fit(cells()), VAE(**quick).fit(cells())
    np.testing.assert_allclose(model.score_samples(cells()), twin.score_samples(cells()), rtol=1e-4)


def test_a_higher_price_lowers_the_correlation_and_expects_the_same_at_every_batch_size() -> None:
    found = {}
    for beta in (1.5, 10.0):
        model = BetaTCVAE(beta=beta, **SHAPE).fit(cells())
        paid = {rows: correlations(model, rows) for rows in (64, 256)}
        error = sum(values.var() / len(values) for values in paid.values()) ** 0.5
        assert abs(paid[64].mean() - paid[256].mean()) < 4 * error
        found[beta] = paid[256].mean() / (beta - 1)
    assert found[10.0] < found[1.5] - 0.1


def correlations(model: Any, rows: int) -> torch.Tensor:
    """What 40 batches pay, (40,)."""
    network, x, generator = model.network_.train(), torch.from_numpy(cells()), torch.Generator().manual_seed(0)
    batches = [Batch(x[torch.randperm(569, generator=generator)[:rows]], generator=generator) for _ in range(40)]
    with torch.no_grad():
        return torch.stack([model.objective(network, batch)["correlation"][0] for batch in batches])


def test_a_price_below_nothing_is_refused() -> None:
    with pytest.raises(ParameterError, match=r"beta=-1\.0"):
        BetaTCVAE(beta=-1.0, latent_dim=2, epochs=1).fit(cells())
