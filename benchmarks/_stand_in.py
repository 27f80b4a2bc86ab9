"""Stand-ins for the feature network and the distance of `isthmus`, until both are merged: then this file goes.

Features are the first 64 principal components of pixels, so figures say which of two is nearer, and nothing beside
published ones.
"""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.decomposition import PCA


class FeatureNetwork:
    """Principal components in the place of the network."""

    def __init__(self, *, n_features: int = 64, epochs: int = 0, random_state: Any = None) -> None:
        self.components = PCA(n_features, random_state=random_state)
        self.hash_ = "stand-in"

    def fit(self, X: Any, y: Any = None) -> Self:
        """Learn the components."""
        self.components.fit(np.asarray(X).reshape(len(X), -1))
        return self

    def transform(self, X: Any) -> NDArray[np.float64]:
        """Their values, (n, F)."""
        found: NDArray[np.float64] = self.components.transform(np.asarray(X).reshape(len(X), -1)).astype(np.float64)
        return found


def fid_star(real: ArrayLike, made: ArrayLike) -> float:
    """Frechet distance of the normal distributions that fit two clouds, (n, F) and (m, F)."""
    clouds = [np.asarray(cloud, dtype=np.float64) for cloud in (real, made)]
    between = clouds[0].mean(0) - clouds[1].mean(0)
    one, other = (np.cov(cloud, rowvar=False) for cloud in clouds)
    # The trace of a product's root is the sum of the roots of its eigenvalues, which are real and not negative.
    shared = np.sqrt(np.linalg.eigvals(one @ other).real.clip(0)).sum()
    return float(between @ between + np.trace(one) + np.trace(other) - 2 * shared)
