"""Where a curve of falling costs stops paying."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from isthmus.errors import InputError


def knee(x: ArrayLike, y: ArrayLike) -> int:
    r"""The place where a falling curve bends most: where it lies farthest below the chord of its ends.

    .. math:: \arg\max_i \; 1 - \frac{x_i - x_0}{x_k - x_0} - \frac{y_i - y_k}{y_0 - y_k}

    Where the curve rises again, as held-out costs do, what lies behind its lowest point counts as no better than that.

    Args:
        x: (k,) rising.
        y: (k,) costs.

    Returns:
        An index of x; 0 where the curve does not fall at all.

    Raises:
        InputError: fewer than two points, x that does not rise, or a value that is not finite.

    Paper:
        Satopaa, Albrecht, Irwin & Raghavan 2011, ICDCS Workshops, section III (without its smoothing).

    Example:
        >>> knee([1, 2, 3, 4, 5], [10.0, 6.0, 2.0, 1.8, 1.6])
        2
    """
    along, cost = np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)
    fits = along.ndim == 1 and along.shape == cost.shape and len(along) > 1
    if not fits or not np.isfinite(cost).all() or not (np.diff(along) > 0).all():
        came = f"x of shape {along.shape} and y of shape {cost.shape}"
        raise InputError(came, "a curve has two finite points or more, whose x rises", "sort it, and drop the gaps")
    lowest = np.minimum.accumulate(cost)
    if lowest[-1] == lowest[0]:
        return 0
    below = 1 - (along - along[0]) / (along[-1] - along[0]) - (lowest - lowest[-1]) / (lowest[0] - lowest[-1])
    return int(below.argmax())


def linear_knee(X: ArrayLike) -> int:
    r"""How many principal components a table is worth: the knee of the variance that the first k leave over.

    .. math:: r_k = \sum_{i > k} \lambda_i, \quad k = 0 \ldots D

    It costs one decomposition of the covariance, and on tables it comes close to the knee of what autoencoders lose; of
    images, which bend, it is far too wide.

    Args:
        X: (n, D) scaled rows without gaps.

    Returns:
        A number of components, 1 to D.

    Raises:
        InputError: no table, fewer than two rows, or a value that is not finite.

    Example:
        >>> from isthmus.data import factors
        >>> linear_knee(factors(300, columns=12, rank=4).X)
        4
    """
    rows = np.asarray(X, dtype=np.float64)
    if rows.ndim != 2 or len(rows) < 2 or not np.isfinite(rows).all():
        raise InputError(f"X of shape {rows.shape}", "a table of finite numbers, (n, D) with n >= 2", "fill the gaps")
    centred = rows - rows.mean(0)
    products = centred.T @ centred if len(rows) > rows.shape[1] else centred @ centred.T
    variances = np.linalg.eigvalsh(products).clip(min=0)  # rising
    left = np.append(variances.cumsum()[::-1], 0.0)  # (min(n, D) + 1,)
    return max(1, knee(np.arange(len(left)), left))
