"""The two rules of the textbook, run beside ours as controls: they know neither chance nor neighbours."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike

P_VALUE, MOVED = 0.01, 0.2


def ks_rule(quiet: ArrayLike, later: ArrayLike) -> bool:
    """Two-sample KS with p < 0.01 on all scores, as if rows were independent of each other.

    Args:
        quiet: (n,) scores.
        later: (m,) scores.

    Paper:
        Smirnov 1939; the p-value holds for independent rows alone.

    Example:
        >>> ks_rule(np.arange(100.0), np.arange(100.0)), ks_rule(np.arange(100.0), np.arange(100.0) + 50)
        (False, True)
    """
    from scipy.special import kolmogorov

    one, other = np.sort(np.asarray(quiet)), np.sort(np.asarray(later))
    both = np.concatenate([one, other])
    apart = np.searchsorted(one, both, "right") / len(one) - np.searchsorted(other, both, "right") / len(other)
    size = len(one) * len(other) / (len(one) + len(other))
    return bool(kolmogorov(math.sqrt(size) * np.abs(apart).max()) < P_VALUE)


def bare_rule(quiet: ArrayLike, later: ArrayLike, alpha: float) -> bool:
    """The quantile 1 - alpha moved by more than a fifth of itself, however few rows it rests on.

    Args:
        quiet: (n,) scores.
        later: (m,) scores.
        alpha: The budget of false alarms.

    Example:
        >>> bare_rule(np.arange(100.0), np.arange(100.0) + 50, 0.1)
        True
    """
    before, after = (float(np.quantile(np.asarray(part), 1 - alpha)) for part in (quiet, later))
    return abs(after - before) > MOVED * abs(before)
