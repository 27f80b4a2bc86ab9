"""The critic learns the log ratio whose mean is the total correlation; paying for it pulls units apart."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from isthmus import FactorVAE
from isthmus.core.code import Batch
from isthmus.core.spec import Spec
from isthmus.errors import ParameterError
from isthmus.parts.correlations import total_correlation
from isthmus.parts.critics import Critic
from isthmus.parts.initialise import initialise
from tests.models.rows import cells

SHAPE: dict[str, Any] = {
    "latent_dim": 5,
    "hidden_dims": (32,),
    "epochs": 60,
    "batch_size": 128,
    "learning_rate": 0.01,
    "random_state": 0,
}


def drawn(rows: int, generator: torch.Generator) -> torch.Tensor:
    """Some of the cells, in random order."""
    return torch.randperm(569, generator=generator)[:rows]


def test_the_critic_learns_the_total_correlation() -> None:
    critic, generator = Critic(Spec("table", (2,)), "gaussian"), torch.Generator().manual_seed(0)
    initialise(critic, generator)
    network = SimpleNamespace(critic=critic, encode=lambda batch: SimpleNamespace(z=batch.x))
    optimizer = torch.optim.Adam(critic.parameters(), lr=0.005)
    judge = FactorVAE().judge
    for _ in range(250):
        z = torch.randn(256, 2, generator=generator)
        z[:, 1] = 0.8 * z[:, 0] + 0.6 * z[:, 1]
        optimizer.zero_grad()
        judge(network, Batch(z, generator=generator))["cost"].mean().backward()
        optimizer.step()
    z = torch.randn(5000, 2, generator=generator)
    z[:, 1] = 0.8 * z[:, 0] + 0.6 * z[:, 1]
    assert critic(z).mean().item() == pytest.approx(-0.5 * np.log(1 - 0.64), abs=0.08)


def test_what_the_critic_pays_expects_the_same_at_every_batch_size() -> None:
    model = FactorVAE(**{**SHAPE, "epochs": 5}).fit(cells())
    x, generator = torch.from_numpy(cells()), torch.Generator().manual_seed(0)
    paid = {
        rows: torch.stack(
            [
                model.judge(model.network_, Batch(x[drawn(rows, generator)], generator=generator))["cost"].mean()
                for _ in range(60)
            ]
        ).detach()
        for rows in (64, 256)
    }
    error = sum(values.var() / 60 for values in paid.values()) ** 0.5
    assert abs(paid[64].mean() - paid[256].mean()) < 4 * error


@pytest.mark.slow
def test_a_price_on_total_correlation_lowers_it() -> None:
    found = {}
    for gamma in (0.0, 20.0):
        model = FactorVAE(gamma=gamma, **SHAPE).fit(cells())
        network, x = model.network_.train(), torch.from_numpy(cells())
        with torch.no_grad():
            trace = network(Batch(x, generator=torch.Generator().manual_seed(0)))
            posterior = network.bottleneck.posterior(trace.features)
            found[gamma] = total_correlation(trace.code.z, *posterior, len(x))[0].item()
    assert found[20.0] < 0.5 * found[0.0]


def test_a_price_below_nothing_is_refused() -> None:
    with pytest.raises(ParameterError, match=r"gamma=-1\.0"):
        FactorVAE(gamma=-1.0, latent_dim=2, epochs=1).fit(cells())
