"""Sources in memory hand out the right blocks and keep the caller's data as it was."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.sparse
import torch

from isthmus.data import memory
from isthmus.data.array_learner import learn_array
from isthmus.data.arrays import encode_array
from isthmus.data.memory import ArraySource, TensorSource, check_memory
from isthmus.data.tables import encode_table, learn_table
from isthmus.errors import InputError


def table(dtype: str) -> Any:
    """A table whose columns lie far from 0."""
    return (np.random.default_rng(0).normal(size=(40, 5)) * 30 + 1000).astype(dtype)


@pytest.mark.parametrize(
    "rows", [table("float64"), table("float32"), table("int32"), scipy.sparse.csr_array(table("float32"))]
)
def test_blocks_of_a_table_are_its_x(rows: Any) -> None:
    spec = learn_table(rows)
    source, x = ArraySource(rows, spec), encode_table(rows, spec)
    assert len(source) == 40
    for start, stop in [(0, 40), (7, 8), (39, 40), (5, 5)]:
        assert torch.equal(source.block(start, stop), x[start:stop])


@pytest.mark.parametrize("dtype", ["uint8", "float32"])
def test_blocks_of_images_are_their_x(dtype: str) -> None:
    images = np.random.default_rng(0).uniform(0, 200, (9, 4, 5, 3)).astype(dtype)
    spec = learn_array(images)
    assert torch.equal(ArraySource(images, spec).block(2, 5), encode_array(images, spec)[2:5])


@pytest.mark.parametrize("scaling", ["standard", "none"])
def test_a_block_is_the_callers_to_change(scaling: str) -> None:
    rows = table("float32")
    before = rows.copy()
    spec = learn_table(rows, scaling)
    for source in (ArraySource(rows, spec), TensorSource(encode_table(rows, spec), spec)):
        first = source.block(0, 10)
        kept = first.clone()
        first.zero_()
        assert torch.equal(source.block(0, 10), kept)
    np.testing.assert_array_equal(rows, before)


def test_a_memory_map_is_read_block_by_block(tmp_path: Path) -> None:
    np.save(tmp_path / "rows.npy", table("float32"))
    rows = np.load(tmp_path / "rows.npy", mmap_mode="r")
    spec = learn_table(rows)
    assert torch.equal(ArraySource(rows, spec).block(3, 6), encode_table(table("float32"), spec)[3:6])


def test_a_sparse_matrix_too_large_once_dense_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    check_memory(1000, 1000)
    monkeypatch.setattr(memory, "free_memory", lambda: 1e6)
    with pytest.raises(InputError, match=r"0.004 GB once dense.*0.001 GB of memory are free.*TruncatedSVD"):
        check_memory(1000, 1000)


def test_free_memory_is_known_or_endless() -> None:
    assert memory.free_memory() > 1e6
