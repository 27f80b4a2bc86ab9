"""Thresholds from the scores of normal rows, and what they can promise.

The rows that calibrate are like any later normal row: each place among their sorted scores is equally likely for the
next one. Everything here follows from that alone, whatever the score is.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from isthmus.errors import ParameterError, TooFewRowsError, UnknownNameError
from isthmus.metrics.intervals import beta_interval

RULES = ("conformal", "percentile")
LEVEL = 0.95  # confidence of every promise
ROUNDING = 1e-9  # 100 x 0.99 is 99, whatever the last bit says
Floats = NDArray[np.float64]


class FewCalibrationRowsWarning(UserWarning):
    """Fewer calibration rows than the budget of false alarms asks for."""


@dataclass(frozen=True)
class Promise:
    """What the calibration rows can promise of the false-alarm rate on new normal rows.

    Args:
        alpha: The budget that was asked for: alarms per normal row.
        n: Calibration rows.
        low: The rate lies above this, and
        high: below this, with 95 % confidence: a Beta interval, over all calibration sets of n rows.
        expected: The mean rate over all such sets.
        aside: Rows like them that were set aside as anomalies. They widen the interval: it holds whether none of them
            was normal, where `expected` is the mean, or all of them.

    Example:
        >>> print(Promise.of(0.01, n=2000, above=20))
        1.0 % false alarms, 95 % interval 0.7 to 1.5 %, from 2,000 calibration rows
        >>> print(Promise.of(0.01, n=2000, above=20, aside=10))
        1.0 % false alarms, 95 % interval 0.7 to 2.1 %, from 2,000 calibration rows and 10 set aside
    """

    alpha: float
    n: int
    low: float
    high: float
    expected: float
    aside: int = 0

    @classmethod
    def of(cls, alpha: float, n: int, above: int, aside: int = 0) -> Promise:
        """The promise of a threshold with `above` of n calibration scores above it, and some rows set aside before.

        Paper:
            Vovk 2012, ACML, proposition 2b: the rate is Beta(above + 1, n - above) distributed. Were the rows set
            aside normal, the threshold would be no lower than the (n - above)-th of all n + aside scores.
        """
        rate = beta_interval(above + 1, n - above, LEVEL)
        most = beta_interval(above + aside + 1, n - above, LEVEL)
        return cls(alpha, n, rate.low, most.high, rate.value, aside)

    def band(self, n: int) -> tuple[int, int]:
        """The least and the most alarms among n new normal rows, with 95 % confidence in all.

        Example:
            >>> Promise.of(0.05, n=99, above=4).band(100)
            (0, 12)
        """
        from scipy.stats import betabinom

        above = round(self.expected * (self.n + 1)) - 1
        low, _ = betabinom.interval(LEVEL, n, above + 1, self.n - above)
        _, high = betabinom.interval(LEVEL, n, above + self.aside + 1, self.n - above)
        return int(low), int(high)

    def to_json(self) -> dict[str, Any]:
        """Its fields."""
        return asdict(self)

    def __str__(self) -> str:
        """In words."""
        low, high = f"{100 * self.low:.1f}", f"{100 * self.high:.1f}"
        rows = f"{self.n:,} calibration rows" + (f" and {self.aside:,} set aside" if self.aside else "")
        return f"{100 * self.expected:.1f} % false alarms, 95 % interval {low} to {high} %, from {rows}"


def rows_needed(alpha: float) -> int:
    """The fewest calibration rows whose largest score keeps the budget: 1 / alpha - 1.

    Example:
        >>> rows_needed(0.01), rows_needed(0.05)
        (99, 19)
    """
    return math.ceil(1 / alpha - 1 - ROUNDING)


def place(alpha: float, n: int, rule: str = "conformal") -> int:
    r"""Which of n sorted calibration scores is the threshold, counted from 1.

    .. math:: k = \lceil (n + 1)(1 - \alpha) \rceil \;\text{(conformal)}, \quad
              k = \lceil (n - 1)(1 - \alpha) \rceil + 1 \;\text{(percentile)}

    "conformal" keeps the rate of alarms on new normal rows at or below alpha on average over calibration sets;
    "percentile" has a share alpha of the calibration rows themselves at or above the threshold. Where n is too small
    the largest score is taken.

    Raises:
        UnknownNameError: no rule of that name.

    Example:
        >>> place(0.01, 99), place(0.01, 1000), place(0.01, 1000, "percentile"), place(0.01, 10)
        (99, 991, 991, 10)
    """
    if rule not in RULES:
        raise UnknownNameError.among("rule", rule, RULES)
    wanted = (n + 1) * (1 - alpha) if rule == "conformal" else (n - 1) * (1 - alpha) + 1
    return min(math.ceil(wanted - ROUNDING), n)


def p_values(scores: Floats, calibration: Floats) -> Floats:
    r"""How likely a normal row is to score as high, (n,): conformal p-values, at most one and never zero.

    .. math:: p = (1 + \#\{i : c_i \ge s\}) / (n + 1)

    Args:
        scores: s, (n,), higher = more anomalous.
        calibration: c, (m,), in rising order.

    Paper:
        Vovk, Gammerman & Shafer 2005, Algorithmic Learning in a Random World, chapter 2.

    Example:
        >>> p_values(np.array([0.5, 9.0]), np.array([1.0, 2.0, 3.0]))
        array([1.  , 0.25])
    """
    above = len(calibration) - np.searchsorted(calibration, scores, side="left")
    return np.asarray((1.0 + above) / (len(calibration) + 1.0), dtype=np.float64)


def check_budget(alpha: Any) -> float:
    """A share between 0 and 1.

    Raises:
        ParameterError: anything else.
    """
    if isinstance(alpha, bool) or not isinstance(alpha, (int, float, np.number)) or not 0 < alpha < 1:
        allowed = "the budget of false alarms is a share of the normal rows, between 0 and 1"
        raise ParameterError(f"alpha={alpha!r}", allowed, "use alpha=0.01 for one alarm in a hundred normal rows")
    return float(alpha)


def check_rows(alpha: float, n: int) -> None:
    """Refuse a calibration set in which no score keeps the budget.

    Raises:
        TooFewRowsError: fewer than 1 / alpha - 1 rows.
    """
    if n < rows_needed(alpha):
        raise TooFewRowsError(
            f"n={n} calibration rows for alpha={alpha:g}",
            f"the largest of n scores is exceeded by one normal row in n + 1, so alpha={alpha:g} needs "
            f"{rows_needed(alpha)} rows that are labelled normal",
            f"give {rows_needed(alpha) - n} more, or use alpha={math.ceil(1000 / (n + 1)) / 1000:g}",
        )
