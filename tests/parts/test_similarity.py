"""The price by structural similarity: the metric's own numbers, gradients, and a member that learns by it."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import isthmus
from isthmus.core.spec import Spec
from isthmus.errors import ParameterError
from isthmus.metrics import ssim, ssim_map
from isthmus.parts.likelihoods import Similarity, likelihood

X, Y = torch.rand(2, 3, 2, 14, 17, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


def test_a_pixel_costs_what_the_metric_says_its_window_lacks() -> None:
    cells = Similarity((2, 14, 17)).double().cells(X, Y)
    for channel in range(2):
        expected = 1 - ssim_map(X[:, channel].numpy(), Y[:, channel].numpy())
        np.testing.assert_allclose(cells[:, channel].numpy(), expected, atol=1e-6)  # its windows are float32


def test_windows_reflect_in_images_narrower_than_one() -> None:
    own = Similarity((1, 3, 4)).double()
    assert own.rows.sum(1).tolist() == pytest.approx([1.0] * 3)
    assert own.columns.sum(1).tolist() == pytest.approx([1.0] * 4)
    small = X[:, :1, :3, :4]
    assert own.distortion(small, small).abs().max() < 1e-12


def test_the_gradient_is_the_one_of_finite_differences() -> None:
    own = Similarity((1, 5, 6)).double()
    x, params = X[:2, :1, :5, :6], Y[:2, :1, :5, :6].clone().requires_grad_()
    assert torch.autograd.gradcheck(lambda p: own.distortion(x, p), (params,))


def test_only_images_have_windows() -> None:
    assert isinstance(likelihood("ssim", Spec("image", (1, 8, 8))), Similarity)
    with pytest.raises(ParameterError, match="likelihood='ssim' for data of kind 'series'.*gaussian"):
        likelihood("ssim", Spec("series", (1, 8)))


def test_a_member_learns_structure() -> None:
    from sklearn.datasets import load_digits

    images = np.kron(load_digits().images[:120] / 16, np.ones((1, 2, 2))).astype(np.float32)[..., None]
    fitted = {
        name: isthmus.Autoencoder(latent_dim=8, architecture="mlp", likelihood=name, epochs=40, random_state=0).fit(
            images
        )
        for name in ("ssim", "gaussian")
    }
    alike = {name: ssim(images, model.reconstruct(images), span=1).mean() for name, model in fitted.items()}
    assert alike["ssim"] > alike["gaussian"] > 0.3
    scores = fitted["ssim"].score_samples(images)
    assert fitted["ssim"].score_samples(images[5:6])[0] == scores[5]
    assert -scores.mean() == pytest.approx(256 * (1 - alike["ssim"]), rel=0.3)  # the metric leaves out the edges
