"""`isthmus sae fit`, `dashboard` and `certify`, on a table, on activations of a network, and on what they refuse."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest
from torch import manual_seed, nn

import isthmus as package
from isthmus.cli.dictionaries import spelling
from isthmus.errors import DataFileError
from tests.cli.command import Isthmus

SMALL = ("--n-latents", 12, "--k", 2, "--epochs", 2)


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What two modules of a small network make of a text of twenty tokens, over and over."""
    manual_seed(0)
    network = nn.Sequential(nn.Embedding(20, 6), nn.Linear(6, 5))
    text = np.random.default_rng(0).integers(20, size=(40, 10))
    out = tmp_path_factory.mktemp("cache") / "rows"
    package.collect_activations(network, ["0", "1"], text, out=out)
    return out


def test_a_table_is_taken_apart_looked_at_and_judged(isthmus: Isthmus, tmp_path: Path) -> None:
    model, page = tmp_path / "model", tmp_path / "page.html"
    assert isthmus.ok("sae", "fit", "wine", "--out", model, *SMALL).paths == [model]
    assert isthmus.ok("sae", "dashboard", model, "wine", "--out", page).paths == [page]
    assert re.search(r"Latent \d+: “\w+ (low|middling|high)", page.read_text(encoding="utf-8"))
    told = isthmus.ok("sae", "certify", model, "wine", "--seeds", 2, "--rows", 100, "--json").facts
    assert {"SAE", "SAE as given", "frozen random"} <= set(told["found"])
    assert told["found"]["SAE as given"]["L0"]["value"] <= 2


def test_activations_are_read_by_module_and_spelt(isthmus: Isthmus, tmp_path: Path, cache: Path) -> None:
    model, page, words = tmp_path / "model", tmp_path / "page.html", tmp_path / "vocab.txt"
    words.write_text("\n".join(f"word{number}" for number in range(20)), encoding="utf-8")
    isthmus.ok("sae", "fit", cache / "1", "--out", model, *SMALL)
    assert package.load(model).components_.shape == (12, 5)
    isthmus.ok("sae", "dashboard", model, cache / "1", "--out", page, "--vocabulary", words)
    assert "word1" in page.read_text(encoding="utf-8")
    told = isthmus("sae", "dashboard", model, cache, "--out", page)
    assert told.code == 2  # of the first module, which is one number wider


def test_another_model_has_no_latents_to_look_at(isthmus: Isthmus, tmp_path: Path) -> None:
    isthmus.ok("fit", "iris", "--model", "autoencoder", "--out", tmp_path / "model", "--epochs", 1)
    told = isthmus("sae", "certify", tmp_path / "model", "iris")
    assert told.code == 2
    assert "which holds a Autoencoder" in told.err


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("vocab.txt", "a\nb"),
        ("vocab.json", json.dumps({"a": 0, "b": 1})),
        ("list.json", json.dumps(["a", "b"])),
        ("tokenizer.json", json.dumps({"model": {"vocab": {"a": 0, "b": 1}}})),
        ("unigram.json", json.dumps({"model": {"vocab": [["a", -1.0], ["b", -2.0]]}})),
    ],
)
def test_tokens_are_spelt_by_any_list(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).write_text(text, encoding="utf-8")
    found = spelling(tmp_path / name)
    assert [found[0], found[1]] == ["a", "b"]


def test_what_spells_nothing_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text("3", encoding="utf-8")
    for name in ("x.json", "missing.txt"):
        with pytest.raises(DataFileError, match="a token in each line"):
            spelling(tmp_path / name)
