"""Gaps are closed from what is known, also where training had none."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.datasets import load_wine

import isthmus

WINE = load_wine(as_frame=True).data


@pytest.mark.parametrize("how", ["blank cells", "mask"])
def test_hidden_cells_are_inferred_better_than_by_the_mean(how: str) -> None:
    model = isthmus.DenoisingAutoencoder(corruption="masking", amount=0.3, latent_dim=6, random_state=0).fit(WINE)
    known = np.ones(WINE.shape, dtype=bool)
    known[::3, 6] = False  # flavanoids, which the other phenols tell
    filled: Any = model.fill(WINE.where(known)) if how == "blank cells" else model.fill(WINE, known)
    truth = WINE.iloc[::3, 6]
    error = np.sqrt(np.mean((filled.iloc[::3, 6] - truth) ** 2))
    assert error < 0.6 * truth.std()
    assert list(filled.columns) == list(WINE.columns)
    np.testing.assert_allclose(filled.to_numpy()[known], WINE.to_numpy()[known], rtol=1e-4, atol=1e-4)
