"""The rate falls as its price rises, reaches its capacity, and keeps its free bits."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from isthmus import VAE, BetaVAE
from isthmus.core.code import Batch
from isthmus.errors import ParameterError
from isthmus.parts.divergences import kl_of_each, kl_to_standard_normal
from tests.models.rows import digits

SHAPE: dict[str, Any] = {"latent_dim": 6, "hidden_dims": (32,), "epochs": 20, "random_state": 0}


def rate(model: Any) -> float:
    """Mean rate of held-out rows, in nats."""
    mean, log_var = posterior(model)
    return float(kl_to_standard_normal(mean, log_var).mean())


def posterior(model: Any) -> Any:
    """Of the held-out rows."""
    x = torch.from_numpy(((digits()[1] - model.spec_.center.numpy()) / model.spec_.scale.numpy()).astype(np.float32))
    with torch.no_grad():
        return model.network_.bottleneck.posterior(model.network_.encoder(x))


@pytest.mark.slow
def test_the_rate_falls_as_its_price_rises() -> None:
    rates = [rate(BetaVAE(beta=beta, **SHAPE).fit(digits()[0])) for beta in (0.25, 1.0, 4.0, 16.0)]
    assert rates == sorted(rates, reverse=True)
    assert rates[0] > 2 * rates[2]


@pytest.mark.parametrize("nats", [4.0, 12.0])
def test_the_rate_reaches_its_capacity(nats: float) -> None:
    model = BetaVAE(capacity=nats, **SHAPE).fit(digits()[0])
    assert model.beta_ == 100
    assert rate(model) == pytest.approx(nats, rel=0.1)


@pytest.mark.slow
def test_free_bits_hold_every_dimension_just_below_its_floor() -> None:
    dear = {"beta": 50.0, **SHAPE, "epochs": 30}
    assert rate(BetaVAE(**dear).fit(digits()[0])) < 0.1
    # Rows above the floor are pushed down to it, rows below it may stay: so the mean lies under it, far from nothing.
    each = kl_of_each(*posterior(BetaVAE(free_bits=0.5, **dear).fit(digits()[0]))).mean(0)
    assert 0.5 * 0.5 < each.min()
    assert each.max() < 0.5


def test_the_price_and_the_capacity_rise_over_their_share_of_the_run() -> None:
    x = torch.from_numpy(digits()[0][:20])
    for params, at_half in (({"beta": 8.0}, 4.0), ({"capacity": 10.0}, None)):
        model = BetaVAE(warmup=0.5, latent_dim=3, hidden_dims=(8,), epochs=1, random_state=0, **params).fit(x.numpy())
        network, told = model.network_.eval(), {}
        for progress in (0.0, 0.25, 0.5, 1.0):
            told[progress] = model.objective(network, Batch(x, progress=progress))["rate"].detach()
        plain = network.price(Batch(x))[1].detach()
        if at_half is not None:
            assert not told[0.0].any()
            torch.testing.assert_close(told[0.25], at_half * plain)
            torch.testing.assert_close(told[0.5], 8 * plain)
        else:
            torch.testing.assert_close(told[0.25], 100 * (plain - 5).abs())
        assert torch.equal(told[0.5], told[1.0])


@pytest.mark.slow
def test_at_a_price_of_one_it_is_a_vae() -> None:
    train, held_out = digits()
    model, twin = BetaVAE(beta=1.0, warmup=0.0, **SHAPE).fit(train), VAE(**SHAPE).fit(train)
    np.testing.assert_allclose(model.score_samples(held_out), twin.score_samples(held_out), rtol=1e-4)


def test_no_price_enters_a_score() -> None:
    train, held_out = digits()
    model = BetaVAE(beta=2.0, free_bits=0.1, latent_dim=4, hidden_dims=(16,), epochs=3, random_state=0).fit(train)
    score, bound = model.score_samples(held_out), model.elbo(held_out)
    model.set_params(beta=9.0, free_bits=2.0, capacity=30.0)
    assert np.array_equal(model.score_samples(held_out), score)
    assert np.array_equal(model.elbo(held_out), bound)


@pytest.mark.parametrize("params", [{"beta": -1.0}, {"warmup": 1.5}, {"capacity": -2.0}, {"free_bits": float("nan")}])
def test_prices_outside_their_domain_are_refused(params: dict[str, float]) -> None:
    with pytest.raises(ParameterError, match=next(iter(params))):
        BetaVAE(latent_dim=2, epochs=1, **params).fit(digits()[0])
