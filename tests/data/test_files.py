"""Data files: scikit-learn's sets written in every format and read back equal; damage told in three parts."""

from __future__ import annotations

import gzip
import io
import struct
import sys
import wave
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import narwhals as nw
import numpy as np
import numpy.typing as npt
import pandas
import polars
import pyarrow
import pytest
import scipy.sparse
from PIL import Image
from sklearn.datasets import load_breast_cancer, load_digits, load_iris

from isthmus.data.files import read, read_labelled, write
from isthmus.data.formats import FORMATS
from isthmus.errors import (
    DataFileError,
    InputError,
    InputTypeError,
    MissingExtraError,
    ParameterError,
    UnknownNameError,
)

TABLES = [".csv", ".parquet", ".arrow", ".jsonl"]
ARRAYS = [".npy", ".npz"]
DIGITS: npt.NDArray[np.uint8] = load_digits().images[:40].astype(np.uint8)


def iris() -> pandas.DataFrame:
    """Iris with its species by name, one cell of each column missing, and three more types."""
    bunch = load_iris(as_frame=True)
    frame = bunch.frame.drop(columns="target")
    frame["species"] = bunch.target_names[bunch.target]
    frame.iloc[3, 0], frame.iloc[4, 4] = None, None
    frame["petal count"] = np.arange(150)
    frame["grown"] = np.arange(150) % 3 == 0
    frame["picked"] = pandas.date_range("2024-02-27 08:00", periods=150, freq="D")
    return frame


def idx_of(array: npt.NDArray[Any], code: int, big_endian: str) -> bytes:
    """The array in idx, written by the format's description."""
    header = struct.pack(f">BBBB{array.ndim}I", 0, 0, code, array.ndim, *array.shape)
    return header + array.astype(big_endian).tobytes()


