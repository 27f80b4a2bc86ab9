"""Tables of every library become x and come back as they were."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import polars.testing
import pyarrow as pa
import pytest
import scipy.sparse
import torch

from isthmus.core.spec import Spec
from isthmus.data.table_learner import TableLearner
from isthmus.data.tables import decode_table, encode_table, learn_table
from isthmus.errors import ColumnError, InputError, MissingValueError, TooFewRowsError

MOMENTS = [dt.datetime(2024, 1, 1, 12, tzinfo=dt.UTC), None, dt.datetime(2024, 1, 9, tzinfo=dt.UTC)]
CELLS: dict[str, list[Any]] = {
    "whole": [1, -2, 3],
    "real": [0.5, None, 2.5],
    "flag": [True, False, True],
    "word": ["b", None, "a"],
    "when": MOMENTS,
}
KINDS = ["numeric", "numeric", "boolean", "categorical", "datetime"]


def pandas_frame() -> pd.DataFrame:
    """Every type that pandas has of its own, with row labels."""
    frame = pd.DataFrame(CELLS, index=["x", "y", "z"])
    frame["nullable"] = pd.array([1, None, 3], dtype="Int64")
    frame["maybe"] = pd.array([True, None, False], dtype="boolean")
    frame["number class"] = pd.Categorical([3, 1, None])
    frame["grade"] = pd.Categorical(["low", "high", "low"], categories=["low", "mid", "high"], ordered=True)
    frame["objects"] = pd.Series([1, 2.5, None], dtype=object, index=frame.index)
    frame["truths"] = pd.Series([True, None, False], dtype=object, index=frame.index)
    frame["berlin"] = frame["when"].dt.tz_convert("Europe/Berlin")
    frame["naive"] = frame["when"].dt.tz_localize(None).astype("datetime64[s]")
    frame["arrow"] = pd.array([1, None, 2], dtype="int64[pyarrow]")
    frame["byte"] = np.array([0, 255, 3], dtype="uint8")
    return frame


def polars_frame() -> pl.DataFrame:
    """Every type that polars has of its own."""
    return pl.DataFrame(CELLS).with_columns(
        pl.Series("class", ["u", "v", None], dtype=pl.Categorical),
        pl.Series("grade", ["low", "high", "low"], dtype=pl.Enum(["low", "mid", "high"])),
        pl.Series("short", [1, None, 2], dtype=pl.Int16),
        pl.Series("day", [dt.date(2024, 1, 1), None, dt.date(1969, 7, 20)]),
        pl.Series("price", ["1.25", "2.50", "9.75"]).cast(pl.Decimal(10, 2)),
        pl.Series("single", [1, 2, 3], dtype=pl.Float32),
        pl.Series("naive", [moment and moment.replace(tzinfo=None) for moment in MOMENTS]).cast(pl.Datetime("ms")),
    )


def arrow_table() -> pa.Table:
    """An Arrow table with a small integer and a dictionary."""
    table = pa.table(CELLS).append_column("short", pa.array([1, None, 2], pa.int16()))
    return table.append_column("class", pa.array(["k", None, "m"]).dictionary_encode())


def same(left: Any, right: Any) -> None:
    """Whether two frames hold the same cells in the same types, floats up to float32's rounding."""
    if isinstance(left, pd.DataFrame):
        pd.testing.assert_frame_equal(left, right, rtol=1e-6)
    elif isinstance(left, pl.DataFrame):
        polars.testing.assert_frame_equal(left, right, rel_tol=1e-6)
    else:
        assert left.schema.names == right.schema.names
        assert left.to_pylist() == right.to_pylist()


@pytest.mark.parametrize("make", [pandas_frame, polars_frame, arrow_table])
def test_a_frame_comes_back_with_its_names_types_and_units(make: Any) -> None:
    frame = make()
    spec = Spec.from_json(json.loads(json.dumps(learn_table(frame).to_json())))
    assert [column.kind for column in spec.columns[:5]] == KINDS
    assert [column.gaps for column in spec.columns[:5]] == [False, True, False, True, True]
    x = encode_table(frame, spec)
    assert x.dtype == torch.float32
    assert x.shape == (3, len(spec.columns))
    same(frame, decode_table(x, spec, getattr(frame, "index", None)))


