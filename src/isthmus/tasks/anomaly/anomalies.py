"""The rows that a detector finds most anomalous, and why."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from isthmus.estimator.containers import opened
from isthmus.tasks.anomaly.detector import AnomalyDetector
from isthmus.tasks.anomaly.evidence import taken
from isthmus.tasks.anomaly.explanation import Reason


class Anomaly(NamedTuple):
    """One row.

    Args:
        row: Its position, from 0.
        score: Its anomaly score.
        anomalous: Whether it is known to be an anomaly.
        reasons: All of its columns, those with the largest share first; none where the rows are no table's.
    """

    row: int
    score: float
    anomalous: bool
    reasons: list[Reason]

    def to_json(self, most: int) -> dict[str, Any]:
        """Its fields, with the first reasons; cells that JSON does not know are told in words."""
        reasons = [why._asdict() for why in self.reasons[:most]]
        told = [{name: cell if _is_plain(cell) else str(cell) for name, cell in why.items()} for why in reasons]
        return {**self._asdict(), "reasons": told}


def _is_plain(cell: Any) -> bool:
    """Whether JSON knows it."""
    return cell is None or type(cell) in (bool, int, float, str)


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
    spec = detector.model_.spec_
    told = detector.explain(taken(opened(X), chosen), most=spec.n_features) if spec.kind == "table" else []
    places = np.searchsorted(np.flatnonzero(chosen), order)
    return [
        Anomaly(int(row), float(scores[row]), bool(anomalous[row]), [why for why in told if why.row == place])
        for row, place in zip(order, places, strict=True)
    ]
