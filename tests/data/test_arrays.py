"""Images, series and volumes become (n, C, ...) and come back in their layout and type."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from sklearn.model_selection import train_test_split

from isthmus.core.spec import Spec
from isthmus.data.array_learner import SCALINGS, ArrayLearner, learn_array
from isthmus.data.arrays import Images, Series, Volumes, decode_array, encode_array
from isthmus.errors import InputError, InputTypeError, IsthmusError, MissingValueError, TooFewRowsError

LAYOUTS: list[tuple[Any, tuple[int, ...], str, tuple[int, ...]]] = [
    (Images, (5, 6), "hw", (1, 5, 6)),
    (Images, (5, 6, 3), "hwc", (3, 5, 6)),
    (Images, (5, 6, 1), "hwc", (1, 5, 6)),
    (Series, (9,), "t", (1, 9)),
    (Series, (9, 2), "tc", (2, 9)),
    (Volumes, (4, 5, 6), "dhw", (1, 4, 5, 6)),
    (Volumes, (4, 5, 6, 2), "dhwc", (2, 4, 5, 6)),
]


def samples(shape: tuple[int, ...], dtype: str = "float32") -> np.ndarray:
    """Seven samples of random cells."""
    cells = np.random.default_rng(0).uniform(-3, 250, (7, *shape))
    return (
        (cells > 100) if dtype == "bool" else cells.clip(0).astype(dtype) if dtype == "uint8" else cells.astype(dtype)
    )


@pytest.mark.parametrize("scaling", SCALINGS)
@pytest.mark.parametrize(("tag", "shape", "layout", "x_shape"), LAYOUTS)
def test_samples_come_back_in_their_layout(
    tag: Any, shape: tuple[int, ...], layout: str, x_shape: tuple[int, ...], scaling: str
) -> None:
    array = samples(shape)
    spec = Spec.from_json(learn_array(tag(array), scaling).to_json())
    assert (spec.kind, spec.layout, spec.shape) == (tag.kind, layout, x_shape)
    x = encode_array(array, spec)
    assert x.shape == (7, *x_shape)
    assert x.is_contiguous()
    np.testing.assert_allclose(decode_array(x, spec), array, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("dtype", ["uint8", "bool", "int32", "uint16", "float32", "float64"])
@pytest.mark.parametrize("scaling", SCALINGS)
def test_samples_come_back_in_their_type(dtype: str, scaling: str) -> None:
    array = samples((4, 5), dtype if dtype != "uint16" else "uint8").astype(dtype)
    spec = learn_array(Images(array), scaling)
    back = decode_array(encode_array(array, spec), spec)
    assert back.dtype == dtype
    np.testing.assert_allclose(back.astype(float), array.astype(float), atol=1e-4)


def test_channels_are_moved_not_mixed() -> None:
    array = np.arange(2 * 3 * 4 * 2, dtype=np.uint8).reshape(2, 3, 4, 2)
    x = encode_array(array, learn_array(array, "none"))
    assert torch.equal(x[:, 1], torch.from_numpy(array[..., 1].copy()).float())


@pytest.mark.parametrize(
    ("array", "kind"),
    [
        (np.zeros((2, 4, 4), dtype="uint8"), "image"),
        (np.zeros((2, 4, 4)), "series"),
        (np.zeros((2, 4, 4, 1)), "image"),
        (np.zeros((2, 4, 4, 4, 1)), "volume"),
    ],
)
def test_the_rule_for_bare_arrays(array: np.ndarray, kind: str) -> None:
    assert learn_array(array).kind == kind


@pytest.mark.parametrize(
    ("low", "high", "dtype", "scaling", "expected"),
    [
        (0, 200, "uint8", "unit", (0, 200 / 255)),
        (0, 200, "uint8", "symmetric", (-1, 400 / 255 - 1)),
        (0.1, 0.9, "float32", "unit", (0.1, 0.9)),
        (0.1, 0.9, "float32", "symmetric", (-0.8, 0.8)),
        (-4, 12, "float32", "unit", (0, 1)),
        (-4, 12, "float64", "symmetric", (-1, 1)),
        (-4, 12, "int16", "unit", (0, 1)),
        (-4, 12, "float32", "standard", (-1, 1)),
        (-4, 12, "float32", "none", (-4, 12)),
    ],
)
def test_each_scaling(low: float, high: float, dtype: str, scaling: str, expected: tuple[float, float]) -> None:
    array = np.array([low, high], dtype=dtype).reshape(2, 1, 1)
    spec = learn_array(Images(array), scaling)
    x = encode_array(array, spec)
    assert (x.min().item(), x.max().item()) == pytest.approx(expected, abs=1e-6)
    assert spec.value_range == pytest.approx(expected, abs=1e-6)


def test_equal_cells_have_a_scale() -> None:
    spec = learn_array(np.full((2, 4, 4, 1), 700.0), "standard")
    assert (spec.offset, spec.factor) == (700, 7)


@pytest.mark.parametrize("scaling", SCALINGS)
def test_chunks_teach_what_the_whole_does(scaling: str) -> None:
    array = samples((4, 5, 2))
    learner = ArrayLearner(scaling)
    for start in (0, 3, 5):
        learner.update(array[start : start + (3 if start == 0 else 2)])
    ours, whole = learner.finish(), learn_array(array, scaling)
    assert (ours.offset, ours.factor) == pytest.approx((whole.offset, whole.factor))
    assert ours.value_range == pytest.approx(whole.value_range)


def test_tagged_samples_can_be_split() -> None:
    left, right = train_test_split(Images(samples((4, 5))), test_size=2, random_state=0)
    assert (type(left), len(left), len(right)) == (Images, 5, 2)


def spoilt(value: float) -> np.ndarray:
    """Samples with one such cell."""
    array = samples((4, 5, 1))
    array[3, 1, 2] = value
    return array


@pytest.mark.parametrize(
    ("array", "error", "words"),
    [
        (samples((4, 6, 1)), InputError, "(4, 6, 1): training had (4, 5, 1)"),
        (samples((4, 5, 1), "uint8"), InputTypeError, "training had float32"),
        (Volumes(samples((4, 5, 1))), InputError, "training had Images"),
        (spoilt(np.nan), MissingValueError, "sample 3 holds nan at (1, 2, 0)"),
        (spoilt(np.inf), InputError, "sample 3 holds inf at (1, 2, 0)"),
        (spoilt(3e38), InputError, "infinity or a value too large"),
    ],
)
def test_other_samples_are_refused(array: Any, error: type[IsthmusError], words: str) -> None:
    spec = learn_array(samples((4, 5, 1)))
    with pytest.raises(error) as raised:
        encode_array(array, spec)
    assert words in str(raised.value)


def test_one_sample_teaches_nothing() -> None:
    with pytest.raises(TooFewRowsError, match="1 sample"):
        learn_array(np.zeros((1, 4, 4, 1)))
    with pytest.raises(InputError, match="its axes are"):
        learn_array(Images(np.zeros((3, 4))))
