"""How far figures of an order can be trusted that were counted on one set of rows.

Everywhere `anomalous` is (n,) and true where a row is an anomaly; a score is higher where a row is more anomalous.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from isthmus.metrics.detection import average_precision, roc_auc
from isthmus.metrics.intervals import Interval, wilson_interval

LEVEL = 0.95
TINY = 1e-9  # at 0 and at 1 themselves chance allows nothing


def roc_auc_interval(anomalous: ArrayLike, scores: ArrayLike, level: float = LEVEL) -> Interval:
    r"""ROC-AUC with its interval, which is no point even where the area is 1.

    .. math:: |A - \theta| = z \sqrt{\frac{\theta (1 - \theta)}{m n} \left(1 + (m_* - 1)
              \left(\frac{1 - \theta}{2 - \theta} + \frac{\theta}{1 + \theta}\right)\right)}, \quad
              m_* = \frac{m + n}{2}

    m anomalies, n normal rows; theta between the two solutions.

    Args:
        anomalous: (n,) truth.
        scores: (n,).
        level: Confidence.

    Raises:
        InputError: no anomaly or no normal row.

    Paper:
        Newcombe 2006, Statistics in Medicine 25, pp. 559-573, method 5.

    Example:
        >>> interval = roc_auc_interval([0] * 50 + [1] * 10, np.arange(60))
        >>> interval.value, round(interval.low, 2), interval.high
        (1.0, 0.88, 1.0)
    """
    from scipy.optimize import brentq
    from scipy.stats import norm

    area, truth = roc_auc(anomalous, scores), np.asarray(anomalous, dtype=bool)
    m, n, z = int(truth.sum()), int((~truth).sum()), float(norm.ppf(0.5 + level / 2))

    def beyond(theta: float) -> float:
        """By how much theta lies farther off than chance allows, squared."""
        spread = 1 + ((m + n) / 2 - 1) * ((1 - theta) / (2 - theta) + theta / (1 + theta))
        return (area - theta) ** 2 - z * z * theta * (1 - theta) * spread / (m * n)

    low = brentq(beyond, 0.0, min(area, 1 - TINY)) if area > TINY else 0.0
    high = brentq(beyond, max(area, TINY), 1.0) if area < 1 - TINY else 1.0
    return Interval(area, float(low), float(high))


def roc_auc_lead(anomalous: ArrayLike, scores: ArrayLike, others: ArrayLike, level: float = LEVEL) -> Interval:
    r"""By how much the ROC-AUC of one method is above that of another on the same rows, with its interval.

    .. math:: \hat d \pm t_{\min(m, n) - 1} \sqrt{\operatorname{var}(u) / m + \operatorname{var}(v) / n}

    u is for each of the m anomalies the share of normal rows below it by the first method minus that by the second, v
    for each of the n normal rows the share of anomalies above it; ties count half. Student's t stands for the normal
    quantile, since m is often small. With ten anomalies and areas above 0.98 it covers 86 % rather than 95.

    Args:
        anomalous: (n,) truth.
        scores: (n,) of the one.
        others: (n,) of the other.
        level: Confidence.

    Raises:
        InputError: no anomaly or no normal row.

    Paper:
        DeLong, DeLong & Clarke-Pearson 1988, Biometrics 44, pp. 837-845.

    Example:
        >>> truth, scores = [0, 0, 0, 1, 1, 1], [1, 2, 3, 4, 5, 6]
        >>> roc_auc_lead(truth, scores, [1, 2, 5, 4, 3, 6]).value
        0.222...
    """
    from scipy.stats import t

    lead = roc_auc(anomalous, scores) - roc_auc(anomalous, others)
    truth = np.asarray(anomalous, dtype=bool)
    parts = [first - second for first, second in zip(_placed(truth, scores), _placed(truth, others), strict=True)]
    fewest = min(map(len, parts))
    if fewest < 2:
        return Interval(lead, -1.0, 1.0)
    spread = math.sqrt(sum(float(part.var(ddof=1)) / len(part) for part in parts))
    reach = float(t.ppf(0.5 + level / 2, fewest - 1)) * spread
    return Interval(lead, max(-1.0, lead - reach), min(1.0, lead + reach))


def average_precision_interval(anomalous: ArrayLike, scores: ArrayLike) -> Interval:
    """Average precision with its 95 % interval, taken as a share of the anomalies.

    Args:
        anomalous: (n,) truth.
        scores: (n,).

    Raises:
        InputError: no anomaly.

    Paper:
        Boyd, Eng & Page 2013, ECML PKDD, section 3.1 (the binomial interval), with Wilson's ends.

    Example:
        >>> interval = average_precision_interval([0] * 50 + [1] * 10, np.arange(60))
        >>> round(interval.value, 6), round(interval.low, 2)
        (1.0, 0.72)
    """
    mean, found = average_precision(anomalous, scores), int(np.asarray(anomalous, dtype=bool).sum())
    return wilson_interval(min(mean * found, found), found)  # sums round


def _placed(truth: NDArray[np.bool_], scores: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """For each anomaly the share of normal rows below it, for each normal row the share of anomalies above it."""
    from scipy.stats import rankdata

    values = np.asarray(scores, dtype=np.float64)
    among_all, high, low = rankdata(values), rankdata(values[truth]), rankdata(values[~truth])
    return (among_all[truth] - high) / len(low), 1 - (among_all[~truth] - low) / len(high)
