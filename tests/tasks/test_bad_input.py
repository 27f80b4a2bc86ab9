"""What a detector does with rows that are no use: a clear error, or what it says it does."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from tests.tasks.conftest import learner

import isthmus
from isthmus.data import factors
from isthmus.errors import (
    ColumnError,
    InputError,
    InputTypeError,
    IsthmusError,
    MissingValueError,
    TooFewRowsError,
)
from isthmus.tasks.anomaly.beyond import BEYOND
from isthmus.tasks.anomaly.calibration import FewCalibrationRowsWarning
from isthmus.tasks.anomaly.member import SCORES

RANDOM = np.random.default_rng(0)
ROWS = RANDOM.normal(size=(120, 3))


def table(n: int, seed: int = 0) -> pd.DataFrame:
    """Rows of a shop: two numbers and a category."""
    random = np.random.default_rng(seed)
    return pd.DataFrame(
        {"price": random.normal(10, 2, n), "weight": random.normal(1, 0.1, n), "shop": random.choice(["a", "b"], n)}
    )


def detector(alpha: float = 0.1) -> Any:
    """An unfitted detector that trains in a moment."""
    model = isthmus.Autoencoder(epochs=15, latent_dim=2, hidden_dims=(8,), device="cpu")
    return isthmus.AnomalyDetector(model, alpha=alpha, random_state=0)


@pytest.fixture(scope="module")
def fitted() -> Any:
    """A detector of the table."""
    return detector().fit(table(120))


def with_cell(row: int, column: str, value: Any) -> pd.DataFrame:
    """Twelve new rows of the table with one cell replaced."""
    frame = table(12, seed=1).astype({column: object} if isinstance(value, str) and column != "shop" else {})
    frame.loc[row, column] = value
    return frame


FAR = np.array([[1e37, -1e37, 1e37]])  # what such a row costs is no number, or next to none


@pytest.mark.parametrize("score", SCORES)
@pytest.mark.filterwarnings("ignore::isthmus.tasks.anomaly.calibration.FewCalibrationRowsWarning")
def test_a_row_beyond_all_numbers_is_an_alarm_by_every_score(score: str) -> None:
    judge = isthmus.AnomalyDetector(learner(score, epochs=1, latent_dim=2), score=score, alpha=0.1, random_state=0)
    rows = np.concatenate([ROWS[:3], FAR])
    judge.fit(ROWS[3:])
    assert 1e6 < judge.anomaly_score(rows)[3] == judge.anomaly_score(FAR)[0] <= BEYOND
    assert judge.predict(rows)[3] == judge.predict(FAR)[0] == -1
    assert judge.decision_function(FAR)[0] < 0 and judge.p_value(FAR)[0] == judge.p_value(rows).min()
    assert (judge.anomaly_score(rows)[:3] < 1e6).all()


def test_so_it_is_beside_a_classifier_in_a_series_and_in_an_image() -> None:
    labels = np.repeat([0, 1], [20, 20])
    few = isthmus.FewLabelDetector(detector(), classifier="logistic", random_state=0)
    few.fit(ROWS, X_labelled=np.concatenate([ROWS[:20], ROWS[:20] + 4]), y_labelled=labels)
    assert few.predict(FAR).tolist() == [-1] and few.p_value(FAR)[0] < 0.1
    series = isthmus.TimeSeriesDetector(
        isthmus.Autoencoder(epochs=1, device="cpu"), window=4, smooth=2, alpha=0.1, random_state=0
    )
    points = np.random.default_rng(1).normal(size=(400, 2))
    late = points[:50].copy()
    late[20] = 1e37
    told = series.fit(points).predict(late)
    assert (told[20:24] == -1).all() and np.isfinite(series.anomaly_score(late)).all()
    assert len(series.episodes(late)) >= 1
    images = np.random.default_rng(2).random((60, 8, 8, 1), dtype=np.float32)
    seen = isthmus.ImageDetector(epochs_of_one(), alpha=0.1, random_state=0).fit(images)
    bright = np.where(np.arange(64).reshape(8, 8, 1) == 9, np.float32(1e37), images[:1])
    assert seen.predict(bright).tolist() == [-1] and seen.defects(bright).any()


def epochs_of_one() -> Any:
    """An unfitted model of images that has hardly learnt."""
    return isthmus.ConvolutionalAutoencoder(epochs=1, latent_dim=2, hidden_dims=(4,), device="cpu")


LATER: dict[str, tuple[Any, type[IsthmusError], str, str]] = {
    "a gap": (with_cell(3, "price", np.nan), MissingValueError, "price", "fill"),
    "infinity": (with_cell(3, "price", np.inf), InputError, "inf", ""),
    "an unseen category": (with_cell(3, "shop", "z"), ColumnError, "'z'", ""),
    "text among numbers": (with_cell(3, "price", "dear"), InputError, "price", ""),
    "a column too many": (table(12).assign(more=1.0), ColumnError, "more", ""),
    "a column too few": (table(12).drop(columns="weight"), ColumnError, "weight", ""),
    "another name": (table(12).rename(columns={"weight": "mass"}), ColumnError, "mass", ""),
    "no rows": (table(12)[:0], InputError, "0", ""),
    "an array of another width": (ROWS[:, :2], InputError, "2", ""),
}
VERBS = ("anomaly_score", "predict", "explain", "calibrate")


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize("what", LATER)
def test_rows_that_a_fitted_detector_cannot_read_are_refused(what: str, verb: str, fitted: Any) -> None:
    X, error, came, fix = LATER[what]
    before = fitted.threshold_
    with pytest.raises(error) as raised:
        getattr(fitted, verb)(X)
    assert came in raised.value.came and fix in raised.value.fix and raised.value.allowed
    assert fitted.threshold_ == before


@pytest.mark.parametrize("what", LATER)
def test_rows_for_calibration_are_refused_before_anything_is_trained(what: str, monkeypatch: Any) -> None:
    X, error, came, _ = LATER[what]
    monkeypatch.setattr(isthmus.Autoencoder, "fit", lambda *given: pytest.fail("trained"))
    with pytest.raises(error) as raised:
        detector().fit(table(120), X_calibration=X)
    assert came in raised.value.came


TRAINING: dict[str, tuple[Callable[[], Any], type[IsthmusError], str]] = {
    "no rows": (lambda: table(120)[:0], InputError, "0"),
    "no rows of an array": (lambda: ROWS[:0], InputError, "0"),
    "one row": (lambda: ROWS[:1], InputError, "1"),
    "two rows": (lambda: ROWS[:2], TooFewRowsError, "2 groups"),
    "all constant": (lambda: np.full((50, 3), 7.5), TooFewRowsError, "1 groups"),
    "infinity": (lambda: np.where(ROWS == ROWS[3, 1], np.inf, ROWS), InputError, "inf"),
    "text in an array": (lambda: ROWS.astype(str), InputTypeError, "<U"),
    "text among numbers": (lambda: with_cell(3, "price", "dear"), InputError, "price"),
    "a column of gaps": (lambda: table(40).assign(price=np.nan), MissingValueError, "price"),
}


@pytest.mark.parametrize("what", TRAINING)
def test_rows_that_nothing_can_be_learnt_from_are_refused(what: str) -> None:
    make, error, came = TRAINING[what]
    with pytest.raises(error) as raised:
        detector().fit(make())
    assert came in raised.value.came and raised.value.allowed and raised.value.fix
    assert not hasattr(raised.value, "rows")


def test_thirty_one_rows_are_enough_and_say_what_they_can_promise() -> None:
    own = detector(alpha=0.1).fit(ROWS[:31])  # each is scored by a model that never saw it
    assert own.promise_.n == 31 and own.promise_.high > 0.1
    assert np.isfinite(own.anomaly_score(ROWS)).all()
    with pytest.warns(FewCalibrationRowsWarning, match="n=31 calibration rows: alpha=0.01 needs 99"):
        detector(alpha=0.01).fit(ROWS[:31])


def test_gaps_of_training_are_gaps_later_and_constant_columns_are_none() -> None:
    frame = table(120)
    frame.loc[::9, "price"] = np.nan
    own = detector().fit(frame.assign(constant=3.0))
    later = with_cell(3, "price", np.nan).assign(constant=3.0)
    assert np.isfinite(own.anomaly_score(later)).all()
    assert own.anomaly_score(later.assign(constant=4.0)).min() > own.threshold_  # what was constant is not any more


def test_columns_in_another_order_are_refused_and_not_mixed_up(fitted: Any) -> None:
    with pytest.raises(ColumnError, match="weight"):
        fitted.anomaly_score(table(12)[["weight", "price", "shop"]])


def test_anomalies_among_the_training_rows_cost_recall_and_no_false_alarms() -> None:
    # the same rows each time, of which more and more leave the plane of the others; half are for judging
    found, false = {}, {}
    clean, off = factors(2000, anomalies=0.0), factors(2000, anomalies=1.0)
    model = isthmus.Autoencoder(epochs=15, latent_dim=3, hidden_dims=(16,), device="cpu")
    for share in (0.0, 0.01, 0.05, 0.1):
        own = isthmus.AnomalyDetector(model, alpha=0.05, random_state=0)
        own.fit(factors(2000, anomalies=share).X[:1000])
        found[share] = (own.predict(off.X[1000:]) == -1).mean()
        false[share] = (own.predict(clean.X[1000:]) == -1).mean()
        assert false[share] <= own.promise_.high
    assert found[0.0] > 0.75
    assert found[0.1] < found[0.0] - 0.2
    assert found[0.0] > found[0.05] > found[0.1]
    assert max(false[0.05], false[0.1]) < false[0.0] and false[0.01] < false[0.0] + 0.01
