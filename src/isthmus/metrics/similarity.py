"""How alike images are, as an eye would say: by their light, contrast and structure in small windows."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from isthmus.core.similarity import RADIUS, similarity, window
from isthmus.errors import InputError, ParameterError

Floats: TypeAlias = NDArray[np.float64]
LEAST = 2 * RADIUS + 1  # pixels along each axis, for one whole window


def ssim(x: ArrayLike, y: ArrayLike, *, span: float | None = None) -> Floats:
    """Structural similarity of images, the mean of `ssim_map` where windows lie within the image; 1 for equal ones.

    Args:
        x: Images, (n, h, w) or (n, h, w, c), or one of (h, w).
        y: As many of the same shape.
        span: The greatest value that a pixel can have minus the least; None for what the type can hold of whole
            numbers (255 in uint8), and 1 for fractions, which then lie in [0, 1].

    Returns:
        (n,), or a single number where x is one image.

    Raises:
        InputError: other shapes, images of fewer than 11 pixels along an axis, or fractions beyond [0, 1] without span.

    Paper:
        Wang, Bovik, Sheikh & Simoncelli 2004, IEEE Trans. Image Processing 13, pp. 600-612, eqs. 13 and 17.

    Example:
        >>> x = np.random.default_rng(0).random((2, 16, 16))
        >>> ssim(x, x), bool((ssim(x, 1 - x) < 0).all())
        (array([1., 1.]), True)
    """
    found = ssim_map(x, y, span=span)
    single = found.ndim == 2
    stack = found[None] if single else found
    inner = stack[:, RADIUS:-RADIUS, RADIUS:-RADIUS]
    means: Floats = inner.mean(axis=(1, 2))
    return means[0] if single else means


def ssim_map(x: ArrayLike, y: ArrayLike, *, span: float | None = None) -> Floats:
    """Structural similarity around each pixel, (n, h, w), its mean over channels; windows reflect at the edges.

    Args:
        x: As in `ssim`.
        y: As in `ssim`.
        span: As in `ssim`.
    """
    one, other = np.asarray(x), np.asarray(y)
    if one.shape != other.shape or one.ndim not in (2, 3, 4):
        allowed = "two arrays of images of one shape, (n, h, w) or (n, h, w, c), or one image each, (h, w)"
        raise InputError(f"x of shape {one.shape} and y of shape {other.shape}", allowed, "reshape them")
    single = one.ndim == 2
    a, b = (np.asarray(image[None] if single else image, dtype=np.float64) for image in (one, other))
    if min(a.shape[1:3]) < LEAST:
        came = f"images of {a.shape[1]} x {a.shape[2]} pixels"
        raise InputError(came, f"a window has {LEAST} x {LEAST} pixels", "compare larger images, or enlarge them")
    found = similarity(a, b, _blur, _span(one, other) if span is None else _positive(span))
    maps: Floats = found.mean(axis=3) if a.ndim == 4 else found
    return maps[0] if single else maps


def _blur(images: Floats) -> Floats:
    """The mean in a window around each pixel, (n, h, w, ...)."""
    from scipy.ndimage import correlate1d

    return np.asarray(correlate1d(correlate1d(images, window(), axis=1), window(), axis=2))


def _span(x: NDArray[np.generic], y: NDArray[np.generic]) -> float:
    """What the type of the images can hold."""
    kind = np.result_type(x, y)
    if kind.kind in "iu":
        return float(np.iinfo(kind).max) - float(np.iinfo(kind).min)
    low, high = (float(f([f(x), f(y)])) for f in (np.min, np.max))
    if low < 0 or high > 1:
        came = f"images with values from {low:g} to {high:g} and span=None"
        raise InputError(came, "fractions are taken to lie in [0, 1]", "give the range of a pixel: span=255, say")
    return 1.0


def _positive(span: float) -> float:
    if not span > 0:
        raise ParameterError(f"span={span!r}", "it is the range of a pixel's values, above 0", "use span=255 for bytes")
    return float(span)
