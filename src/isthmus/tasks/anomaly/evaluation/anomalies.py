"""The rows that a detector finds most anomalous, and why."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from isthmus.estimator.containers import opened
from isthmus.tasks.anomaly.detector import AnomalyDetector
from isthmus.tasks.anomaly.evidence import taken
from isthmus.tasks.anomaly.explanation.columns import Reason, cells_of


class Anomaly(NamedTuple):
    """One row.

    Args:
        row: Its position, from 0.
        score: Its anomaly score.
        anomalous: Whether it is known to be an anomaly.
        reasons: All of its columns, those with the largest share first; none where the rows are no table's.
        nearest: The cells of the training row whose code lies nearest, by column; none where none are kept.
    """

    row: int
    score: float
    anomalous: bool
    reasons: list[Reason]
    nearest: dict[str, Any]

    def to_json(self, most: int) -> dict[str, Any]:
        """Its fields, with the first reasons; cells that JSON does not know are told in words."""
        shown = self.reasons[:most]
        nearest = {why.column: _plain(self.nearest[why.column]) for why in shown if self.nearest}
        reasons = [{name: _plain(cell) for name, cell in why._asdict().items()} for why in shown]
        return {**self._asdict(), "reasons": reasons, "nearest": nearest}


def _plain(cell: Any) -> Any:
    """A cell as JSON knows it, or in words."""
    return cell if cell is None or type(cell) in (bool, int, float, str) else str(cell)


def highest(
    detector: AnomalyDetector, X: Any, scores: NDArray[np.float64], anomalous: NDArray[np.bool_], count: int
) -> list[Anomaly]:
    """The rows with the highest scores, the highest first.

    Args:
        detector: Fitted.
        X: Rows in memory.
        scores: (n,) what the detector gave them.
        anomalous: (n,) truth.
        count: How many rows.
    """
    order = np.argsort(-scores, kind="stable")[:count]
    chosen = np.zeros(len(scores), dtype=bool)
    chosen[order] = True
    spec, rows = detector.model_.spec_, taken(opened(X), chosen)
    told = detector.explain(rows, most=spec.n_features) if spec.kind == "table" else []
    nearest = _nearest(detector, rows, len(order))
    places = np.searchsorted(np.flatnonzero(chosen), order)
    reasons = [[why for why in told if why.row == place] for place in range(len(order))]
    return [
        Anomaly(int(row), float(scores[row]), bool(anomalous[row]), reasons[place], nearest[place])
        for row, place in zip(order, places, strict=True)
    ]


def _nearest(detector: AnomalyDetector, rows: Any, count: int) -> list[dict[str, Any]]:
    """For each row the cells of the normal row nearest to it, by column; none where the detector keeps no rows."""
    if detector.model_.spec_.kind != "table" or detector.abilities()["nearest_normal"] is not True:
        return [{}] * count
    names = [column.name for column in detector.model_.spec_.columns]
    cells = zip(*cells_of(detector.nearest_normal(rows)), strict=True)
    return [dict(zip(names, row, strict=True)) for row in cells]
