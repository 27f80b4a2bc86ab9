"""Splits that cannot leak, whatever rows repeat."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from isthmus import split_for_detection
from isthmus.errors import InputError, ParameterError, TooFewRowsError

RANDOM = np.random.default_rng(0)
ROWS = RANDOM.normal(size=(200, 4))
TWICE = np.concatenate([ROWS, ROWS[:80]])
ANOMALOUS = np.arange(len(TWICE)) % 10 == 0


def parts_of(split: Any, n: int) -> NDArray[np.int64]:
    """The number of each row's part, and that every row has one."""
    parts = np.full(n, -1)
    for number, rows in enumerate(split):
        assert (parts[rows] == -1).all()
        parts[rows] = number
    assert (parts >= 0).all()
    return parts


def test_equal_rows_never_part() -> None:
    parts = parts_of(split_for_detection(TWICE, random_state=0), len(TWICE))
    assert (parts[:80] == parts[200:]).all()
    assert len(set(parts[:80])) == 3


def test_rows_that_differ_by_less_than_a_millionth_are_equal() -> None:
    whole = np.repeat(np.arange(100.0), 2)[:, None] + [[0.0], [1e-8]] * 100  # far from where rounding turns
    parts = parts_of(split_for_detection(whole, random_state=0), 200)
    assert (parts[::2] == parts[1::2]).all()


def test_anomalies_and_what_equals_them_judge() -> None:
    parts = parts_of(split_for_detection(TWICE, ANOMALOUS, random_state=0), len(TWICE))
    twins = np.concatenate([ANOMALOUS[200:], np.zeros(120, dtype=bool), ANOMALOUS[:80]])
    assert (parts[ANOMALOUS | twins] == 2).all()


@given(sizes=st.lists(st.integers(1, 6), min_size=12, max_size=40), seed=st.integers(0, 99))
def test_groups_stay_together_and_shares_are_kept(sizes: list[int], seed: int) -> None:
    groups = np.repeat(np.arange(len(sizes)), sizes)
    X = np.random.default_rng(seed).normal(size=(len(groups), 3))
    split = split_for_detection(X, groups=groups, fractions=(0.5, 0.25, 0.25), random_state=seed)
    parts = parts_of(split, len(X))
    assert all(len(set(parts[groups == group])) == 1 for group in range(len(sizes)))
    shares = np.bincount(parts, minlength=3) / len(X)
    assert np.abs(shares - [0.5, 0.25, 0.25]).max() <= max(sizes) / len(X) + 1e-9


def test_equal_rows_join_groups() -> None:
    groups = np.repeat(np.arange(140), 2)  # each row of a pair may equal a row of another pair
    parts = parts_of(split_for_detection(TWICE, groups=groups, random_state=1), len(TWICE))
    assert (parts[:80] == parts[200:]).all()
    assert (parts[::2] == parts[1::2]).all()


def test_time_goes_forward() -> None:
    time = RANDOM.permutation(200)
    split = split_for_detection(ROWS, time=time)
    assert time[split.train].max() < time[split.calibration].min() < time[split.calibration].max()
    assert time[split.calibration].max() < time[split.test].min()
    assert [len(rows) for rows in split] == [120, 40, 40]


def test_the_same_seed_gives_the_same_split_and_another_another() -> None:
    first, again, other = (split_for_detection(ROWS, random_state=seed) for seed in (0, 0, 1))
    assert all((a == b).all() for a, b in zip(first, again, strict=True))
    assert not (first.train == other.train).all()


def test_frames_with_gaps_and_categories_are_split_too() -> None:
    frame = pd.DataFrame({"a": [1.0, np.nan, 2.0] * 20, "b": ["x", "y", "z"] * 20, "c": np.arange(60) // 2})
    parts = parts_of(split_for_detection(frame, random_state=0), 60)
    for rows in frame.fillna(-1).groupby(["a", "b", "c"]).indices.values():
        assert len(set(parts[rows])) == 1


@pytest.mark.parametrize(
    ("labels", "anomalies"),
    [([0, 1, 0], [1]), ([1, -1, 1], [1]), ([True, False, False], [0]), ([0.0, 0.0, 0.0], []), ([-1, -1, 1], [0, 1])],
)
def test_labels_of_each_convention(labels: list[Any], anomalies: list[int]) -> None:
    y = np.tile(np.array(labels), 20)
    split = split_for_detection(np.arange(60.0)[:, None], y, random_state=0)
    judged = np.flatnonzero(np.isin(np.arange(60) % 3, anomalies))
    assert set(judged) <= set(split.test)
    assert not set(judged) & {*split.train, *split.calibration}


@pytest.mark.parametrize(
    ("labels", "match"),
    [([1] * 60, "ones alone could mean either"), ([0, 1, 2] * 20, "0, 1, 2"), (["a"] * 60, "a"), ([0, 1], r"\(2,\)")],
)
def test_labels_that_say_nothing_are_refused(labels: list[Any], match: str) -> None:
    with pytest.raises(InputError, match=match):
        split_for_detection(np.arange(60.0)[:, None], labels)


def test_a_part_without_rows_is_refused() -> None:
    with pytest.raises(TooFewRowsError, match=r"60 rows in 1 groups.*calibration part would be empty.*finer groups"):
        split_for_detection(np.arange(60.0)[:, None], groups=np.zeros(60))


@pytest.mark.parametrize("fractions", [(0.5, 0.5), (0.6, 0.2, 0.3), (1.0, -0.2, 0.2)])
def test_shares_that_are_none_are_refused(fractions: tuple[float, ...]) -> None:
    with pytest.raises(ParameterError, match="three positive shares"):
        split_for_detection(ROWS, fractions=fractions)


@pytest.mark.parametrize(("missing", "dtype"), [(np.nan, "float64"), (np.datetime64("NaT"), "datetime64[D]")])
def test_a_missing_time_is_refused(missing: Any, dtype: str) -> None:
    time = np.arange(200).astype(dtype)
    time[[7, 9]] = missing
    with pytest.raises(InputError, match=r"time\[7\]=(nan|NaT), and 2 in all.*drop those rows"):
        split_for_detection(ROWS, time=time)


def test_groups_of_another_length_are_refused() -> None:
    with pytest.raises(InputError, match=r"groups of shape \(3,\)"):
        split_for_detection(ROWS, groups=[0, 1, 2])
