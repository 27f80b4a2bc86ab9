"""A threshold from the scores of a normal series, which are not independent of each other, and what it can promise."""

from __future__ import annotations

import warnings
from dataclasses import asdict, dataclass
from typing import Any, Self

import numpy as np

from isthmus.metrics.intervals import beta_interval
from isthmus.tasks.anomaly.calibration import LEVEL, FewCalibrationRowsWarning, rows_needed
from isthmus.tasks.anomaly.series.sheets import Floats


@dataclass(frozen=True)
class SeriesPromise:
    """What the calibration stretch can promise of the share of normal points under alarm.

    Neighbouring points share windows, so many of them say little more than one. They are counted as the stretches
    without a common point that they make up: n, not `points`. That is right where the series forgets within such a
    stretch; a season or trend that the calibration stretch did not see is beyond any promise.

    Args:
        alpha: The budget that was asked for: the share of normal points that may be under alarm.
        n: Independent scores that the points are worth.
        low: The rate lies above this, and
        high: below this, with 95 % confidence.
        expected: The mean rate over all such calibration stretches.
        points: Calibration points.
        aside: Points beside them that a rule set aside as anomalies among unlabelled ones.
        rule: How the threshold was chosen, as `AnomalyDetector.calibrate` has it.

    Example:
        >>> threshold, promise = settled(np.arange(10_000.0), alpha=0.01, span=50)
        >>> threshold
        9949.0
        >>> print(promise)
        1.0 % false alarms, 95 % interval 0.1 to 2.8 %, from 10,000 calibration points that are worth 200 scores
    """

    alpha: float
    n: int
    low: float
    high: float
    expected: float
    points: int
    aside: int = 0
    rule: str = "conformal"

    @classmethod
    def of(cls, alpha: float, n: int, above: float, points: int, aside: int = 0, rule: str = "conformal") -> Self:
        """The promise of a threshold with `above` of n independent scores above it: Beta(above + 1, n - above).

        Points set aside may have been normal: the upper end counts them as above it.
        """
        rate = beta_interval(above + 1, n - above, LEVEL)
        most = beta_interval(above + aside * n / points + 1, n - above, LEVEL)
        return cls(alpha, n, rate.low, most.high, rate.value, points, aside, rule)

    def p_values(self, scores: Floats, calibration: Floats) -> Floats:
        r"""How likely a normal point is to score as high, (t,); NaN where there is no score.

        .. math:: p = \frac{1 + n \, \#\{i : c_i \ge s\} / m}{n + 1}

        Args:
            scores: s, (t,).
            calibration: c, (m,), in rising order.
        """
        share = 1 - np.searchsorted(calibration, scores, side="left") / len(calibration)
        return np.where(np.isnan(scores), np.nan, (1 + self.n * share) / (self.n + 1))

    def to_json(self) -> dict[str, Any]:
        """Its fields."""
        return asdict(self)

    def __str__(self) -> str:
        """In words."""
        low, high = f"{100 * self.low:.1f}", f"{100 * self.high:.1f}"
        points = f"{self.points:,} calibration points that are worth {self.n:,} scores"
        points += f", and {self.aside:,} points set aside" if self.aside else ""
        return f"{100 * self.expected:.1f} % false alarms, 95 % interval {low} to {high} %, from {points}"


def settled(scores: Floats, alpha: float, span: int) -> tuple[float, SeriesPromise]:
    r"""The threshold, and what it promises: the conformal one of as many scores as these are worth.

    .. math:: t = c_{(m - \lfloor a m / n \rfloor)}, \quad (a + 1) / (n + 1) = \alpha

    Args:
        scores: c, (m,) of calibration points as served, in rising order.
        alpha: The budget.
        span: Points that count once, so that n is m / span.

    Warns:
        FewCalibrationRowsWarning: they are worth too few for the budget; the largest score is the threshold.
    """
    n = max(1, len(scores) // span)
    above = max(alpha * (n + 1) - 1, 0.0)
    threshold = float(scores[len(scores) - 1 - int(above * len(scores) / n)])
    promise = SeriesPromise.of(alpha, n, above, len(scores))
    if n < rows_needed(alpha):
        warnings.warn(
            f"{len(scores):,} calibration points are worth n={n} independent ones, {span} points each: alpha={alpha:g} "
            f"needs {rows_needed(alpha)}, so the threshold is the largest score, and the promise is {promise}",
            FewCalibrationRowsWarning,
            stacklevel=4,
        )
    return threshold, promise
