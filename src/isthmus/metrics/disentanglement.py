"""Whether each unit of a code goes with one known factor: judged on rows whose factors are known.

Everywhere `codes` is (n, Z), what `transform` gives, and `factors` (n, F) holds the level of each factor, whose order
plays no part. How the figures vary from seed to seed is more than how methods differ (Locatello et al. 2019,
arXiv:1811.12359): compare distributions.
"""

from __future__ import annotations

from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from isthmus.errors import InputError

Floats: TypeAlias = NDArray[np.float64]
Ints: TypeAlias = NDArray[np.int64]

TREES = 20


class DCI(NamedTuple):
    """Three figures from 0 to 1.

    Args:
        disentanglement: Whether a unit is important for one factor only.
        completeness: Whether a factor is told by one unit only.
        informativeness: How many levels are told right beyond chance, by all units together.
    """

    disentanglement: float
    completeness: float
    informativeness: float


def mig(codes: ArrayLike, factors: ArrayLike, bins: int = 20) -> float:
    r"""The mutual information gap: how much more the best unit tells of a factor than the second best.

    .. math:: \tfrac1F \textstyle\sum_k \frac{1}{H(v_k)} \big(I(z_{j_1}; v_k) - I(z_{j_2}; v_k)\big)

    Args:
        codes: (n, Z).
        factors: (n, F) levels.
        bins: Of equal width, that each unit is cut into.

    Returns:
        0 to 1.

    Raises:
        InputError: other shapes, or a factor with one level.

    Paper:
        Chen, Li, Grosse & Duvenaud 2018, arXiv:1802.04942, eq. 6; theirs takes I from draws of the posterior, ours from
        bins of its means, as Locatello et al. 2019 do.

    Example:
        >>> factors = np.indices((4, 4)).reshape(2, -1).T
        >>> round(mig(factors, factors), 6)
        1.0
    """
    z, levels = paired(codes, factors)
    told = np.array([[_information(_binned(unit, bins), level) for unit in z.T] for level in levels.T])  # (F, Z)
    entropies = np.array([_information(level, level) for level in levels.T])
    return float((gap(told) / entropies).mean())


def sap(codes: ArrayLike, factors: ArrayLike, random_state: int = 0) -> float:
    r"""The separated attribute predictability: how much better the best unit predicts a factor than the second best.

    .. math:: \tfrac1F \textstyle\sum_k S_{j_1 k} - S_{j_2 k}, \quad
              S = \frac{a - 1/K}{1 - 1/K}, \quad a \text{ the balanced accuracy of } K - 1 \text{ thresholds on } z_j

    Thresholds are learnt on one half of the rows and judged on the other.

    Args:
        codes: (n, Z).
        factors: (n, F) levels.
        random_state: Seed of the halves.

    Returns:
        0 to 1.

    Raises:
        InputError: other shapes, or a factor with one level.

    Paper:
        Kumar, Sattigeri & Balakrishnan 2018, arXiv:1711.00848, section 3; theirs takes R^2 where levels are numbers,
        and accuracies as they are, ours takes off what chance gives.

    Example:
        >>> factors = np.random.default_rng(0).integers(4, size=(400, 2))
        >>> round(sap(factors, factors), 1)
        1.0
    """
    from sklearn.metrics import balanced_accuracy_score
    from sklearn.tree import DecisionTreeClassifier

    z, levels = paired(codes, factors)
    train, test = halves(len(z), random_state)
    scores = np.zeros((levels.shape[1], z.shape[1]))
    for k, level in enumerate(levels.T):
        for j in range(z.shape[1]):
            tree = DecisionTreeClassifier(
                max_leaf_nodes=int(level.max()) + 1, class_weight="balanced", random_state=random_state
            )
            tree.fit(z[train, j : j + 1], level[train])
            right = balanced_accuracy_score(level[test], tree.predict(z[test, j : j + 1]))
            scores[k, j] = beyond_chance(right, level)
    return float(gap(scores).mean())


