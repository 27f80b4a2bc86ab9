"""What is collected is what goes through, row by row, in whatever order, form and number of runs."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file
from sklearn.datasets import load_digits
from tests.interpretation.networks import Reader
from torch import Tensor, nn

import isthmus
from isthmus.data.activations import Activations, Mixing
from isthmus.errors import (
    CorruptFileError,
    DataFileError,
    InputError,
    InputTypeError,
    MissingFileError,
    ParameterError,
    UnknownNameError,
)
from isthmus.tasks.interpretation import collection

PLACE = "layers.0"
RAGGED = [np.random.default_rng(number).integers(1, 50, size=3 + number % 9).tolist() for number in range(60)]


def directly(network: Reader, document: list[int], layer: int = 0) -> Tensor:
    """What comes out of a layer for one document by itself."""
    with torch.no_grad():
        states, ids = network.embed(torch.tensor([document])), torch.ones(1, len(document))
        for block in network.layers[: layer + 1]:
            states = block(states, attention_mask=ids).states
    return states[0]


def by_place(rows: Activations) -> dict[tuple[int, int], np.ndarray]:
    """Each row under its document and position."""
    return {(int(d), int(p)): x for d, p, x in zip(rows.documents, rows.positions, rows[:], strict=True)}


def same_files(one: Path, other: Path) -> bool:
    """Whether two folders hold the same bytes in the same chunks."""
    names = sorted(path.name for path in one.glob("chunk-*"))
    assert names == sorted(path.name for path in other.glob("chunk-*"))
    return all((one / name).read_bytes() == (other / name).read_bytes() for name in names)


@pytest.fixture
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Chunks of about 30 rows, groups of about 150."""
    monkeypatch.setattr(collection, "CHUNK_BYTES", 30 * 76)
    monkeypatch.setattr(collection, "GROUP_BYTES", 150 * 76)


def test_every_row_is_what_the_network_computes_for_its_document_alone(network: Reader, small_chunks: None) -> None:
    rows = isthmus.collect_activations(network, "layers.*", RAGGED, batch_size=7)
    assert rows.modules == ("layers.0", "layers.1")
    assert len(rows) == sum(map(len, RAGGED))
    for layer in (0, 1):
        found = by_place(rows.of(f"layers.{layer}"))
        assert len(found) == len(rows)
        for number in (0, 8, 31):
            alone = directly(network, RAGGED[number], layer)
            mine = np.stack([found[number, position] for position in range(len(RAGGED[number]))])
            np.testing.assert_allclose(mine, alone, atol=1e-6)
    tokens = {(int(d), int(p)): int(t) for d, p, t in zip(rows.documents, rows.positions, rows.tokens, strict=True)}
    assert all(tokens[d, p] == token for d, document in enumerate(RAGGED) for p, token in enumerate(document))


def test_both_sides_tuples_and_dataclasses_are_read_and_the_network_stops_behind_the_last(network: Reader) -> None:
    given = isthmus.collect_activations(network, "layers.1", RAGGED, side="input", shuffle=False)
    taken = isthmus.collect_activations(network, "layers.0", RAGGED, shuffle=False)
    assert np.array_equal(given[:], taken[:])
    assert given.documents.tolist() == sorted(given.documents.tolist())
    runs = network.layers[1].runs
    isthmus.collect_activations(network, "layers.0", RAGGED)
    assert network.layers[1].runs == runs
    whole = nn.ModuleDict({"inner": network})
    whole.forward = lambda input_ids, attention_mask=None: whole["inner"](input_ids, attention_mask)  # type: ignore
    logits = isthmus.collect_activations(whole, "inner", RAGGED, shuffle=False)
    np.testing.assert_allclose(
        logits[:],
        (
            network.head(torch.from_numpy(isthmus.collect_activations(network, "layers.1", RAGGED, shuffle=False)[:]))
        ).detach(),
        atol=1e-5,
    )


def test_padding_and_unwanted_tokens_are_left_out_and_the_mode_of_modules_comes_back(network: Reader) -> None:
    ids = np.array([[5, 6, 7, 0], [8, 9, 0, 0]])
    network.layers[0].train()
    rows = isthmus.collect_activations(network, PLACE, {"input_ids": ids, "attention_mask": ids > 0}, drop=[6, 9])
    assert network.layers[0].training
    network.layers[0].eval()
    assert sorted(rows.tokens.tolist()) == [5, 7, 8]
    np.testing.assert_allclose(by_place(rows)[0, 2], directly(network, [5, 6, 7])[2], atol=1e-6)


