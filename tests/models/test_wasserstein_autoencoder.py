"""Codes that fall towards the prior, by a kernel or a critic, at next to no error in what is rebuilt."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from isthmus import Autoencoder, WassersteinAutoencoder
from isthmus.core.code import Batch
from isthmus.errors import ParameterError, UnknownNameError
from isthmus.parts.divergences import mmd
from tests.models.rows import digits, error

SHAPE: dict[str, Any] = {"latent_dim": 4, "hidden_dims": (32,), "scaling": "none", "random_state": 0}
ROWS = 300


def apart(codes: Any, seed: int = 0) -> float:
    """Discrepancy of codes and as many draws from N(0, I)."""
    z = torch.from_numpy(np.asarray(codes, dtype=np.float32))
    return float(mmd(z, torch.randn(z.shape, generator=torch.Generator().manual_seed(seed)))[0])


@pytest.mark.slow
def test_codes_fall_towards_the_prior_at_next_to_no_error() -> None:
    train, held_out = digits()
    plain, found = Autoencoder(epochs=12, **SHAPE).fit(train), []
    for epochs in (1, 4, 12):
        model = WassersteinAutoencoder(epochs=epochs, learning_rate=0.004, **SHAPE).fit(train)
        found.append(apart(model.transform(held_out)))
    assert found[0] > found[1] > found[2]
    assert found[2] < 0.1 * apart(plain.transform(held_out))
    assert error(held_out, model.reconstruct(held_out)) < error(held_out, plain.reconstruct(held_out)) + 0.03


@pytest.mark.slow
def test_in_the_end_codes_are_nearly_as_near_as_draws_from_the_prior_are_to_each_other() -> None:
    train, held_out = digits()
    model = WassersteinAutoencoder(epochs=60, **SHAPE).fit(train)
    draws = torch.Generator().manual_seed(9)
    null = [apart(torch.randn(ROWS, 4, generator=draws), seed) for seed in range(50)]
    assert apart(model.transform(held_out)) < 2 * np.quantile(null, 0.95)


def test_the_discrepancy_is_named_as_a_statistic_of_the_batch_and_does_not_depend_on_its_size() -> None:
    train, _ = digits()
    model = WassersteinAutoencoder(epochs=1, **SHAPE).fit(train)
    generator, found = torch.Generator().manual_seed(0), {}
    for size in (64, 256):
        costs = []
        for _ in range(60):
            rows = torch.from_numpy(train)[torch.randperm(len(train), generator=generator)[:size]]
            with torch.no_grad():
                costs.append(float(model.objective(model.network_, Batch(rows, generator=generator))["mmd"][0]))
        found[size] = np.mean(costs), np.std(costs) / 60**0.5
    assert WassersteinAutoencoder.batch_terms == ("mmd",)
    assert abs(found[64][0] - found[256][0]) < 4 * (found[64][1] + found[256][1])


def test_a_critic_takes_the_place_of_the_kernel() -> None:
    train, held_out = digits()
    model = WassersteinAutoencoder(divergence="gan", epochs=15, **SHAPE).fit(train)
    plain = Autoencoder(epochs=15, **SHAPE).fit(train)
    assert apart(model.transform(held_out)) < 0.4 * apart(plain.transform(held_out))
    assert {"autoencoder/fool", "critic/judge"} <= set(model.history_[-1])
    assert model.weight_ == 0.1


def test_divergences_and_weights_that_are_none_are_refused() -> None:
    with pytest.raises(UnknownNameError, match="mmd"):
        WassersteinAutoencoder(divergence="mmb", **SHAPE).fit(digits()[0])
    with pytest.raises(ParameterError, match="weight"):
        WassersteinAutoencoder(weight=-1.0, **SHAPE).fit(digits()[0])