def dci(codes: ArrayLike, factors: ArrayLike, random_state: int = 0) -> DCI:
    r"""Disentanglement, completeness and informativeness, by how important each unit is to a forest for each factor.

    .. math:: D = \textstyle\sum_j \rho_j (1 - H_F(R_{j \cdot})), \quad C = \tfrac1F \sum_k (1 - H_Z(R_{\cdot k})),
              \quad \rho_j = \sum_k R_{jk} / \sum R

    R is the forests' importance, H_F the entropy of its row in units of log F. Forests learn from one half of the rows;
    what they tell of the other, beyond chance, is informativeness.

    Args:
        codes: (n, Z).
        factors: (n, F) levels.
        random_state: Seed of the halves and forests.

    Raises:
        InputError: other shapes, or a factor with one level.

    Paper:
        Eastwood & Williams 2018, ICLR, section 2; informativeness is theirs turned round, 1 being best.

    Example:
        >>> factors = np.random.default_rng(0).integers(3, size=(300, 2))
        >>> [round(figure, 2) for figure in dci(factors, factors)]
        [1.0, 1.0, 1.0]
    """
    from sklearn.ensemble import RandomForestClassifier

    z, levels = paired(codes, factors)
    train, test = halves(len(z), random_state)
    importance, told = np.zeros((z.shape[1], levels.shape[1])), []
    for k, level in enumerate(levels.T):
        forest = RandomForestClassifier(TREES, max_features=None, min_samples_leaf=3, random_state=random_state)
        forest.fit(z[train], level[train])
        importance[:, k] = forest.feature_importances_
        told.append(beyond_chance(float(forest.score(z[test], level[test])), level))
    weight = importance.sum(1) / max(importance.sum(), np.finfo(float).tiny)
    alone = float((weight * (1 - _evenness(importance))).sum())
    return DCI(alone, float((1 - _evenness(importance.T)).mean()), float(np.mean(told)))


def paired(codes: ArrayLike, factors: ArrayLike) -> tuple[Floats, Ints]:
    """Codes as numbers (n, Z), and levels of each factor counted from 0, (n, F).

    Raises:
        InputError: other shapes, or a factor with one level.
    """
    z, raw = np.asarray(codes, dtype=np.float64), np.asarray(factors)
    if z.ndim != 2 or raw.ndim != 2 or len(z) != len(raw) or len(z) < 4:
        came = f"codes of shape {z.shape} with factors of shape {raw.shape}"
        raise InputError(came, "they are (n, Z) and (n, F), of at least 4 rows", "give one row of each for each row")
    levels = np.stack([np.unique(column, return_inverse=True)[1].ravel() for column in raw.T], axis=1)
    if not levels.max(0).all():
        same = int(np.flatnonzero(levels.max(0) == 0)[0])
        raise InputError(f"factor {same} with one level", "a factor varies, else nothing tells of it", "leave it out")
    return z, levels.astype(np.int64)


def halves(rows: int, random_state: int) -> tuple[Ints, Ints]:
    """Positions of two random halves of the rows."""
    order = np.random.default_rng(random_state).permutation(rows)
    return order[: rows // 2], order[rows // 2 :]


def gap(scores: Floats) -> Floats:
    """Of each factor, the best unit's score less the second best's, (F, Z) -> (F,); of one unit its score."""
    ordered = np.sort(scores, axis=1)
    return ordered[:, -1] - (ordered[:, -2] if scores.shape[1] > 1 else 0.0)


def beyond_chance(accuracy: float, level: Ints) -> float:
    """Of an accuracy over K levels what chance does not give, 0 to 1."""
    chance = 1 / (int(level.max()) + 1)
    return max(0.0, (accuracy - chance) / (1 - chance))


def _binned(unit: Floats, bins: int) -> Ints:
    """Which of the bins between its ends each value lies in."""
    low, high = unit.min(), unit.max()
    places = (unit - low) / max(high - low, np.finfo(float).tiny) * bins
    binned: Ints = np.minimum(places.astype(np.int64), bins - 1)
    return binned


def _information(one: Ints, other: Ints) -> float:
    """I of two counted variables, in nats; of a variable with itself its entropy."""
    table = np.zeros((one.max() + 1, other.max() + 1))
    np.add.at(table, (one, other), 1 / len(one))
    expected = table.sum(1, keepdims=True) * table.sum(0)
    there = table > 0
    return float((table[there] * np.log(table[there] / expected[there])).sum())


def _evenness(importance: Floats) -> Floats:
    """Entropy of each row's shares over that of equal ones, (a, b) -> (a,); of one column 0, of an empty row 1."""
    if importance.shape[1] == 1:
        return np.zeros(len(importance))
    total = importance.sum(1, keepdims=True)
    shares = np.where(total > 0, importance / np.maximum(total, np.finfo(float).tiny), 1 / importance.shape[1])
    logs = np.log(np.where(shares > 0, shares, 1.0))
    evenness: Floats = -(shares * logs).sum(1) / np.log(importance.shape[1])
    return evenness
