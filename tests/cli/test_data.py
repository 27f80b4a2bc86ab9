"""`isthmus data`: sets by name, into files that the other commands read."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import isthmus as package
from isthmus.data import files, load
from isthmus.data.datasets import SETS
from tests.cli.command import Isthmus


def test_the_list_names_every_set(isthmus: Isthmus) -> None:
    text = isthmus.ok("data", "list").out
    assert [line.split()[0] for line in text.splitlines()] == list(SETS)
    assert all(known.sentence in text for known in SETS.values())
    facts = isthmus.ok("data", "list", "--json").facts
    assert {fact["name"]: fact["kind"] for fact in facts} == {name: known.kind for name, known in SETS.items()}


def test_a_table_lies_beside_us_as_csv_unless_told_otherwise(
    isthmus: Isthmus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert isthmus.ok("data", "get", "wine").paths == [Path("wine.csv")]
    rows, target = files.read_labelled("wine.csv", target="target")
    assert rows.column_names == list(load("wine").columns)
    assert target.tolist() == load("wine").y.tolist()
    told = isthmus("data", "get", "wine")
    assert told.code == 2 and "wine.csv is there" in told.err and "--out wine.csv" in told.err
    assert isthmus.ok("data", "get", "wine", "--out", "wine.csv").paths == [Path("wine.csv")]


def test_what_a_made_set_was_made_from_lies_beside_it(isthmus: Isthmus, tmp_path: Path) -> None:
    out = tmp_path / "sprites.npz"
    told = isthmus.ok("data", "get", "sprites", "--rows", 30, "--random-state", 5, "--out", out, "--json")
    assert told.facts == {"data": str(out), "rows": 30, "shape": [32, 32]}
    made = load("sprites", rows=30, random_state=5)
    assert np.array_equal(files.read(out), made.X)
    for name, part in {"y": made.y, **made.truth}.items():
        assert np.array_equal(files.read(out, key=name), part)


@pytest.mark.parametrize(
    ("name", "ending"), [("iris", ".parquet"), ("iris", ".npy"), ("digits", ""), ("digits", ".npy")]
)
def test_other_formats_hold_the_rows(isthmus: Isthmus, tmp_path: Path, name: str, ending: str) -> None:
    out = tmp_path / f"rows{ending}"
    isthmus.ok("data", "get", name, "--out", out)
    rows = files.read(out)
    assert rows.shape[0] == len(load(name).X)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["wien"], "Did you mean 'wine'?"),
        (["wine", "--rows", "3"], "only a made set"),
        (["digits", "--out", "digits.csv"], "an array of shape (1797, 8, 8)"),
        (["mnist", "--source", "nowhere", "--out", "m.npz"], "train-images-idx3-ubyte.gz from nowhere"),
    ],
)
def test_what_cannot_be_got_is_said(
    isthmus: Isthmus, words: list[str], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    told = isthmus("data", "get", *words)
    assert (told.code, told.out) == (2, "")
    assert said in told.err
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(("name", "shape"), [("digits", (8, 8)), ("iris", (4,))])
def test_a_name_stands_for_its_rows_where_nothing_is_called_so(
    isthmus: Isthmus, name: str, shape: tuple[int, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    isthmus.ok("fit", name, "--model", "autoencoder", "--epochs", 1, "--out", "run", "--quiet")
    model = package.load("run")
    assert model.spec_.shape[-len(shape) :] == shape
    assert [column.name for column in model.spec_.columns] == list(load(name).columns)
    isthmus.ok("score", "run", name, "--out", "scores")
    assert files.read(Path("scores") / f"{name}.parquet").num_rows == len(load(name).X)
    (tmp_path / name).mkdir()
    told = isthmus("score", "run", name, "--out", "other")
    assert told.code == 2 and name in told.err
