"""Whether a unit stands still while a factor does: figures from rows that share the level of one factor.

`codes` is (n, Z) and `factors` (n, F), as in `disentanglement`. Both figures are accuracies: chance is 1 / F.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from isthmus.metrics.disentanglement import Floats, Ints, halves, paired

ALIVE = 0.05  # variance of a unit over the liveliest's, below which it is taken to carry nothing


def factor_metric(
    codes: ArrayLike, factors: ArrayLike, votes: int = 1600, rows: int = 64, random_state: int = 0
) -> float:
    r"""How surely the unit that varies least says which factor was held fixed.

    .. math:: j = \arg\min_j \mathrm{Var}(z_j | v_k) / \mathrm{Var}(z_j), \quad
              \text{accuracy of the majority vote } j \to k

    Units learn whom they vote for on one half of the votes and are judged on the other.

    Args:
        codes: (n, Z); units with less than 0.05 of the liveliest's variance have no vote.
        factors: (n, F) levels.
        votes: How often a factor is held fixed.
        rows: That share its level, drawn with replacement, in each vote.
        random_state: Seed of the votes.

    Returns:
        1 / F (chance) to 1.

    Raises:
        InputError: other shapes, or a factor with one level.

    Paper:
        Kim & Mnih 2018, arXiv:1802.05983, section 4.

    Example:
        >>> factors = np.random.default_rng(0).integers(4, size=(500, 2))
        >>> factor_metric(factors, factors, votes=200)
        1.0
    """
    z, levels = paired(codes, factors)
    variance = z.var(0)
    alive = variance > ALIVE * variance.max()
    draws, fixed = np.random.default_rng(random_state), np.arange(votes) % levels.shape[1]
    least = np.zeros(votes, dtype=np.int64)
    for k in range(levels.shape[1]):
        these = np.flatnonzero(fixed == k)
        anchors = draws.integers(len(z), size=(len(these), 1)).repeat(rows, axis=1)
        held = z[sharing(levels[:, k], anchors, draws)][:, :, alive]  # (votes, rows, Z)
        least[these] = (held.var(1) / variance[alive]).argmin(1)
    table = np.zeros((alive.sum(), levels.shape[1]))
    train, test = halves(votes, random_state)
    np.add.at(table, (least[train], fixed[train]), 1)
    return float((table.argmax(1)[least[test]] == fixed[test]).mean())


def beta_metric(
    codes: ArrayLike, factors: ArrayLike, points: int = 1000, pairs: int = 64, random_state: int = 0
) -> float:
    r"""How well a linear classifier says which factor two rows share, from how far apart their codes are.

    .. math:: \text{accuracy of } \bar d \to k, \quad \bar d = \tfrac1L \textstyle\sum_l |z_l - z'_l|, \quad
              v_{lk} = v'_{lk}

    It is lenient: rotated codes often pass, since a classifier may combine all units.

    Args:
        codes: (n, Z).
        factors: (n, F) levels.
        points: Mean distances, one half to learn from and one to judge by.
        pairs: L, of rows in each mean.
        random_state: Seed of the pairs.

    Returns:
        1 / F (chance) to 1.

    Raises:
        InputError: other shapes, or a factor with one level.

    Paper:
        Higgins et al. 2017, ICLR, section 3.

    Example:
        >>> factors = np.random.default_rng(0).integers(4, size=(500, 2))
        >>> beta_metric(factors, factors, points=200)
        1.0
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    z, levels = paired(codes, factors)
    draws, fixed = np.random.default_rng(random_state), np.arange(points) % levels.shape[1]
    apart = np.zeros((points, z.shape[1]))
    for k in range(levels.shape[1]):
        these = np.flatnonzero(fixed == k)
        one = draws.integers(len(z), size=(len(these), pairs))
        apart[these] = _distances(z, one, sharing(levels[:, k], one, draws))
    train, test = halves(points, random_state)
    classifier = make_pipeline(StandardScaler(), LogisticRegression(max_iter=500)).fit(apart[train], fixed[train])
    return float(classifier.score(apart[test], fixed[test]))


def sharing(level: Ints, anchors: Ints, draws: np.random.Generator) -> Ints:
    """For each anchor a random row of the same level, perhaps itself, the shape of the anchors.

    Args:
        level: Of each row, (n,).
        anchors: Positions of rows.
        draws: Where chance comes from.

    Example:
        >>> sharing(np.array([0, 1, 0]), np.array([[1, 1]]), np.random.default_rng(0))
        array([[1, 1]])
    """
    order, counts = np.argsort(level, kind="stable"), np.bincount(level)
    starts = np.cumsum(counts) - counts
    wanted = level[anchors]
    places: Ints = order[starts[wanted] + (draws.random(anchors.shape) * counts[wanted]).astype(np.int64)]
    return places


def _distances(z: Floats, one: Ints, other: Ints) -> Floats:
    """Mean distance of pairs in each unit, (points, pairs) -> (points, Z)."""
    distances: Floats = np.abs(z[one] - z[other]).mean(1)
    return distances
