"""Heads: each lesion that was asked for is there, as large and as bright as it was asked for, and nothing else is."""

from __future__ import annotations

import numpy as np
import pytest

from isthmus.data import phantoms
from isthmus.errors import ParameterError
from isthmus.metrics import regions


@pytest.mark.parametrize(("diameter", "contrast"), [(3.0, 0.1), (8.0, 0.3)])
def test_a_lesion_is_as_large_and_as_bright_as_asked(diameter: float, contrast: float) -> None:
    sound, nothing = phantoms(40, 1)
    ill, masks = phantoms(40, 1, lesions=2, diameter=diameter, contrast=contrast)
    assert not nothing.any()
    assert regions(masks).max() == 80
    added = (ill.astype(float) - sound) / 255
    assert added.sum((1, 2)) == pytest.approx(2 * contrast * np.pi * diameter**2 / 4, rel=0.15)
    assert masks.sum() / 80 == pytest.approx(np.pi * diameter**2 / 4, rel=0.12)
    inner = added[masks]
    assert np.median(inner) == pytest.approx(contrast, rel=0.35 if diameter < 5 else 0.05)
    assert abs(added[~masks]).max() <= 0.5 * contrast + 0.01  # a pixel that is less than half covered


def test_lesions_lie_in_the_brain() -> None:
    masks = phantoms(100, 2, lesions=1, diameter=6)[1]
    sound = phantoms(100, 2)[0] / 255
    assert 0.02 < np.quantile(sound[masks], 0.01)
    assert np.quantile(sound[masks], 0.999) < 0.7  # never on the bone, which is at 0.85
    assert abs(np.argwhere(masks)[:, 1:].mean(0) - 31.5).max() < 4


def test_heads_differ_and_a_seed_draws_the_same() -> None:
    X = phantoms(70, 3)[0]
    assert (X.dtype, X.shape) == (np.uint8, (70, 64, 64))
    assert len(np.unique(X.reshape(70, -1), axis=0)) == 70
    assert np.array_equal(X, phantoms(70, 3)[0])
    assert not np.array_equal(X, phantoms(70, 4)[0])
    spread = X.std(0)
    assert spread.max() > 40 > 10 > np.median(spread)  # edges move; within tissue little does


def test_edges_are_smooth_and_sizes_scale() -> None:
    large = phantoms(2, 5, size=128, lesions=1, diameter=12)
    assert large[0].shape == (2, 128, 128)
    assert large[1].sum((1, 2)) == pytest.approx([np.pi * 36] * 2, rel=0.1)
    bone = phantoms(20, 6)[0] > 255 * 0.75
    assert 0.05 < bone.mean() < 0.2


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"n": 0}, "n=0"),
        ({"size": 16}, "size=16.*32 pixels"),
        ({"diameter": 1}, "diameter=1: .*fifth of the image, 12.8"),
        ({"contrast": 0.5}, "contrast=0.5.*whiter than white"),
        ({"n": 1, "lesions": 90, "diameter": 12}, "lesions=90 of diameter=12.*fewer"),
    ],
)
def test_what_cannot_be_drawn_is_refused(options: dict[str, float], words: str) -> None:
    with pytest.raises(ParameterError, match=words):
        phantoms(**options)  # type: ignore[arg-type]
