"""How much of one dictionary is in another: directions compared by their signed cosines.

A dictionary is (n, d), a direction in each row. A latent that points against a feature stands for something else, so
that a cosine of -1 counts as what it is. A row of zeros has a cosine of 0 with everything.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from isthmus.errors import InputError

Floats: TypeAlias = NDArray[np.float64]
Ints: TypeAlias = NDArray[np.int64]
ROWS = 4096  # directions compared at once


class Matching(NamedTuple):
    """Latents and true features in pairs, none of either in two of them.

    Args:
        true: Mean cosine over all m true features; one that is in no pair counts 0.
        learned: Mean cosine over all n latents, likewise.
        pairs: (p, 2) a latent and a true feature, p = min(n, m).
        cosines: (p,) of each pair.
    """

    true: float
    learned: float
    pairs: Ints
    cosines: Floats


def mmcs(learned: ArrayLike, true: ArrayLike) -> float:
    r"""Mean maximum cosine similarity: how near the nearest latent is to a true feature.

    .. math:: \tfrac1m \textstyle\sum_i \max_j \cos(t_i, w_j)

    Several features may share a latent, and latents that are near no feature cost nothing: `mmcs(true, learned)` asks
    the other way round.

    Args:
        learned: (n, d), such as `sae.components_`.
        true: (m, d).

    Returns:
        -1 to 1; two sets of random directions are above 0.

    Raises:
        InputError: directions of different lengths, or none.

    Paper:
        Sharkey, Braun & Millidge 2022, "Taking features out of superposition with sparse autoencoders".

    Example:
        >>> mmcs([[1.0, 0.0]], [[2.0, 0.0], [0.0, 1.0]])
        0.5
    """
    w, t = _directions(learned, true)
    nearest = [(rows @ w.T).max(1) for rows in np.array_split(t, -(-len(t) // ROWS))]
    return float(np.concatenate(nearest).mean())


def mcc(learned: ArrayLike, true: ArrayLike) -> Matching:
    r"""Mean correlation coefficient: cosines of latents and true features, each matched once, so that they add up most.

    .. math:: \max_\pi \textstyle\sum_i \cos(t_i, w_{\pi(i)})

    Divided by m it says how much of the truth was found, by n how much of what was found is true.

    Args:
        learned: (n, d), such as `sae.components_`.
        true: (m, d).

    Returns:
        Both means, and the pairs.

    Raises:
        InputError: directions of different lengths, or none.

    Paper:
        SynthSAEBench 2026, arXiv:2602.14687, which divides by min(n, m) and takes the cosine without its
        sign: then latents that are too few cost nothing, and one that points the wrong way counts as found.

    Example:
        >>> found = mcc([[0.0, 1.0], [1.0, 0.0], [1.0, 1.0]], [[1.0, 0.0], [0.0, 2.0]])
        >>> found.true, round(found.learned, 3), found.pairs.tolist()
        (1.0, 0.667, [[0, 1], [1, 0]])
    """
    from scipy.optimize import linear_sum_assignment

    w, t = _directions(learned, true)
    cosines = w @ t.T  # (n, m)
    rows, columns = linear_sum_assignment(cosines, maximize=True)
    matched: Floats = cosines[rows, columns]
    total = float(matched.sum())
    return Matching(total / len(t), total / len(w), np.stack([rows, columns], axis=1), matched)


def seed_stability(dictionaries: Sequence[ArrayLike]) -> Floats:
    """How alike dictionaries are that differ in their seed: `mcc` of each pair of them, (s (s - 1) / 2,).

    Args:
        dictionaries: s >= 2 of them, (n, d) each.

    Raises:
        InputError: fewer than two, or directions of different lengths.

    Example:
        >>> seed_stability([np.eye(3), np.eye(3)[::-1], np.eye(3)])
        array([1., 1., 1.])
    """
    if len(dictionaries) < 2:
        came = f"{len(dictionaries)} dictionaries"
        raise InputError(came, "they are compared with each other", "fit with two seeds at least")
    return np.array([mcc(one, other).true for one, other in combinations(dictionaries, 2)])


def absorption(learned: ArrayLike, true: ArrayLike, parent: ArrayLike) -> float:
    r"""How much of its parent a child's latent has taken in, where the two are features that fire together.

    .. math:: \text{mean over children } c \text{ of } \cos(w_{j(c)}, t_{p(c)}) - \cos(t_c, t_{p(c)}),
              \quad j(c) = \arg\max_j \cos(w_j, t_c)

    Args:
        learned: (n, d).
        true: (m, d).
        parent: (m,) the position of each feature's parent among the true ones; -1 where it has none.

    Returns:
        0 where each child's latent is its own feature.

    Raises:
        InputError: directions of different lengths, or no child.

    Paper:
        Chanin et al. 2024, arXiv:2409.14507, which asks it of words that begin with a letter.

    Example:
        >>> child_and_parent = [[1.0, 1.0], [1.0, 0.0]]
        >>> round(absorption(child_and_parent, [[1.0, 0.0], [0.0, 1.0]], [-1, 0]), 3)
        0.707
    """
    w, t = _directions(learned, true)
    above = np.asarray(parent, dtype=np.int64)
    if above.shape != (len(t),) or not (above >= 0).any():
        came = f"parent of shape {above.shape}, {int((above >= 0).sum())} of them with a parent"
        raise InputError(came, f"one for each of the {len(t)} features, one at least not -1", "give the tree's own")
    children = np.flatnonzero(above >= 0)
    nearest = w[(t[children] @ w.T).argmax(1)]
    parents = t[above[children]]
    return float(((nearest - t[children]) * parents).sum(1).mean())


def _directions(learned: ArrayLike, true: ArrayLike) -> tuple[Floats, Floats]:
    """Both dictionaries with rows of length 1, or 0 where they were zeros."""
    w, t = np.asarray(learned, dtype=np.float64), np.asarray(true, dtype=np.float64)
    if w.ndim != 2 or t.ndim != 2 or w.shape[1] != t.shape[1] or not len(w) or not len(t):
        came = f"learned of shape {w.shape} with true of shape {t.shape}"
        raise InputError(came, "(n, d) and (m, d): a direction in each row, in one space", "give both as rows")
    return _unit(w), _unit(t)


def _unit(rows: Floats) -> Floats:
    """Rows divided by their lengths."""
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    unit: Floats = np.divide(rows, lengths, out=np.zeros_like(rows), where=lengths > 0)
    return unit
