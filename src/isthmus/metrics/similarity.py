"""How alike images are, as an eye would say: by their light, contrast and structure in small windows."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from isthmus.core.similarity import RADIUS, factors, similarity, window
from isthmus.errors import InputError, ParameterError

Floats: TypeAlias = NDArray[np.float64]
LEAST = 2 * RADIUS + 1  # pixels along each axis, for one whole window
SCALES = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)  # what each halving weighs in `ms_ssim`


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
    a, b, found_span = _pair(x, y, span)
    found = similarity(a, b, _blur, found_span)
    maps: Floats = found.mean(axis=3) if a.ndim == 4 else found
    return maps[0] if np.ndim(x) == 2 else maps


def ms_ssim(x: ArrayLike, y: ArrayLike, *, span: float | None = None) -> Floats:
    r"""Structural similarity at several scales: each halves the images, the last alone compares their light.

    .. math:: \overline{l_S s_S}^{\,w_S} \textstyle\prod_{i < S} \overline{s_i}^{\,w_i}

    l and s are the two factors of `ssim`, averaged over whole windows; a mean below 0 counts as 0. The weights are
    0.0448, 0.2856, 0.3001, 0.2363 and 0.1333. Five scales need 161 pixels along each axis; smaller images have as many
    scales as hold a window, their weights made to add up to 1.

    Args:
        x: As in `ssim`.
        y: As in `ssim`.
        span: As in `ssim`.

    Returns:
        (n,), or a single number where x is one image.

    Paper:
        Wang, Simoncelli & Bovik 2003, Asilomar Conference on Signals, Systems & Computers, eq. 7.

    Example:
        >>> x = np.random.default_rng(0).random((2, 24, 24))
        >>> ms_ssim(x, x)
        array([1., 1.])
    """
    a, b, found_span = _pair(x, y, span)
    count = min(len(SCALES), 1 + int(np.log2((min(a.shape[1:3]) - 1) / (LEAST - 1))))
    weights = np.asarray(SCALES[:count]) / sum(SCALES[:count])
    product: Floats = np.ones(len(a))
    for scale, weight in enumerate(weights, start=1):
        light, structure = factors(a, b, _blur, found_span)
        alike = light * structure if scale == count else structure
        inner = alike[:, RADIUS:-RADIUS, RADIUS:-RADIUS].reshape(len(a), -1)
        product = product * inner.mean(axis=1).clip(0) ** weight
        a, b = _halved(a), _halved(b)
    return product[0] if np.ndim(x) == 2 else product


def psnr(x: ArrayLike, y: ArrayLike, *, span: float | None = None) -> Floats:
    r"""Peak signal-to-noise ratio of images in decibels; infinite for equal ones.

    .. math:: 10 \log_{10} \frac{L^2}{\overline{(x - y)^2}}

    Args:
        x: Images, (n, h, w) or (n, h, w, c), or one of (h, w).
        y: As many of the same shape.
        span: L, as in `ssim`.

    Returns:
        (n,), or a single number where x is one image.

    Raises:
        InputError: other shapes, or fractions beyond [0, 1] without span.

    Example:
        >>> psnr(np.zeros((1, 4, 4)), np.full((1, 4, 4), 0.1)).round(6)
        array([20.])
    """
    a, b, found_span = _pair(x, y, span, least=1)
    squares = ((a - b) ** 2).reshape(len(a), -1).mean(axis=1)
    with np.errstate(divide="ignore"):
        found: Floats = 10 * np.log10(found_span**2 / squares)
    return found[0] if np.ndim(x) == 2 else found


def _pair(x: ArrayLike, y: ArrayLike, span: float | None, least: int = LEAST) -> tuple[Floats, Floats, float]:
    """Two stacks of images of one shape, at least so many pixels along each axis, and the range of a pixel."""
    one, other = np.asarray(x), np.asarray(y)
    if one.shape != other.shape or one.ndim not in (2, 3, 4):
        allowed = "two arrays of images of one shape, (n, h, w) or (n, h, w, c), or one image each, (h, w)"
        raise InputError(f"x of shape {one.shape} and y of shape {other.shape}", allowed, "reshape them")
    a, b = (np.asarray(image[None] if one.ndim == 2 else image, dtype=np.float64) for image in (one, other))
    if min(a.shape[1:3]) < least:
        came = f"images of {a.shape[1]} x {a.shape[2]} pixels"
        raise InputError(came, f"a window has {LEAST} x {LEAST} pixels", "compare larger images, or enlarge them")
    return a, b, _span(one, other) if span is None else _positive(span)


def _halved(images: Floats) -> Floats:
    """The mean of each 2 by 2 pixels, (n, h, w, ...) -> (n, h // 2, w // 2, ...)."""
    h, w = images.shape[1] // 2, images.shape[2] // 2
    cut = images[:, : 2 * h, : 2 * w]
    found: Floats = cut.reshape(len(images), h, 2, w, 2, *images.shape[3:]).mean(axis=(2, 4))
    return found


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
