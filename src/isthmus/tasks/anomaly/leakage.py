"""Splits that leak are refused, with the rows that leak: what judges must be new to what it judges."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from isthmus.core.source import Source
from isthmus.core.spec import Column
from isthmus.data.scaling import unscaled
from isthmus.errors import LeakageError, ParameterError
from isthmus.estimator.inputs import learn, read_like
from isthmus.metrics.detection import roc_auc
from isthmus.models import family
from isthmus.tasks.anomaly.digests import digests
from isthmus.tasks.anomaly.labels import anomalies_in
from isthmus.tasks.anomaly.splits import Split, column_of, joined, latest

PARTS = Split._fields
SEPARATES = 0.999  # the ROC-AUC above which a single column is no measurement but a label
FEWEST = 10  # rows of each kind from which on that is no accident
SHOWN = 5  # positions in a message
SHARED = "use isthmus.split_for_detection(X), which keeps {} together, or drop them: the error's `rows` lists them"
Arrays: TypeAlias = list[NDArray[Any]]
Bools: TypeAlias = NDArray[np.bool_]


def check_splits(
    train: Any,
    calibration: Any,
    test: Any,
    *,
    y: ArrayLike | None = None,
    groups: Sequence[ArrayLike] | None = None,
    time: Sequence[ArrayLike] | None = None,
    starts: Sequence[ArrayLike] | None = None,
    window: Any = None,
) -> None:
    """Refuse three parts of which one knows something of another; None where nothing is found.

    Looked for are, in this order: rows that are equal after rounding to a millionth of each column's scale on the
    training rows; groups on two sides; normal rows that are older than rows of the part before theirs; windows of one
    series that overlap; columns that were standardised with the test rows; a column that tells the anomalies of the
    test from the other rows by itself. What `split_for_detection` returns passes the first three; the others say
    something of the table, whatever way it is shared out.

    Args:
        train: Normal rows that a model learns from.
        calibration: Normal rows that set the threshold.
        test: Rows that judge both.
        y: (n_test,) labels of the test rows, as in `split_for_detection`.
        groups: The groups of the rows, (n,) for each of the three parts.
        time: When the rows were taken, for each part; rows that stay together go by the latest of them.
        starts: Where each row begins in the series that all were cut from, for each part.
        window: How long each row is, in the unit of `starts`.

    Raises:
        LeakageError: a part knows something of another; `rows` lists the positions in the later one.
        InputError: parts with other columns, or labels, groups or times of other lengths.
        ParameterError: `starts` without `window`, or fewer than three columns of something.

    Paper:
        Kaufman, Rosset & Perlich 2012, ACM TKDD 6(4), "Leakage in data mining".

    Example:
        >>> X = np.random.default_rng(0).normal(size=(60, 3))
        >>> check_splits(X[:30], X[30:45], X[45:])
        >>> check_splits(X[:30], X[28:45], X[45:])
        Traceback (most recent call last):
            ...
        isthmus.errors.LeakageError: calibration with 2 of 17 rows that stand in train too (positions 0, 1): ...
    """
    sources = _read(train, calibration, test)
    sizes = [len(source) for source in sources]
    names: Arrays = [digests(source) for source in sources]
    given = None if groups is None else _columns("groups", groups, sizes)
    anomalous = np.zeros(sizes[2], dtype=bool) if y is None else anomalies_in(y, sizes[2])
    for first, later in combinations(range(3), 2):
        refuse_shared(PARTS[later], names[later], PARTS[first], names[first])
        if given is not None:
            found = np.isin(given[later], given[first])
            why = "rows of one group (a patient, a machine) are alike, so one side knows the other"
            _refuse(found, PARTS[later], f"whose group is in {PARTS[first]} too", why, SHARED.format("groups"))
    if time is not None:
        _refuse_disorder(names, given, _columns("time", time, sizes), anomalous)
    if starts is not None:
        _refuse_overlap(_columns("starts", starts, sizes), window)
    _refuse_joint_scaling(sources)
    if min(anomalous.sum(), (~anomalous).sum()) >= FEWEST:
        _refuse_telling_column(sources[2], anomalous)


def refuse_shared(later: str, names: NDArray[Any], first: str, others: NDArray[Any]) -> None:
    """Refuse rows that stand in two parts.

    Args:
        later: What the rows are called that judge.
        names: (n,) their digests.
        first: What the rows are called that they must differ from.
        others: (m,) the digests of those.

    Raises:
        LeakageError: some are equal after rounding.
    """
    why = "equal rows on two sides (to a millionth of each column's scale) let what was learnt judge itself"
    _refuse(np.isin(names, others), later, f"that stand in {first} too", why, SHARED.format("equal rows"))


def _read(*parts: Any) -> list[Source]:
    """The three parts, scaled as the first of them says."""
    model = family()["autoencoder"]()
    source = learn(model, parts[0])
    return [source, *(read_like(model, part, source.spec) for part in parts[1:])]


def _columns(name: str, values: Sequence[ArrayLike], sizes: Sequence[int]) -> Arrays:
    """One column for each part."""
    if len(values) != len(sizes):
        allowed = f"it has one column for each part: {', '.join(PARTS)}"
        raise ParameterError(f"{name} with {len(values)} entries", allowed, f"use {name}=(a, b, c)")
    return [column_of(name, column, n) for column, n in zip(values, sizes, strict=True)]


def _refuse(found: Bools, part: str, what: str, why: str, fix: str) -> None:
    """Raise the error for the rows that were found, if there are any."""
    rows = np.flatnonzero(found).tolist()
    if rows:
        shown = ", ".join(map(str, rows[:SHOWN])) + (", ..." if len(rows) > SHOWN else "")
        raise LeakageError(
            f"{part} with {len(rows):,} of {len(found):,} rows {what} (positions {shown})", why, fix, rows
        )


def _refuse_disorder(names: Arrays, groups: Arrays | None, times: Arrays, anomalous: Bools) -> None:
    """Refuse rows that are older than the last row of a part before theirs.

    Rows that stay together go by their latest time, and where one of them is an anomaly they are in the test whenever
    they were taken: so `split_for_detection` deals them out.
    """
    together = [joined(*columns) for columns in zip(names, groups or (None,) * 3, strict=True)]
    moments = [latest(numbers, time)[numbers] for numbers, time in zip(together, times, strict=True)]
    exempt = np.isin(together[2], together[2][anomalous])
    why = "a model that learnt from later rows knows what it could not have known"
    fix = "use isthmus.split_for_detection(X, time=time), or drop them: the error's `rows` lists them"
    for first, later in combinations(range(3), 2):
        found = moments[later] < moments[first].max()
        found &= ~exempt if later == 2 else True
        _refuse(found, PARTS[later], f"older than the last of {PARTS[first]}", why, fix)


def _refuse_overlap(starts: Arrays, window: Any) -> None:
    """Refuse windows that share moments with a window of another part."""
    if window is None:
        raise ParameterError("starts= without window=", "windows overlap or not by their length", "use window=100")
    why = f"windows that begin less than window={window} apart share moments of the series"
    fix = "cut the series into parts first and each part into windows, or drop them: the error's `rows` lists them"
    for first, later in combinations(range(3), 2):
        found = _nearest(starts[later], starts[first]) < window
        _refuse(found, PARTS[later], f"that overlap with {PARTS[first]}", why, fix)


def _nearest(places: NDArray[Any], others: NDArray[Any]) -> NDArray[Any]:
    """How far the nearest of the others is from each place, (n,)."""
    places, others = (column.astype(np.int64) if column.dtype.kind == "u" else column for column in (places, others))
    ranked = np.sort(others)
    after = np.searchsorted(ranked, places)
    left, right = ranked[(after - 1).clip(min=0)], ranked[after.clip(max=len(ranked) - 1)]
    distances: NDArray[Any] = np.minimum(abs(places - left), abs(places - right))
    return distances


def _refuse_joint_scaling(sources: list[Source]) -> None:
    """Refuse columns that have mean 0 and spread 1 over all three parts: no accident brings that about."""
    spec, n = sources[0].spec, sum(map(len, sources))
    numbers = list(spec.indices("numeric"))
    if spec.kind != "table" or not numbers:
        return
    x = np.concatenate([source.block(0, len(source)).numpy() for source in sources]).astype(np.float64)
    values = unscaled(x, spec.center, spec.scale, spec.logs)[:, numbers]
    spread = values.std(axis=0)
    varied = spread > 0
    centred = np.abs(values.mean(axis=0)) < 1e-5
    if varied.any() and (centred & (np.abs(spread - 1) < 1 / n + 1e-5))[varied].all():
        why = "every column has mean 0 and spread 1 over all rows together, so the test rows had a part in its scale"
        fix = "scale by the training rows, which undoes it: StandardScaler().fit(train), then transform all three"
        _refuse(np.ones(len(sources[2]), dtype=bool), "test", "that scaled the others", why, fix)


def _refuse_telling_column(test: Source, anomalous: Bools) -> None:
    """Refuse a column that separates the labels by itself."""
    x = test.block(0, len(test)).numpy()
    for at, column in enumerate(test.spec.columns):
        for reading, values in _readings(column, x[:, at]):
            area = roc_auc(anomalous, values)
            area = max(area, 1 - area)  # high or low, it tells them
            if area > SEPARATES:
                why = f"{reading} alone separates the labels (ROC-AUC {area:.4f}), as what was derived from them does"
                fix = f"drop {column.name!r}, or leave y out if it is measured before anyone knows the label"
                _refuse(anomalous, "test", f"given away by column {column.name!r}", why, fix)


def _readings(column: Column, x: NDArray[np.float32]) -> Iterator[tuple[str, NDArray[Any]]]:
    """A column as ranks that may separate, and what they are called: a gap is above all, a category is or is not."""
    if column.kind == "categorical":
        yield from ((f"{column.name}={word!r}", x == code) for code, word in enumerate(column.categories))
    else:
        yield column.name, np.unique(x, return_inverse=True)[1]
