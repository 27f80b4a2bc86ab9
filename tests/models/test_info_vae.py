"""With nothing free it is a VAE; what is free crosses, and the MMD holds all codes together at the prior."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from isthmus import VAE, InfoVAE
from isthmus.core.code import Batch
from isthmus.errors import ParameterError
from isthmus.estimator.inputs import read
from isthmus.parts.divergences import mmd
from tests.models.rows import cells

SHAPE: dict[str, Any] = {
    "latent_dim": 5,
    "hidden_dims": (32,),
    "epochs": 25,
    "batch_size": 128,
    "learning_rate": 0.01,
    "random_state": 0,
}


def test_with_nothing_free_and_a_weight_of_one_its_costs_are_a_vaes() -> None:
    model = InfoVAE(alpha=0.0, weight=1.0, **{**SHAPE, "epochs": 1}).fit(cells())
    network, x = model.network_.train(), torch.from_numpy(cells())
    terms = model.objective(network, Batch(x, generator=torch.Generator().manual_seed(0)))
    plain = VAE().objective(network, Batch(x, generator=torch.Generator().manual_seed(0)))
    assert not terms.pop("mmd").any()
    assert terms.keys() == plain.keys()
    assert all(torch.equal(terms[name], plain[name]) for name in plain)


def test_more_crosses_where_it_is_free_and_codes_stay_at_the_prior() -> None:
    rates, far = {}, {}
    for alpha, weight in ((0.0, 1.0), (0.9, 1.0), (0.9, 10.0)):
        model = InfoVAE(alpha=alpha, weight=weight, **SHAPE).fit(cells())
        network, generator = model.network_.train(), torch.Generator().manual_seed(0)
        with torch.no_grad():
            code = network(Batch(read(model, cells()).block(0, 569), generator=generator)).code
        rates[alpha, weight] = code.rate.mean().item()
        far[alpha, weight] = mmd(code.z, torch.randn(569, 5, generator=generator))[0].item()
    assert rates[0.9, 10.0] > rates[0.0, 1.0] + 3
    assert far[0.9, 10.0] < 0.7 * far[0.9, 1.0]


def test_one_row_alone_has_no_distance() -> None:
    model = InfoVAE(**{**SHAPE, "epochs": 1}).fit(cells())
    assert "mmd" not in model.objective(model.network_, Batch(torch.from_numpy(cells()[:1])))


@pytest.mark.parametrize("params", [{"alpha": 1.5}, {"alpha": -0.1}, {"alpha": 0.5, "weight": 0.2}, {"weight": "much"}])
def test_prices_outside_their_domain_are_refused(params: dict[str, Any]) -> None:
    with pytest.raises(ParameterError, match="alpha|weight"):
        InfoVAE(latent_dim=2, epochs=1, **params).fit(cells())
