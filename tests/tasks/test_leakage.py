"""Splits that leak are refused with the rows that do; what isthmus shares out itself never is."""

from __future__ import annotations

import copy
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from sklearn.preprocessing import StandardScaler

import isthmus
from isthmus import check_splits, split_for_detection
from isthmus.errors import InputError, LeakageError, ParameterError

RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(200, 4)) * [1.0, 10.0, 0.1, 3.0] + 5
TRAIN, CALIBRATION, TEST = X[:120], X[120:160], X[160:]
LABELS = np.arange(40) % 3 == 0
TWICE = np.concatenate([X, X[:80]])


def refused(*parts: Any, **given: Any) -> LeakageError:
    """The error that check_splits raises, once each of its parts has said something."""
    with pytest.raises(LeakageError) as raised:
        check_splits(*parts, **given)
    error = raised.value
    assert all(part in str(error) for part in (error.came, error.allowed, error.fix[1:]))
    assert error.rows == sorted(error.rows)
    return error


def with_rows(part: Any, rows: Any) -> NDArray[np.float64]:
    """The part with these rows in its places 3 and 8."""
    changed = part.copy()
    changed[[3, 8]] = rows
    return changed


def test_parts_that_know_nothing_of_each_other_pass() -> None:
    groups, starts = (np.arange(120), np.arange(120, 160), np.arange(160, 200)), (10 * np.arange(120), [1300], [1400])
    starts = (starts[0], 1300 + 10 * np.arange(40), 2000 + 10 * np.arange(40))
    check_splits(TRAIN, CALIBRATION, TEST, y=LABELS, groups=groups, time=groups, starts=starts, window=10)


@pytest.mark.parametrize("moved", [0.0, 1e-9])
def test_equal_and_nearly_equal_rows_are_refused(moved: float) -> None:
    again = TRAIN[[7, 11]] + moved * X.std(0)
    for parts, later, first in [
        ((TRAIN, with_rows(CALIBRATION, again), TEST), "calibration", "train"),
        ((TRAIN, CALIBRATION, with_rows(TEST, again)), "test", "train"),
        ((TRAIN, CALIBRATION, with_rows(TEST, CALIBRATION[:2])), "test", "calibration"),
    ]:
        error = refused(*parts)
        assert error.rows == [3, 8]
        assert error.came == f"{later} with 2 of 40 rows that stand in {first} too (positions 3, 8)"
        assert "split_for_detection" in error.fix and "drop them" in error.fix


def test_dropping_the_rows_of_the_error_gets_round_it() -> None:
    calibration = np.concatenate([CALIBRATION, TRAIN[:30]])
    error = refused(TRAIN, calibration, TEST)
    assert error.came.endswith("(positions 40, 41, 42, 43, 44, ...)")
    check_splits(TRAIN, np.delete(calibration, error.rows, axis=0), TEST)
    frame = pd.DataFrame(calibration)
    check_splits(pd.DataFrame(TRAIN), frame.drop(frame.index[error.rows]), pd.DataFrame(TEST))


def test_the_error_survives_copies() -> None:
    error = refused(TRAIN, with_rows(CALIBRATION, TRAIN[:2]), TEST)
    for again in (pickle.loads(pickle.dumps(error)), copy.copy(error)):
        assert (str(again), again.rows) == (str(error), error.rows)


