"""How well heat maps show where images are defective: by pixels, or by regions so that a small one counts as a large.

Everywhere `masks` is (n, h, w) and true in defects; heat is higher where a pixel is more anomalous.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from isthmus.errors import InputError, ParameterError

Bools: TypeAlias = NDArray[np.bool_]
Floats: TypeAlias = NDArray[np.float64]


def aupro(masks: ArrayLike, heatmaps: ArrayLike, *, limit: float = 0.3) -> float:
    r"""Area under the per-region overlap up to a false-positive rate, as a share of the best: 1 for perfect maps.

    .. math:: \frac{1}{L} \int_0^L \frac{1}{K} \sum_k \frac{|R_k \cap \{h \ge t\}|}{|R_k|} \, d\,\mathrm{FPR}(t)

    R_k are the K connected regions of the masks (pixels that touch at an edge or a corner), h is the heat, and FPR(t)
    the share of sound pixels, over all images, with h >= t. Pixels of equal heat come together; between thresholds
    the curve is straight.

    Args:
        masks: (n, h, w) truth; images without a defect are all false.
        heatmaps: h, (n, h, w).
        limit: L, up to which rate of false positives, above 0 and at most 1.

    Raises:
        InputError: arrays of different shapes, no defect, no sound pixel, or heat that is not finite.
        ParameterError: a limit outside its domain.

    Paper:
        Bergmann, Batzner, Fauser, Sattlegger & Steger 2021, Int. J. Computer Vision 129, pp. 1038-1059, section 5.3.

    Example:
        >>> masks = np.zeros((1, 4, 4), dtype=bool)
        >>> masks[0, 0, 0] = masks[0, 2:, 2:] = True
        >>> aupro(masks, masks.astype(float)), round(aupro(masks, np.zeros((1, 4, 4))), 2)
        (1.0, 0.15)
    """
    if not 0 < limit <= 1:
        raise ParameterError(f"limit={limit!r}", "a rate of false positives, above 0 and at most 1", "use limit=0.3")
    truth, heat = _pair(masks, heatmaps)
    return _area(truth, heat, _shares(truth), limit) / limit


def pixel_roc_auc(masks: ArrayLike, heatmaps: ArrayLike) -> float:
    """Chance that a pixel of a defect is hotter than a sound one, ties counted half.

    Args:
        masks: (n, h, w) truth.
        heatmaps: (n, h, w).

    Raises:
        InputError: as `aupro` does.

    Example:
        >>> pixel_roc_auc([[[0, 1], [0, 0]]], [[[0.1, 0.5], [0.7, 0.2]]])
        0.6666666666666667
    """
    truth, heat = _pair(masks, heatmaps)
    return _area(truth, heat, truth / truth.sum(), 1.0)


def regions(masks: ArrayLike) -> NDArray[np.int64]:
    """The number of each pixel's region, from 1 on and over all images, (n, h, w); 0 outside.

    Args:
        masks: (n, h, w) truth.

    Example:
        >>> regions([[[1, 0], [0, 1]], [[1, 1], [0, 0]]]).tolist()
        [[[1, 0], [0, 1]], [[2, 2], [0, 0]]]
    """
    from scipy.ndimage import label

    touching = np.zeros((3, 3, 3), dtype=bool)
    touching[1] = True  # within an image, never from one to the next
    return np.asarray(label(np.asarray(masks, dtype=bool), structure=touching)[0], dtype=np.int64)


def _shares(truth: Bools) -> Floats:
    """How much of the mean overlap each pixel is, (n, h, w): all pixels of a region together 1 / K."""
    names = regions(truth)
    sizes = np.bincount(names.ravel())
    whole = np.zeros(len(sizes))
    whole[1:] = 1 / (sizes[1:] * (len(sizes) - 1))
    shares: Floats = whole[names]
    return shares


def _area(truth: Bools, heat: Floats, gain: Floats, limit: float) -> float:
    """The area under what is gained over the rate of false positives, from 0 to the limit; pixels are sorted once."""
    flat = heat.ravel()
    order = np.argsort(-flat, kind="stable")
    ends = np.append(np.flatnonzero(np.diff(flat[order])), flat.size - 1)  # the last pixel of each threshold
    gained = np.append(0.0, gain.ravel()[order].cumsum()[ends])
    sound = ~truth.ravel()
    false = np.append(0.0, sound[order].cumsum()[ends] / sound.sum())
    within = int(np.searchsorted(false, limit, side="right"))
    x, y = false[:within], gained[:within]
    if within < len(false):
        step = (limit - x[-1]) / (false[within] - x[-1])
        x, y = np.append(x, limit), np.append(y, y[-1] + step * (gained[within] - y[-1]))
    return min(float(np.trapezoid(y, x)), limit)


def _pair(masks: ArrayLike, heatmaps: ArrayLike) -> tuple[Bools, Floats]:
    """Truth and heat, as arrays of one shape with something to count in them."""
    truth: Bools = np.asarray(masks, dtype=bool)
    heat: NDArray[Any] = np.asarray(heatmaps, dtype=np.float64)
    if truth.ndim != 3 or truth.shape != heat.shape or not np.isfinite(heat).all():
        came = f"masks of shape {truth.shape} and heat maps of shape {heat.shape}, {_finite(heat)} finite"
        raise InputError(came, "both are (n, h, w), and heat is finite", "pass one mask for each heat map")
    for found, what in ((truth.any(), "pixel of a defect"), (not truth.all(), "sound pixel")):
        if not found:
            raise InputError(f"masks without one {what}", "a rate needs something to count", f"add a {what}")
    return truth, heat


def _finite(heat: NDArray[Any]) -> str:
    return "all" if np.isfinite(heat).all() else "not all"
