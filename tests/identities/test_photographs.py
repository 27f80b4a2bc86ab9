"""Sparse codes of photographs: their atoms lie at a place and at a frequency, as cells of the visual cortex do."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from isthmus import Autoencoder, SparseAutoencoder
from isthmus.displays import AtomDisplay

SHAPE = {"hidden_dims": (), "architecture": "mlp", "scaling": "none", "epochs": 15, "learning_rate": 0.02}


def extent(values: Any) -> Any:
    """How many cells hold the squares of each picture: 1 where one holds all, (K, h, w) -> (K,)."""
    squares = (np.abs(values) ** 2).reshape(len(values), -1)
    return squares.sum(1) ** 2 / (squares**2).sum(1)


@pytest.mark.slow
def test_atoms_of_a_sparse_code_are_narrow_in_space_and_frequency() -> None:
    """Olshausen & Field 1996, Nature 381, figure 4: what a wave under a bell is, and a mixture of all is not."""
    pytest.importorskip("PIL", reason="photographs need Pillow")
    from isthmus.data import patches

    X = patches(10_000, 0, size=8, whitened=True).X[..., None]
    both = {}
    for member in (SparseAutoencoder(sparsity="l1", weight=1.0, latent_dim=64), Autoencoder(latent_dim=63)):
        atoms = AtomDisplay.of(member.set_params(**SHAPE, random_state=0).fit(X), X, most=64).atoms[:, 0]
        both[member.name] = np.median(extent(atoms)), np.median(extent(np.fft.fft2(atoms)))
    sparse, dense = both["sparse-autoencoder"], both["autoencoder"]
    assert sparse[0] < 0.9 * dense[0]
    assert sparse[1] < 0.9 * dense[1]
    assert sparse[0] * sparse[1] < 0.7 * dense[0] * dense[1]
