"""The trivial controls: what a detector must beat before anyone should use it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Floats: TypeAlias = NDArray[np.float64]
Scores: TypeAlias = Callable[[Floats], Floats]

NEIGHBOURS = 5


def controls(X: Floats, components: int) -> dict[str, Scores]:
    """Score functions learnt from normal rows, by name; all see the columns scaled to unit spread.

    Args:
        X: Normal rows, (n, D), all numbers.
        components: Principal components that the second one keeps: as many as the detector's code has dimensions.

    Returns:
        Functions of rows (m, D) to scores (m,), higher = more anomalous:
        "distance from the mean", ||z|| of the standardised row, which has no parameter at all; "PCA", the length of
        what the principal components leave; "nearest neighbours", the distance to the fifth nearest training row.

    Example:
        >>> X = np.random.default_rng(0).normal(size=(50, 3))
        >>> {name: score(X).shape for name, score in controls(X, components=2).items()}
        {'distance from the mean': (50,), 'PCA': (50,), 'nearest neighbours': (50,)}
    """
    from sklearn.decomposition import PCA
    from sklearn.neighbors import NearestNeighbors
    from sklearn.preprocessing import StandardScaler

    scaler = StandardScaler().fit(X)
    z = scaler.transform(X)
    plane = PCA(min(components, *z.shape), svd_solver="full").fit(z)
    neighbours = NearestNeighbors(n_neighbors=min(NEIGHBOURS, len(z))).fit(z)

    def from_mean(rows: Floats) -> Floats:
        """Length of the standardised row."""
        return _length(scaler.transform(rows))

    def from_plane(rows: Floats) -> Floats:
        """Length of what the components leave."""
        scaled = scaler.transform(rows)
        return _length(scaled - plane.inverse_transform(plane.transform(scaled)))

    def from_neighbours(rows: Floats) -> Floats:
        """Distance to the last of the nearest training rows."""
        distances: Floats = neighbours.kneighbors(scaler.transform(rows))[0]
        return distances[:, -1]

    return {"distance from the mean": from_mean, "PCA": from_plane, "nearest neighbours": from_neighbours}


def every_control(X: Floats, components: int) -> dict[str, Scores]:
    """The controls, a score drawn by lot, and scikit-learn's isolation forest.

    Args:
        X: Normal rows, (n, D), all numbers.
        components: As in `controls`.

    Example:
        >>> list(every_control(np.eye(4), components=2))
        ['random', 'distance from the mean', 'PCA', 'nearest neighbours', 'isolation forest']
    """
    from sklearn.ensemble import IsolationForest

    forest = IsolationForest(random_state=0).fit(X)
    lots = np.random.default_rng(0)
    return {
        "random": lambda rows: lots.random(len(rows)),
        **controls(X, components),
        "isolation forest": lambda rows: -forest.score_samples(rows),
    }


def _length(rows: Floats) -> Floats:
    lengths: Floats = np.linalg.norm(rows, axis=1)
    return lengths