@pytest.mark.parametrize("make", [pandas_frame, polars_frame, arrow_table])
def test_whatever_a_network_answers_can_be_given_back(make: Any) -> None:
    spec = learn_table(make())
    answer = 50 * torch.randn(20, spec.shape[0], generator=torch.Generator().manual_seed(0))
    frame = decode_table(answer, spec)
    assert type(frame) is type(make())
    assert len(frame) == 20
    assert set(pa.table(frame)["word"].to_pylist() if isinstance(frame, pa.Table) else frame["word"]) <= {"a", "b"}


def test_frames_of_all_libraries_give_the_same_x() -> None:
    frames = [pd.DataFrame(CELLS), pl.DataFrame(CELLS), pl.LazyFrame(CELLS), pa.table(CELLS)]
    first, *others = [encode_table(frame, learn_table(frame)) for frame in frames]
    for other in others:
        assert torch.equal(torch.nan_to_num(first, 9.0), torch.nan_to_num(other, 9.0))


def test_a_census_comes_back_cell_by_cell(real_data: Path) -> None:
    rows = pl.read_csv(real_data / "tabular" / "adult_train.csv.gz", null_values=" ?")
    spec = learn_table(rows)
    assert len(spec.indices("categorical")) == 8
    polars.testing.assert_frame_equal(decode_table(encode_table(rows, spec), spec), rows)


def test_integers_are_rounded_into_their_type_and_booleans_cut() -> None:
    frame = pd.DataFrame({"byte": np.array([0, 200], dtype="uint8"), "flag": [True, False], "big": [0, 2**60]})
    spec = learn_table(frame, "none")
    back = decode_table(torch.tensor([[300.0, 0.51, 2.0**70], [-7.0, 0.49, 0.6], [3.5, 1.0, -(2.0**70)]]), spec)
    assert back["byte"].tolist() == [255, 0, 4]
    assert back["flag"].tolist() == [True, False, True]
    assert back["big"].tolist()[1] == 1
    assert back["big"].tolist()[0] > 2**62
    assert back["big"].tolist()[2] == -(2**63)


def test_datetimes_keep_their_seconds_apart() -> None:
    stamps = pd.Timestamp("2024-03-01", tz="Asia/Tokyo") + pd.to_timedelta(np.arange(50), "s")
    frame = pd.DataFrame({"when": stamps})
    spec = learn_table(frame, "none")
    x = encode_table(frame, spec)
    assert x.std().item() == pytest.approx(1, abs=0.02)
    assert (decode_table(x, spec)["when"] - frame["when"]).abs().max() < pd.Timedelta("10us")


@pytest.mark.parametrize(
    ("scaling", "center", "scale"), [("standard", 3.0, 2.0), ("robust", 3.0, 2 / 1.349), ("none", 0, 1)]
)
def test_each_scaling(scaling: str, center: float, scale: float) -> None:
    column = learn_table(np.array([[0.0], [3.0], [3.0], [4.0], [2.0], [6.0]])[[0, 1, 3, 4, 5]], scaling).columns[0]
    assert (column.center, column.scale) == (pytest.approx(center), pytest.approx(scale, rel=1e-3))
    assert (column.low, column.high) == (0, 6)


def test_robust_scaling_of_a_mostly_constant_column_falls_back_on_its_deviation() -> None:
    rows = np.zeros((100, 1))
    rows[:10] = 5.0
    column = learn_table(rows, "robust").columns[0]
    assert (column.center, column.scale) == (0.0, pytest.approx(1.5))


@pytest.mark.parametrize(("value", "scale"), [(0.0, 1.0), (1000.0, 10.0), (-0.02, 0.0002)])
def test_a_constant_column_has_a_scale_of_its_magnitude(value: float, scale: float) -> None:
    assert learn_table(np.full((9, 1), value)).columns[0].scale == pytest.approx(scale)


@pytest.mark.parametrize(
    ("dtype", "out"),
    [
        ("float32", "float32"),
        ("float64", "float64"),
        ("int16", "float64"),
        ("float16", "float64"),
        ("uint8", "float64"),
    ],
)
def test_an_array_comes_back_as_floats(dtype: str, out: str) -> None:
    rows = np.random.default_rng(0).integers(0, 99, (20, 3)).astype(dtype)
    spec = learn_table(rows)
    back = decode_table(encode_table(rows, spec), spec)
    assert back.dtype == out
    np.testing.assert_allclose(back, rows.astype(out), rtol=1e-5, atol=1e-4)


