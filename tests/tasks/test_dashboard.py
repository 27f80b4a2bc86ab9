"""The page of a dictionary whose latents are known: what it remembers in one pass, and how it is shown."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.sparse import csr_array, random_array
from sklearn.datasets import load_digits, load_wine
from tests.report.sample import Reader
from tests.tasks.dictionaries import Written

import isthmus
from isthmus.errors import InputError
from isthmus.tasks.interpretation.dashboard.dashboard import sketched
from isthmus.tasks.interpretation.dashboard.kinds import samples_of
from isthmus.tasks.interpretation.dashboard.labels import labels, log_odds
from isthmus.tasks.interpretation.dashboard.samples import Tokens
from isthmus.tasks.interpretation.dashboard.sketch import SAMPLED, TOP, Sketch, bin_of, edge_of

TEXT = ("to be or not to be that is the question whether tis nobler in the mind to suffer " * 40).split()


def seen(codes: Any, size: int, words: Any = None) -> Sketch:
    """The sketch of some codes, seen so many rows at a time."""
    said = csr_array((codes.shape[0], 1)) if words is None else words
    sketch = Sketch(codes.shape[1], said.shape[1], codes.shape[0])
    for start in range(0, codes.shape[0], size):
        sketch.add(codes[start : start + size].copy(), said[start : start + size])
    return sketch


def texts() -> tuple[Written, np.ndarray]:
    """A latent for each of the words "be", "to" and "question"; each word of the text is a row."""
    vocabulary = sorted(set(TEXT))
    rows = np.eye(len(vocabulary))[[vocabulary.index(word) for word in TEXT]]
    rows *= np.linspace(1, 2, len(rows))[:, None]
    return Written(np.eye(len(vocabulary))[[vocabulary.index(word) for word in ("be", "to", "question")]]), rows


def test_what_is_remembered_is_what_a_look_at_everything_finds() -> None:
    codes = random_array((3000, 20), density=0.1, random_state=0, format="csr", dtype=np.float32)
    sketch, dense = seen(codes, 256), codes.toarray()
    assert np.array_equal(sketch.fires, (dense > 0).sum(0))
    assert np.allclose(sketch.total, dense.sum(0), rtol=1e-5)
    assert np.array_equal(sketch.peak, dense.max(0))
    assert np.array_equal(sketch.top.rows, np.argsort(-dense, axis=0, kind="stable")[:TOP].T)
    assert np.array_equal(sketch.bins.sum(1), sketch.fires)
    assert np.array_equal(sketch.pairs(np.arange(20)).toarray(), (dense > 0).T.astype(float) @ (dense > 0))
    assert np.array_equal(sketch.codes().toarray(), dense)
    for latent in range(20):
        rows = sketch.sampled.rows[latent]
        assert len(set(rows)) == SAMPLED
        assert np.array_equal(dense[rows, latent], sketch.sampled.values[latent])
        assert (dense[rows, latent] > 0).all()


@pytest.mark.parametrize("size", [1, 7, 300])
def test_any_blocks_give_the_same_sketch(size: int) -> None:
    codes = random_array((300, 4), density=0.5, random_state=1, format="csr", dtype=np.float32)
    whole, cut = seen(codes, 128), seen(codes, size)
    for name in ("rows", "values"):
        assert np.array_equal(getattr(whole.top, name), getattr(cut.top, name))
        assert np.array_equal(getattr(whole.sampled, name), getattr(cut.sampled, name))
    assert np.array_equal(whole.bins, cut.bins)


def test_examples_are_drawn_evenly_from_all_activations() -> None:
    values = np.sort(np.random.default_rng(0).exponential(size=20_000)).astype(np.float32)
    codes = csr_array(np.repeat(values[:, None], 50, axis=1))
    drawn = seen(codes, 4096).sampled.values
    assert abs(np.mean(drawn) - values.mean()) < 5 * values.std() / np.sqrt(drawn.size)
    assert abs(np.mean(drawn < np.median(values)) - 0.5) < 0.05


def test_bins_grow_by_a_fifth_and_hold_what_they_say() -> None:
    values = np.random.default_rng(0).lognormal(0, 3, 1000)
    places = bin_of(values)
    inside = (places > 0) & (places < 127)
    for place, value in zip(places[inside], values[inside], strict=True):
        assert edge_of(place) <= value < edge_of(place + 1)


def test_only_some_rows_are_counted_for_pairs_where_there_are_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("isthmus.tasks.interpretation.dashboard.sketch.TOGETHER", 100)
    codes = csr_array(np.ones((1000, 2), np.float32))
    assert {seen(codes, size).pairs(np.arange(2))[0, 1] for size in (7, 64, 1000)} == {100}


def test_codes_that_are_too_many_are_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("isthmus.tasks.interpretation.dashboard.sketch.KEPT_BYTES", 1000)
    assert seen(csr_array(np.ones((1000, 2), np.float32)), 100).codes() is None


def test_log_odds_are_the_formula() -> None:
    on, said = np.array([[30.0, 5.0, 0.0], [10.0, 10.0, 80.0]]), np.array([100.0, 300.0, 600.0])
    scores = log_odds(csr_array(on), said).toarray()
    prior = 100 * said / said.sum()
    for latent in range(2):
        n, rest = on[latent].sum() + 100, said.sum() - on[latent].sum() + 100
        for word in np.flatnonzero(on[latent]):
            here, there = on[latent, word] + prior[word], said[word] - on[latent, word] + prior[word]
            gain = np.log(here / (n - here)) - np.log(there / (rest - there))
            assert scores[latent, word] == pytest.approx(gain / np.sqrt(1 / here + 1 / there))
    assert labels(csr_array(on), said, ["a", "b", "c"]) == [["a"], ["c"]]


def test_words_of_the_caller_come_before_surer_ones() -> None:
    on, said = csr_array(np.array([[50.0, 5.0, 20.0]])), np.array([60.0, 900.0, 60.0])
    assert labels(on, said, ["a", "b", "c"]) == [["a", "c"]]
    assert labels(on, said, ["a", "b", "c"], own=1) == [["c", "a"]]


def test_a_text_is_read_once_and_each_latent_is_named_by_its_word(tmp_path: Path) -> None:
    sae, rows = texts()
    page = isthmus.dashboard(sae, rows, tmp_path / "page.html", rows=TEXT)
    html = page.read_text(encoding="utf-8")
    assert sum(sae.calls) == len(rows)
    assert re.findall(r"<summary><strong>([^<]*)", html) == ["Latent 1: “to”", "Latent 0: “be”", "Latent 2: “question”"]
    assert not Reader(html).faults
    assert "<script" not in html
    marked = re.findall(r"<mark[^>]*>([^<]*)</mark>", html)
    assert {mark.strip() for mark in marked} == {"to", "be", "question"}


def test_contexts_end_where_documents_do() -> None:
    found = Tokens(np.arange(6), np.array([0, 1, 2, 0, 1, 3]), np.array([0, 0, 0, 1, 1, 1]), str)
    assert found.around(1).tolist() == [0, 1, 2]
    assert found.around(4).tolist() == [3, 4]
    assert found.around(5).tolist() == [5]  # a token between it and the last one is missing


def test_shuffled_rows_have_the_same_contexts() -> None:
    order = np.random.default_rng(0).permutation(50)
    documents, positions = np.divmod(order, 10)
    found = samples_of(None, Shuffled(order, positions, documents), str)
    row = int(np.flatnonzero(order == 23)[0])
    assert [found.words[found.kind[near]] for near in found.around(row)] == [str(token) for token in range(20, 30)]


class Shuffled(np.ndarray):
    """Activations with labels, as a cache has them."""

    def __new__(cls, tokens: np.ndarray, positions: np.ndarray, documents: np.ndarray) -> Shuffled:
        made = np.zeros((len(tokens), 2)).view(cls)
        made.tokens, made.positions, made.documents = tokens, positions, documents
        return made


def test_a_table_is_named_by_its_columns(tmp_path: Path) -> None:
    wine = load_wine(as_frame=True)
    standard = ((wine.data - wine.data.mean()) / wine.data.std()).to_numpy()
    sae = Written(np.eye(13)[[0, 9]])
    html = isthmus.dashboard(sae, standard, tmp_path / "page.html", rows=wine.data, labels=wine.target).read_text()
    titles = re.findall(r"<summary><strong>([^<]*)", html)
    assert any("“alcohol high”" in title for title in titles)
    assert any("“color_intensity high”" in title for title in titles)
    assert html.count("<table>") >= 2
    assert "Explained variance" in html


def test_pictures_are_shown_and_named_by_labels(tmp_path: Path) -> None:
    digits = load_digits()
    zero = digits.data[digits.target == 0].mean(0) - digits.data.mean(0)
    sae = Written((zero / np.linalg.norm(zero))[None])
    shifted = digits.data - digits.data.mean(0) - 0.6 * zero
    path = isthmus.dashboard(sae, shifted, tmp_path / "page.html", rows=digits.images, labels=digits.target)
    html = path.read_text(encoding="utf-8")
    assert "“0”" in html
    assert html.count("data:image/png;base64,") >= 2 * TOP


def test_a_patch_is_cut_where_it_lies(tmp_path: Path) -> None:
    images = np.arange(2 * 16 * 24).reshape(2, 16, 24)
    positions, documents = np.tile(np.arange(6), 2), np.repeat([0, 1], 6)
    found = samples_of(images, Shuffled(positions, positions, documents), str, patch=8)
    assert np.array_equal(found.pixels(0), images[0, :16, :16])
    assert np.array_equal(found.pixels(11), images[1, :16, 8:24])


def test_a_head_says_which_tokens_become_likelier(tmp_path: Path) -> None:
    sae, rows = texts()
    head = np.zeros((3, rows.shape[1]))
    head[2] = 3 * sae.components_[0]
    options: dict[str, Any] = {"rows": TEXT, "head": head, "decode": ["yes", "no", "perhaps"], "latents": [0]}
    html = isthmus.dashboard(sae, rows, tmp_path / "page.html", **options).read_text(encoding="utf-8")
    assert "Adds to the logits of “perhaps” (+2.00)" in html


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"rows": TEXT[:5]}, f"{len(TEXT)} rows of activations beside 5"),
        ({"rows": TEXT, "labels": [1, 2]}, "labels of 2 rows"),
        ({"rows": TEXT, "latents": [3]}, "latents from 3 to 3.*0 to 2"),
        ({"rows": TEXT, "head": np.ones((2, 3))}, r"head of shape \(2, 3\)"),
        ({"rows": np.zeros((2, 2, 2, 2, 2))}, r"rows of shape \(2, 2, 2, 2, 2\)"),
    ],
)
def test_what_does_not_go_together_is_refused(tmp_path: Path, options: dict[str, Any], words: str) -> None:
    sae, rows = texts()
    with pytest.raises(InputError, match=words):
        isthmus.dashboard(sae, rows, tmp_path / "page.html", **options)


def test_what_is_left_over_is_added_up_over_blocks() -> None:
    sae, rows = texts()
    _, left = sketched(sae, rows, samples_of(TEXT, rows, str))
    kept = rows @ sae.components_.T @ sae.components_
    assert left.explained_variance == pytest.approx(isthmus.metrics.explained_variance(rows, kept))
