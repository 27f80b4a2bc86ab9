"""Rows that are made of known features, few of them at a time: what a sparse dictionary is to find.

    x = sum_i a_i f_i + noise,   a mostly 0, |f_i| = 1

They differ in which features come together: each by itself, in groups that tend to fire at once, or as a tree, where a
child comes with its parent only.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from isthmus.errors import ParameterError, UnknownNameError

CHUNK = 8192  # rows drawn at once
DIRECTIONS, ROWS, NOISE = 1, 2, 3  # what is drawn, beside the seed; with 0 it would be what the seed alone draws
FIRINGS = ("zipf", "bernoulli")
MAGNITUDES: dict[str, Callable[[np.random.Generator, int], npt.NDArray[np.float64]]] = {
    "uniform": lambda draws, n: draws.uniform(0.5, 1.5, n),
    "exponential": lambda draws, n: draws.exponential(1.0, n),
    "one": lambda draws, n: np.ones(n),
}
"""How strongly a feature is there where it is; 1 on average."""

Floats = npt.NDArray[np.float64]
Draw = Callable[[np.random.Generator, int], npt.NDArray[np.bool_]]


class Composed(NamedTuple):
    """Rows, and the features that they are made of.

    Args:
        X: (n, d) float32.
        codes: (n, m) SciPy CSR, float32: how strongly each feature is in each row.
        features: (m, d) float32, the direction of each; their lengths are 1.
        parent: (m,) the feature without which this one does not come; -1 for none.
    """

    X: npt.NDArray[np.float32]
    codes: Any
    features: npt.NDArray[np.float32]
    parent: npt.NDArray[np.int64]


def toy_dictionary(
    n: int = 10_000,
    random_state: int = 0,
    *,
    dimensions: int = 64,
    features: int = 128,
    active: float = 4.0,
    firing: Literal["zipf", "bernoulli"] = "zipf",
    exponent: float = 0.5,
    correlation: float = 0.0,
    group: int = 8,
    magnitudes: str = "uniform",
    noise: float = 0.0,
) -> Composed:
    r"""Rows of random directions, more of them than dimensions, each on in a share of the rows.

    .. math:: P(a_i > 0) = p_i \propto i^{-s} \text{ (zipf) or equal (bernoulli)}, \quad \sum_i p_i = \text{active}

    With a correlation, features of a group share a normal variable and fire where

    .. math:: \sqrt{\rho}\, g_{group(i)} + \sqrt{1 - \rho}\, \epsilon_i > \Phi^{-1}(1 - p_i)

    so that how often each one fires stays as it was.

    Args:
        n: Rows.
        random_state: Seed of all draws; the same seed has the same features whatever n is.
        dimensions: d.
        features: m.
        active: How many are on in a row, on average.
        firing: Whether some come more often than others ("zipf") or all alike.
        exponent: s of "zipf".
        correlation: rho within a group, from 0 to below 1.
        group: Features in a group; the last one may be smaller. Neighbours in a group differ in how often they fire.
        magnitudes: "uniform" (from 0.5 to 1.5), "exponential" or "one".
        noise: Deviation of the noise on each number.

    Raises:
        ParameterError: a number outside its domain, or a feature that would be on in more than all rows.
        UnknownNameError: a word for `firing` or `magnitudes` that is not known.

    Paper:
        Sharkey, Braun & Millidge 2022, "Taking features out of superposition with sparse autoencoders"; the copula and
        Zipf's law as in SynthSAEBench 2026, arXiv:2602.14687.

    Example:
        >>> made = toy_dictionary(1000, dimensions=8, features=16, active=2)
        >>> made.X.shape, made.codes.shape, made.features.shape
        ((1000, 8), (1000, 16), (16, 8))
    """
    if firing not in FIRINGS:
        raise UnknownNameError.among("firing", firing, FIRINGS)
    if min(dimensions, features, group) < 1 or not 0 <= correlation < 1:
        came = f"dimensions={dimensions}, features={features}, group={group}, correlation={correlation}"
        raise ParameterError(came, "at least 1 of each, and 0 <= correlation < 1", "use the usual ones")
    shares = np.arange(1.0, features + 1) ** -(exponent if firing == "zipf" else 0.0)
    p = active * shares / shares.sum()
    if not 0 < p.min() <= p.max() <= 1:
        came = f"active={active} of features={features}, exponent={exponent}"
        raise ParameterError(came, f"features are on in a share of the rows, not {p.max():.3g}", "use a smaller active")
    directions = _unit(np.random.default_rng([random_state, DIRECTIONS]).normal(size=(features, dimensions)))
    groups = np.arange(features) % -(-features // group)

    def draw(draws: np.random.Generator, rows: int) -> npt.NDArray[np.bool_]:
        """Which features are on, (rows, m)."""
        return draws.random((rows, features)) < p if not correlation else _together(draws, rows, p, groups, correlation)

    return _composed(n, random_state, directions, draw, magnitudes, noise, np.full(features, -1))


def feature_tree(
    n: int = 10_000,
    random_state: int = 0,
    *,
    dimensions: int = 64,
    parents: int = 8,
    children: int = 3,
    alone: int = 32,
    shares: tuple[float, float, float] = (0.15, 0.2, 0.05),
    magnitudes: str = "one",
    noise: float = 0.0,
) -> Composed:
    """Rows of features some of which come only with another one: what tempts a latent to stand for both.

    A row has each parent with one share, and of a parent that is there at most one child, each with another; features
    of their own come by themselves. Where there are no more features than dimensions their directions are at right
    angles, else they are random.

    Args:
        n: Rows.
        random_state: Seed of all draws; the same seed has the same features whatever n is.
        dimensions: d.
        parents: How many.
        children: Of each parent.
        alone: Features that are neither.
        shares: Of rows with a parent, of rows of a parent with one of its children, and of rows with one that is alone.
        magnitudes: As of `toy_dictionary`.
        noise: Deviation of the noise on each number.

    Returns:
        Rows and features; parents come first, then the children of the first parent, and so on, then the others.

    Raises:
        ParameterError: a number outside its domain.
        UnknownNameError: a word for `magnitudes` that is not known.

    Paper:
        Bussmann, Nabeshima, Karvonen & Nanda 2025, arXiv:2503.17547; a tree of theirs has 3 parents in 20
        features.

    Example:
        >>> made = feature_tree(1000)
        >>> children = made.codes[:, 8:11].sum(1)
        >>> bool((children <= made.codes[:, 0].toarray().ravel()).all())  # at most one, and none without its parent
        True
    """
    of_parent, of_child, of_alone = shares
    total = parents * (1 + children) + alone
    if min(parents, children, alone) < 0 or total < 1 or not (0 <= min(shares) and max(shares) <= 1):
        came = f"parents={parents}, children={children}, alone={alone}, shares={shares}"
        raise ParameterError(came, "one feature at least, and shares from 0 to 1", "use the usual ones")
    if children * of_child > 1:
        came = f"children={children} with a share of {of_child}"
        raise ParameterError(came, "a parent has at most one child at a time", f"use a share of {1 / children:.2g}")
    gauss = np.random.default_rng([random_state, DIRECTIONS]).normal(size=(total, dimensions))
    directions = np.linalg.qr(gauss.T)[0].T if total <= dimensions else _unit(gauss)
    above = np.concatenate([np.full(parents, -1), np.repeat(np.arange(parents), children), np.full(alone, -1)])

    def draw(draws: np.random.Generator, rows: int) -> npt.NDArray[np.bool_]:
        """Which features are on, (rows, m)."""
        there = draws.random((rows, parents)) < of_parent
        chosen = np.floor(
            draws.random((rows, parents)) / max(of_child, 1e-12)
        )  # the child's number, or beyond the last
        own = (chosen[:, :, None] == np.arange(children)) & there[:, :, None]  # (rows, parents, children)
        return np.hstack([there, own.reshape(rows, -1), draws.random((rows, alone)) < of_alone])

    return _composed(n, random_state, directions, draw, magnitudes, noise, above)


def _together(
    draws: np.random.Generator, rows: int, p: Floats, groups: npt.NDArray[np.int64], correlation: float
) -> npt.NDArray[np.bool_]:
    """Features of a group that fire together more often than by chance, each as often as before."""
    from scipy.stats import norm

    shared = draws.normal(size=(rows, groups.max() + 1))[:, groups]
    own = draws.normal(size=(rows, len(p)))
    fires: npt.NDArray[np.bool_] = np.sqrt(correlation) * shared + np.sqrt(1 - correlation) * own > norm.isf(p)
    return fires


def _composed(
    n: int,
    random_state: int,
    directions: Floats,
    draw: Draw,
    magnitudes: str,
    noise: float,
    parent: npt.NDArray[np.int64],
) -> Composed:
    """Draw rows a few thousand at a time."""
    from scipy.sparse import csr_array, vstack

    if magnitudes not in MAGNITUDES:
        raise UnknownNameError.among("magnitudes", magnitudes, MAGNITUDES)
    if n < 1 or not noise >= 0:
        raise ParameterError(
            f"n={n}, noise={noise}", "one row at least, and no negative noise", "use n=10_000, noise=0"
        )
    draws = np.random.default_rng([random_state, ROWS])
    features, parts = directions.astype(np.float32), []
    for start in range(0, n, CHUNK):
        rows, columns = np.nonzero(draw(draws, min(CHUNK, n - start)))
        strengths = MAGNITUDES[magnitudes](draws, len(rows)).astype(np.float32)
        parts.append(csr_array((strengths, (rows, columns)), shape=(min(CHUNK, n - start), len(features))))
    codes = vstack(parts, format="csr")
    X = np.asarray(codes @ features, dtype=np.float32)
    if noise:
        X += np.random.default_rng([random_state, NOISE]).normal(0, noise, X.shape).astype(np.float32)
    return Composed(X, codes, features, parent)


def _unit(rows: Floats) -> Floats:
    """Rows of length 1."""
    unit: Floats = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    return unit
