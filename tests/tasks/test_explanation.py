"""Reasons: the column that was tampered with is named, in the caller's own values and units."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest

import isthmus
from isthmus.errors import AbilityError, ParameterError

COLUMNS = ["a", "b", "c", "d"]


def correlated(rows: int, seed: int) -> Any:
    """Four columns in units far apart, driven by one hidden number."""
    random = np.random.default_rng(seed)
    hidden = random.normal(size=(rows, 1))
    noise = 0.05 * random.normal(size=(rows, 4))
    return (hidden * [1, -1, 1, 1] + noise) * [1, 10, 1000, 0.1] + [0, 50, -3000, 1]


@pytest.fixture(scope="module", params=["distortion", "fusion", "mahalanobis"])
def fitted(request: Any) -> Any:
    """A detector of each score that has to do with columns, on a frame of pandas."""
    model = isthmus.Autoencoder(latent_dim=1, epochs=60, random_state=0, device="cpu")
    frame = pd.DataFrame(correlated(500, 0), columns=COLUMNS)
    return isthmus.AnomalyDetector(model, alpha=0.05, score=request.param, random_state=0).fit(frame)


@pytest.mark.parametrize("column", range(4))
def test_the_column_that_broke_the_pattern_comes_first(fitted: Any, column: int) -> None:
    rows = correlated(20, 1)
    spread = [1, 10, 1000, 0.1][column]
    rows[:, column] += 2 * spread
    reasons = fitted.explain(pd.DataFrame(rows, columns=COLUMNS), most=1)
    assert [reason.row for reason in reasons] == list(range(20))
    named = [reason for reason in reasons if reason.column == COLUMNS[column]]
    assert len(named) >= 17
    for reason in named:
        assert reason.seen == rows[reason.row, column]
        assert reason.seen > reason.high
        assert reason.low < reason.expected < reason.high


def test_shares_of_a_row_leave_the_rest_to_the_code(fitted: Any) -> None:
    reasons = fitted.explain(pd.DataFrame(correlated(30, 2), columns=COLUMNS), most=4)
    shares = np.array([reason.share for reason in reasons]).reshape(30, 4)
    assert (np.diff(shares, axis=1) <= 0).all()
    assert (shares >= 0).all()
    assert (shares.sum(1) <= 1 + 1e-9).all()
    if fitted.get_params()["score"] != "fusion":
        assert shares.sum(1) == pytest.approx(1)


def test_how_far_a_code_lies_is_no_columns_doing() -> None:
    model = isthmus.Autoencoder(latent_dim=1, epochs=2, random_state=0, device="cpu")
    rows = correlated(100, 0)
    detector = isthmus.AnomalyDetector(model, alpha=0.05, score="latent", random_state=0).fit(rows)
    assert {reason.share for reason in detector.explain(rows[:5])} == {0.0}


def test_bands_hold_their_share_of_normal_rows(fitted: Any) -> None:
    reasons = fitted.explain(pd.DataFrame(correlated(400, 3), columns=COLUMNS), most=4)
    for column in COLUMNS:
        inside = [reason.low <= reason.seen <= reason.high for reason in reasons if reason.column == column]
        assert np.mean(inside) == pytest.approx(0.95, abs=0.06)


def test_arrays_and_polars_frames_are_explained_alike() -> None:
    rows = correlated(200, 0)
    model = isthmus.Autoencoder(latent_dim=1, epochs=5, random_state=0, device="cpu")
    given: list[Any] = [rows, pl.DataFrame(rows, schema=COLUMNS)]
    told = [isthmus.AnomalyDetector(model, alpha=0.1, random_state=0).fit(X).explain(X[:3]) for X in given]
    ours, theirs = (np.array([reason[2:] for reason in reasons]) for reasons in told)
    np.testing.assert_allclose(ours, theirs, rtol=1e-9)
    assert {reason.column for reason in told[0]} == {"x0", "x1", "x2", "x3"}
    assert {reason.column for reason in told[1]} == set(COLUMNS)


def test_categories_booleans_dates_and_gaps_come_back_as_they_were() -> None:
    random = np.random.default_rng(0)
    kind = random.choice(["small", "large"], 300)
    day = pd.Timestamp("2024-01-01") + pd.to_timedelta(random.integers(0, 300, 300), "D")
    size = np.where(kind == "large", 10.0, 1.0) + 0.1 * random.normal(size=300)
    frame = pd.DataFrame({"kind": kind, "big": kind == "large", "size": size, "day": day})
    frame.loc[:20, "size"] = np.nan
    model = isthmus.Autoencoder(latent_dim=2, epochs=60, random_state=0, device="cpu")
    detector = isthmus.AnomalyDetector(model, alpha=0.05, random_state=0).fit(frame)
    odd = frame.iloc[50:51].assign(kind="small", big=True, size=10.0)
    reasons = {reason.column: reason for reason in detector.explain(odd)}
    assert max(reasons, key=lambda name: reasons[name].share) == "kind"
    assert (reasons["kind"].seen, reasons["kind"].expected, reasons["kind"].low) == ("small", "large", None)
    assert reasons["big"].expected is True
    assert isinstance(reasons["day"].expected, pd.Timestamp)
    assert reasons["day"].low < reasons["day"].expected < reasons["day"].high
    gap = {reason.column: reason for reason in detector.explain(frame.iloc[:1])}
    assert gap["size"].share < 0.01
    assert np.isnan(gap["size"].seen)


def test_what_has_no_columns_cannot_be_explained() -> None:
    series = np.sin(np.linspace(0, 40, 60 * 16)).reshape(60, 16, 1).astype(np.float32)
    model = isthmus.Autoencoder(epochs=2, latent_dim=2, device="cpu")
    detector = isthmus.AnomalyDetector(model, alpha=0.1, random_state=0).fit(series)
    with pytest.raises(AbilityError, match="data of kind 'series'"):
        detector.explain(series)


def test_at_least_one_column_is_asked_for(detector: Any, tumours: Any) -> None:
    with pytest.raises(ParameterError, match="most=0"):
        detector.explain(tumours.malignant, most=0)
