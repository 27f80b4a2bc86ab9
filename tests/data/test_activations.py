"""Activations are an array wherever they lie: indexed, sliced, masked and read in blocks as NumPy would."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.datasets import load_breast_cancer

from isthmus.data.activation_chunks import Form, Held, packed
from isthmus.data.activations import Activations
from isthmus.data.pieces import ArrayPieces
from isthmus.data.scanning import in_blocks
from isthmus.data.streams import Stream
from isthmus.errors import InputError

ROWS = load_breast_cancer().data[:103].astype(np.float32)


def chunked(precision: str = "float32") -> Activations:
    """The rows in chunks of ten."""
    held = Held(Form({"tumours": 30}, precision, len(ROWS), 10), {})
    for number, chunk in enumerate(held.chunks):
        for name, values in packed(torch.from_numpy(ROWS[10 * number :][:10]), "tumours", precision).items():
            chunk[name][:] = values
    return Activations(held)


ACTIVATIONS = chunked()
PLACE = st.integers(-103, 102)
SLICE = st.builds(slice, st.none() | PLACE, st.none() | PLACE, st.none() | st.sampled_from([1, 2, 7, -1, -3]))


@settings(max_examples=40)
@given(PLACE | SLICE | st.lists(PLACE, max_size=12) | st.tuples(PLACE | SLICE, st.integers(0, 29) | SLICE))
def test_it_is_indexed_as_an_array(key: object) -> None:
    wanted = ROWS[np.array(key, dtype=int) if isinstance(key, list) else key]  # type: ignore[index]
    assert np.array_equal(ACTIVATIONS[key], wanted)


def test_masks_blocks_rows_and_the_whole_are_the_same_rows() -> None:
    mask = ROWS[:, 0] > 14
    assert np.array_equal(ACTIVATIONS[mask], ROWS[mask])
    assert np.array_equal(np.concatenate(list(ACTIVATIONS.blocks(17))), ROWS)
    assert np.array_equal(np.stack(list(ACTIVATIONS)), ROWS)
    assert np.array_equal(np.asarray(ACTIVATIONS), ROWS)
    assert np.asarray(ACTIVATIONS, dtype=np.float64).dtype == np.float64
    assert (len(ACTIVATIONS), ACTIVATIONS.shape, ACTIVATIONS.ndim, ACTIVATIONS.size) == (103, (103, 30), 2, 3090)
    for wrong in (103, -104, [0, 200], [0.5]):
        with pytest.raises(IndexError):
            ACTIVATIONS[wrong]


def test_what_does_not_fit_in_memory_is_streamed() -> None:
    stream = in_blocks(ACTIVATIONS, memory_bytes=1000)
    assert isinstance(stream, Stream) and isinstance(in_blocks(ACTIVATIONS), np.ndarray)
    source, held = stream.learn("none"), Stream(ArrayPieces([ROWS])).learn("none")
    assert torch.equal(source.block(7, 60), held.block(7, 60))
    seen = torch.cat([batch.x for batch in source.batches(16, 0).epoch(0)])
    assert torch.equal(seen.sort(0).values, held.block(0, 103).sort(0).values)


def test_int8_keeps_a_127th_of_each_rows_largest_number() -> None:
    found = chunked("int8")[:]
    assert (np.abs(found - ROWS) <= np.abs(ROWS).max(1, keepdims=True) / 254 * 1.0001).all()


def test_labels_come_with_rows_at_hand() -> None:
    found = Activations.of_arrays(ROWS, tokens=np.arange(103), documents=np.arange(103) // 2)
    assert found.tokens.tolist() == list(range(103)) and found.positions.tolist() == [0] * 103
    mixing = found.mixing(10)
    assert mixing.documents == 5
    pairs = 1 - (101 * 100) / (103 * 102)  # that one of two rows is not among two that are drawn, and so on
    assert found.mixing(2).ideal == pytest.approx(51 * pairs + 2 / 103)
    assert found.mixing(1).ideal == pytest.approx(1.0) and found.mixing(103).ideal == pytest.approx(52)
    with pytest.raises(InputError, match=r"tokens of shape \(3,\) beside 103 rows"):
        Activations.of_arrays(ROWS, tokens=[1, 2, 3])
    with pytest.raises(InputError, match=r"values of shape \(103,\)"):
        Activations.of_arrays(ROWS[:, 0])
    assert Activations.of_arrays(np.zeros((0, 4)))[:].shape == (0, 4)