def test_inputs_come_as_lists_arrays_tensors_and_iterators(network: Reader) -> None:
    ids = np.random.default_rng(0).integers(1, 50, (6, 9))
    wanted = isthmus.collect_activations(network, PLACE, ids)
    for same in (torch.from_numpy(ids), ids.tolist(), list(ids), iter(ids.tolist()), {"input_ids": ids}):
        assert np.array_equal(isthmus.collect_activations(network, PLACE, same)[:], wanted[:])
    layer, X = nn.Linear(9, 2), ids.astype(np.float32)
    plain = nn.Sequential(layer)
    wanted = isthmus.collect_activations(plain, "0", X)
    for same in (torch.from_numpy(X), list(X), iter(list(torch.from_numpy(X)))):
        assert np.array_equal(isthmus.collect_activations(plain, "0", same)[:], wanted[:])


def letters(texts: list[str], *, max_length: int, **_: Any) -> dict[str, list[list[int]]]:
    """A tokenizer of letters, with a beginning (1) and an end (2) around each window."""
    ids, size = [3 + ord(letter) % 40 for letter in texts[0]], max_length - 2
    parts = [ids[first : first + size] for first in range(0, len(ids), size)]
    return {"input_ids": [[1, *part, 2] for part in parts], "attention_mask": [[1] * (len(part) + 2) for part in parts]}


def test_long_texts_are_cut_into_windows_and_their_places_told_apart(network: Reader) -> None:
    texts = np.array(["a" * 3 + "bcdefgh", "xyz"], dtype=object)
    rows = isthmus.collect_activations(network, PLACE, texts, tokenizer=letters, context=6, drop=[1, 2])
    assert len(rows) == 13
    assert set(by_place(rows)) == {(0, p) for p in (1, 2, 3, 4, 7, 8, 9, 10, 13, 14)} | {(1, p) for p in (1, 2, 3)}
    window = [1, *(3 + ord(letter) % 40 for letter in "cdef"), 2]
    np.testing.assert_allclose(by_place(rows)[0, 8], directly(network, window)[2], atol=1e-6)


