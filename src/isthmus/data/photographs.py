"""Patches of photographs: scikit-learn carries two, a temple in China and a flower."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from isthmus.data.datasets import Dataset
from isthmus.data.extras import pillow
from isthmus.errors import ParameterError

PHOTOGRAPHS = ("china.jpg", "flower.jpg")
GREY = (0.299, 0.587, 0.114)  # ITU-R BT.601: how bright red, green and blue look
FLOOR = 0.1  # of the mean variance: directions of less are mostly noise of the camera, which whitening would blow up

Floats = npt.NDArray[np.float64]


def patches(n: int = 10_000, random_state: int = 0, *, size: int = 12, whitened: bool = False) -> Dataset:
    r"""Cut square patches out of photographs, evenly over both and over all places.

    Args:
        n: Patches.
        random_state: Seed of the draw.
        size: Pixels along an edge.
        whitened: Whether all directions get the same variance, as the retina does it: without, the low frequencies
            of photographs outweigh everything else. Each patch loses its mean, and the rest is multiplied with
            :math:`C^{-1/2}` (ZCA), where C is the covariance of all patches with a floor under its eigenvalues.

    Returns:
        X (n, size, size), uint8 greys, or float32 where whitened; y (n,) which photograph; truth: `places` (n, 2),
        row and column of each patch's upper left corner.

    Raises:
        ParameterError: no patch, or one that is larger than a photograph.
        MissingExtraError: Pillow is not installed.

    Paper:
        Olshausen & Field 1996, Nature 381: what a sparse code finds in such patches. Whitening: Bell & Sejnowski
        1997, Vision Research 37.

    Example:
        >>> patches(5).X.shape
        (5, 12, 12)
    """
    greys = {name: _photograph(name) for name in PHOTOGRAPHS}
    largest = min(min(grey.shape) for grey in greys.values())
    if n < 1 or not 1 <= size <= largest:
        came = f"n={n}, size={size}"
        raise ParameterError(came, f"a photograph has {largest} pixels along its shorter edge", "use n=10000, size=12")
    draws = np.random.default_rng(random_state)
    y = draws.permutation(np.arange(n) % len(PHOTOGRAPHS))
    shapes = np.array([grey.shape for grey in greys.values()])[y]
    places = draws.integers(shapes - size + 1)
    views = [np.lib.stride_tricks.sliding_window_view(grey, (size, size)) for grey in greys.values()]
    X = np.stack([views[photograph][row, column] for photograph, (row, column) in zip(y, places, strict=True)])
    names = np.array([name.removesuffix(".jpg") for name in PHOTOGRAPHS])[y]
    rows = whiten(X) if whitened else np.round(X).astype(np.uint8)
    return Dataset(rows, names, truth={"places": places})


def whiten(X: npt.NDArray[np.generic]) -> npt.NDArray[np.float32]:
    """Patches without their means, and with the same variance in every direction.

    Args:
        X: (n, h, w).

    Returns:
        (n, h, w) float32; the mean of all their squares is 1.
    """
    flat = X.reshape(len(X), -1).astype(np.float64)
    flat -= flat.mean(axis=1, keepdims=True)
    values, vectors = np.linalg.eigh(flat.T @ flat / len(flat))
    whitening = (vectors / np.sqrt(values + FLOOR * values.mean())) @ vectors.T
    white = flat @ whitening
    even: npt.NDArray[np.float32] = (white / np.sqrt((white**2).mean() or 1.0)).reshape(X.shape).astype(np.float32)
    return even


def _photograph(name: str) -> Floats:
    """A photograph's greys, (h, w), 0 to 255."""
    from sklearn.datasets import load_sample_image

    pillow("reading photographs")
    greys: Floats = load_sample_image(name).astype(np.float64) @ np.array(GREY)
    return greys
