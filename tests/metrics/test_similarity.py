"""Structural similarity against scikit-image's, and against a plain loop over windows."""

from __future__ import annotations

import numpy as np
import pytest

from isthmus.errors import InputError, ParameterError
from isthmus.metrics import ms_ssim, psnr, ssim, ssim_map

RANDOM = np.random.default_rng(7)
GREY = RANDOM.integers(0, 256, (24, 20), dtype=np.uint8)
NOISY = np.clip(GREY + RANDOM.normal(0, 25, GREY.shape), 0, 255).astype(np.uint8)
COLOUR = RANDOM.random((16, 18, 3))
FADED = np.clip(COLOUR * 0.7 + 0.2 * RANDOM.random(COLOUR.shape), 0, 1)

# scikit-image 0.26.0: structural_similarity(x, y, gaussian_weights=True, sigma=1.5, use_sample_covariance=False,
# full=True), with data_range=255 for GREY and NOISY and data_range=1, channel_axis=2 for COLOUR and FADED.
GREY_MEAN, GREY_INNER, GREY_CORNER = 0.9498961667228437, 0.9496967252435042, 0.9233729683166308
COLOUR_MEAN, COLOUR_INNER, COLOUR_EDGE = 0.9073490964777994, 0.9127600984998478, 0.8953710336281167


def test_grey_images_agree_with_scikit_image() -> None:
    assert ssim(GREY, NOISY) == pytest.approx(GREY_MEAN, abs=1e-12)
    found = ssim_map(GREY, NOISY)
    assert (found[12, 10], found[0, 0]) == pytest.approx((GREY_INNER, GREY_CORNER), abs=1e-12)


def test_colour_images_agree_with_scikit_image() -> None:
    assert ssim(COLOUR[None], FADED[None]) == pytest.approx([COLOUR_MEAN], abs=1e-12)
    found = ssim_map(COLOUR[None], FADED[None])[0]
    assert (found[8, 9], found[0, 3]) == pytest.approx((COLOUR_INNER, COLOUR_EDGE), abs=1e-12)


def test_a_pixel_is_the_formula_over_its_window() -> None:
    x, y = GREY[3:14, 4:15] / 255, NOISY[3:14, 4:15] / 255
    line = np.exp(-(np.arange(-5, 6) ** 2) / (2 * 1.5**2))
    weights = np.outer(line, line) / line.sum() ** 2
    mean_x, mean_y = (weights * x).sum(), (weights * y).sum()
    var_x, var_y = (weights * (x - mean_x) ** 2).sum(), (weights * (y - mean_y) ** 2).sum()
    both = (weights * (x - mean_x) * (y - mean_y)).sum()
    light = (2 * mean_x * mean_y + 1e-4) / (mean_x**2 + mean_y**2 + 1e-4)
    assert ssim_map(GREY, NOISY)[8, 9] == pytest.approx(light * (2 * both + 9e-4) / (var_x + var_y + 9e-4), abs=1e-12)


def test_images_of_a_stack_are_judged_alone() -> None:
    x = np.stack([GREY, NOISY, GREY.T.reshape(GREY.shape)])
    y = x[::-1].copy()
    assert ssim(x, y).shape == (3,)
    assert ssim(x, y)[0] == ssim(x[0], y[0])


def test_fractions_are_told_from_bytes() -> None:
    assert ssim(GREY / 255, NOISY / 255) == pytest.approx(float(ssim(GREY, NOISY)), abs=1e-12)
    assert ssim(GREY.astype(float), NOISY.astype(float), span=255) == pytest.approx(GREY_MEAN, abs=1e-12)
    with pytest.raises(InputError, match="values from 0 to 25[0-9] and span=None.*span=255"):
        ssim(GREY.astype(float), NOISY.astype(float))


def test_what_cannot_be_compared_is_refused() -> None:
    with pytest.raises(InputError, match=r"\(24, 20\) and y of shape \(20, 24\)"):
        ssim(GREY, GREY.T)
    with pytest.raises(InputError, match="8 x 20 pixels.*11 x 11"):
        ssim(GREY[:8], GREY[:8])
    with pytest.raises(ParameterError, match="span=0"):
        ssim(GREY, GREY, span=0)


def test_several_scales_of_an_image_do_not_depend_on_the_others() -> None:
    x, y = RANDOM.random((2, 2, 24, 26, 1))
    assert ms_ssim(x, x) == pytest.approx([1.0, 1.0])
    assert ms_ssim(x[0, ..., 0], y[0, ..., 0]) == ms_ssim(x, y)[0]
    assert ms_ssim(x[:, :11], y[:, :11]) == pytest.approx(ssim(x[:, :11], y[:, :11]).clip(0))  # one scale is all of it


def test_several_scales_and_the_noise_ratio_agree_with_torchmetrics() -> None:
    # torchmetrics 1.9.0: normalize="relu", data_range=1. It averages the last scale over windows beyond the edges too,
    # which moves the figure by 3e-4 here; the other scales, and so the rest of the product, are the same.
    random = np.random.default_rng(11)
    x = np.kron(random.random((45, 50)), np.ones((4, 4)))
    y = np.clip(x + random.normal(0, 0.1, x.shape), 0, 1)
    assert ms_ssim(x, y) == pytest.approx(0.9859503898851139, abs=3e-4)
    assert psnr(x, y) == pytest.approx(20.46324566572352, abs=1e-5)


def test_the_noise_ratio_knows_what_a_pixel_can_hold() -> None:
    assert psnr(GREY, NOISY) == pytest.approx(psnr(GREY / 255, NOISY / 255))
    assert psnr(GREY, GREY) == np.inf
    assert psnr(COLOUR[None], FADED[None]).shape == (1,)
    with pytest.raises(InputError, match="Reshape"):
        psnr(GREY, GREY[:5])
