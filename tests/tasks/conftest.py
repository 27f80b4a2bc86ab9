"""The rows that detectors are tested on: benign tumours, and the malignant ones that they never see."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.datasets import load_breast_cancer

import isthmus
from isthmus.tasks.anomaly.member import RECONSTRUCTION


class Tumours(NamedTuple):
    """Benign and malignant rows, (n, 30)."""

    benign: NDArray[np.float64]
    malignant: NDArray[np.float64]


def learner(score: str, **options: Any) -> Any:
    """An unfitted model that can have this score."""
    return (isthmus.VAE if score == RECONSTRUCTION else isthmus.Autoencoder)(**{"device": "cpu", **options})


@pytest.fixture(scope="session")
def tumours() -> Tumours:
    """scikit-learn's breast-cancer data."""
    X, y = load_breast_cancer(return_X_y=True)
    return Tumours(X[y == 1], X[y == 0])


@pytest.fixture(scope="session")
def quick() -> isthmus.Autoencoder:
    """An unfitted model that trains in a moment."""
    return isthmus.Autoencoder(epochs=20, batch_size=32, latent_dim=4, hidden_dims=(16,), device="cpu")


@pytest.fixture(scope="session")
def detector(tumours: Tumours, quick: isthmus.Autoencoder) -> isthmus.AnomalyDetector:
    """A fitted detector that no test changes."""
    return isthmus.AnomalyDetector(quick, alpha=0.05, random_state=0).fit(tumours.benign)
