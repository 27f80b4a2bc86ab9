"""The discrete VAE: its rate is a divergence from even chances, and its mixtures harden into codes."""

from __future__ import annotations

import math

import pytest
import torch
from torch.distributions import Categorical, kl_divergence

from isthmus import DiscreteVAE
from isthmus.core.code import Batch
from isthmus.errors import ParameterError
from isthmus.parts.bottlenecks.relaxed import SHARPNESS, Relaxed
from isthmus.parts.bottlenecks.tokens import Tokens
from tests.models.rows import digits, error


def relaxed(codes: int = 6, count: int = 3, dim: int = 2) -> Relaxed:
    """A bottleneck with codes drawn."""
    part = Relaxed(Tokens(count, dim), codes)
    part.draw(torch.Generator().manual_seed(0))
    return part


def batch_of(progress: float, rows: int = 50) -> Batch:
    """A batch that only brings noise."""
    return Batch(torch.zeros(rows, 1), progress=progress, generator=torch.Generator().manual_seed(1))


def test_the_rate_is_the_divergence_from_even_chances() -> None:
    part = relaxed().train()
    h = torch.randn(50, 18, generator=torch.Generator().manual_seed(2)) / SHARPNESS
    posterior = Categorical(logits=SHARPNESS * h.view(50, 3, 6))
    even = Categorical(logits=torch.zeros(50, 3, 6))
    torch.testing.assert_close(part(h, batch_of(0.5)).rate, kl_divergence(posterior, even).sum(1))
    assert part.eval()(h, batch_of(0.5)).rate.tolist() == pytest.approx([3 * math.log(6)] * 50)


def test_mixtures_harden_as_the_run_goes_on() -> None:
    part = relaxed().train()
    h = torch.zeros(50, 18)

    def apart(progress: float) -> float:
        """How far the tokens of a batch lie from the nearest code, on average."""
        tokens = part.tokens.split(part(h, batch_of(progress)).z)
        return float(torch.cdist(tokens.flatten(0, 1), part.embedding).min(1).values.mean().detach())

    distances = [apart(progress) for progress in (0.0, 0.4, 1.0)]
    assert distances == sorted(distances, reverse=True)
    assert distances[-1] < 0.2 * distances[0]


@pytest.mark.slow
def test_it_rebuilds_held_out_rows_from_a_few_symbols() -> None:
    train, held_out = digits()
    model = DiscreteVAE(codes=32, hidden_dims=(64,), epochs=25, random_state=0).fit(train)
    assert error(held_out, model.reconstruct(held_out)) < 0.5


def test_prices_outside_their_domain_are_refused() -> None:
    for params in ({"beta": -1.0}, {"warmup": 2.0}, {"codes": 1}):
        with pytest.raises(ParameterError, match=next(iter(params))):
            DiscreteVAE(epochs=1, **params).fit(digits()[0][:50])
