"""What a threshold makes of labelled rows: four counts, and the shares that follow from them."""

from __future__ import annotations

from typing import NamedTuple, Self

import numpy as np
from numpy.typing import ArrayLike

from isthmus.metrics.intervals import Interval, wilson_interval


class Confusion(NamedTuple):
    """The four counts; every share comes with its 95 % interval of Wilson.

    Args:
        true_positives: Anomalies that raised an alarm.
        false_positives: Normal rows that did.
        false_negatives: Anomalies that did not.
        true_negatives: Normal rows that did not.

    Example:
        >>> confusion = Confusion.of([0, 0, 0, 1, 1], [0, 0, 1, 1, 1])
        >>> confusion
        Confusion(true_positives=2, false_positives=1, false_negatives=0, true_negatives=2)
        >>> confusion.recall.value, round(confusion.precision.value, 3), round(confusion.f1.value, 3)
        (1.0, 0.667, 0.8)
    """

    true_positives: int
    false_positives: int
    false_negatives: int
    true_negatives: int

    @classmethod
    def of(cls, anomalous: ArrayLike, alarms: ArrayLike) -> Self:
        """Count.

        Args:
            anomalous: (n,) truth.
            alarms: (n,) true where an alarm was raised.
        """
        truth, raised = np.asarray(anomalous, dtype=bool), np.asarray(alarms, dtype=bool)
        pairs = (truth & raised, ~truth & raised, truth & ~raised, ~truth & ~raised)
        return cls(*(int(pair.sum()) for pair in pairs))

    @property
    def alarms(self) -> int:
        """Rows that raised an alarm."""
        return self.true_positives + self.false_positives

    @property
    def recall(self) -> Interval:
        """Share of the anomalies that raised an alarm."""
        return wilson_interval(self.true_positives, self.true_positives + self.false_negatives)

    @property
    def false_alarm_rate(self) -> Interval:
        """Share of the normal rows that raised an alarm."""
        return wilson_interval(self.false_positives, self.false_positives + self.true_negatives)

    @property
    def precision(self) -> Interval | None:
        """Share of the alarms that are right, among these rows; None without an alarm."""
        return wilson_interval(self.true_positives, self.alarms) if self.alarms else None

    @property
    def f1(self) -> Interval:
        r"""Harmonic mean of precision and recall.

        .. math:: F_1 = 2 J / (1 + J), \quad J = TP / (TP + FP + FN)

        J is a share of rows, so its interval is carried over.
        """
        jaccard = wilson_interval(self.true_positives, self.alarms + self.false_negatives)
        return Interval(*(2 * end / (1 + end) for end in jaccard))
