"""How far the scores of anomalies and of normal rows lie apart: tests, effect sizes, areas, recall at a budget."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from isthmus.metrics import Interval, roc_auc_interval, wilson_interval
from isthmus.tasks.anomaly.calibration import place, rows_needed

BUDGETS = (0.001, 0.005, 0.01, 0.05)
Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True)
class Separation:
    r"""What one score says of anomalies and normal rows.

    .. math:: d = \frac{\bar a - \bar b}{\sqrt{(s_a^2 + s_b^2) / 2}}, \qquad \delta = 2 A - 1

    Args:
        p: Of Welch's t-test that the mean scores are equal; with many rows it is small whatever else is true.
        d: Cohen's effect size; a single huge score can make it small or large.
        delta: Cliff's: the chance that an anomaly scores higher than a normal row minus that it scores lower.
        roc_auc: A, with Newcombe's interval.
        recall: Budget of false alarms -> share of the anomalies above the threshold that keeps it on the normal rows
            here, with Wilson's interval; without the budgets for which they are too few.

    Paper:
        Welch 1947, Biometrika 34, pp. 28-35; Cohen 1988, Statistical Power Analysis, chapter 2; Cliff 1993,
        Psychological Bulletin 114, pp. 494-509.

    Example:
        >>> scores = np.append(np.arange(200.0), [150.0, 250.0, 300.0, 400.0])
        >>> found = Separation.of(np.arange(204) >= 200, scores)
        >>> round(found.delta, 3), {budget: round(share.value, 2) for budget, share in found.recall.items()}
        (0.876, {0.005: 0.75, 0.01: 0.75, 0.05: 0.75})
    """

    p: float
    d: float
    delta: float
    roc_auc: Interval
    recall: dict[float, Interval]

    @classmethod
    def of(cls, anomalous: Bools, scores: Floats) -> Separation:
        """Measure it.

        Args:
            anomalous: (n,) truth.
            scores: (n,) higher = more anomalous.

        Raises:
            InputError: no anomaly or no normal row.
        """
        from scipy.stats import ttest_ind

        area = roc_auc_interval(anomalous, scores)
        high, low = scores[anomalous], scores[~anomalous]
        spread = math.sqrt((high.var() + low.var()) / 2)
        gap = float(high.mean() - low.mean())
        p = float(ttest_ind(high, low, equal_var=False).pvalue) if min(len(high), len(low)) > 1 and spread else math.nan
        effect = gap / spread if spread else math.copysign(math.inf, gap) if gap else 0.0
        found = {budget: _recall(high, low, budget) for budget in BUDGETS if len(low) >= rows_needed(budget)}
        return cls(p, effect, 2 * area.value - 1, area, found)

    def as_dict(self) -> dict[str, Any]:
        """Everything as plain JSON values."""
        found = {f"{budget:g}": share._asdict() for budget, share in self.recall.items()}
        return {**asdict(self), "roc_auc": self.roc_auc._asdict(), "recall": found}


def _recall(high: Floats, low: Floats, budget: float) -> Interval:
    """The share of the anomalies above the normal rows' threshold."""
    return share_of(high > np.sort(low)[place(budget, len(low)) - 1])


def share_of(hits: Bools) -> Interval:
    """The share that is true, with Wilson's interval."""
    return wilson_interval(int(hits.sum()), len(hits))
