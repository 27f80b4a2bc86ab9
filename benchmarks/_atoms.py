"""Codes of whitened patches of photographs: how many of their atoms are Gabor functions."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
from _gabor import gabor_fit
from numpy.typing import NDArray
from sklearn.base import clone

import isthmus
from isthmus.data import patches
from isthmus.displays import AtomDisplay

PATCHES, UNITS, EPOCHS = 20_000, 256, 100
SHOWN = 32  # atoms, the most used ones
USED = 0.01  # share of the patches in which an atom must be on to be in use
GOOD = 0.8  # share of an atom's squares that a Gabor function must explain
SHARE = "share of Gabor functions"

CODES: dict[str, Any] = {
    "sparse, topk": isthmus.SparseAutoencoder(k=10),
    "sparse, l1": isthmus.SparseAutoencoder(sparsity="l1", weight=1.0),
    "sparse, kl": isthmus.SparseAutoencoder(sparsity="kl", weight=1.0),
    "dense": isthmus.Autoencoder(allow_overcomplete=True),
}
"""What is compared, at as many units each; a price of 1 nat, for the patches' variance is 1 in every pixel."""

SPARSE = [name for name in CODES if name != "dense"]


@cache
def whitened(seed: int) -> NDArray[np.float32]:
    """Patches drawn by the seed, (n, 12, 12, 1)."""
    found: NDArray[np.float32] = patches(PATCHES, seed, whitened=True).X[..., None]
    return found


def atoms(method: str, seed: int) -> dict[str, Any]:
    """Share of the atoms that are Gabor functions, and the atoms themselves, the most used ones first."""
    shape = {"latent_dim": UNITS, "hidden_dims": (), "architecture": "mlp", "scaling": "none", "epochs": EPOCHS}
    model = clone(CODES[method]).set_params(**shape, random_state=seed).fit(whitened(seed))
    display = AtomDisplay.of(model, whitened(seed), most=UNITS)
    found, on = display.atoms[:, 0], (model.transform(whitened(seed)) != 0)[:, display.units]
    is_gabor, is_used = (fits := gabor_fit(found)) >= GOOD, on.mean(0) >= USED
    return {
        SHARE: float(is_gabor.mean()),
        "share of atoms in use": float(is_used.mean()),
        "share of Gabor functions among those": float(is_gabor[is_used].mean()) if is_used.any() else 0.0,
        "median fit": float(np.median(fits)),
        "units on in a row": float(on.sum(1).mean()),
        "atoms": np.round(found[:SHOWN], 4).tolist(),
        "fits": np.round(fits[:SHOWN], 3).tolist(),
    }
