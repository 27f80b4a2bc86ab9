"""What is lost and how far the code lies: each against a plain oracle, and what they catch together."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.neighbors import NearestNeighbors

import isthmus
from isthmus.tasks.anomaly import neighbours
from isthmus.tasks.anomaly import recipe as recipes
from isthmus.tasks.anomaly.neighbours import Neighbours
from isthmus.tasks.anomaly.recipe import Recipe, unfitted
from isthmus.tasks.anomaly.scale import Scale
from isthmus.tasks.anomaly.scorer import Scorer
from isthmus.tasks.anomaly.spans import spans_of
from isthmus.tasks.anomaly.whitening import Whitening

MADE = isthmus.data.load("factors", rows=500)
NORMAL = MADE.X[MADE.y == 0]


@pytest.fixture(scope="module")
def detector() -> Any:
    """Three members on rows from a plane."""
    model = isthmus.Autoencoder(epochs=15, device="cpu")
    return isthmus.AnomalyDetector(model, alpha=0.05, members=3, random_state=0).fit(NORMAL)


def test_the_nearest_code_is_that_of_an_exhaustive_search() -> None:
    random = np.random.default_rng(0)
    kept, asked = random.normal(size=(700, 5)), random.normal(size=(300, 5))
    found = Neighbours.of(torch.from_numpy(kept)).distance(torch.from_numpy(asked)).numpy()
    np.testing.assert_allclose(found, NearestNeighbors(n_neighbors=1).fit(kept).kneighbors(asked)[0][:, 0])


def test_of_many_codes_an_even_sample_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(neighbours, "MOST", 10)
    assert Neighbours.of(torch.arange(25.0)[:, None]).codes[:, 0].tolist() == [0, 3, 6, 9, 12, 15, 18, 21, 24]


def test_a_code_has_the_same_distance_to_the_last_bit_wherever_it_stands() -> None:
    codes = torch.randn(64, 7, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    near = Neighbours.of(torch.randn(333, 7, dtype=torch.float64, generator=torch.Generator().manual_seed(1)))
    together = near.distance(codes)
    assert torch.equal(torch.cat([near.distance(codes[at : at + 1]) for at in range(64)]), together)


@pytest.mark.parametrize("precision", ["highest", "medium"])
@pytest.mark.parametrize(("width", "scale", "shift"), [(1, 1.0, 0.0), (7, 1e-6, 0.0), (19, 1.0, 1e6), (80, 1e30, 0.0)])
def test_where_to_look_is_found_without_missing_the_nearest(
    precision: str, width: int, scale: float, shift: float
) -> None:
    generator = torch.Generator().manual_seed(width)
    kept = shift + scale * torch.randn(500, width, dtype=torch.float64, generator=generator)
    kept[250:] = kept[:250]  # and each of them twice
    asked = torch.cat([kept[:40], kept[40:80] * (1 + 1e-9), 3 * kept[80:120], kept[120:121] * 1e150, -kept[121:122]])
    plain = torch.cdist(asked, kept, compute_mode="donot_use_mm_for_euclid_dist").amin(1)
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision(precision)
    try:
        assert torch.equal(Neighbours.of(kept).distance(asked), plain)
    finally:
        torch.set_float32_matmul_precision(before)


def test_a_gradient_leads_away_from_the_nearest_code() -> None:
    kept = torch.randn(90, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    asked = torch.randn(20, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(1), requires_grad=True)
    near = Neighbours.of(kept)
    near.distance(asked).sum().backward()
    away = asked.detach() - kept[near.nearest(asked.detach())]
    torch.testing.assert_close(asked.grad, away / away.norm(dim=1, keepdim=True))


def test_a_wild_column_costs_little_more_than_a_strange_one() -> None:
    rows = torch.randn(400, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    price = Whitening.around_zero(rows)
    rows_of_one = torch.zeros(2, 4, dtype=torch.float64)
    rows_of_one[0, 2], rows_of_one[1, 2] = 5.0, 500.0
    gaps = [parts(rows_of_one).sum(1) for parts in (price.parts, price.heavy_parts)]
    assert gaps[0][1] == pytest.approx(1e4 * gaps[0][0])
    assert gaps[1][1] < 4 * gaps[1][0]
    squares = 2 * price.parts(rows)
    torch.testing.assert_close(price.heavy_parts(rows), torch.log1p(squares))


def test_terms_are_counted_in_deviations_of_what_is_usual() -> None:
    terms = torch.from_numpy(np.random.default_rng(0).gamma(2.0, size=(200, 2)) * [1.0, 1000.0])
    scale = Scale.of(terms)
    expected = ((terms.numpy() - terms.numpy().mean(0)) / terms.numpy().std(0)).mean(1)
    np.testing.assert_allclose(scale.read(terms).numpy(), expected)


def test_terms_that_never_vary_divide_by_no_zero() -> None:
    assert torch.isfinite(Scale.of(torch.ones(5, 2)).read(torch.zeros(3, 2))).all()


def test_a_score_is_the_mean_over_the_members(detector: Any) -> None:
    scorer = detector.scorer_
    alone = [Scorer([member]).terms(MADE.X) for member in scorer.members]
    assert len(alone) == 3
    assert not torch.allclose(alone[0], alone[1])
    torch.testing.assert_close(scorer.terms(MADE.X), sum(alone) / 3)


def test_members_trained_in_one_run_score_as_those_trained_in_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    def in_turn(models: list[Any], X: Any) -> list[Any]:
        return [model.fit(X) for model in models]

    def scores() -> Any:
        recipe = Recipe(partial(unfitted, isthmus.Autoencoder(epochs=3, device="cpu"), 0), "fusion", spans_of(3))
        return recipe.cooked(NORMAL).terms(MADE.X)

    together = scores()
    monkeypatch.setattr(recipes, "fit_together", in_turn)
    torch.testing.assert_close(together, scores(), rtol=1e-3, atol=1e-6)


@pytest.mark.parametrize("reach", [10.0, 100.0, 1e4])
def test_points_that_the_network_extrapolates_to_raise_an_alarm(detector: Any, reach: float) -> None:
    centre, spread = NORMAL.mean(0), NORMAL.std(0)
    away = centre + reach * (NORMAL - centre)
    beyond = away[np.abs((away - centre) / spread).max(1) > 10]
    assert len(beyond) > 100
    assert (detector.predict(beyond) == -1).all()


def test_latent_alone_and_losses_alone_make_the_fusion(detector: Any) -> None:
    lost, crossed = detector.scorer_.terms(MADE.X).T.numpy()
    scale = detector.scorer_.scale
    middle, spread = scale.middle.numpy(), scale.spread.numpy()
    both = ((lost - middle[0]) / spread[0] + (crossed - middle[1]) / spread[1]) / 2
    np.testing.assert_allclose(detector.scorer_.scored(detector.scorer_.terms(MADE.X)), both)
