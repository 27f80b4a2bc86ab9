"""How good drawn samples are, from features of real and drawn ones: distances, coverage, and how sure they are.

A figure means something only beside the network that the features come from, so it is printed with that network's
hash, `FID*-1a2b3c4d`: FID itself is that of one Inception network, and none of these can be compared with it.
"""

from __future__ import annotations

from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from isthmus.errors import InputError
from isthmus.metrics.intervals import Interval, wilson_interval

Floats: TypeAlias = NDArray[np.float64]
BLOCK = 1024  # rows whose distances to all others are in memory at once


class PrecisionRecall(NamedTuple):
    """How much of what was drawn looks real, and how much of what is real was drawn."""

    precision: Interval
    recall: Interval


def starred(name: str, digest: str) -> str:
    """What a figure is called: its name, a star, and the hash of the network that its features come from.

    Example:
        >>> starred("FID", "1a2b3c4d")
        'FID*-1a2b3c4d'
    """
    return f"{name}*-{digest}"


def fid_star(real: ArrayLike, made: ArrayLike) -> float:
    r"""Frechet distance between the normal distributions that fit two clouds of features.

    .. math:: \lVert \mu - \mu' \rVert^2 + \mathrm{tr}\big(\Sigma + \Sigma' - 2 (\Sigma \Sigma')^{1/2}\big)

    It falls with the number of rows, so compare figures of equally many only; twice as many rows as features are the
    least that make sense.

    Args:
        real: Features of real rows, (n, F).
        made: Features of drawn rows, (m, F).

    Raises:
        InputError: no two such arrays, or fewer than two rows in one.

    Paper:
        Heusel et al. 2017, NeurIPS, eq. 6; there on the features of one Inception network.

    Example:
        >>> x = np.random.default_rng(0).standard_normal((500, 3))
        >>> round(fid_star(x, x + 2), 6)
        12.0
    """
    a, b = _clouds(real, made)
    between = a.mean(0) - b.mean(0)
    one, other = (np.atleast_2d(np.cov(x, rowvar=False)) for x in (a, b))
    values, vectors = np.linalg.eigh(one)
    root = (vectors * np.sqrt(values.clip(0))) @ vectors.T
    shared = np.sqrt(np.linalg.eigvalsh(root @ other @ root).clip(0)).sum()
    return float(max(between @ between + np.trace(one) + np.trace(other) - 2 * shared, 0.0))


def kid_star(real: ArrayLike, made: ArrayLike) -> float:
    r"""Squared maximum mean discrepancy of two clouds of features under a cubic kernel, unbiased.

    .. math:: \frac{\sum_{i \ne j} k(x_i, x_j)}{n (n-1)} + \frac{\sum_{i \ne j} k(y_i, y_j)}{m (m-1)}
              - \frac{2 \sum_{ij} k(x_i, y_j)}{n m}, \quad k(x, y) = (x^T y / F + 1)^3

    Its expectation does not depend on the number of rows; so it may be a little below 0.

    Args:
        real: Features of real rows, (n, F).
        made: Features of drawn rows, (m, F).

    Raises:
        InputError: no two such arrays, or fewer than two rows in one.

    Paper:
        Binkowski, Sutherland, Arbel & Gretton 2018, ICLR, section 4.

    Example:
        >>> x = np.random.default_rng(0).standard_normal((200, 3))
        >>> kid_star(x[:100], x[100:]) < 0.1 < kid_star(x[:100], x[100:] + 2)
        True
    """
    a, b = _clouds(real, made)
    within = (_off_diagonal(x) / (len(x) * (len(x) - 1)) for x in (a, b))
    return float(sum(within) - 2 * _cubic(a, b).mean())


def inception_score_star(probabilities: ArrayLike) -> float:
    r"""How sure a classifier is of each drawn row, and how evenly it names them all: from 1 to the number of classes.

    .. math:: \exp E_x\, KL\big(p(y|x) \,\|\, E_x\, p(y|x)\big)

    Args:
        probabilities: p(y | x) of drawn rows, (n, classes).

    Raises:
        InputError: rows that are no probabilities.

    Paper:
        Salimans et al. 2016, NeurIPS, section 4; there of one Inception network.

    Example:
        >>> inception_score_star(np.eye(4)), inception_score_star(np.full((4, 4), 0.25))
        (4.0, 1.0)
    """
    from scipy.special import rel_entr

    p = np.asarray(probabilities, dtype=np.float64)
    if p.ndim != 2 or not len(p) or (p < 0).any() or not np.allclose(p.sum(1), 1, atol=1e-4):
        came, allowed = f"probabilities of shape {p.shape}", "each row holds the probabilities of all classes"
        raise InputError(came, allowed, "give it what predict_proba(X) returned")
    return float(np.exp(rel_entr(p, p.mean(0)).sum(1).mean()))


def precision_recall(real: ArrayLike, made: ArrayLike, k: int = 3) -> PrecisionRecall:
    """Shares of rows that lie within the other cloud: in the ball of one of its points around its k nearest.

    Precision is the share of drawn rows among the real ones, recall that of real rows among the drawn ones. The
    intervals are those of so many rows beside the cloud as it is.

    Args:
        real: Features of real rows, (n, F).
        made: Features of drawn rows, (m, F).
        k: Neighbours that a ball reaches to.

    Raises:
        InputError: no two such arrays, or not more than k rows in one.

    Paper:
        Kynkaanniemi, Karras, Laine, Lehtinen & Aila 2019, NeurIPS, eqs. 1 and 2.

    Example:
        >>> x = np.random.default_rng(0).standard_normal((200, 2))
        >>> both = precision_recall(x, x[:20] * 0.1)
        >>> both.precision.value, both.recall.value < 0.2
        (1.0, True)
    """
    a, b = _clouds(real, made, least=k + 1)
    shares = ((_within(points, cloud, k), len(points)) for points, cloud in ((b, a), (a, b)))
    return PrecisionRecall(*(wilson_interval(count, n) for count, n in shares))


def _within(points: Floats, cloud: Floats, k: int) -> int:
    """How many of the points lie in the ball of some point of the cloud."""
    from scipy.spatial import KDTree
    from scipy.spatial.distance import cdist

    reach = KDTree(cloud).query(cloud, k=k + 1)[0][:, k]  # the nearest of all is the point itself
    blocks = (points[start : start + BLOCK] for start in range(0, len(points), BLOCK))
    return int(sum((cdist(block, cloud) <= reach).any(1).sum() for block in blocks))


def _off_diagonal(a: Floats) -> float:
    """Sum of the kernel over all pairs of different rows."""
    values = _cubic(a, a)
    return float(values.sum() - values.trace())


def _cubic(a: Floats, b: Floats) -> Floats:
    """The kernel of all pairs, (n, m)."""
    found: Floats = (a @ b.T / a.shape[1] + 1) ** 3
    return found


def _clouds(real: ArrayLike, made: ArrayLike, least: int = 2) -> tuple[Floats, Floats]:
    """Two clouds of finite points of one width."""
    a, b = (np.asarray(x, dtype=np.float64) for x in (real, made))
    fits = a.ndim == b.ndim == 2 and a.shape[1:] == b.shape[1:] and min(len(a), len(b)) >= least
    if not fits or not (np.isfinite(a).all() and np.isfinite(b).all()):
        came = f"features of shape {a.shape} and {b.shape}"
        allowed = f"both are finite numbers, (n, F) with one F, and at least {least} rows"
        raise InputError(came, allowed, "give features of more rows, from one network")
    return a, b
