"""Rows set aside: planted anomalies are, clean rows are not, and the caller can tell which they were."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from scipy.sparse import csr_array
from sklearn.datasets import load_breast_cancer, load_digits, load_wine

import isthmus
from isthmus.data import factors
from isthmus.data.scanning import scan
from isthmus.errors import InputError, IsthmusError, ParameterError, TooFewRowsError
from isthmus.tasks.anomaly.calibration import Promise
from isthmus.tasks.anomaly.trimming import Trimmed, tail, trim

MADE = factors(2300, anomalies=0.0).X
CLEAN, FRESH = MADE[:300], MADE[300:]
DATA = factors(300, anomalies=0.03, size=3.0)
PLANTED = np.flatnonzero(DATA.y)
BENIGN = load_breast_cancer().data[load_breast_cancer().target == 1]


def model(**fields: Any) -> Any:
    """A model that trains in a moment."""
    usual = {"epochs": 15, "latent_dim": 3, "hidden_dims": (16,), "random_state": 0, "device": "cpu"}
    return isthmus.Autoencoder(**{**usual, **fields})


def detector(**fields: Any) -> Any:
    """A detector around it."""
    return isthmus.AnomalyDetector(model(random_state=None), **{"alpha": 0.05, "random_state": 0, **fields})


@pytest.fixture(scope="module")
def trimmed() -> Trimmed:
    """What "auto" sets aside of the rows with planted anomalies."""
    return trim(model(), DATA.X)


def test_planted_anomalies_are_listed(trimmed: Trimmed) -> None:
    assert trimmed.rows.tolist() == PLANTED.tolist()
    assert trimmed.share == pytest.approx(0.03)
    assert (trimmed.scores > trimmed.threshold).all()
    assert str(trimmed).startswith("9 of 300 rows set aside (3.0 %), those above a score of ")
    assert (trimmed.keep(DATA.X) == DATA.X[DATA.y == 0]).all()


@pytest.mark.parametrize(
    ("X", "most"),
    [(CLEAN, 0.01), (BENIGN, 0.02), (load_wine().data, 0.01), (load_digits().data[:400], 0.05)],
    ids=["factors", "benign", "wine", "digits"],
)
def test_of_clean_rows_few_are_set_aside(X: Any, most: float) -> None:
    # digits have pixels that few images touch, which stand out
    assert trim(model(), X).share <= most


@pytest.mark.parametrize("share", [0.01, 0.03, 0.1, 0.4])
def test_a_share_that_is_given_is_kept_to(share: float, trimmed: Trimmed) -> None:
    fixed = trim(model(), DATA.X, share)
    assert len(fixed.rows) == round(300 * share)
    most = min(len(fixed.rows), len(PLANTED))
    assert np.isin(fixed.rows, PLANTED).sum() == most


def test_the_seed_is_all_that_matters(trimmed: Trimmed) -> None:
    again, other = trim(model(), DATA.X), trim(model(random_state=1), DATA.X)
    assert (again.scores == trimmed.scores).all() and again.threshold == trimmed.threshold
    assert (other.scores != trimmed.scores).any()


CONTAINERS: dict[str, Callable[[Any], Any]] = {
    "list": lambda X: X.tolist(),
    "pandas": lambda X: pd.DataFrame(X, index=np.arange(len(X))[::-1]).rename(columns=str),
    "polars": lambda X: pl.DataFrame(X),
    "sparse": csr_array,
}


@pytest.mark.parametrize("name", CONTAINERS)
def test_rows_are_positions_in_what_the_caller_gave(name: str, trimmed: Trimmed) -> None:
    X = CONTAINERS[name](DATA.X)
    found = trim(model(), X)
    assert found.rows.tolist() == trimmed.rows.tolist()
    kept = found.keep(X)
    assert kept.shape == (291, 20)
    if name != "list":
        assert type(kept) is type(X)
    if name == "pandas":
        assert (kept.to_numpy() == DATA.X[DATA.y == 0]).all()
        assert (X.iloc[found.rows].index == 299 - PLANTED).all()


def test_images_are_trimmed_too() -> None:
    digits = load_digits()
    zeros = (digits.images[digits.target == 0] * 15).astype(np.uint8)
    odd = np.random.default_rng(0).integers(0, 255, (5, 8, 8), dtype=np.uint8)
    found = trim(model(latent_dim=8), np.concatenate([zeros, odd]), 5 / (len(zeros) + 5))
    assert found.rows.tolist() == list(range(len(zeros), len(zeros) + 5))


def test_equal_rows_fall_on_one_side() -> None:
    twice = np.concatenate([DATA.X, DATA.X])
    found = trim(model(), twice)
    assert found.rows.tolist() == [*PLANTED, *(300 + PLANTED)]
    odd = trim(model(), twice, 5 / 600)  # the fifth row has a twin, so both stay
    assert len(odd.rows) == 4
    assert (odd.rows[:2] + 300 == odd.rows[2:]).all()


def test_a_group_is_judged_by_models_that_never_saw_it() -> None:
    # each planted anomaly three times, moved by a hair: apart, they would vouch for each other
    copies = np.repeat(DATA.X[PLANTED], 3, axis=0) + 1e-3 * np.random.default_rng(0).normal(size=(27, 20))
    rows = np.concatenate([DATA.X[DATA.y == 0], copies])
    groups = np.concatenate([np.arange(291), np.repeat(np.arange(291, 300), 3)])
    together, apart = trim(model(epochs=20), rows, 0.09, groups=groups), trim(model(epochs=20), rows, 0.09)
    assert together.scores[-27:].mean() > apart.scores[-27:].mean()


def test_a_category_that_one_row_has_is_judged_by_nobody() -> None:
    frame = pd.DataFrame(DATA.X).rename(columns=str)
    frame["kind"] = ["usual"] * 299 + ["only once"]
    found = trim(model(), frame)
    assert 299 not in found.rows
    assert set(found.rows) <= set(PLANTED)


@given(st.lists(st.floats(0, 1e6), min_size=20, max_size=200))
@example([0.0] * 15 + [1.0] + [1e6] * 4)  # just a fifth
def test_no_more_than_a_fifth_is_ever_set_aside(scores: list[float]) -> None:
    values = np.array(scores)
    aside = values > tail(values)
    assert aside.mean() <= 0.2
    assert not aside.any() or values[aside].min() > values[~aside].max()


def test_a_tail_is_a_tail_at_any_scale_and_equal_scores_have_none() -> None:
    scores = np.append(np.random.default_rng(0).chisquare(8, 400), [200.0, 300.0])
    assert (scores > tail(scores)).sum() == 2
    assert tail(1000 * scores) == pytest.approx(1000 * tail(scores))
    assert tail(np.full(50, 3.0)) == tail(np.append(np.full(50, 3.0), 9.0)) == np.inf


@pytest.mark.parametrize("tails", [np.random.default_rng(0).chisquare(d, (50, 500)) for d in (3, 10, 100)])
def test_sums_of_squares_have_no_tail(tails: Any) -> None:
    assert sum((scores > tail(scores)).sum() for scores in tails) <= 3


BAD: list[tuple[dict[str, Any], type[IsthmusError], str, str, str]] = [
    ({"trim": 0.7}, ParameterError, "trim=0.7", "below 0.5", "trim='auto'"),
    ({"trim": 0.0}, ParameterError, "trim=0.0", "above 0", "trim='auto'"),
    ({"trim": -1}, ParameterError, "trim=-1", "above 0", "trim='auto'"),
    ({"trim": True}, ParameterError, "trim=True", "a share", "trim='auto'"),
    ({"trim": "most"}, ParameterError, "trim='most'", "'auto'", "trim=0.02"),
    ({"trim": float("nan")}, ParameterError, "trim=nan", "a share", "trim='auto'"),
    ({"trim": 0.1, "X": DATA.X[:19]}, TooFewRowsError, "n_samples=19", "20 rows", "more rows"),
    ({"trim": 0.1, "X": np.repeat(DATA.X[:4], 10, axis=0)}, TooFewRowsError, "4 groups", "5 models", "that differ"),
    ({"trim": "auto", "groups": [1, 2]}, InputError, "groups of shape (2,)", "300 rows", "reshape"),
]


@pytest.mark.parametrize(("options", "error", "came", "allowed", "fix"), BAD)
def test_what_cannot_be_trimmed_is_refused(
    options: dict[str, Any], error: type[IsthmusError], came: str, allowed: str, fix: str
) -> None:
    with pytest.raises(error) as raised:
        detector().fit(**{"X": DATA.X, **options})
    told = raised.value
    assert type(told) is error
    assert came in told.came and allowed in told.allowed and fix in told.fix


def test_rows_that_stay_in_files_are_refused(tmp_path: Path) -> None:
    np.save(tmp_path / "rows.npy", DATA.X)
    for call in (lambda X: trim(model(), X), lambda X: detector().fit(X, trim=0.1)):
        with pytest.raises(ParameterError) as raised:
            call(scan(tmp_path / "rows.npy"))
        told = raised.value
        assert "stay in their files" in told.came and "in memory" in told.allowed and "read the rows" in told.fix


def test_the_function_calls_its_share_by_its_own_name() -> None:
    with pytest.raises(ParameterError, match="share=0.7: anomalies are fewer"):
        trim(model(), DATA.X, 0.7)


def test_other_rows_than_those_trimmed_are_not_kept(trimmed: Trimmed) -> None:
    with pytest.raises(InputError, match="n_samples=7: rows were set aside from n_samples=300"):
        trimmed.keep(DATA.X[:7])


def test_a_detector_learns_and_calibrates_without_them() -> None:
    without = detector().fit(DATA.X, trim="auto")
    assert without.trimmed_.rows.tolist() == PLANTED.tolist()
    by_hand = without.trimmed_.keep(DATA.X)
    assert without.model_.spec_.columns[0].high == by_hand[:, 0].max() or without.promise_.n < 291
    assert (without.predict(DATA.X[PLANTED]) == -1).all()
    assert without.promise_.n + without.promise_.aside <= 60
    assert detector().fit(DATA.X).trimmed_ is None


def test_no_trim_is_a_fit_as_before() -> None:
    plain, again = detector().fit(DATA.X), detector().fit(DATA.X, trim=None)
    assert (plain.anomaly_score(DATA.X) == again.anomaly_score(DATA.X)).all()
    assert plain.promise_ == again.promise_ and plain.promise_.aside == 0


def test_anomalies_among_the_rows_hide_others_unless_they_are_trimmed() -> None:
    made = factors(800, anomalies=0.1, size=3.0, random_state=1)
    X, fresh = made.X[:400], made.X[400:][made.y[400:] == 1]
    found = {}
    for share in (None, "auto", 0.1):
        found[share] = (detector().fit(X, trim=share).predict(fresh) == -1).mean()
    assert found["auto"] > found[None] + 0.2
    assert found[0.1] > found[None] + 0.2


def test_the_promise_reaches_as_far_as_the_rows_set_aside() -> None:
    fixed = detector(calibration=0.5).fit(CLEAN, trim=0.1)
    promise = fixed.promise_
    assert promise.aside == round(promise.n / 9)
    assert promise.high > Promise.of(0.05, promise.n, round(promise.expected * (promise.n + 1)) - 1).high + 0.05
    rate = (fixed.predict(FRESH) == -1).mean()
    assert 0.05 < rate < promise.high


def test_rows_given_for_calibration_are_not_trimmed() -> None:
    judge = detector().fit(DATA.X, X_calibration=CLEAN[:100], trim=0.1)
    assert (judge.promise_.n, judge.promise_.aside) == (100, 0)
    assert len(judge.trimmed_.rows) == 30


@pytest.mark.slow
def test_groups_are_respected_beside_rows_for_calibration() -> None:
    groups = np.arange(300) // 3
    judge = detector().fit(DATA.X, X_calibration=CLEAN[:100], groups=groups, trim=0.1)
    assert len(judge.trimmed_.rows) == 30
    assert detector().fit(DATA.X, groups=groups, trim=0.1).promise_.aside > 0


def test_calibrating_anew_forgets_the_rows_set_aside_in_the_promise() -> None:
    judge = detector(calibration=0.5).fit(CLEAN, trim=0.1)
    assert judge.calibrate(FRESH[:100]).promise_.aside == 0
    assert len(judge.trimmed_.rows) == 30


@pytest.mark.parametrize("share", ["auto", 0.03, None])
def test_what_was_set_aside_is_saved(share: Any, tmp_path: Path) -> None:
    judge = detector().fit(DATA.X if share else CLEAN, trim=share)
    loaded = isthmus.load(judge.save(tmp_path / "detector"))
    assert loaded.promise_ == judge.promise_
    card = (tmp_path / "detector" / "README.md").read_text(encoding="utf-8")
    if share is None:
        assert loaded.trimmed_ is None and "set aside" not in card
    else:
        assert (loaded.trimmed_.rows == judge.trimmed_.rows).all()
        assert (loaded.trimmed_.scores == judge.trimmed_.scores).all()
        assert (loaded.trimmed_.n, loaded.trimmed_.threshold) == (300, judge.trimmed_.threshold)
        assert str(judge.trimmed_) in card


def test_nothing_set_aside_is_saved_as_nothing(tmp_path: Path) -> None:
    judge = detector().fit(CLEAN, trim="auto")
    loaded = isthmus.load(judge.save(tmp_path / "detector"))
    assert str(loaded.trimmed_) == str(judge.trimmed_)
    assert loaded.trimmed_.share == judge.trimmed_.share < 0.02
