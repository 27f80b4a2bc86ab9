"""Centre and spread learnt in chunks are those of the whole, and never divide by next to nothing."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from isthmus.data.scaling import RESERVOIR, Moments, Reservoir, floored, scaled


def cut(rows: np.ndarray, places: list[int]) -> list[np.ndarray]:
    """The rows in chunks that end at these places, some of them empty."""
    return np.split(rows, sorted(place % (len(rows) + 1) for place in places))


@given(st.integers(0, 10_000), st.lists(st.integers(0, 400), max_size=6))
def test_moments_of_chunks_are_those_of_the_whole(seed: int, places: list[int]) -> None:
    random = np.random.default_rng(seed)
    rows = 1e6 + random.normal(size=(300, 3)) * [1e-3, 1.0, 1e3]
    rows[random.random(rows.shape) < 0.2] = np.nan
    moments = Moments(3)
    for chunk in cut(rows, places):
        moments.update(chunk)
    np.testing.assert_allclose(moments.mean, np.nanmean(rows, axis=0), rtol=1e-14)
    np.testing.assert_allclose(moments.deviation, np.nanstd(rows, axis=0), rtol=1e-7)
    np.testing.assert_array_equal(moments.low, np.nanmin(rows, axis=0))
    np.testing.assert_array_equal(moments.high, np.nanmax(rows, axis=0))
    np.testing.assert_array_equal(moments.gaps, np.isnan(rows).any(axis=0))


def test_the_variance_keeps_its_digits_far_from_zero() -> None:
    rows = np.array([[1e9 + 4], [1e9 + 7], [1e9 + 13], [1e9 + 16]])
    assert Moments(1).update(rows[:1]).update(rows[1:]).deviation[0] == pytest.approx(np.sqrt(22.5), rel=1e-12)


@pytest.mark.parametrize("places", [[], [1, 2, 3], [5000, 20_000, 20_001], [RESERVOIR]])
def test_the_reservoir_does_not_depend_on_the_chunks(places: list[int]) -> None:
    rows = np.random.default_rng(1).normal(size=(30_000, 2))
    whole, parts = Reservoir(2).update(rows), Reservoir(2)
    for chunk in cut(rows, places):
        parts.update(chunk)
    assert len(parts.rows) == RESERVOIR
    np.testing.assert_array_equal(whole.quantiles((0.1, 0.5)), parts.quantiles((0.1, 0.5)))
    np.testing.assert_allclose(whole.quantiles((0.5,))[0], np.median(rows, axis=0), atol=0.05)


def test_the_reservoir_of_a_small_set_is_the_set() -> None:
    rows = np.random.default_rng(2).normal(size=(999, 1))
    rows[::7] = np.nan
    np.testing.assert_array_equal(Reservoir(1).update(rows).quantiles((0.25,))[0], np.nanquantile(rows, 0.25, axis=0))


@pytest.mark.parametrize(
    ("spread", "magnitude", "dtype", "expected"),
    [
        (0.0, 0.0, "float64", 1.0),
        (0.0, 300.0, "float64", 3.0),
        (1e-4, 300.0, "float32", 3.0),
        (1e-4, 300.0, "float64", 1e-4),
        (1e-6, 1e-2, "float32", 1e-6),
        (0.5, 2024.0, "int64", 0.5),
    ],
)
def test_a_spread_of_mere_rounding_is_replaced(spread: float, magnitude: float, dtype: str, expected: float) -> None:
    assert floored(np.array([spread]), np.array([magnitude]), [dtype])[0] == pytest.approx(expected)


@pytest.mark.parametrize("dtype", ["float64", "float32", "float16", "int64", "uint8", "bool"])
def test_scaled_rows_are_new_contiguous_float32(dtype: str) -> None:
    rows = np.asfortranarray(np.array([[0, 1], [1, 0], [1, 1]], dtype=dtype))
    x = scaled(rows, [0.5, 0.0], [0.5, 2.0])
    assert x.dtype == np.float32
    assert x.flags.c_contiguous
    assert not np.shares_memory(x, rows)
    np.testing.assert_array_equal(x, np.float32([[-1, 0.5], [1, 0], [1, 0.5]]))


def test_float64_is_scaled_before_it_is_rounded() -> None:
    rows = 1e9 + np.arange(4.0)[:, None]
    np.testing.assert_array_equal(scaled(rows, 1e9, 1.0)[:, 0], [0, 1, 2, 3])
