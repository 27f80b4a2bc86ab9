"""Digits drawn as symbols: by a prior that reads the symbols before, and by two that do not."""

from __future__ import annotations

from functools import cache
from typing import Any, NamedTuple

import numpy as np
from _generative import DRAWN, FID, FLOOR, SECONDS, SHOWN, distance, pictures, spent
from _mnist import drawn, greys, part
from _tables import Found
from numpy.typing import NDArray

import isthmus

ROWS, CODES, HIDDEN = 8000, 64, (16, 32, 32)  # three halvings: 4 x 4 symbols
EPOCHS, PASSES = 6, 8  # of the network, and of the prior
OPTIONS = {"codes": CODES, "hidden_dims": HIDDEN, "likelihood": "bernoulli", "epochs": EPOCHS, "batch_size": 64}

PRIOR, PLACES, UNIFORM = "token prior", "tokens by the frequencies of their place", "uniform tokens"
METHODS = (FLOOR, PRIOR, PLACES, UNIFORM)


class Spelt(NamedTuple):
    """A fitted network, the images that it learnt from, and their symbols, (n, N)."""

    model: Any
    images: NDArray[np.float32]
    symbols: NDArray[np.int64]


@cache
def spelt(seed: int) -> Spelt:
    """A small VQ-VAE of scalars."""
    images = pictures(drawn(ROWS, seed).x)
    model = isthmus.VQVAE(**OPTIONS, random_state=seed, device="cpu").fit(images)
    return Spelt(model, images, model.tokens(images))


def token(method: str, seed: int) -> Found:
    """How far digits from symbols that are drawn in some way are from test rows."""
    model, images, symbols = spelt(seed)
    random, seconds = np.random.default_rng(seed), 0.0
    if method == FLOOR:
        made = model.reconstruct(pictures(part("test").x[:DRAWN]))
    elif method == PRIOR:
        seconds = spent(lambda: model.fit_prior(images, "autoregressive", epochs=PASSES))
        made = model.sample(DRAWN, random_state=seed)
    elif method == PLACES:
        made = model.from_tokens(random.permuted(symbols, axis=0)[:DRAWN])
    else:
        made = model.from_tokens(random.integers(0, CODES, (DRAWN, symbols.shape[1])))
    return {FID: distance(made), SECONDS: seconds, "pictures": greys(made[:SHOWN].reshape(SHOWN, -1))}
