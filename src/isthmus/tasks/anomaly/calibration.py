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

RULES = ("conformal", "fpr", "percentile")  # those that ask for normal rows only
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
        rule: How the threshold was chosen. "f1" and "cost" ask for no budget, and `alpha` is the one before; they
            choose by these very rows, so the interval is that of the rate seen on them.

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
    rule: str = "conformal"

    @classmethod
    def of(cls, alpha: float, n: int, above: int, aside: int = 0, rule: str = "conformal") -> Promise:
        """The promise of a threshold with `above` of n calibration scores above it, and some rows set aside before.

        Paper:
            Vovk 2012, ACML, proposition 2b: the rate is Beta(above + 1, n - above) distributed. Were the rows set
            aside normal, the threshold would be no lower than the (n - above)-th of all n + aside scores.
        """
        rate = beta_interval(above + 1, n - above, LEVEL)
        most = beta_interval(above + aside + 1, n - above, LEVEL)
        return cls(alpha, n, rate.low, most.high, rate.value, aside, rule)

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


def alpha_for(*, alerts: float, rows: float) -> float:
    """The budget that keeps to a number of false alarms, whatever the span: a day, an hour.

    So small a budget asks for many rows to calibrate with: 1 / alpha of them.

    Args:
        alerts: False alarms that may be raised in the span.
        rows: Normal rows that come in the same span.

    Raises:
        ParameterError: not 0 < alerts < rows.

    Example:
        >>> alpha_for(alerts=3, rows=2_000)  # three a day at two thousand rows a day
        0.0015
        >>> rows_needed(alpha_for(alerts=3, rows=2_000))
        666
    """
    numbers = all(isinstance(value, int | float | np.number) for value in (alerts, rows))
    if not (numbers and 0 < alerts < rows < math.inf):
        allowed = "the budget is a share of the rows: 0 < alerts < rows, both in the same span"
        raise ParameterError(f"alerts={alerts!r}, rows={rows!r}", allowed, "use alerts=3, rows=2_000_000 for a day")
    return alerts / rows


def rows_needed(alpha: float, rule: str = "conformal") -> int:
    r"""The fewest calibration rows whose largest score keeps the budget.

    .. math:: n = \lceil 1 / \alpha - 1 \rceil, \quad
              n = \lceil \ln 0.025 / \ln(1 - \alpha) \rceil \;\text{(fpr)}

    Example:
        >>> rows_needed(0.01), rows_needed(0.05), rows_needed(0.01, "fpr")
        (99, 19, 368)
    """
    wanted = math.log((1 - LEVEL) / 2) / math.log1p(-alpha) if rule == "fpr" else 1 / alpha - 1
    return math.ceil(wanted - ROUNDING)


def place(alpha: float, n: int, rule: str = "conformal") -> int:
    r"""Which of n sorted calibration scores is the threshold, counted from 1.

    .. math:: k = \lceil (n + 1)(1 - \alpha) \rceil \;\text{(conformal)}, \quad
              k = \lceil (n - 1)(1 - \alpha) \rceil + 1 \;\text{(percentile)}

    "conformal" keeps the rate of alarms on new normal rows at or below alpha on average over calibration sets;
    "percentile" has a share alpha of the calibration rows themselves at or above the threshold; "fpr" takes the least
    score for which the upper end of the `Promise` is at or below alpha. Where n is too small the largest is taken.

    Raises:
        UnknownNameError: no rule of that name.

    Example:
        >>> place(0.01, 99), place(0.01, 1000), place(0.01, 1000, "percentile"), place(0.01, 1000, "fpr")
        (99, 991, 991, 997)
    """
    if rule not in RULES:
        raise UnknownNameError.among("rule", rule, RULES)
    if rule == "fpr":
        above = np.arange(math.ceil(alpha * n) + 1)
        return n - max(int((_upper_end(above, n) <= alpha).sum()) - 1, 0)
    wanted = (n + 1) * (1 - alpha) if rule == "conformal" else (n - 1) * (1 - alpha) + 1
    return min(math.ceil(wanted - ROUNDING), n)


def _upper_end(above: NDArray[np.int64], n: int) -> Floats:
    """Upper ends of the promises of thresholds with so many of n calibration scores above them; they rise."""
    from scipy.stats import beta

    ends: Floats = beta.ppf(0.5 + LEVEL / 2, above + 1, n - above)
    return np.nan_to_num(ends, nan=1.0)  # with all of them above there is no threshold


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


def check_rows(alpha: float, n: int, rule: str = "conformal") -> None:
    """Refuse a calibration set in which no score keeps the budget.

    Raises:
        TooFewRowsError: fewer than `rows_needed`.
    """
    needed = rows_needed(alpha, rule)
    if n < needed:
        strict = rule == "fpr"
        least = 1 - ((1 - LEVEL) / 2) ** (1 / max(n, 1)) if strict else 1 / (n + 1)
        limit = "promises no less than 1 - 0.025^(1/n)" if strict else "is exceeded by one normal row in n + 1"
        raise TooFewRowsError(
            f"n={n} calibration rows for alpha={alpha:g}",
            f"the largest of n scores {limit}, so alpha={alpha:g} needs {needed} rows that are labelled normal",
            f"give {needed - n} more, or use alpha={math.ceil(1000 * least) / 1000:g}",
        )