@pytest.mark.parametrize("form", ["csr", "csc", "coo", "lil"])
def test_a_sparse_matrix_is_read_as_its_dense_twin(form: str) -> None:
    rows = scipy.sparse.random_array((50, 6), density=0.3, rng=np.random.default_rng(0), format=form)
    spec, twin = learn_table(rows), learn_table(rows.toarray(order="C"))
    assert spec.columns == twin.columns
    x = encode_table(rows, spec)
    assert torch.equal(x, encode_table(rows.toarray(), twin))
    back = decode_table(x, spec)
    assert isinstance(back, scipy.sparse.csr_array)
    np.testing.assert_allclose(back.toarray(), rows.toarray(), atol=1e-6)


def test_number_labels_of_pandas_come_back_as_numbers() -> None:
    frame = pd.DataFrame(np.eye(3), columns=[3, 5, 7])
    spec = learn_table(frame)
    assert not spec.named
    same(frame, decode_table(encode_table(frame, spec), spec))


@pytest.mark.parametrize("scaling", ["standard", "robust", "log", "none"])
@pytest.mark.parametrize("make", [pandas_frame, polars_frame, arrow_table])
def test_chunks_teach_what_the_whole_does(make: Any, scaling: str) -> None:
    frame = make()
    learner = TableLearner(scaling)
    for start in range(3):
        learner.update(frame.slice(start, 1) if hasattr(frame, "slice") else frame.iloc[start : start + 1])
    whole = learn_table(frame, scaling)
    for ours, theirs in zip(learner.finish().columns, whole.columns, strict=True):
        assert (ours.name, ours.kind, ours.categories, ours.gaps) == (
            theirs.name,
            theirs.kind,
            theirs.categories,
            theirs.gaps,
        )
        assert (ours.center, ours.scale) == (pytest.approx(theirs.center), pytest.approx(theirs.scale))


def test_a_later_chunk_says_what_a_blank_column_is() -> None:
    learner = TableLearner().update(pl.DataFrame({"a": [None, None], "b": [1, 2]}))
    column = learner.update(pl.DataFrame({"a": ["u", "v"], "b": [3.5, 4]})).finish().columns
    assert (column[0].kind, column[0].categories, column[0].gaps) == ("categorical", ("u", "v"), True)
    assert column[1].dtype == "Float64"


def test_unseen_words_of_an_enum_are_known_and_of_a_category_not() -> None:
    grades = pl.DataFrame({"a": pl.Series(["x", "x"], dtype=pl.Enum(["y", "x"]))})
    assert learn_table(grades).columns[0].categories == ("y", "x")
    classes = pd.DataFrame({"a": pd.Categorical(["x", "x"], categories=["y", "x"])})
    assert learn_table(classes).columns[0].categories == ("x",)


def test_row_numbers_in_messages_count_from_the_first_chunk() -> None:
    spec = learn_table(np.eye(3))
    rows = np.eye(3)
    rows[2, 1] = np.inf
    with pytest.raises(InputError, match=r"row 102, column 'x1' holds inf"):
        encode_table(rows, spec, first_row=100)
    learner = TableLearner().update(np.eye(3))
    with pytest.raises(InputError, match="row 5, column 'x1'"):
        learner.update(rows)


@pytest.mark.parametrize(
    ("chunks", "error", "words"),
    [
        ([{"a": [1]}, {"b": [1]}], ColumnError, "same columns"),
        ([{"a": [1]}, {"a": ["x"]}], ColumnError, "'a' is categorical"),
        ([{"a": [1]}], TooFewRowsError, "1 sample"),
        ([], TooFewRowsError, "no chunks"),
        ([{"a": [1, 2], "b": [None, None]}], MissingValueError, "'b' without any value"),
        ([{"a": [[1], [2]]}], ColumnError, "List"),
        ([{"a": [dt.timedelta(1)]}], ColumnError, "Duration"),
        ([{"a": [1.0, 1e39]}], InputError, "too large for float32"),
    ],
)
def test_a_learner_refuses_what_it_cannot_read(chunks: list[dict[str, Any]], error: Any, words: str) -> None:
    learner = TableLearner()
    with pytest.raises(error, match=words):
        for chunk in chunks:
            learner.update(pl.DataFrame(chunk))
        learner.finish()
