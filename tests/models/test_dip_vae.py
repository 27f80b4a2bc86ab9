"""The moments that are paid for come near those of the prior."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from isthmus import DIPVAE
from isthmus.errors import ParameterError, UnknownNameError
from tests.models.rows import digits

SHAPE: dict[str, Any] = {
    "latent_dim": 5,
    "hidden_dims": (32,),
    "epochs": 20,
    "batch_size": 128,
    "learning_rate": 0.01,
    "likelihood": "bernoulli",
    "random_state": 0,
}


def covariance(model: Any, kind: str) -> Any:
    """Of the means of all rows, or of draws of their posteriors."""
    network = model.network_
    with torch.no_grad():
        mean, log_var = network.bottleneck.posterior(network.encoder(torch.from_numpy(digits()[0])))
    return np.cov(mean.numpy().T) + (0 if kind == "i" else np.diag(log_var.exp().mean(0).numpy()))


@pytest.mark.parametrize("kind", ["i", "ii"])
def test_the_covariance_comes_near_that_of_the_prior(kind: str) -> None:
    far = {}
    for weight in (0.0, 20.0):
        model = DIPVAE(kind=kind, off_diagonal=weight, **SHAPE).fit(digits()[0])
        far[weight] = np.square(covariance(model, kind) - np.eye(5)).sum()
    assert far[20.0] < 0.3 * far[0.0]


def test_the_price_of_variances_follows_that_of_covariances() -> None:
    for kind, times in (("i", 10.0), ("ii", 1.0)):
        model = DIPVAE(kind=kind, off_diagonal=3.0, **{**SHAPE, "epochs": 1}).fit(digits()[0])
        assert model.diagonal_ == 3.0 * times


def test_other_kinds_and_prices_are_refused() -> None:
    with pytest.raises(UnknownNameError, match="kind='iii'"):
        DIPVAE(kind="iii", latent_dim=2).fit(digits()[0])
    with pytest.raises(ParameterError, match=r"off_diagonal=-1\.0"):
        DIPVAE(off_diagonal=-1.0, latent_dim=2).fit(digits()[0])
