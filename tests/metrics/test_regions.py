"""Overlap of regions and order of pixels against plain loops over thresholds and pairs."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.ndimage import label

from isthmus.errors import InputError, ParameterError
from isthmus.metrics import aupro, pixel_roc_auc, regions, roc_auc

RANDOM = np.random.default_rng(3)
MASKS = RANDOM.random((4, 9, 11)) < 0.12
MASKS[2] = False
HEAT = np.round(RANDOM.normal(size=MASKS.shape) + MASKS, 1)  # rounded, so that some are tied


def plain(masks: NDArray[np.bool_], heat: NDArray[np.float64], limit: float) -> float:
    """The area as it is defined: a threshold at each value, the overlap of each region of each image in turn."""
    rates, overlaps = [0.0], [0.0]
    for threshold in np.unique(heat)[::-1]:
        hot, shares = heat >= threshold, []
        for mask, found in zip(masks, hot, strict=True):
            names, count = label(mask, structure=np.ones((3, 3)))
            shares += [found[names == k].mean() for k in range(1, count + 1)]
        rates.append(hot[~masks].mean())
        overlaps.append(float(np.mean(shares)))
    fine = np.linspace(0, limit, 200_001)
    return float(np.trapezoid(np.interp(fine, rates, overlaps), fine)) / limit


@pytest.mark.parametrize("limit", [0.05, 0.3, 1.0])
def test_overlap_of_regions_is_what_its_definition_says(limit: float) -> None:
    assert aupro(MASKS, HEAT, limit=limit) == pytest.approx(plain(MASKS, HEAT, limit), abs=1e-4)


def test_order_of_pixels_is_that_of_rows() -> None:
    assert pixel_roc_auc(MASKS, HEAT) == pytest.approx(roc_auc(MASKS.ravel(), HEAT.ravel()), abs=1e-12)


def test_perfect_maps_reach_one_and_flat_ones_what_chance_gives() -> None:
    assert aupro(MASKS, MASKS.astype(float)) == pytest.approx(1)
    assert aupro(MASKS, -MASKS.astype(float)) == 0
    assert aupro(MASKS, np.zeros(MASKS.shape)) == pytest.approx(0.15)
    assert pixel_roc_auc(MASKS, np.zeros(MASKS.shape)) == pytest.approx(0.5)


def test_a_small_region_counts_as_much_as_a_large_one() -> None:
    masks = np.zeros((2, 10, 10), dtype=bool)
    masks[0, :6, :6] = masks[1, 9, 9] = True
    heat = np.zeros(masks.shape)
    heat[0, :6, :6] = 1  # the small one is as cold as what is sound
    assert aupro(masks, heat) == pytest.approx(0.5 + 0.5 * 0.15)
    assert pixel_roc_auc(masks, heat) > 0.98


def test_only_a_monotone_change_leaves_the_figures() -> None:
    assert aupro(MASKS, np.exp(HEAT)) == pytest.approx(aupro(MASKS, HEAT), abs=1e-12)
    assert aupro(MASKS, HEAT**2) != pytest.approx(aupro(MASKS, HEAT), abs=1e-3)


def test_regions_touch_at_corners_and_end_with_the_image() -> None:
    masks = np.zeros((2, 3, 3), dtype=bool)
    masks[0, 2, 2] = masks[1, 2, 2] = masks[1, 1, 1] = masks[1, 0, 2] = True
    assert regions(masks).max() == 2
    assert (regions(masks)[1] > 0).sum() == 3


@pytest.mark.parametrize("figure", [aupro, pixel_roc_auc])
def test_what_cannot_be_counted_is_refused(figure: object) -> None:
    with pytest.raises(InputError, match="without one pixel of a defect.*needs something to count"):
        figure(np.zeros((1, 2, 2)), np.zeros((1, 2, 2)))  # type: ignore[operator]
    with pytest.raises(InputError, match="without one sound pixel"):
        figure(np.ones((1, 2, 2)), np.zeros((1, 2, 2)))  # type: ignore[operator]
    with pytest.raises(InputError, match=r"\(1, 2, 2\) and heat maps of shape \(1, 2, 3\), all finite"):
        figure(np.ones((1, 2, 2)), np.zeros((1, 2, 3)))  # type: ignore[operator]
    with pytest.raises(InputError, match="not all finite"):
        figure([[[0, 1]]], [[[0, np.nan]]])  # type: ignore[operator]


def test_a_limit_is_a_rate() -> None:
    with pytest.raises(ParameterError, match="limit=0"):
        aupro(MASKS, HEAT, limit=0)
