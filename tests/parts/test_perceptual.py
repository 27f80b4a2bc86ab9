"""Features that learn on the rows and are frozen, and prices by what they see."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits

import isthmus
from isthmus.core.code import Batch
from isthmus.core.spec import Spec
from isthmus.errors import ParameterError
from isthmus.parts.likelihoods import likelihood
from isthmus.parts.likelihoods.perceptual import Perceptual
from isthmus.parts.perceptual import Features, disguised, feature_distance

IMAGES = (load_digits().images[:300, :, :, None] / 16).astype(np.float32)
SHAPE: dict[str, Any] = {"latent_dim": 4, "hidden_dims": (8,), "epochs": 2, "random_state": 0}


@pytest.fixture(scope="module")
def fitted() -> Any:
    """A small model priced by features, which no test changes."""
    return isthmus.ConvolutionalAutoencoder(likelihood="perceptual", **SHAPE).fit(IMAGES)


def test_the_features_learn_their_lesson_and_then_stand_still(fitted: Any) -> None:
    features = fitted.network_.likelihood.features
    x = torch.from_numpy(IMAGES).movedim(3, 1)
    generator = torch.Generator().manual_seed(5)
    seen, what = disguised(Batch(x, generator=generator))
    with torch.no_grad():
        right = (features.head(features(seen)[-1].mean((2, 3))).argmax(1) == what).float().mean()
    assert right > 3 / 12
    assert not any(parameter.requires_grad for parameter in features.parameters())
    before = {name: tensor.clone() for name, tensor in features.state_dict().items()}
    again = isthmus.ConvolutionalAutoencoder(likelihood="perceptual", **{**SHAPE, "epochs": 4}).fit(IMAGES)
    for name, tensor in again.network_.likelihood.features.state_dict().items():
        assert torch.equal(tensor, before[name])  # two passes more of the autoencoder have not moved them
    fitted.network_.zero_grad()
    sum(fitted.objective(fitted.network_, Batch(x[:9])).values()).sum().backward()
    assert all(parameter.grad is None for parameter in features.parameters())
    assert all(parameter.grad is not None for parameter in fitted.network_.decoder.parameters())


def test_the_features_are_saved_with_the_model(fitted: Any, tmp_path: Any) -> None:
    twin = isthmus.load(fitted.save(tmp_path / "model"))
    assert np.array_equal(twin.score_samples(IMAGES[:9]), fitted.score_samples(IMAGES[:9]))
    assert not any(parameter.requires_grad for parameter in twin.network_.likelihood.features.parameters())


def test_a_distance_is_zero_for_equal_images_and_at_most_two_a_level() -> None:
    features = Features(1)
    x = torch.rand(5, 1, 9, 7, generator=torch.Generator().manual_seed(0))
    apart = feature_distance(features(x), features(1 - x), (9, 7))
    assert apart.shape == (5, 9, 7)
    assert 0 <= apart.min() < apart.max() <= 6
    assert not feature_distance(features(x), features(x), (9, 7)).any()
    torch.testing.assert_close(apart, feature_distance(features(1 - x), features(x), (9, 7)))


def test_the_cells_add_up_to_the_distortion_in_colour_too() -> None:
    price, generator = Perceptual((3, 8, 10)), torch.Generator().manual_seed(0)
    x, other = torch.rand(2, 4, 3, 8, 10, generator=generator)
    cells = price.cells(x, other)
    assert cells.shape == x.shape
    torch.testing.assert_close(cells.flatten(1).sum(1), price.distortion(x, other))
    seen = price.perceived(x, other).flatten(1).sum(1)
    torch.testing.assert_close(price.distortion(x, other), seen + 0.5 * (x - other).square().flatten(1).sum(1))
    hidden = torch.rand(x.shape, generator=generator) < 0.5
    assert not price.cells(torch.where(hidden, torch.nan, x), other, ~hidden)[hidden].any()


def test_the_gradient_is_the_one_of_finite_differences() -> None:
    price = Perceptual((1, 5, 5)).double()
    x, params = torch.rand(2, 2, 1, 5, 5, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    assert torch.autograd.gradcheck(lambda p: price.distortion(x, p), params.requires_grad_())


@pytest.mark.parametrize("shape", [(6, 6), (6, 4)])
def test_every_disguise_occurs_and_a_clean_image_only_turned(shape: tuple[int, int]) -> None:
    x = torch.rand(1, 1, *shape, generator=torch.Generator().manual_seed(0)).repeat(600, 1, 1, 1)
    seen, what = disguised(Batch(x, generator=torch.Generator().manual_seed(1)))
    assert len(what.unique()) == 12
    for done in range(0, 12, 3):
        rows = seen[what == done]
        assert torch.equal(rows.flatten(1).sort(1).values, x[: len(rows)].flatten(1).sort(1).values)
    assert torch.equal(seen[what == 0], x[: int((what == 0).sum())])


def test_features_see_images_alone() -> None:
    assert isinstance(likelihood("perceptual", Spec("image", (1, 8, 8))), Perceptual)
    with pytest.raises(ParameterError, match="likelihood='perceptual' for data of kind 'series'"):
        likelihood("perceptual", Spec("series", (1, 8)))
