"""What symbols make of digits and photographs: how many codes are used, and how much is lost at equal bits."""

from __future__ import annotations

import math
from functools import cache
from typing import Any

import numpy as np
from _denoising import psnr
from _mnist import FOLDER, drawn, part
from _patches import LEFT, RIGHT, patches
from _tables import Found
from numpy.typing import NDArray
from PIL import Image
from sklearn.cluster import MiniBatchKMeans

import isthmus
from isthmus.metrics import code_use

CODES, ROWS, JUDGED, EPOCHS, BATCH = 512, 8000, 2000, 8, 64
EDGE = 32  # pixels of a patch of a photograph
PHOTOGRAPHS = FOLDER.parent / "images" / "imagecompression_info"

USE, LOSS, BITS = "share of codes used", "PSNR", "bits"
FSQ, BOOK, NO_RESTART = "VQ-VAE of scalars", "VQ-VAE of a book", "VQ-VAE of a book without restart"
KMEANS, LEVELS = "k-means codes of a plain autoencoder", "VQ-VAE-2 of scalars"
METHODS = (FSQ, BOOK, NO_RESTART, KMEANS, LEVELS)
AT_EQUAL_BITS = {"digits": 108, "photographs": 147}
"""Codes of two levels that together cost no more than the one level's 49 or 64 symbols of 9 bits."""

Rows = NDArray[np.float32]


@cache
def images(data: str, seed: int) -> tuple[Rows, Rows]:
    """Images to learn from, drawn by the seed, and images to judge by, (n, h, w, 1) in [0, 1]."""
    if data == "digits":
        found = drawn(ROWS, seed).x, part("test").x[:JUDGED]
        return found[0].reshape(-1, 28, 28, 1), found[1].reshape(-1, 28, 28, 1)
    return patches(greys(), ROWS, EDGE, seed, LEFT), patches(greys(), JUDGED, EDGE, -1, RIGHT)


def greys() -> list[NDArray[np.uint8]]:
    """The photographs without colour."""
    return [np.asarray(Image.open(file).convert("L")) for file in sorted(PHOTOGRAPHS.glob("*.png"))]


def judged(data: str, method: str, seed: int) -> Found:
    """What one method makes of one kind of images."""
    train, test = images(data, seed)
    if method == KMEANS:
        return clustered(train, test, seed)
    options: dict[str, Any] = {"codes": CODES, "epochs": EPOCHS, "batch_size": BATCH, "random_state": seed}
    if method == LEVELS:
        model: Any = isthmus.VQVAE2(**{**options, "codes": AT_EQUAL_BITS[data]})
    else:
        kind = "fsq" if method == FSQ else "vq"
        model = isthmus.VQVAE(quantizer=kind, restarts=method != NO_RESTART, **options)
    symbols = model.fit(train).tokens(test)
    return found(symbols, model.codes, test, model.from_tokens(symbols))


def clustered(train: Rows, test: Rows, seed: int) -> Found:
    """The tokens of a plain autoencoder of the same network, replaced by the centres of k-means among them."""
    shaped = isthmus.Convolutional(latent_channels=8)
    options: dict[str, Any] = {"hidden_dims": (32, 64), "epochs": EPOCHS, "batch_size": BATCH}
    model = isthmus.Autoencoder(architecture=shaped, allow_overcomplete=True, random_state=seed, **options).fit(train)
    centres = MiniBatchKMeans(CODES, random_state=seed, n_init=3).fit(tokens(model, train[: len(test)]))
    symbols = centres.predict(tokens(model, test)).reshape(len(test), -1)
    quantised = centres.cluster_centers_.astype(np.float32)[symbols].swapaxes(1, 2)  # (n, N, d) -> (n, d, N)
    rebuilt = model.inverse_transform(quantised.reshape(len(test), -1))
    return found(symbols.astype(np.int64), CODES, test, rebuilt)


def tokens(model: Any, rows: Rows) -> Rows:
    """The numbers of each place of a code with places, (n N, d)."""
    codes = model.transform(rows).reshape(len(rows), model.latent_shape_[0], -1)
    return np.ascontiguousarray(codes.swapaxes(1, 2).reshape(-1, codes.shape[1]))


def found(symbols: NDArray[np.int64], codes: int, test: Rows, rebuilt: Rows) -> Found:
    """The figures of some symbols and what was rebuilt from them."""
    used = code_use(symbols, codes)
    flat = test.reshape(len(test), -1), rebuilt.reshape(len(test), -1)
    bits = symbols.shape[1] * math.log2(codes)
    return {USE: used.share, "perplexity": used.perplexity, LOSS: psnr(*flat), BITS: bits}
