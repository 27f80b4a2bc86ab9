"""Dictionaries to compare with: one that is random and frozen, and those that scikit-learn learns.

Each turns rows into codes that are not below 0, k of them on in a row, and back by adding up directions. A direction
that may be used both ways counts as two latents.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Floats: TypeAlias = NDArray[np.float64]
BLOCK = 1024  # rows whose latents are compared at once
MOST_ATOMS = 512  # that scikit-learn's dictionaries learn in bearable time
DRAWN = 17  # beside the seed, so that no data drawn by the same seed have the same directions
PASSED = 10_000  # rows that its dictionary learning passes through, some of them again where there are fewer


@dataclass(frozen=True)
class Linear:
    """A dictionary, and how rows are read by it.

    Args:
        atoms: (m, d), of length 1.
        mean: (d,) what is taken off rows and put back.
        read: Rows without their mean, (n, d) -> coefficients (n, m), dense.
        k: How many of them are kept, the largest.
    """

    atoms: Floats
    mean: Floats
    read: Callable[[Floats], Floats]
    k: int

    def transform(self, X: NDArray[Any]) -> Any:
        """Codes, CSR (n, m)."""
        from scipy.sparse import csr_array, vstack

        parts = [csr_array(largest(self.read(rows - self.mean), self.k)) for rows in blocks(X)]
        return vstack(parts, format="csr")

    def inverse_transform(self, codes: Any) -> Floats:
        """Rows from codes, (n, d)."""
        return np.asarray(codes @ self.atoms) + self.mean


def frozen_random(X: Floats, latents: int, k: int, seed: int) -> Linear:
    """Random directions: on are the k that point most the way of a row, as strongly as rebuilds it best."""
    mean = X.mean(0)
    atoms = unit(np.random.default_rng([seed, DRAWN]).normal(size=(latents, X.shape[1])))

    def read(rows: Floats) -> Floats:
        """The nearest k, weighted by least squares."""
        return fitted_to(rows, atoms, rows @ atoms.T, k)

    return Linear(atoms, mean, read, k)


def principal_components(X: Floats, latents: int, k: int, seed: int) -> Linear:
    """Principal components, each both ways."""
    from sklearn.decomposition import PCA

    model = PCA(min(latents, *X.shape), random_state=seed).fit(X)
    return both_ways(model.components_, lambda rows: rows @ model.components_.T, model.mean_, k)


def independent_components(X: Floats, latents: int, k: int, seed: int) -> Linear:
    """Independent components, each both ways."""
    from sklearn.decomposition import FastICA

    model = FastICA(min(latents, *X.shape), whiten="unit-variance", random_state=seed, max_iter=100)
    quietly(lambda: model.fit(X))
    sizes = np.linalg.norm(model.mixing_.T, axis=1)
    return both_ways(model.mixing_.T, lambda rows: rows @ model.components_.T * sizes, model.mean_, k)


def nonnegative_factors(X: Floats, latents: int, k: int, seed: int) -> Linear:
    """Non-negative factors of [max(x, 0), max(-x, 0)], whose two halves make a direction."""
    from sklearn.decomposition import MiniBatchNMF

    model = MiniBatchNMF(min(latents, 2 * X.shape[1], MOST_ATOMS), random_state=seed, batch_size=BLOCK, max_iter=20)
    quietly(lambda: model.fit(halves(X)))
    d = X.shape[1]
    directions = model.components_[:, :d] - model.components_[:, d:]
    sizes = np.linalg.norm(directions, axis=1)

    def read(rows: Floats) -> Floats:
        """The factors' weights."""
        weights: Floats = quietly(lambda: model.transform(halves(rows))) * sizes
        return weights

    return Linear(unit(directions), np.zeros(d), read, k)


def learnt_dictionary(X: Floats, latents: int, k: int, seed: int) -> Linear:
    """scikit-learn's dictionary learning, read by orthogonal matching pursuit, each direction both ways."""
    from sklearn.decomposition import MiniBatchDictionaryLearning

    mean = X.mean(0)
    scale = float(np.sqrt(((X - mean) ** 2).sum(1).mean() / k)) or 1.0  # each of k directions then carries about 1
    X = X[:PASSED]
    model = MiniBatchDictionaryLearning(
        min(latents, MOST_ATOMS),
        alpha=0.5,
        batch_size=256,
        max_iter=min(10, max(1, PASSED // len(X))),
        fit_algorithm="cd",
        random_state=seed,
        transform_algorithm="omp",
        transform_n_nonzero_coefs=k,
    )
    quietly(lambda: model.fit((X - mean) / scale))

    def read(rows: Floats) -> Floats:
        """Matching pursuit."""
        weights: Floats = quietly(lambda: model.transform(rows / scale))
        return weights * scale

    return both_ways(model.components_, read, mean, k)


RIVALS: dict[str, Callable[[Floats, int, int, int], Linear]] = {
    "frozen random": frozen_random,
    "PCA": principal_components,
    "ICA": independent_components,
    "NMF": nonnegative_factors,
    "dictionary learning": learnt_dictionary,
}
"""By their names; (X, latents, k, seed) -> what was learnt."""


def both_ways(directions: Floats, read: Callable[[Floats], Floats], mean: Floats, k: int) -> Linear:
    """A dictionary of directions that are used with either sign, which makes two latents of each."""
    atoms = unit(directions)
    return Linear(np.concatenate([atoms, -atoms]), mean, lambda rows: halves(read(rows)), k)


def halves(rows: Floats) -> Floats:
    """What is above 0, and beside it what is below, (n, D) -> (n, 2 D).

    Example:
        >>> halves(np.array([[1.0, -2.0]]))
        array([[1., 0., 0., 2.]])
    """
    return np.hstack([np.maximum(rows, 0), np.maximum(-rows, 0)])


def largest(codes: Floats, k: int) -> Floats:
    """The k largest of each row that are above 0; the others are 0.

    Example:
        >>> largest(np.array([[1.0, 3.0, 2.0, -5.0]]), 2)
        array([[0., 3., 2., 0.]])
    """
    kept: Floats = np.where(codes > 0, codes, 0.0)
    if k < codes.shape[1]:
        rest = np.argpartition(-kept, k - 1, axis=1)[:, k:]
        np.put_along_axis(kept, rest, 0.0, axis=1)
    return kept


def fitted_to(rows: Floats, atoms: Floats, likeness: Floats, k: int) -> Floats:
    """Of the k atoms that are most like each row the weights by least squares, none below 0: (n, m)."""
    k = min(k, len(atoms), rows.shape[1])
    chosen = np.argpartition(-likeness, k - 1, axis=1)[:, :k]  # (n, k)
    picked = atoms[chosen]  # (n, k, d)
    products = picked @ picked.swapaxes(1, 2) + 1e-6 * np.eye(k)
    weights = np.linalg.solve(products, picked @ rows[:, :, None])[:, :, 0]
    codes = np.zeros_like(likeness)
    np.put_along_axis(codes, chosen, np.maximum(weights, 0), axis=1)
    return codes


def blocks(X: NDArray[Any]) -> list[Floats]:
    """Rows in parts that fit in memory."""
    return [np.asarray(X[start : start + BLOCK], dtype=np.float64) for start in range(0, len(X), BLOCK)]


def unit(rows: Floats) -> Floats:
    """Rows of length 1, or 0 where they were zeros."""
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    found: Floats = np.asarray(rows, dtype=np.float64) / np.where(lengths > 0, lengths, 1)
    return found


def quietly(run: Callable[[], Any]) -> Any:
    """Run without the warnings of a rival that did not settle, which is its own affair."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return run()