def test_a_module_may_give_one_row_for_a_window_or_all_tokens_below_each_other() -> None:
    class Flat(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.embed, self.layer, self.pool = nn.Embedding(50, 4), nn.Linear(4, 4), nn.Linear(4, 3)

        def forward(self, input_ids: Tensor) -> Tensor:
            x = self.layer(self.embed(input_ids).flatten(0, 1)).view(*input_ids.shape, 4)
            return self.pool(x.mean(1))

    torch.manual_seed(0)
    flat = Flat().eval()
    below = isthmus.collect_activations(flat, "layer", RAGGED, drop=RAGGED[0][:1])
    assert below.shape[1] == 4 and RAGGED[0][0] not in below.tokens
    with torch.no_grad():
        place, row = next(iter(by_place(below).items()))
        np.testing.assert_allclose(row, flat.layer(flat.embed(torch.tensor(RAGGED[place[0]][place[1]]))), atol=1e-6)
    pooled = isthmus.collect_activations(flat, "pool", RAGGED)
    assert pooled.shape == (60, 3) and sorted(pooled.documents) == list(range(60))
    with pytest.raises(InputError, match="same rows"):
        isthmus.collect_activations(flat, ["pool", "embed"], RAGGED)


def test_images_and_tables_need_no_tokens() -> None:
    X = load_digits().images[:20, None].astype(np.float32)
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv2d(1, 5, 3), nn.Flatten(), nn.Linear(5 * 36, 4)).eval()
    places = isthmus.collect_activations(network, "0", X)
    assert places.shape == (20 * 36, 5) and set(places.tokens.tolist()) == {-1}
    with torch.no_grad():
        maps = network[0](torch.from_numpy(X))
    np.testing.assert_allclose(by_place(places)[7, 13], maps[7, :, 13 // 6, 13 % 6], atol=1e-5)
    flat = isthmus.collect_activations(network, "2", X, shuffle=False)
    with torch.no_grad():
        np.testing.assert_allclose(flat[:], network(torch.from_numpy(X)), atol=1e-4)


@pytest.mark.parametrize(("precision", "error"), [("float32", 0.0), ("bfloat16", 2**-8), ("int8", 1 / 254)])
def test_a_cache_holds_the_rows_within_its_precision(
    network: Reader, tmp_path: Path, small_chunks: None, precision: str, error: float
) -> None:
    exact = by_place(isthmus.collect_activations(network, "layers.*", RAGGED))
    rows = isthmus.collect_activations(network, "layers.*", RAGGED, out=tmp_path / "cache", precision=precision)
    again = Activations.open(tmp_path / "cache", "layers.0")
    assert np.array_equal(again[:], rows[:]) and again.shape == rows.shape
    for place, x in by_place(rows).items():
        bound = error * np.abs(exact[place]) if precision == "bfloat16" else error * np.abs(exact[place]).max()
        assert (np.abs(x - exact[place]) <= bound + 1e-7).all()
    chunks = [load_file(path) for path in sorted((tmp_path / "cache").glob("chunk-*"))] if error != 2**-8 else []
    if chunks:  # which NumPy can read
        assert np.array_equal(np.concatenate([chunk["tokens"] for chunk in chunks]), rows.tokens)


def test_rows_lie_in_random_order_and_the_shuffle_is_measured(network: Reader, monkeypatch: pytest.MonkeyPatch) -> None:
    documents = RAGGED * 6

    def mixing(**options: Any) -> Mixing:
        return isthmus.collect_activations(network, PLACE, documents, **options).mixing(20)

    mixed, other, in_order = mixing(), mixing(random_state=1), mixing(shuffle=False)
    assert mixed != other and mixed.ideal == other.ideal == in_order.ideal > 19
    assert abs(mixed.documents - mixed.ideal) < 0.02 * mixed.ideal
    assert in_order.documents < 6
    monkeypatch.setattr(collection, "GROUP_BYTES", 100 * 76)  # about 15 documents
    assert in_order.documents < mixing().documents < 0.8 * mixed.ideal


class Stopped(RuntimeError):
    """What a test stops a collection with."""


def test_a_stopped_collection_goes_on_to_the_same_bytes(network: Reader, tmp_path: Path, small_chunks: None) -> None:
    def stop(done: int, batches: int) -> None:
        if done == 4:
            raise Stopped

    call: dict[str, Any] = {"batch_size": 5}
    whole = isthmus.collect_activations(network, PLACE, RAGGED, out=tmp_path / "whole", **call)
    with pytest.raises(Stopped):
        isthmus.collect_activations(network, PLACE, RAGGED, out=tmp_path / "cache", told=stop, **call)
    with pytest.raises(DataFileError, match="4 of 1") as told:
        Activations.open(tmp_path / "cache")
    assert "same call again" in told.value.fix
    seen: list[int] = []
    isthmus.collect_activations(
        network, PLACE, RAGGED, out=tmp_path / "cache", told=lambda done, batches: seen.append(done), **call
    )
    assert seen[0] == 5
    assert same_files(tmp_path / "whole", tmp_path / "cache")
    runs = network.layers[0].runs
    again = isthmus.collect_activations(network, PLACE, RAGGED, out=tmp_path / "cache", **call)
    assert network.layers[0].runs == runs + 1  # one document shows the width, nothing else runs
    assert np.array_equal(again[:], whole[:])


KILLED = """
import sys, time, numpy as np, torch
from isthmus.tasks.interpretation import collection
from tests.interpretation.networks import Reader
collection.CHUNK_BYTES, collection.KEPT_SECONDS = 30_000, 0.1
torch.manual_seed(0)
documents = [np.random.default_rng(i).integers(1, 50, size=20).tolist() for i in range(160)]
slow = lambda done, batches: time.sleep(float(sys.argv[2]))
collection.collect_activations(Reader(50, 16, 2), "layers.1", documents, out=sys.argv[1], batch_size=4, told=slow)
"""


def done_in(manifest: Path) -> int:
    """How many batches a manifest says are done."""
    return int(json.loads(manifest.read_text())["done"]) if manifest.is_file() else 0


@pytest.mark.slow
def test_a_killed_collection_loses_nothing(tmp_path: Path) -> None:
    def begin(out: str, pause: float) -> subprocess.Popen[bytes]:
        return subprocess.Popen([sys.executable, "-c", KILLED, str(tmp_path / out), str(pause)])

    assert begin("whole", 0.0).wait(240) == 0
    manifest = tmp_path / "killed" / "activations.json"
    kept = 0
    for _ in range(2):
        running, end = begin("killed", 0.05), time.monotonic() + 120
        while time.monotonic() < end and done_in(manifest) <= kept:
            time.sleep(0.002)
        running.send_signal(signal.SIGKILL)
        assert running.wait() == -signal.SIGKILL
        kept = done_in(manifest)
        assert 0 < kept < 40
    assert begin("killed", 0.0).wait(240) == 0
    assert same_files(tmp_path / "whole", tmp_path / "killed")


# Bad input. ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def cache(network: Reader, tmp_path: Path, small_chunks: None) -> Path:
    """A folder of activations."""
    isthmus.collect_activations(network, PLACE, RAGGED, out=tmp_path / "cache")
    return tmp_path / "cache"


def test_a_path_that_matches_nothing_shows_the_nearest(network: Reader) -> None:
    with pytest.raises(UnknownNameError) as told:
        isthmus.collect_activations(network, "layer.0", RAGGED)
    assert "module='layer.0'" in told.value.came and "'layers.0'" in told.value.fix


def test_a_number_that_is_not_finite_is_named_by_document_and_position(network: Reader) -> None:
    broken = Reader(50, 16, 2)
    broken.load_state_dict(network.state_dict())
    with torch.no_grad():
        broken.embed.weight[49] = torch.nan
    documents = [[1, 2, 3], [4, 5, 49, 6]]
    with pytest.raises(InputError) as told:
        isthmus.collect_activations(broken, "embed", documents)
    assert "nan in document 1, position 2 (token 49)" in told.value.came


@pytest.mark.parametrize("byte", [-1, 9, 2000])
def test_a_flipped_bit_is_found_before_it_is_read(cache: Path, byte: int) -> None:
    path = cache / "chunk-00001.safetensors"
    content = bytearray(path.read_bytes())
    content[byte] ^= 1
    path.write_bytes(content)
    rows = Activations.open(cache)
    assert rows[:10].shape == (10, 16)
    with pytest.raises(CorruptFileError, match="chunk-00001.*digest"):
        rows[:]


def test_a_changed_manifest_is_refused(cache: Path) -> None:
    manifest = cache / "activations.json"
    manifest.write_text(manifest.read_text().replace('"rows": ', '"rows": 1'))
    with pytest.raises(CorruptFileError, match="digest"):
        Activations.open(cache)
    manifest.write_text("{}")
    with pytest.raises(CorruptFileError, match="no manifest"):
        Activations.open(cache)
    manifest.unlink()
    with pytest.raises(MissingFileError, match="collect"):
        Activations.open(cache)
    (cache / "chunk-00000.safetensors").write_bytes(b"")
    (cache / "notes.txt").write_text("mine")
    with pytest.raises(DataFileError, match="taken"):
        isthmus.collect_activations(Reader(50, 16, 2), PLACE, RAGGED, out=cache)


def test_a_folder_of_another_model_module_or_input_is_refused(network: Reader, cache: Path) -> None:
    torch.manual_seed(1)
    for other, module, documents, name in (
        (Reader(50, 16, 2), PLACE, RAGGED, "fingerprint"),
        (Reader(50, 8, 2), PLACE, RAGGED, PLACE),
        (network, "layers.1", RAGGED, "layers"),
        (network, PLACE, RAGGED[::-1], "inputs"),
    ):
        with pytest.raises(ParameterError, match=name):
            isthmus.collect_activations(other, module, documents, out=cache)
    with pytest.raises(UnknownNameError, match="layers.1"):
        Activations.open(cache, "layers.1")


def test_more_bytes_than_allowed_are_refused_before_anything_is_written(network: Reader, tmp_path: Path) -> None:
    with pytest.raises(ParameterError) as told:
        isthmus.collect_activations(network, PLACE, RAGGED, out=tmp_path / "cache", max_bytes=10_000)
    assert "131 rows fit" in told.value.allowed and "int8" in told.value.fix
    assert not (tmp_path / "cache").exists()


def test_inputs_that_are_none_are_refused(network: Reader) -> None:
    with pytest.raises(InputTypeError, match="tokenizer"):
        isthmus.collect_activations(network, PLACE, ["some text"])
    with pytest.raises(InputError, match="without entries"):
        isthmus.collect_activations(network, PLACE, [])
    with pytest.raises(InputTypeError, match="no tokens"):
        isthmus.collect_activations(network, PLACE, [object()])
    with pytest.raises(UnknownNameError, match="side"):
        isthmus.collect_activations(network, PLACE, RAGGED, side="inside")
    with pytest.raises(UnknownNameError, match="precision"):
        isthmus.collect_activations(network, PLACE, RAGGED, precision="float8")
    with pytest.raises(InputError, match="did not run"):
        idle = nn.ModuleDict({"used": network, "idle": nn.Linear(1, 1)})
        idle.forward = lambda input_ids, attention_mask=None: network(input_ids, attention_mask)  # type: ignore
        isthmus.collect_activations(idle, "idle", RAGGED)


# A real language model. ----------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_rows_of_a_real_encoder_are_those_of_each_text_alone(
    minilm: tuple[Any, Any], speeches: list[str], tmp_path: Path
) -> None:
    model, tokenizer = minilm
    texts = speeches[:12]
    rows = isthmus.collect_activations(model, "encoder.layer.3", texts, tokenizer=tokenizer, out=tmp_path / "cache")
    assert rows.shape[1] == 384
    assert not set(rows.tokens.tolist()) & set(tokenizer.all_special_ids)
    found = by_place(rows)
    for number in (0, 5):
        tokens = tokenizer(texts[number], return_tensors="pt")
        with torch.no_grad():
            states = model(**tokens, output_hidden_states=True).hidden_states[4][0]
        for position in range(1, states.shape[0] - 1):
            np.testing.assert_allclose(found[number, position], states[position], atol=2e-5)
    assert os.environ["HF_HUB_OFFLINE"] == "1"
