"""Intervals: how far a figure can be trusted."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from isthmus.errors import InputError, ParameterError


class Interval(NamedTuple):
    """A figure and the ends between which it lies with the stated confidence."""

    value: float
    low: float
    high: float


def wilson_interval(successes: float, n: int, level: float = 0.95) -> Interval:
    r"""A share estimated from n independent rows.

    .. math:: \frac{k + z^2/2 \pm z \sqrt{k(n-k)/n + z^2/4}}{n + z^2}

    Args:
        successes: k, rows that count; where each counts in part, the sum of the parts.
        n: All rows, at least 1.
        level: Confidence.

    Raises:
        ParameterError: not 0 <= successes <= n, or no row.

    Paper:
        Wilson 1927, JASA 22, pp. 209-212.

    Example:
        >>> wilson_interval(9, 10).low > 0.59
        True
    """
    from scipy.stats import norm

    if n < 1 or not 0 <= successes <= n:
        raise ParameterError(f"successes={successes}, n={n}", "0 <= successes <= n, and n >= 1", "count the rows again")
    z = float(norm.ppf(0.5 + level / 2))
    middle = (successes + z * z / 2) / (n + z * z)
    reach = z * math.sqrt(successes * (n - successes) / n + z * z / 4) / (n + z * z)
    return Interval(successes / n, max(0.0, middle - reach), min(1.0, middle + reach))


def beta_interval(a: float, b: float, level: float = 0.95) -> Interval:
    """Mean and central interval of a Beta(a, b) variable.

    Args:
        a: First shape, > 0.
        b: Second shape, > 0.
        level: Share of the distribution between the ends.

    Raises:
        ParameterError: a shape that is not positive.

    Example:
        >>> beta_interval(1, 1)
        Interval(value=0.5, low=0.025..., high=0.975)
    """
    from scipy.stats import beta

    if not (a > 0 and b > 0):
        raise ParameterError(f"a={a!r}, b={b!r}", "both shapes of a Beta distribution are > 0", "pass counts + 1")
    low, high = beta.interval(level, a, b)
    return Interval(a / (a + b), float(low), float(high))


def resampled_interval(values: ArrayLike, test_per_train: float, level: float = 0.95) -> Interval:
    r"""Mean over repeated random splits of the same rows, whose results are not independent of each other.

    .. math:: \bar v \pm t_{J-1} \sqrt{\left(\tfrac1J + \tfrac{n_{test}}{n_{train}}\right) s^2}

    Args:
        values: One figure for each of the J >= 2 splits, or the difference of two methods on each.
        test_per_train: Rows that judge over rows that were learnt from: the correction for splits that share rows.
        level: Confidence.

    Raises:
        InputError: fewer than two values, or one that is not finite.

    Paper:
        Nadeau & Bengio 2003, Machine Learning 52, pp. 239-281, section 3.

    Example:
        >>> interval = resampled_interval([0.90, 0.92, 0.94], test_per_train=0.25)
        >>> round(interval.value, 3), round(interval.high - interval.low, 3)
        (0.92, 0.131)
    """
    from scipy.stats import t

    given = np.asarray(values, dtype=np.float64)
    if given.ndim != 1 or len(given) < 2 or not np.isfinite(given).all():
        came = f"values of shape {given.shape}, {int(np.isfinite(given).sum())} of them finite"
        raise InputError(came, "a spread needs two finite figures at least", "run more splits")
    mean, variance = float(given.mean()), float(given.var(ddof=1))
    reach = float(t.ppf(0.5 + level / 2, len(given) - 1)) * math.sqrt((1 / len(given) + test_per_train) * variance)
    return Interval(mean, mean - reach, mean + reach)


def bootstrap_interval(
    figure: Callable[..., float], *samples: ArrayLike, draws: int = 200, level: float = 0.95, random_state: Any = 0
) -> Interval:
    r"""A figure of one or several samples, with ends by its spread over samples drawn from them with replacement.

    .. math:: v \pm z s, \quad s \text{ the deviation of } v^*_1, \dots, v^*_N

    The draws give the spread alone: where a figure depends on how many different rows there are, as a distance between
    distributions does, their mean is off, and quantiles would be too.

    Args:
        figure: (*samples) -> a number; resampled rows may occur twice.
        samples: Rows, (n, ...) each, resampled independently of each other.
        draws: N, at least 2.
        level: Confidence.
        random_state: Seed of the draws.

    Raises:
        ParameterError: fewer than two draws.

    Paper:
        Efron & Tibshirani 1993, An Introduction to the Bootstrap, section 13.3 (the standard interval).

    Example:
        >>> x = np.arange(100.0)
        >>> interval = bootstrap_interval(np.mean, x)
        >>> interval.value, 40 < interval.low < 46
        (49.5, True)
    """
    from scipy.stats import norm

    if draws < 2:
        raise ParameterError(f"draws={draws}", "a spread needs two draws at least", "use draws=200")
    random, given = np.random.default_rng(random_state), [np.asarray(sample) for sample in samples]
    found = [figure(*(rows[random.integers(len(rows), size=len(rows))] for rows in given)) for _ in range(draws)]
    value, reach = float(figure(*given)), float(norm.ppf(0.5 + level / 2) * np.std(found, ddof=1))
    return Interval(value, value - reach, value + reach)
