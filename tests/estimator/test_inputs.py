"""Whatever the caller gives becomes the same x, by the short way and the long one, and comes back as it was."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
import scipy.sparse
import torch
from sklearn.base import BaseEstimator
from sklearn.exceptions import NotFittedError

from isthmus.data.arrays import Images
from isthmus.data.files import write
from isthmus.data.memory import ArraySource
from isthmus.data.scanning import scan
from isthmus.data.streams import StreamSource
from isthmus.errors import ColumnError, InputError, MissingValueError, UnknownNameError, ValueRangeError
from isthmus.estimator import containers, inputs
from isthmus.estimator.inputs import check_weights, give_back, learn, read, read_codes

ROWS = np.random.default_rng(0).normal(size=(30, 4)) * 10 + 100


@dataclass
class Settings:
    """The one setting that reading asks for."""

    likelihood: str


class Model(BaseEstimator):
    """An estimator that learns its spec and no more."""

    numbers_only, table_scaling, array_scaling = False, "standard", "unit"

    def __init__(self, scaling: str = "auto", likelihood: str = "auto") -> None:
        self.scaling, self.likelihood = scaling, likelihood

    def fit(self, X: Any) -> Model:
        """Learn the spec."""
        self.source_ = learn(self, X)
        self.spec_, self.latent_shape_ = self.source_.spec, (2,)
        self.settings_ = Settings("gaussian" if self.likelihood == "auto" else self.likelihood)
        return self

    def x(self, X: Any, **options: Any) -> torch.Tensor:
        """What reading makes of X."""
        source = read(self, X, **options)
        return source.block(0, len(source))


class Foreign:
    """Something that only says how to become an array."""

    def __array__(self, dtype: Any = None, copy: Any = None) -> np.ndarray:
        return ROWS


@pytest.mark.parametrize(
    "X",
    [
        ROWS.tolist(),
        torch.from_numpy(ROWS),
        np.ma.MaskedArray(ROWS, mask=np.zeros_like(ROWS, dtype=bool)),
        ROWS.astype(object),
        np.asfortranarray(ROWS),
        scipy.sparse.coo_array(ROWS),
        Foreign(),
    ],
    ids=["list", "tensor", "masked", "objects", "fortran", "sparse", "foreign"],
)
def test_everything_like_an_array_is_read_as_one(X: Any) -> None:
    model, plain = Model().fit(X), Model().fit(ROWS)
    assert model.n_features_in_ == 4
    assert [c.center for c in model.spec_.columns] == pytest.approx([c.center for c in plain.spec_.columns])
    torch.testing.assert_close(model.x(X), plain.x(ROWS))


def test_masked_cells_none_and_nan_are_missing() -> None:
    mask = np.zeros_like(ROWS, dtype=bool)
    mask[3, 1] = True
    holes = np.where(mask, None, ROWS)
    for X in (np.ma.MaskedArray(ROWS, mask=mask), holes, np.where(mask, np.nan, ROWS)):
        model = Model().fit(X)
        assert [column.gaps for column in model.spec_.columns] == [False, True, False, False]
        assert torch.equal(model.x(X).isnan(), torch.from_numpy(mask))


def test_the_short_check_gives_the_bits_of_the_long_one(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = ROWS.astype(np.float32)
    model = Model().fit(rows)
    short = model.x(rows)
    monkeypatch.setattr(inputs, "is_ready", lambda X, spec: False)
    assert torch.equal(short, model.x(rows))
    monkeypatch.undo()
    monkeypatch.setattr(inputs, "opened", lambda X: pytest.fail("a ready array took the long way"))
    assert torch.equal(short, model.x(rows))


@pytest.mark.parametrize(
    ("spoil", "error", "words"),
    [
        (lambda rows: rows[:, :3], ColumnError, "X has 3 features, but Model is expecting 4 features as input"),
        (lambda rows: np.where(rows == rows[2, 1], np.nan, rows), MissingValueError, "'x1'|x1"),
        (lambda rows: np.where(rows == rows[2, 1], np.inf, rows), InputError, "row 2, column 'x1' holds inf"),
        (lambda rows: rows[:0], InputError, r"0 sample\(s\)"),
        (lambda rows: rows[0], InputError, "Reshape your data"),
    ],
)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_both_checks_say_the_same(spoil: Any, error: Any, words: str, dtype: str) -> None:
    rows = ROWS.astype(dtype)
    model = Model().fit(rows)
    with pytest.raises(error, match=words):
        model.x(spoil(rows))


def test_large_float32_numbers_pass_by_the_long_way() -> None:
    rows = np.float32([[1e20], [3e20]])
    assert Model().fit(rows).x(rows).tolist() == [[-1.0], [1.0]]


@pytest.mark.parametrize("library", [pd.DataFrame, pl.DataFrame])
def test_frames_leave_their_names(library: Any) -> None:
    frame = library(dict(zip("abcd", ROWS.T, strict=True)))
    model = Model().fit(frame)
    assert model.feature_names_in_.tolist() == ["a", "b", "c", "d"]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model.x(frame)
    with pytest.warns(UserWarning, match="X does not have valid feature names, but Model was fitted with"):
        assert torch.equal(model.x(ROWS), model.x(frame))
    with pytest.warns(UserWarning, match="X has feature names, but Model was fitted without"):
        Model().fit(ROWS).x(frame)
    assert not hasattr(model.fit(ROWS), "feature_names_in_")


def test_a_failed_fit_leaves_the_old_names() -> None:
    model = Model().fit(ROWS)
    with pytest.raises(InputError):
        model.fit(np.full((5, 7), np.inf))
    assert model.n_features_in_ == 4


def test_images_count_their_cells() -> None:
    model = Model().fit(pd.DataFrame(ROWS, columns=list("abcd")))
    images = np.random.default_rng(0).integers(0, 255, (6, 5, 4), dtype=np.uint8)
    model.fit(images)
    assert (model.n_features_in_, hasattr(model, "feature_names_in_")) == (20, False)
    np.testing.assert_array_equal(give_back(model, model.x(images)), images)
    with pytest.raises(InputError, match=r"samples of shape \(20,\): training had \(5, 4\)"):
        model.x(images.reshape(6, 20))


def test_a_path_is_read_as_what_it_holds(tmp_path: Path) -> None:
    np.save(tmp_path / "rows.npy", ROWS)
    model = Model().fit(tmp_path / "rows.npy")
    assert torch.equal(model.x(str(tmp_path / "rows.npy")), model.x(ROWS))


@pytest.mark.parametrize("name", ["rows.npy", "rows.parquet", "rows.csv"])
def test_rows_that_stay_in_their_file_are_read_as_those_in_memory(name: str, tmp_path: Path) -> None:
    frame = pd.DataFrame(ROWS, columns=list("abcd")) if name != "rows.npy" else ROWS
    stream = scan(write(tmp_path / name, frame))
    model, plain = Model().fit(stream), Model().fit(frame)
    assert isinstance(model.source_, StreamSource)
    assert model.n_features_in_ == 4
    assert hasattr(model, "feature_names_in_") == hasattr(plain, "feature_names_in_")
    torch.testing.assert_close(model.x(stream), plain.x(frame))
    torch.testing.assert_close(model.x(frame), plain.x(stream))
    with pytest.raises(ColumnError, match="X has 4 features, but Model is expecting 3 features"):
        Model().fit(ROWS[:, :3]).x(stream)


def test_a_memory_map_beyond_memory_is_streamed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    np.save(tmp_path / "rows.npy", ROWS)
    rows = np.load(tmp_path / "rows.npy", mmap_mode="r")
    assert isinstance(Model().fit(rows).source_, ArraySource)
    monkeypatch.setattr(containers, "MEMORY_BYTES", 100)
    assert isinstance(Model().fit(rows).source_, StreamSource)
    images = Images(np.lib.stride_tricks.as_strided(rows, (30, 2, 2), (32, 16, 8), writeable=False))
    assert Model().fit(images).spec_.kind == "image"


@pytest.mark.parametrize(
    ("likelihood", "rows", "scale"),
    [
        ("auto", ROWS, "standard"),
        ("gaussian", ROWS, "standard"),
        ("laplace", ROWS, "standard"),
        ("bernoulli", ROWS / 1000, "none"),
        ("poisson", ROWS.round(), "none"),
        ("negative-binomial", ROWS.round(), "none"),
        ("multinomial", ROWS.round(), "none"),
        ("bernoulli", np.zeros((3, 8, 8), dtype="uint8"), "unit"),
        ("poisson", np.ones((3, 8, 8), dtype="uint8"), "none"),
    ],
)
def test_automatic_scaling_follows_the_likelihood(likelihood: str, rows: np.ndarray, scale: str) -> None:
    spec = Model(likelihood=likelihood).fit(rows).spec_
    assert spec == Model(scaling=scale).fit(rows).spec_


@pytest.mark.parametrize(
    ("likelihood", "value", "words"),
    [
        ("bernoulli", -0.25, "column 'x2' holds -0.25 in row 5: likelihood='bernoulli' prices values from 0 to 1"),
        ("bernoulli", 1.5, "holds 1.5"),
        ("poisson", -1.0, "prices whole numbers from 0 on"),
        ("poisson", 0.5, "holds 0.5 in row 5"),
        ("multinomial", 2.5, "holds 2.5"),
    ],
)
def test_values_without_a_price_are_refused_at_fit_and_later(likelihood: str, value: float, words: str) -> None:
    good = np.random.default_rng(0).integers(0, 2, (9, 4)).astype(np.float32)
    bad = good.copy()
    bad[5, 2] = value
    for attempt in (
        lambda: Model(likelihood=likelihood).fit(bad),
        lambda: Model(likelihood=likelihood).fit(good).x(bad),
    ):
        with pytest.raises(ValueRangeError) as raised:
            attempt()
        assert words in str(raised.value)


def test_a_cell_of_an_image_outside_its_domain_is_named() -> None:
    images = Images(np.zeros((4, 5, 5)))
    images.array[2, 3, 4] = 0.5
    with pytest.raises(ValueRangeError, match=r"place \(0, 3, 4\) holds 0.5 in row 2"):
        Model(likelihood="poisson").fit(images)


def test_gaps_can_be_let_through() -> None:
    model = Model().fit(ROWS)
    holes = ROWS.copy()
    holes[4, 2] = np.nan
    source = read(model, holes, gaps=True)
    assert source.spec is model.spec_
    assert source.block(4, 5).isnan().tolist() == [[False, False, True, False]]


def test_a_frame_comes_back_with_its_row_labels() -> None:
    frame = pd.DataFrame({"n": [1, 2, 3], "w": ["a", "b", "a"]}, index=["x", "y", "z"])
    model = Model().fit(frame)
    pd.testing.assert_frame_equal(give_back(model, model.x(frame), like=frame), frame)
    assert give_back(model, model.x(frame)).index.tolist() == [0, 1, 2]


def test_an_array_comes_back_in_the_type_of_the_rows_it_came_from() -> None:
    model = Model().fit(ROWS.astype(np.float32))
    assert give_back(model, model.x(ROWS)).dtype == np.float32
    assert give_back(model, model.x(ROWS), like=ROWS).dtype == np.float64


@pytest.mark.parametrize("Z", [[[1, 2], [3, 4]], pd.DataFrame({"a": [1, 3], "b": [2, 4]}), np.eye(2)])
def test_codes_are_read_from_anything(Z: Any) -> None:
    source = read_codes(Model().fit(ROWS), Z)
    assert torch.equal(source.block(0, 2), torch.from_numpy(np.asarray(Z, dtype=np.float32)))


def test_codes_of_several_axes_are_unfolded() -> None:
    model = Model().fit(ROWS)
    model.latent_shape_ = (2, 3)
    assert read_codes(model, np.zeros((5, 6))).block(0, 5).shape == (5, 2, 3)


def test_an_unfitted_model_says_so() -> None:
    for verb in (read, read_codes):
        with pytest.raises(NotFittedError):
            verb(Model(), ROWS)


@pytest.mark.parametrize("weight", [[1, 2, 0], np.float32([1, 2, 0]), pd.Series([1, 2, 0]), torch.tensor([1, 2, 0])])
def test_weights_become_a_tensor(weight: Any) -> None:
    given = check_weights(weight, 3)
    assert given is not None
    assert torch.equal(given, torch.tensor([1.0, 2.0, 0.0]))
    assert check_weights(None, 3) is None


@pytest.mark.parametrize(("name", "value"), [("scaling", "standart"), ("likelihood", "gausian"), ("likelihood", None)])
def test_unknown_names_are_refused(name: str, value: Any) -> None:
    with pytest.raises(UnknownNameError, match=f"{name}="):
        Model(**{name: value}).fit(ROWS)