def recording(path: Path, samples: bytes, channels: int, width: int) -> None:
    """A WAV file of 8 kHz."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(width)
        file.setframerate(8000)
        file.writeframes(samples)


# ------------------------------------------------------------------------------------------- round trips


@pytest.mark.parametrize("library", [pandas.DataFrame, polars.from_pandas, pyarrow.Table.from_pandas])
@pytest.mark.parametrize("ending", TABLES)
def test_a_mixed_table_comes_back_equal(ending: str, library: Callable[[Any], Any], tmp_path: Path) -> None:
    frame = iris()
    back = read(write(tmp_path / f"iris{ending}", library(frame)))
    assert back.column_names == list(frame.columns)
    assert back["species"].to_pylist() == [cell if isinstance(cell, str) else None for cell in frame["species"]]
    assert back["grown"].to_pylist() == frame["grown"].tolist()
    assert back["petal count"].to_pylist() == frame["petal count"].tolist()
    assert nw.from_native(back)["picked"].cast(nw.Datetime("us")).to_list() == frame["picked"].tolist()
    numbers = nw.from_native(back).select(list(frame.columns[:4])).to_numpy()
    assert np.array_equal(numbers.astype(float), frame.iloc[:, :4].to_numpy(), equal_nan=True)


@pytest.mark.parametrize("ending", TABLES)
def test_numbers_keep_every_digit(ending: str, tmp_path: Path) -> None:
    X = load_breast_cancer().data
    back = read(write(tmp_path / f"X{ending}", X))
    assert back.column_names[:2] == ["x0", "x1"]
    assert np.array_equal(nw.from_native(back).to_numpy(), X)


@pytest.mark.parametrize("ending", ARRAYS)
@pytest.mark.parametrize("array", [load_breast_cancer().data, DIGITS, load_iris().target], ids=["2", "3", "1"])
def test_an_array_comes_back_equal(ending: str, array: npt.NDArray[Any], tmp_path: Path) -> None:
    back = read(write(tmp_path / f"X{ending}", array))
    assert back.dtype == array.dtype
    assert np.array_equal(back, array)


@pytest.mark.parametrize("name", ["digits-images-idx3-ubyte", "digits.idx", "digits-idx3-ubyte.gz", "DIGITS.IDX.GZ"])
def test_digits_come_back_from_idx(name: str, tmp_path: Path) -> None:
    content = idx_of(DIGITS, 0x08, ">u1")
    (tmp_path / name).write_bytes(gzip.compress(content) if name.lower().endswith("gz") else content)
    assert np.array_equal(read(tmp_path / name), DIGITS)


@pytest.mark.parametrize("code, dtype", [(0x09, ">i1"), (0x0B, ">i2"), (0x0C, ">i4"), (0x0D, ">f4"), (0x0E, ">f8")])
def test_every_type_of_idx_is_read_in_native_order(code: int, dtype: str, tmp_path: Path) -> None:
    (tmp_path / "a.idx").write_bytes(idx_of(DIGITS, code, dtype))
    back = read(tmp_path / "a.idx")
    assert back.dtype.isnative and back.dtype == np.dtype(dtype).newbyteorder("=")
    assert np.array_equal(back, DIGITS)


def test_the_published_mnist_is_read(real_data: Path) -> None:
    images = read(real_data / "mnist" / "t10k-images-idx3-ubyte.gz")
    labels = read(real_data / "mnist" / "t10k-labels-idx1-ubyte.gz")
    assert images.shape == (10_000, 28, 28)
    assert labels[:5].tolist() == [7, 2, 1, 0, 4]


@pytest.mark.parametrize("images", [DIGITS, np.stack([DIGITS * 15] * 3, axis=-1)], ids=["grey", "colour"])
def test_images_come_back_from_a_folder_of_png(images: npt.NDArray[np.uint8], tmp_path: Path) -> None:
    folder = write(tmp_path / "digits", images)
    assert np.array_equal(read(folder), images)
    assert np.array_equal(read(folder / "000007.png"), images[7:8])


def test_modes_that_hold_the_same_colours_are_read(tmp_path: Path) -> None:
    grey = Image.fromarray(DIGITS[0] * 15)
    for name, image in {"a.png": grey.convert("1"), "b.png": grey.convert("P"), "c.jpg": grey.convert("L")}.items():
        image.save(tmp_path / name)
    assert read(tmp_path / "a.png").shape == read(tmp_path / "c.jpg").shape == (1, 8, 8)
    assert read(tmp_path / "b.png").shape == (1, 8, 8, 3)
    Image.fromarray(DIGITS[0].astype(np.uint16) * 4000).save(tmp_path / "d.png")
    assert np.array_equal(read(tmp_path / "d.png")[0], DIGITS[0].astype(np.uint16) * 4000)


def test_subfolders_are_classes(tmp_path: Path) -> None:
    for digit in (1, 0):
        write(tmp_path / f"digit-{digit}", DIGITS[digit::10])
    (tmp_path / "labels.csv").write_text("a table,beside\n1,2\n")
    X, y = read_labelled(tmp_path)
    assert y.tolist() == ["digit-0"] * 4 + ["digit-1"] * 4
    assert np.array_equal(X, np.concatenate([DIGITS[0::10], DIGITS[1::10]]))
    assert np.array_equal(read(tmp_path), X)


def test_classes_come_from_npz_and_from_a_column(tmp_path: Path) -> None:
    bunch = load_iris()
    X, y = read_labelled(write(tmp_path / "iris.npz", {"X": bunch.data, "y": bunch.target}))
    assert np.array_equal(X, bunch.data) and np.array_equal(y, bunch.target)
    rest, species = read_labelled(write(tmp_path / "iris.csv", iris()), target="species")
    assert "species" not in rest.column_names
    assert species[0] == "setosa" and len(species) == 150


def test_an_array_is_chosen_by_name(tmp_path: Path) -> None:
    file = write(tmp_path / "smd.npz", {"train": np.ones((3, 2)), "test": np.zeros((2, 2))})
    assert read(file, key="test").shape == (2, 2)
    with pytest.raises(DataFileError, match=r"smd.npz with the arrays 'train', 'test'.*read\('smd.npz', key='train'\)"):
        read(file)
    with pytest.raises(UnknownNameError, match="key='tset'.*Did you mean 'test'"):
        read(file, key="tset")
    with pytest.raises(ParameterError, match="key='x'.*only an .npz"):
        read(write(tmp_path / "a.npy", np.ones(2)), key="x")


def test_a_sparse_matrix_comes_back_sparse(tmp_path: Path) -> None:
    matrix = scipy.sparse.random_array((50, 20), density=0.1, format="csr", rng=np.random.default_rng(0))
    back = read(write(tmp_path / "counts.npz", matrix))
    assert scipy.sparse.issparse(back) and abs(back - matrix).nnz == 0


@pytest.mark.parametrize("width, dtype, top", [(1, "u1", 255), (2, "<i2", 2**15 - 1), (4, "<i4", 2**31 - 1)])
def test_recordings_are_series_between_minus_one_and_one(width: int, dtype: str, top: int, tmp_path: Path) -> None:
    whole = np.array([[0, top], [top // 2, 1], [5, 7]])
    recording(tmp_path / "a.wav", whole.astype(dtype).tobytes(), 2, width)
    series = read(tmp_path / "a.wav")
    half = (top + 1) / 2 if width == 1 else top + 1
    assert series.shape == (1, 3, 2) and series.dtype == np.float32
    assert np.allclose(series[0], (whole - half * (width == 1)) / half, atol=1e-6)


def test_a_folder_of_recordings_is_one_stack_and_24_bits_are_read(tmp_path: Path) -> None:
    for i in range(3):
        samples = np.array([i, -(2**23), 2**22], dtype="<i4")
        recording(tmp_path / f"{i}.wav", samples.view(np.uint8).reshape(-1, 4)[:, :3].tobytes(), 1, 3)
    series = read(tmp_path)
    assert series.shape == (3, 3, 1)
    assert np.allclose(series[:, :, 0], [[i / 2**23, -1, 0.5] for i in range(3)])
    recording(tmp_path / "3.wav", b"\0" * 12, 1, 3)
    with pytest.raises(DataFileError, match=r"3.wav with .* \(4, 1\) at 8000 Hz.*0.wav has \(3, 1\).*[Cc]ut or pad"):
        read(tmp_path)


# --------------------------------------------------------------------------------------- layouts of tables


@pytest.mark.parametrize(
    ("text", "columns"),
    [
        ("a,b\n1,\n,2\n", {"a": [1, None], "b": [None, 2]}),
        ("a;b\n1;x\n", {"a": [1], "b": ["x"]}),
        ("a\tb\r\n1\tx,y\r\n", {"a": [1], "b": ["x,y"]}),
        ("1.5,2\n3,4\n", {"x0": [1.5, 3.0], "x1": [2, 4]}),
        ("1.5,\n3,4\n", {"x0": [1.5, 3.0], "x1": [None, 4]}),
        (",0,1\n0,5,6\n", {"x0": [0], "0": [5], "1": [6]}),
        ("0\n1\n", {"x0": [0, 1]}),
        ("\ufeffa,b\n1,2\n", {"a": [1], "b": [2]}),
        ('"a, ""b""",c\n1,"two\nlines"\n', {'a, "b"': [1], "c": ["two\nlines"]}),
        (",b\n0,1\n", {"x0": [0], "b": [1]}),
        ("a\n1\n\n3\n", {"a": [1, None, 3]}),
        ("a,b\nNA,NaN\n1,x\n", {"a": [None, 1], "b": [None, "x"]}),
        ('a,b\n1,""\n2,\n', {"a": [1, 2], "b": ["", None]}),
        ("a,b\ntrue,2020-01-31\n,\n", {"a": [True, None], "b": [datetime(2020, 1, 31).date(), None]}),
        ("a,b\n1,1\n2.5,x\n", {"a": [1.0, 2.5], "b": ["1", "x"]}),
        ("name\nMüller\n", {"name": ["Müller"]}),
    ],
)
def test_what_stands_in_a_csv(text: str, columns: dict[str, list[Any]], tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_bytes(text.encode())
    (tmp_path / "t.csv.gz").write_bytes(gzip.compress(text.encode()))
    assert read(tmp_path / "t.csv").to_pydict() == columns
    assert read(tmp_path / "t.csv.gz").to_pydict() == columns


def test_a_very_wide_csv_is_read(tmp_path: Path) -> None:
    X = np.random.default_rng(0).normal(size=(3, 10_000))
    assert np.array_equal(nw.from_native(read(write(tmp_path / "wide.csv", X))).to_numpy(), X)


@pytest.mark.parametrize("ending", [".csv", ".parquet", ".npy"])
def test_the_files_of_a_folder_are_one_below_the_other(ending: str, tmp_path: Path) -> None:
    X = load_iris().data
    for part in range(3):
        write(tmp_path / f"part-{part}{ending}", X[50 * part : 50 * part + 50])
    (tmp_path / "_SUCCESS.csv").touch()
    (tmp_path / ".hidden.npy").touch()
    back = read(tmp_path)
    assert np.array_equal(back if ending == ".npy" else nw.from_native(back).to_numpy(), X)
    write(tmp_path / f"part-3{ending}", X[:, :2])
    with pytest.raises(DataFileError, match=f"part-3{ending} with .*part-0{ending} has"):
        read(tmp_path)


def test_row_labels_of_pandas_are_no_column(tmp_path: Path) -> None:
    frame = pandas.DataFrame({"a": [1, 2]}, index=["first", "second"])
    frame.to_parquet(tmp_path / "a.parquet")
    frame.to_feather(tmp_path / "a.feather")
    assert read(tmp_path / "a.parquet").column_names == read(tmp_path / "a.feather").column_names == ["a"]


# ------------------------------------------------------------------------------------------------ writing


def test_a_file_appears_whole_or_not_at_all(tmp_path: Path) -> None:
    file = write(tmp_path / "new" / "X.npy", np.ones(3))
    with pytest.raises(InputError, match="column 'species'.*Write .parquet"):
        write(file, iris())
    assert np.array_equal(read(file), np.ones(3))
    assert [entry.name for entry in file.parent.iterdir()] == ["X.npy"]


@pytest.mark.parametrize(
    ("name", "rows", "error", "words"),
    [
        ("a.csv", DIGITS, InputError, r"shape \(40, 8, 8\) .* as a table.*\.npy"),
        ("a.csv", object(), InputTypeError, "rows of type object.*numpy.asarray"),
        ("a.npy", np.array([{}]), InputError, "Python objects, the first dict.*astype"),
        ("a.idx", DIGITS, DataFileError, r"a.idx to be written: .csv, .parquet"),
        ("a.xlsx", DIGITS, DataFileError, "ending '.xlsx'.*known|read from .csv"),
        ("folder", DIGITS / 16, InputError, r"float64 to be written as PNG.*uint8.*255 \* images"),
    ],
)
def test_what_cannot_be_written_is_refused(
    name: str, rows: Any, error: type[Exception], words: str, tmp_path: Path
) -> None:
    with pytest.raises(error, match=words):
        write(tmp_path / name, rows)
    assert not list(tmp_path.iterdir())


def test_images_are_not_mixed_with_what_lies_there(tmp_path: Path) -> None:
    write(tmp_path / "digits", DIGITS)
    with pytest.raises(DataFileError, match="digits holds files.*another folder"):
        write(tmp_path / "digits", DIGITS[:3])


# ------------------------------------------------------------------------------------------------- damage


def whole_files(folder: Path) -> dict[str, Path]:
    """One whole file of every format."""
    X = load_iris().data
    files = {one: write(folder / f"a{one}", X) for one in [*TABLES[1:3], *ARRAYS]}
    files["png"] = write(folder / "images", DIGITS) / "000000.png"
    files["idx"], files["idx.gz"], files["wav"] = folder / "a.idx", folder / "a.idx.gz", folder / "a.wav"
    files["idx"].write_bytes(idx_of(DIGITS, 0x08, ">u1"))
    files["idx.gz"].write_bytes(gzip.compress(idx_of(DIGITS, 0x08, ">u1")))
    recording(files["wav"], b"\0" * 100, 1, 2)
    files["jpg"] = folder / "a.jpg"
    Image.fromarray(np.kron(DIGITS[0] * 15, np.ones((8, 8), np.uint8))).save(files["jpg"])
    return files


@pytest.mark.parametrize("share", [0.02, 0.3, 0.6, 0.95])
def test_a_file_cut_short_is_refused_by_name(share: float, tmp_path: Path) -> None:
    for file in whole_files(tmp_path).values():
        content = file.read_bytes()
        file.write_bytes(content[: max(1, int(share * len(content)))])
        if file.suffix == ".png" and share > 0.9:
            continue  # only the mark of its end is lost, and no pixel
        with pytest.raises(DataFileError) as caught:
            read(file)
        assert str(file) in caught.value.came
        assert caught.value.allowed and caught.value.fix


def test_changed_bytes_give_data_or_our_error(tmp_path: Path) -> None:
    draws = np.random.default_rng(0)
    for file in whole_files(tmp_path).values():
        content = np.frombuffer(file.read_bytes(), np.uint8)
        for _ in range(15):
            changed = content.copy()
            changed[draws.integers(len(changed), size=3)] = draws.integers(256, size=3)
            file.write_bytes(changed.tobytes())
            try:
                read(file)
            except DataFileError as error:
                assert str(file) in error.came


def damaged(name: str, folder: Path) -> Path:
    """A path at which something is wrong."""
    write(folder / "iris.csv", iris())
    write(folder / "mixed" / "a.csv", iris())
    write(folder / "mixed" / "b.npy", np.ones(2))
    write(folder / "sizes", DIGITS[:2])
    Image.fromarray(DIGITS[0, :5]).save(folder / "sizes" / "000009.png")
    write(folder / "both" / "x", DIGITS[:2])
    Image.fromarray(DIGITS[0]).save(folder / "both" / "a.png")
    Image.fromarray(DIGITS[0]).convert("CMYK").save(folder / "cmyk.jpg")
    (folder / "nothing").mkdir()
    texts = {
        "names.csv": "a,b\n",
        "name.csv": "a,b",
        "blank.csv": "\n\n",
        "ragged.csv": "a,b\n1,2\n3\n",
        "twice.csv": "a,a\n1,2\n",
    }
    bytes_of = {
        "empty.csv": b"",
        "text.parquet": b"a,b\n1,2\n",
        "latin.csv": "name\nMüller\n".encode("latin1"),
        "zero.csv": b"a,b\n\0\0,1\n",
        "late.csv": b"a\n" + b"x\n" * 40_000 + b"\xff\n",
        "png.csv": b"\x89PNG\r\n\x1a\n",
        "magic.idx": b"\x00\x01\x08\x03" + b"\0" * 12,
        "long.idx": idx_of(DIGITS, 0x08, ">u1") + b"\0",
        "bad.jsonl": b'{"a": 1}\n{"a": \n',
        "table.xlsx": b"PK\x03\x04",
        "zip.parquet": b"PK\x03\x04" + b"\0" * 20,
    }
    for file, text in texts.items():
        (folder / file).write_text(text)
    for file, content in bytes_of.items():
        (folder / file).write_bytes(content)
    np.save(folder / "pickle.npy", np.array([{"a": 1}]), allow_pickle=True)
    np.savez(folder / "pickle.npz", X=np.array([{"a": 1}]))
    np.save(folder / "scalar.npy", np.float64(3))
    np.save(folder / "rowless.npy", np.ones((0, 4)))
    return folder / name


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("iris.cvs", "iris.cvs is not there.*'iris.csv'.*Did you mean .*iris.csv?"),
        ("nowhere/iris.csv", "neither is its folder .*nowhere.*Check the path"),
        ("table.xlsx", "ending '.xlsx'.*read from .csv, .*[Ss]ave it as .csv or .parquet"),
        ("empty.csv", "empty.csv with 0 bytes.*at least one row"),
        ("names.csv", "names.csv with names only.*at least one row"),
        ("name.csv", "name.csv with names only.*at least one row"),
        ("blank.csv", "blank.csv with names only.*at least one row"),
        ("ragged.csv", "ragged.csv cannot be read as CSV.*Expected 2 columns, got 1"),
        ("twice.csv", "twice.csv with 2 columns called 'a'.*[Rr]ename"),
        ("latin.csv", r"byte 6 is b'\\xfc'.*UTF-8.*iconv"),
        ("late.csv", "column 'a' holds bytes that are no text.*UTF-8"),
        ("zero.csv", "byte 4 is zero.*text"),
        ("png.csv", "begins with .*PNG.*CSV is text.*[Rr]ename it to .png"),
        ("text.parquet", "begins with b'a,b.*Parquet begins with b'PAR1'.*[Ww]rite"),
        ("zip.parquet", "Parquet begins with b'PAR1'.*[Rr]ename it to .npz"),
        ("magic.idx", "begins with"),
        ("long.idx", r"long.idx with 2561 bytes of data.*promises 2560: shape \(40, 8, 8\) of 1 byte"),
        ("bad.jsonl", "bad.jsonl cannot be read as JSON lines"),
        ("pickle.npy", "pickle.npy holds Python objects.*never read.*astype"),
        ("pickle.npz", "pickle.npz holds Python objects"),
        ("scalar.npy", r"array of shape \(\).*at least one row"),
        ("rowless.npy", r"array of shape \(0, 4\).*at least one row"),
        ("mixed", "mixed with files of the kinds CSV, NPY.*one kind.*[Mm]ove"),
        ("nothing", "nothing without data files"),
        ("sizes", r"000009.png of shape \(5, 8\).*000000.png has shape \(8, 8\).*[Rr]esize"),
        ("both", "both with 1 images beside subfolders with 2.*classes"),
        ("cmyk.jpg", "cmyk.jpg in the mode 'CMYK'.*RGB.*[Cc]onvert"),
    ],
)
def test_what_is_wrong_is_said_in_three_parts(name: str, words: str, tmp_path: Path) -> None:
    path = damaged(name, tmp_path)
    with pytest.raises(DataFileError, match=f"(?s){words}") as caught:
        read(path)
    assert all((caught.value.came, caught.value.allowed, caught.value.fix))
    assert isinstance(caught.value, OSError)