def test_groups_on_two_sides_are_refused() -> None:
    groups = [np.arange(120) // 3, 40 + np.arange(40) // 3, 60 + np.arange(40) // 3]
    check_splits(TRAIN, CALIBRATION, TEST, groups=groups)
    groups[2][5] = 2
    error = refused(TRAIN, CALIBRATION, TEST, groups=groups)
    assert error.rows == [5]
    assert "test with 1 of 40 rows whose group is in train too" in error.came and "keeps groups together" in error.fix


def test_a_broken_order_of_time_is_refused() -> None:
    time = [np.arange(120), np.arange(120, 160), np.arange(160, 200)]
    days = [np.datetime64("2026-01-01") + part for part in time]
    check_splits(TRAIN, CALIBRATION, TEST, time=days)
    days[1][[2, 9]] -= 100
    error = refused(TRAIN, CALIBRATION, TEST, time=days)
    assert error.rows == [2, 9]
    assert "calibration with 2 of 40 rows older than the last of train" in error.came
    time[0][0] = 170
    assert refused(TRAIN, CALIBRATION, TEST, time=time).rows == list(range(40))


def test_anomalies_judge_whenever_they_were_taken() -> None:
    time = [np.arange(120), np.arange(120, 160), np.where(LABELS, 5, 160 + np.arange(40))]
    check_splits(TRAIN, CALIBRATION, TEST, time=time, y=LABELS)
    assert refused(TRAIN, CALIBRATION, TEST, time=time).rows == np.flatnonzero(LABELS).tolist()


@pytest.mark.parametrize(("window", "overlapping"), [(10, []), (11, [0]), (25, [0, 1])])
def test_overlapping_windows_are_refused(window: int, overlapping: list[int]) -> None:
    starts = (10 * np.arange(120), 1200 + 10 * np.arange(40), 5000 + 10 * np.arange(40))
    if not overlapping:
        return check_splits(TRAIN, CALIBRATION, TEST, starts=starts, window=window)
    error = refused(TRAIN, CALIBRATION, TEST, starts=starts, window=window)
    assert error.rows == overlapping
    assert "calibration with" in error.came and f"window={window}" in error.allowed and "cut the series" in error.fix
    backwards = tuple(-part for part in starts)
    assert refused(TRAIN, CALIBRATION, TEST, starts=backwards, window=window).rows == overlapping
    return None


@pytest.mark.parametrize("sign", [1, -1])
def test_a_column_that_tells_the_labels_is_refused_by_name(sign: int) -> None:
    names = ["a", "b", "c", "fraud_code"]
    frames = [pd.DataFrame(part, columns=names) for part in (TRAIN, CALIBRATION, TEST)]
    check_splits(*frames, y=LABELS)
    frames[2].loc[LABELS, "fraud_code"] += sign * 1000
    error = refused(*frames, y=LABELS)
    assert error.rows == np.flatnonzero(LABELS).tolist()
    assert "column 'fraud_code'" in error.came and "ROC-AUC 1.0000" in error.allowed and "'fraud_code'" in error.fix
    check_splits(*frames)
    check_splits(*(frame.drop(columns="fraud_code") for frame in frames), y=LABELS)


def test_a_category_or_a_gap_may_tell_too() -> None:
    told = [
        np.resize(["x", "y", "z"], 120),
        np.resize(["x", "z"], 40),
        np.where(LABELS, "y", np.resize(["x", "z"], 40)),
    ]
    holes = [np.arange(120.0), np.arange(40.0), np.where(LABELS, np.nan, np.arange(40.0))]
    holes[0][5] = np.nan
    for columns, what in ((told, "told='y' alone"), (holes, "told alone")):
        parts = zip((TRAIN, CALIBRATION, TEST), columns, strict=True)
        frames = [pd.DataFrame(rows).rename(columns=str).assign(told=column) for rows, column in parts]
        assert what in refused(*frames, y=LABELS).allowed


def test_few_anomalies_are_told_by_accident_and_say_nothing() -> None:
    test = TEST.copy()
    test[:9, 0] = 1000 + np.arange(9)
    check_splits(TRAIN, CALIBRATION, test, y=np.arange(40) < 9)


def test_columns_standardised_with_the_test_rows_are_refused() -> None:
    together = StandardScaler().fit_transform(X)
    error = refused(together[:120], together[120:160], together[160:])
    assert error.rows == list(range(40))
    assert "mean 0 and spread 1" in error.allowed and "StandardScaler().fit(train)" in error.fix
    scaler = StandardScaler().fit(together[:120])  # as the error says
    check_splits(*(scaler.transform(part) for part in (together[:120], together[120:160], together[160:])))
    frame = pd.DataFrame(X)
    frame = (frame - frame.mean()) / frame.std()  # with n - 1
    refused(frame[:120], frame[120:160], frame[160:])


@pytest.mark.parametrize("seed", range(4))
def test_what_isthmus_shares_out_passes(seed: int) -> None:
    random = np.random.default_rng(seed)
    n = len(TWICE)
    y, groups, time = random.random(n) < 0.1, random.integers(0, 90, n), random.permutation(n)
    for options in ({}, {"groups": groups}, {"time": time}, {"groups": groups, "time": time}):
        split = split_for_detection(TWICE, y, random_state=seed, **options)
        parts = {name: [column[rows] for rows in split] for name, column in options.items()}
        check_splits(*(TWICE[rows] for rows in split), y=y[split.test], **parts)


def test_images_are_checked_too() -> None:
    images = RANDOM.integers(0, 255, (60, 6, 6), dtype=np.uint8)
    check_splits(images[:30], images[30:45], images[45:], y=np.arange(15) < 11)
    assert refused(images[:30], images[29:45], images[45:]).rows == [0]


@pytest.mark.parametrize(
    ("given", "error", "match"),
    [
        (
            {"groups": [np.arange(120), np.arange(40)]},
            ParameterError,
            "groups with 2 entries.*train, calibration, test",
        ),
        ({"time": [np.arange(120), np.arange(40), [1]]}, InputError, r"time of shape \(1,\)"),
        ({"starts": [[0]] * 3}, InputError, r"starts of shape \(1,\)"),
        ({"starts": [np.arange(120), np.arange(40), np.arange(40)]}, ParameterError, "starts= without window="),
        ({"y": [True]}, InputError, r"y of shape \(1,\)"),
    ],
)
def test_columns_that_do_not_fit_are_refused(given: Any, error: Any, match: str) -> None:
    with pytest.raises(error, match=match) as raised:
        check_splits(TRAIN, CALIBRATION, TEST, **given)
    assert not isinstance(raised.value, LeakageError)


# The detector's own verbs. -------------------------------------------------------------------------------------------


def test_fit_refuses_rows_for_calibration_that_train(tumours: Any, quick: Any) -> None:
    detector = isthmus.AnomalyDetector(quick, alpha=0.1, random_state=0)
    calibration = np.concatenate([tumours.benign[200:], tumours.benign[:3]])
    with pytest.raises(LeakageError) as raised:
        detector.fit(tumours.benign[:200], X_calibration=calibration)
    error = raised.value
    assert error.rows == [157, 158, 159]
    assert "X_calibration with 3 of 160 rows that stand in X too" in error.came
    assert not hasattr(detector, "threshold_")
    detector.fit(tumours.benign[:200], X_calibration=np.delete(calibration, error.rows, axis=0))
    assert detector.promise_.n == 157


@pytest.mark.parametrize("alpha", [0.1, 0.01])  # held out, and cross-fitted
def test_calibrate_refuses_rows_that_trained(alpha: float, tumours: Any, quick: Any, tmp_path: Path) -> None:
    detector = isthmus.AnomalyDetector(quick, alpha=alpha, random_state=0).fit(tumours.benign[:200])
    before = detector.threshold_
    loaded = isthmus.load(detector.save(tmp_path / "detector"))
    for own in (detector, loaded):
        with pytest.raises(LeakageError) as raised:
            own.calibrate(tumours.benign, alpha=0.1)
        rows = raised.value.rows
        assert len(rows) == (200 if alpha == 0.01 else 160) and max(rows) < 200
        assert "X with" in raised.value.came and "the training rows" in raised.value.came
        assert own.threshold_ == before
        assert own.calibrate(np.delete(tumours.benign, rows, axis=0), alpha=0.1).promise_.n == 357 - len(rows)


@pytest.mark.parametrize("path", ["16_http.npz", "34_smtp.npz", "4_breastw.npz", "2_annthyroid.npz"])
def test_honest_duplicates_are_shared_out_and_refused_elsewhere(path: str, real_data: Path) -> None:
    with np.load(real_data / "adbench" / path) as data:
        rows = np.random.default_rng(0).permutation(len(data["X"]))[:20_000]
        X, y = data["X"][rows], data["y"][rows]
    split = split_for_detection(X, y == 1, random_state=0)
    check_splits(*(X[part] for part in split))
    assert len(np.unique(X, axis=0)) < len(X)
    refused(*np.split(X, [len(X) // 2, 3 * len(X) // 4]))
