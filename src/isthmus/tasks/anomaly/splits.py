"""Rows shared out so that nothing leaks: equal rows, and rows of one group, never part."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from isthmus.core.source import Source
from isthmus.errors import InputError, ParameterError, TooFewRowsError
from isthmus.estimator.inputs import learn
from isthmus.models import family
from isthmus.tasks.anomaly.digests import digests
from isthmus.tasks.anomaly.labels import anomalies_in

Ints = NDArray[np.int64]


class Split(NamedTuple):
    """Positions of rows, in their order: X[split.train] of an array, X.iloc[split.train] of a frame.

    Args:
        train: Normal rows to learn from.
        calibration: Normal rows that set the threshold.
        test: Normal rows that judge it, and every anomaly.
    """

    train: Ints
    calibration: Ints
    test: Ints


def split_for_detection(
    X: Any,
    y: ArrayLike | None = None,
    *,
    groups: ArrayLike | None = None,
    time: ArrayLike | None = None,
    fractions: Sequence[float] = (0.6, 0.2, 0.2),
    random_state: Any = None,
) -> Split:
    """Share rows out to train, calibration and test, so that no row stands on two sides.

    Rows that are equal after rounding to a millionth of each column's scale stay together, and so do rows of one
    group; where one of them is an anomaly all go to test. The other rows are dealt out at random, or in the order of
    time.

    Args:
        X: The rows, (n, ...).
        y: (n,) what is known of them: true or 1 (or -1 beside +1) marks an anomaly; None when all are normal.
        groups: (n,) rows that belong together: a patient, a machine.
        time: (n,) when each row was taken; train then comes before calibration, and calibration before test. Rows
            that stay together go by their latest time.
        fractions: Shares of the normal rows for train, calibration and test; they add up to 1.
        random_state: Seed of the dealing.

    Raises:
        InputError: y, groups or time have another length than X.
        ParameterError: fractions that are not three positive shares of 1.
        TooFewRowsError: a part would be empty.

    Example:
        >>> from sklearn.datasets import load_breast_cancer
        >>> X, benign = load_breast_cancer(return_X_y=True)
        >>> split = split_for_detection(X, benign == 0, random_state=0)
        >>> [len(part) for part in split]
        [214, 72, 283]
    """
    shares = _shares(fractions)
    together = groups_of(learn(family()["autoencoder"](), X), groups)
    anomalous = np.zeros(len(together), dtype=bool) if y is None else anomalies_in(y, len(together))
    mixed = np.zeros(together.max() + 1, dtype=bool)
    mixed[together[anomalous]] = True
    free = np.flatnonzero(~mixed[together])
    moments = None if time is None else column_of("time", time, len(together))[free]
    parts = np.full(len(together), 2)
    parts[free] = dealt(together[free], shares, random_state, moments)
    split = Split(*(np.flatnonzero(parts == part) for part in range(3)))
    for name, rows in split._asdict().items():
        if not len(rows):
            came = f"{len(together)} rows in {together.max() + 1} groups, {int(mixed.sum())} of them with an anomaly"
            allowed = f"the {name} part would be empty: rows that are equal or of one group stay together"
            raise TooFewRowsError(came, allowed, "give more normal rows, or finer groups")
    return split


def groups_of(source: Source, groups: ArrayLike | None = None) -> Ints:
    """Number the rows so that those which must stay together have one number, (n,) from 0 on.

    Args:
        source: The rows; equal ones stay together.
        groups: (n,) what else keeps rows together; None for nothing.

    Raises:
        InputError: `groups` has another length.

    Example:
        >>> rows = learn(family()["autoencoder"](), [[1.0, 2.0], [3.0, 4.0], [1.0, 2.0], [5.0, 6.0]])
        >>> groups_of(rows, ["a", "b", "c", "b"])
        array([0, 1, 0, 1])
    """
    alike = digests(source)
    return joined(alike, None if groups is None else column_of("groups", groups, len(alike)))


def joined(names: NDArray[Any], groups: NDArray[Any] | None) -> Ints:
    """Number the rows so that those which have one name or one group have one number, and so on from row to row, (n,).

    Args:
        names: (n,) the same for rows that stay together.
        groups: (n,) what else keeps rows together; None for nothing.

    Example:
        >>> joined(np.array([5, 6, 5, 7]), np.array(["a", "b", "c", "b"]))
        array([0, 1, 0, 1])
    """
    alike = _numbered(names)
    if groups is None:
        return alike
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    given = _numbered(groups)
    nodes = int(alike.max() + given.max() + 2)
    edges = coo_array((np.ones(len(alike)), (alike, alike.max() + 1 + given)), shape=(nodes, nodes))
    return _numbered(connected_components(edges, directed=False)[1][alike])


def dealt(groups: Ints, shares: Sequence[float], random_state: Any, time: NDArray[Any] | None = None) -> Ints:
    """Deal whole groups out to parts that hold about these shares of the rows.

    Args:
        groups: (n,) the number of each row's group.
        shares: Of each part; they add up to 1.
        random_state: Seed of the order in which groups are dealt.
        time: (n,) when given, groups are dealt in the order of their latest row instead.

    Returns:
        The number of each row's part, (n,).

    Example:
        >>> dealt(np.array([0, 0, 1, 2]), (0.5, 0.5), random_state=0).tolist()
        [1, 1, 0, 0]
    """
    from sklearn.utils import check_random_state

    names, own, sizes = np.unique(groups, return_inverse=True, return_counts=True)
    order = check_random_state(random_state).permutation(len(names))
    if time is not None:
        order = np.argsort(latest(own, time), kind="stable")
    middles = np.cumsum(sizes[order]) - sizes[order] / 2
    parts = np.empty(len(names), dtype=np.int64)
    parts[order] = np.searchsorted(np.cumsum(shares)[:-1] * len(groups), middles, side="right")
    return parts[own]


def latest(groups: Ints, time: NDArray[Any]) -> NDArray[Any]:
    """When the last row of each group was taken, by the group's number.

    Args:
        groups: (n,) numbers from 0 on, each of which occurs.
        time: (n,).

    Example:
        >>> latest(np.array([0, 1, 0]), np.array([3, 5, 4]))
        array([4, 5])
    """
    last = np.full(groups.max() + 1, time.min())
    np.maximum.at(last, groups, time)
    return last


def _numbered(names: NDArray[Any]) -> Ints:
    """Names as numbers in the order in which they first appear, (n,)."""
    _, first, own = np.unique(names, return_index=True, return_inverse=True)
    rank = np.empty(len(first), dtype=np.int64)
    rank[np.argsort(first)] = np.arange(len(first))
    return rank[own]


def column_of(name: str, values: ArrayLike, n: int) -> NDArray[Any]:
    """One value for each of the n rows.

    Raises:
        InputError: another shape, or a missing entry.
    """
    given = np.asarray(values)
    if given.shape != (n,):
        raise InputError(f"{name} of shape {given.shape}", f"it has one entry for each of the {n} rows", "reshape it")
    missing = np.flatnonzero(given != given)  # as NaN and NaT are not
    if len(missing):
        came = f"{name}[{missing[0]}]={given[missing[0]]}, and {len(missing)} in all"
        raise InputError(came, "a missing entry says nothing of where its row belongs", "fill it, or drop those rows")
    return given


def _shares(fractions: Sequence[float]) -> Sequence[float]:
    """Three positive shares of one."""
    if len(fractions) != 3 or min(fractions) <= 0 or abs(sum(fractions) - 1) > 1e-9:
        allowed = "three positive shares (train, calibration, test) that add up to 1"
        raise ParameterError(f"fractions={tuple(fractions)!r}", allowed, "use fractions=(0.6, 0.2, 0.2)")
    return fractions