def test_a_file_that_may_not_be_read(tmp_path: Path, monkeypatch: Any) -> None:
    file = write(tmp_path / "a.npy", np.ones(2))

    def closed(*_: Any, **__: Any) -> io.BytesIO:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", closed)
    with pytest.raises(DataFileError, match="a.npy cannot be opened.*chmod u\\+r"):
        read(file)


def test_classes_that_are_not_there(tmp_path: Path) -> None:
    with pytest.raises(DataFileError, match="without classes .*name the column|Name the column"):
        read_labelled(write(tmp_path / "a.csv", iris()))
    with pytest.raises(UnknownNameError, match="target='specis'.*Did you mean 'species'"):
        read_labelled(tmp_path / "a.csv", target="specis")
    with pytest.raises(UnknownNameError, match="key='y'"):
        read_labelled(write(tmp_path / "a.npz", np.ones((3, 2))))
    with pytest.raises(DataFileError, match="save X and y|Save X and y"):
        read_labelled(write(tmp_path / "a.npy", np.ones((3, 2))))


@pytest.mark.parametrize(
    ("name", "module", "words"),
    [
        ("a.csv", "pyarrow.csv", 'reading CSV: it needs pyarrow.*"isthmus\\[data\\]"'),
        ("a.parquet", "pyarrow.parquet", "reading Parquet: it needs pyarrow"),
        ("a.png", "PIL.Image", 'reading images: it needs Pillow.*"isthmus\\[images\\]"'),
    ],
)
def test_a_library_that_is_not_installed(name: str, module: str, words: str, tmp_path: Path, monkeypatch: Any) -> None:
    begins = next(one.magic for one in FORMATS if name.endswith(one.endings))
    (tmp_path / name).write_bytes(begins + b"a,b\n1,2\n")
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(MissingExtraError, match=words):
        read(tmp_path / name)
