"""Eight inputs through three units (Rumelhart, Hinton & Williams 1986): does the code come to count in binary?"""

from __future__ import annotations

from typing import Any

import numpy as np

import isthmus

INPUTS, UNITS, EPOCHS, REPEATS = 8, 3, 120, 16


def words(seed: int) -> dict[str, Any]:
    """Whether all inputs come back, how many words the units make at a half, and the units' answers, (8, 3)."""
    inputs = np.eye(INPUTS)
    model = isthmus.SparseAutoencoder(
        sparsity="kl",
        weight=0.0,  # leaves the sigmoid units, and nothing of the price
        latent_dim=UNITS,
        hidden_dims=(),
        pre_bias=False,
        likelihood="bernoulli",
        epochs=EPOCHS,
        batch_size=INPUTS,
        learning_rate=0.2,
        random_state=seed,
    ).fit(np.tile(inputs, (REPEATS, 1)))
    codes = model.transform(inputs)
    return {
        "rebuilt": bool((model.reconstruct(inputs).argmax(1) == np.arange(INPUTS)).all()),
        "words": len({tuple(code) for code in codes > 0.5}),
        "codes": np.round(codes, 3).tolist(),
    }
