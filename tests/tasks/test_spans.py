"""Members of time windows: who learns from which rows, what is refused, and what it buys when rows drift."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from numpy.typing import NDArray
from sklearn.base import clone

import isthmus
from isthmus.errors import InputTypeError, LeakageError, ParameterError, TooFewRowsError, UnknownNameError
from isthmus.estimator.inputs import read
from isthmus.tasks.anomaly.spans import spans_of

Floats = NDArray[np.float64]
SPANS = ("day", "week", "month")


def hourly(n: int) -> NDArray[np.datetime64]:
    """The hours up to the first of June."""
    return np.datetime64("2026-06-01") - np.arange(n)[::-1] * np.timedelta64(1, "h")


@pytest.fixture(scope="module")
def rows() -> Floats:
    """Rows of a plane, one an hour for fifty days."""
    made = isthmus.data.load("factors", rows=1250)
    normal: Floats = made.X[made.y == 0][:1200]
    return normal


@pytest.fixture(scope="module")
def quick() -> isthmus.Autoencoder:
    """An unfitted model that hardly trains."""
    return isthmus.Autoencoder(epochs=2, batch_size=32, latent_dim=2, hidden_dims=(8,), device="cpu")


@pytest.fixture(scope="module")
def detector(rows: Floats, quick: Any) -> Any:
    """One member of all rows, and one of each span."""
    detector = isthmus.AnomalyDetector(quick, members=(1, *SPANS), alpha=0.05, random_state=0)
    return detector.fit(rows, time=hourly(len(rows)))


def test_each_member_learns_from_its_own_span_alone(detector: Any, rows: Floats) -> None:
    train, time = rows[:960], hourly(len(rows))[:960]
    spans = [np.timedelta64(days, "D") for days in (1000, 1, 7, 30)]
    for member, span in zip(detector.scorer_.members, spans, strict=True):
        codes = member.model.transform(train[time > time[-1] - span])
        assert len(codes) == min(960, 24 * int(span / np.timedelta64(1, "D")))
        torch.testing.assert_close(member.crossed.codes, torch.from_numpy(codes), rtol=0, atol=1e-6)


def test_all_members_read_rows_alike_and_their_mean_is_the_score(detector: Any, rows: Floats) -> None:
    members = detector.scorer_.members
    assert all(member.model.spec_ == members[0].model.spec_ for member in members)
    terms = [member.run(read(member.model, rows), member.terms) for member in members]
    torch.testing.assert_close(detector.scorer_.terms(rows), sum(terms) / 4)


def test_the_newest_rows_calibrate_and_none_of_them_trained(detector: Any, rows: Floats) -> None:
    assert detector.promise_.n == 240
    assert (np.sort(detector.anomaly_score(rows[960:])) == detector.calibration_scores_).all()
    detector.calibrate(rows[960:])  # rows that trained would be refused
    with pytest.raises(LeakageError):
        detector.calibrate(rows[940:])


def test_rows_that_the_caller_kept_calibrate_beside_spans(quick: Any, rows: Floats) -> None:
    detector = isthmus.AnomalyDetector(quick, members=("week",), alpha=0.05, random_state=0)
    detector.fit(rows[:960], X_calibration=rows[960:], time=hourly(960))
    assert detector.promise_.n == 240
    assert len(detector.scorer_.members[0].crossed.codes) == 7 * 24


def test_what_is_loaded_and_fitted_again_judges_the_same(detector: Any, rows: Floats, tmp_path: Path) -> None:
    loaded = isthmus.load(detector.save(tmp_path / "detector"))
    assert loaded.members == (1, *SPANS)
    again = clone(detector).fit(rows, time=hourly(len(rows)))
    for other in (loaded, again, pickle.loads(pickle.dumps(detector))):
        assert (other.anomaly_score(rows) == detector.anomaly_score(rows)).all()
    assert detector.anomaly_score(rows[7:8])[0] == detector.anomaly_score(rows)[7]


def test_categories_that_a_span_lacks_are_read_all_the_same(quick: Any) -> None:
    random, n = np.random.default_rng(0), 900
    frame = pd.DataFrame({"size": random.normal(size=n), "kind": random.choice(["a", "b", "c"], n)})
    frame.loc[600:, "kind"] = "a"  # no b and no c in the last twelve days
    frame.loc[::50, "size"] = np.nan
    detector = isthmus.AnomalyDetector(quick, members=("day", "week"), alpha=0.05, random_state=0)
    detector.fit(frame, time=pd.Series(hourly(n)))
    scores = detector.anomaly_score(frame)
    assert np.isfinite(scores).all()
    assert list(detector.scorer_.members[0].model.feature_names_in_) == ["size", "kind"]
    assert scores[frame.kind != "a"].mean() > scores[frame.kind == "a"].mean() + 1


@pytest.mark.parametrize(
    ("members", "time", "error", "match"),
    [
        (("day", "weak"), hourly(300), UnknownNameError, "Did you mean 'week'"),
        ((), None, ParameterError, "somebody has to judge"),
        ((0, "day"), hourly(300), ParameterError, "members=0"),
        (2.5, None, ParameterError, "members=2.5"),
        (("day",), None, ParameterError, r"members=\('day',\) without time="),
        (("day",), np.arange(300.0), InputTypeError, "time of type float64.*only datetimes"),
        (("day",), ["soon"] * 300, InputTypeError, "time of type <U4"),
        (("hour", "week"), hourly(300), TooFewRowsError, "1 training rows in the hour before 2026.*Leave that span"),
    ],
)
def test_members_that_cannot_be_are_refused(members: Any, time: Any, error: Any, match: str, quick: Any) -> None:
    with pytest.raises(error, match=match):
        isthmus.AnomalyDetector(quick, members=members).fit(np.random.default_rng(0).normal(size=(300, 3)), time=time)


def test_numbers_in_a_list_are_members_of_all_rows() -> None:
    assert spans_of([2, "day", 1]) == (None, None, "day", None)


def test_a_member_of_the_last_week_has_forgotten_how_rows_were_before() -> None:
    # the rows change for good: what was normal before is an anomaly now, and only a member of a span can see that
    random, n = np.random.default_rng(0), 850
    rows = random.normal(size=(n, 2)) @ random.normal(size=(2, 6)) + 0.2 * random.normal(size=(n, 6))
    before, rest = rows[:250], rows[250:] + 4 * np.array([1, -1, 1, -1, 1, -1])
    train, new = np.concatenate([before[:150], rest[:500]]), rest[500:]
    model = isthmus.Autoencoder(epochs=25, batch_size=32, latent_dim=2, hidden_dims=(8,), device="cpu")
    alarms = {}
    for members in (1, ("week",)):
        detector = isthmus.AnomalyDetector(model, members=members, alpha=0.05, random_state=0)
        detector.fit(train, time=hourly(len(train)))
        alarms[members] = [(detector.predict(part) == -1).mean() for part in (before[150:], new)]
    assert alarms[1][0] < 0.5 < 0.8 < alarms["week",][0]
    assert max(alarms[1][1], alarms["week",][1]) < 0.2
