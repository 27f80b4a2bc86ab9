"""Alarms put together to incidents, by the columns that made them so."""

from __future__ import annotations

from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from isthmus.data.streams import Stream
from isthmus.errors import InputError
from isthmus.estimator.containers import opened
from isthmus.tasks.anomaly.evidence import taken
from isthmus.tasks.anomaly.scorer import Floats, Scorer
from isthmus.tasks.anomaly.splits import Ints

CUT = 0.5  # mean cosine distance up to which groups are joined
MOST = 1024  # alarms that are compared with each other at once
COLUMNS = 5  # that an incident names

Groups: TypeAlias = list[Ints]
"""The places of the rows of each group."""


class Incident(NamedTuple):
    """Alarms that the same columns raised.

    Args:
        incident: Its number, from 1.
        size: How many alarms.
        columns: The columns with the largest shares, and each one's mean share of the scores, the largest first. What
            they leave of 1 is that of other columns and of the code.
        first: Position of its first row, from 0,
        last: and of its last.
        representative: Position of the row whose columns are most like those of the incident as a whole.
        rows: Positions of all of its rows, rising.
    """

    incident: int
    size: int
    columns: dict[str, float]
    first: int
    last: int
    representative: int
    rows: list[int]


def incidents_among(scorer: Scorer, X: Any, scores: Floats, threshold: float) -> list[Incident]:
    """The incidents of rows that raise an alarm.

    Args:
        scorer: What scored them.
        X: Rows of a table, in memory.
        scores: (n,) anomaly scores.
        threshold: Rows that score more raise an alarm.

    Raises:
        InputError: rows that stay in their files.
    """
    rows = opened(X)
    if isinstance(rows, Stream):
        allowed = "alarms are compared with each other, in memory"
        raise InputError("incidents of rows that stay in their files", allowed, "give the rows that raise an alarm")
    alarms = np.flatnonzero(scores > threshold)
    if not len(alarms):
        return []
    shares = scorer.shares(taken(rows, scores > threshold)).numpy()
    names = [column.name for column in scorer.model.spec_.columns]
    groups = grouped(shares, scores[alarms])
    return [_told(number, alarms, shares, group, names) for number, group in enumerate(groups, 1)]


def numbered(incidents: list[Incident], n: int) -> NDArray[np.int64]:
    """The number of each row's incident, (n,); 0 where it raises no alarm.

    Example:
        >>> numbered([Incident(1, 2, {"x0": 0.9}, 1, 3, 1, [1, 3])], 4)
        array([0, 1, 0, 1])
    """
    numbers = np.zeros(n, dtype=np.int64)
    for one in incidents:
        numbers[one.rows] = one.incident
    return numbers


def grouped(shares: Floats, scores: Floats) -> Groups:
    """Rows with like shares, group by group; the largest first, and of equals the one with the highest score.

    Args:
        shares: Each column's share of each row's score, (n, D).
        scores: (n,) in whose order rows are compared with each other.

    Returns:
        The places of each group's rows, the row that is most like its group first.

    Example:
        >>> shares = np.array([[0.9, 0.1], [0.1, 0.7], [0.8, 0.0], [0.7, 0.1]])
        >>> [group.tolist() for group in grouped(shares, np.array([4.0, 3.0, 2.0, 1.0]))]
        [[0, 2, 3], [1]]
    """
    # The order follows from what the rows are, so that the one in which they came changes no rounding and no tie.
    order = np.array(sorted(range(len(scores)), key=lambda row: (-scores[row], shares[row].tobytes())))
    directions = _directions(shares[order])
    labels = _labels(directions)
    groups = [np.flatnonzero(labels == label) for label in range(labels.max() + 1)]
    groups.sort(key=lambda group: (-len(group), group[0]))
    return [order[_by_likeness(directions, group)] for group in groups]


def _directions(shares: Floats) -> Floats:
    """Rows of length 1, (n, D + 1); the last cell stands for rows that no column has made what they are."""
    profiles = np.column_stack([shares, shares.sum(1) <= 0])
    unit: Floats = profiles / np.linalg.norm(profiles, axis=1, keepdims=True)
    return unit


def _labels(directions: Floats) -> Ints:
    """The group of each row, (n,), from 0: so many rows at a time found groups, which rows that are left may join."""
    labels, left = np.full(len(directions), -1), np.arange(len(directions))
    while len(left):
        head, left = left[:MOST], left[MOST:]
        found = _linked(directions[head])
        labels[head] = found + labels.max() + 1
        centres = np.stack([directions[head[found == label]].mean(0) for label in range(found.max() + 1)])
        centres /= np.linalg.norm(centres, axis=1, keepdims=True)
        fits = [directions[left[at : at + MOST]] @ centres.T for at in range(0, len(left), MOST)]
        likeness, nearest = (np.concatenate([getattr(fit, of)(1) for fit in fits] or [[]]) for of in ("max", "argmax"))
        joins = likeness >= 1 - CUT
        labels[left[joins]] = nearest[joins].astype(int) + labels[head].min()
        left = left[~joins]
    return labels


def _linked(directions: Floats) -> Ints:
    """Groups whose rows are on average within the cut of each other, (n,)."""
    from scipy.cluster.hierarchy import fcluster, linkage

    if len(directions) == 1:
        return np.zeros(1, dtype=np.int64)
    labels: Ints = fcluster(linkage(directions, "average", "cosine"), CUT, "distance") - 1
    return labels


def _by_likeness(directions: Floats, group: Ints) -> Ints:
    """A group's places, the row that is nearest to the mean direction first, else as they were."""
    likeness = directions[group] @ directions[group].mean(0)
    best = int(likeness.argmax())
    return np.concatenate([group[best : best + 1], np.delete(group, best)])


def _told(number: int, alarms: Ints, shares: Floats, group: Ints, names: list[str]) -> Incident:
    """A group as an incident."""
    mean = shares[group].mean(0)
    columns = {names[at]: float(mean[at]) for at in np.argsort(-mean, kind="stable")[:COLUMNS] if mean[at] > 0}
    rows = np.sort(alarms[group]).tolist()
    return Incident(number, len(rows), columns, rows[0], rows[-1], int(alarms[group[0]]), rows)
