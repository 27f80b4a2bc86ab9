"""A run that was stopped anywhere ends with the same bits; a file that is not its own is refused."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from sklearn.datasets import load_wine
from tests.contract.cases import DEAR, PLACED, RELATIVES

import isthmus
from isthmus import MLP, Autoencoder, Checkpoint, DenoisingAutoencoder, EarlyStopping, JSONLLog, LearningRate
from isthmus.core.player import Player, Stage
from isthmus.errors import CorruptFileError, MissingFileError, NewerFormatError, ParameterError
from isthmus.training.callbacks import Callback
from isthmus.training.checkpoints import read_checkpoint, replace_file
from isthmus.training.run import Run

X = load_wine().data
SMALL = {"latent_dim": 3, "hidden_dims": (8,), "epochs": 4, "batch_size": 32, "random_state": 0}  # 6 steps an epoch


class Stop(Callback):
    """Interrupts the run after so many steps; it must come after the checkpoint among the callbacks."""

    def __init__(self, after: int) -> None:
        self.after = after

    def begin(self, run: Run) -> None:
        """Listen where the checkpoint does, after it."""
        written = run.on_reading

        def on_reading() -> None:
            written()
            if run.total_steps >= self.after:
                raise KeyboardInterrupt

        run.on_reading = on_reading


class InTurns(Autoencoder):
    """Learns as one, then as two players in each other's wake."""

    def stages(self, network: Any) -> list[Stage]:
        sides = [Player(side, [getattr(network, side)], self.objective) for side in ("encoder", "decoder")]
        return [Stage([Player("whole", [network], self.objective)], 0.5), Stage(sides, 0.5)]


def small(cls: Any = Autoencoder, **params: Any) -> Any:
    """A model of a few steps."""
    return cls(**{**SMALL, **params})


KINDS: dict[str, tuple[Callable[[], Any], Callable[[], list[Any]]]] = {
    "autoencoder": (small, list),
    "denoising": (lambda: small(DenoisingAutoencoder, corruption="gaussian"), list),
    "masking": (lambda: small(DenoisingAutoencoder, corruption="masking"), list),
    "vae": (lambda: small(isthmus.VAE), list),
    "optimal": (lambda: small(isthmus.VAE, likelihood="gaussian-optimal"), list),
    "books": (lambda: small(isthmus.VQVAE, quantizer="residual", codes=16, depth=2), list),
    "dropout": (lambda: small(architecture=MLP(dropout=0.3, normalization="batch"), weight_decay=0.1), list),
    "stages": (lambda: small(InTurns), list),
    "plateau": (small, lambda: [LearningRate("plateau", "learning_rate", patience=1, decay=0.5)]),
    "stopping": (small, lambda: [EarlyStopping("epoch", patience=2)]),  # a figure that is best at first
}


@pytest.fixture(autouse=True)
def read_often(monkeypatch: pytest.MonkeyPatch) -> None:
    """Readings, and so checkpoints, every second step."""
    monkeypatch.setattr("isthmus.training.run.READ_EVERY", 2)


def interrupted(make: Any, path: Path, after: int, callbacks: Any = list, rows: Any = X, **fit: Any) -> Any:
    """A model whose fit was stopped, with its checkpoint at `path`."""
    model = make().set_callbacks(Checkpoint(path, seconds=0.0), *callbacks(), Stop(after))
    with pytest.raises(KeyboardInterrupt):
        model.fit(rows, **fit)
    return model


def resumed(make: Any, path: Path, callbacks: Any = list, rows: Any = X, **fit: Any) -> Any:
    """A fresh model that goes on from the checkpoint."""
    return make().set_callbacks(Checkpoint(path, seconds=0.0, resume=True), *callbacks()).fit(rows, **fit)


def bits(model: Any, rows: Any = X, **told: Any) -> tuple[Any, ...]:
    """Everything that must be the same: weights, history but for the time, scores."""
    history = [{key: value for key, value in line.items() if key != "seconds"} for line in model.history_]
    weights = {name: tensor.numpy().tobytes() for name, tensor in model.network_.state_dict().items()}
    return weights, history, model.score_samples(rows, **told).tobytes()


@pytest.mark.parametrize("kind", KINDS)
def test_a_stopped_run_ends_with_the_same_bits(kind: str, tmp_path: Path) -> None:
    make, callbacks = KINDS[kind]
    whole = bits(make().set_callbacks(*callbacks()).fit(X, validation=X[:9]))
    for after in (2, 6, 9, 16):
        path = tmp_path / f"{after}.safetensors"
        interrupted(make, path, after, callbacks, validation=X[:9])
        assert bits(resumed(make, path, callbacks, validation=X[:9])) == whole


OWN_WAY = [
    pytest.param(name, marks=[pytest.mark.slow] * (name in (*RELATIVES, *DEAR))) for name in isthmus.family()
]  # the rest differs from a VAE in what it pays alone


@pytest.mark.parametrize("name", OWN_WAY)
def test_every_member_may_be_stopped(name: str, tmp_path: Path) -> None:
    member = isthmus.family()[name]
    rows = X if "table" in member.kinds else np.random.default_rng(0).random((178, 8, 8, 1), dtype=np.float32)
    own = {key for key in member().get_params() if key != "latent_dim" or name not in PLACED}
    known = {key: value for key, value in SMALL.items() if key in own}
    told = {"y": np.arange(len(rows)) % 3} if member.is_conditional else {}
    whole = bits(member(**known).fit(rows, **told), rows, **told)
    interrupted(lambda: member(**known), tmp_path / "run", 9, rows=rows, **told)
    assert bits(resumed(lambda: member(**known), tmp_path / "run", rows=rows, **told), rows, **told) == whole


def test_checkpoints_are_written_within_epochs_and_before_them(tmp_path: Path) -> None:
    places = []
    for after in (2, 6, 9):
        interrupted(small, tmp_path / "run", after)
        position, _ = read_checkpoint(tmp_path / "run")
        places.append((position["epoch"], position["step"]))
    assert places == [(0, 2), (0, 6), (1, 4)]


def test_a_run_may_be_stopped_again_and_again(tmp_path: Path) -> None:
    path = tmp_path / "run"
    interrupted(small, path, 2)
    for after in (5, 10, 14, 20):
        model = small().set_callbacks(Checkpoint(path, seconds=0.0, resume=True), Stop(after))
        with pytest.raises(KeyboardInterrupt):
            model.fit(X)
    assert bits(resumed(small, path)) == bits(small().fit(X))


def test_a_finished_run_has_nothing_left_to_do(tmp_path: Path) -> None:
    path, log = tmp_path / "run", tmp_path / "log.jsonl"
    callbacks = lambda: [JSONLLog(log), EarlyStopping("loss", patience=9)]  # noqa: E731
    whole = small().set_callbacks(*callbacks(), Checkpoint(path)).fit(X)
    lines = log.read_text()
    again = small().set_callbacks(*callbacks(), Checkpoint(path, resume=True)).fit(X)
    assert bits(again) == bits(whole)
    assert log.read_text() == lines


def test_without_resume_the_file_is_written_anew(tmp_path: Path) -> None:
    path = tmp_path / "run"
    interrupted(small, path, 9)
    model = small().set_callbacks(Checkpoint(path)).fit(X)
    assert bits(model) == bits(small().fit(X))
    assert read_checkpoint(path)[0]["stage"] == 1


@pytest.mark.parametrize("random_state", [None, "generator"])
@pytest.mark.parametrize("validation", [None, 0.2])
def test_the_seed_is_kept_where_the_caller_gave_none(random_state: Any, validation: Any, tmp_path: Path) -> None:
    seeds = iter(range(10))

    def make() -> Any:
        return small(random_state=random_state and np.random.RandomState(next(seeds)))

    interrupted(make, tmp_path / "one", 9, validation=validation)
    (tmp_path / "two").write_bytes((tmp_path / "one").read_bytes())
    ends = [bits(resumed(make, tmp_path / name, validation=validation)) for name in ("one", "two")]
    assert ends[0] == ends[1]


@pytest.mark.parametrize("first", [True, False])
def test_the_log_keeps_its_lines_whatever_the_order(first: bool, tmp_path: Path) -> None:
    path, log = tmp_path / "run", JSONLLog(tmp_path / "log.jsonl")
    before, after = ([log], []) if first else ([], [log])
    model = small().set_callbacks(*before, Checkpoint(path, seconds=0.0), *after, Stop(15))
    with pytest.raises(KeyboardInterrupt):
        model.fit(X)
    model = small().set_callbacks(*before, Checkpoint(path, resume=True), *after).fit(X)
    assert [json.loads(line) for line in log.path.read_text().splitlines()] == model.history_
    seconds = [line["seconds"] for line in model.history_]
    assert seconds == sorted(seconds)


def test_a_callback_that_was_not_there_before_begins(tmp_path: Path) -> None:
    interrupted(small, tmp_path / "run", 9)
    stopping = EarlyStopping(patience=1, min_delta=1e9)
    model = resumed(small, tmp_path / "run", lambda: [stopping])
    assert model.n_iter_ == 3  # one epoch was over; the second sets the best figure, the third misses it


@pytest.mark.parametrize(
    ("model", "rows", "weight"),
    [
        (small(), X[:-1], None),
        (small(), X + 1e-3, None),
        (small(), X, np.arange(178) + 1.0),
        (small(latent_dim=2), X, None),
        (small(epochs=5), X, None),
        (small(random_state=1), X, None),
        (small(isthmus.VAE), X, None),
        (small(DenoisingAutoencoder), X, None),
    ],
)
def test_another_run_is_refused(model: Any, rows: Any, weight: Any, tmp_path: Path) -> None:
    interrupted(small, tmp_path / "run", 9)
    model.set_callbacks(Checkpoint(tmp_path / "run", resume=True))
    with pytest.raises(ParameterError, match="belongs to another run"):
        model.fit(rows, sample_weight=weight)


def test_another_amount_of_corruption_is_another_run(tmp_path: Path) -> None:
    interrupted(lambda: small(DenoisingAutoencoder, amount=0.1), tmp_path / "run", 9)
    with pytest.raises(ParameterError, match="belongs to another run"):
        resumed(lambda: small(DenoisingAutoencoder, amount=0.2), tmp_path / "run")


@pytest.mark.parametrize("length", [0, 5, 100, -1])
def test_a_file_that_was_cut_short_is_refused(length: int, tmp_path: Path) -> None:
    path = tmp_path / "run"
    interrupted(small, path, 9)
    path.write_bytes(path.read_bytes()[:length])
    with pytest.raises(CorruptFileError, match="it must be whole"):
        resumed(small, path)


def test_a_newer_format_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "run"
    interrupted(small, path, 9)
    with safe_open(path, framework="pt") as file:
        position = json.loads(file.metadata()["run"])
    save_file(load_file(path), path, {"run": json.dumps({**position, "format": 99})})
    with pytest.raises(NewerFormatError, match="format 99"):
        resumed(small, path)


def test_resuming_from_nothing_begins_and_reading_nothing_is_an_error(tmp_path: Path) -> None:
    assert bits(resumed(small, tmp_path / "new" / "run")) == bits(small().fit(X))
    with pytest.raises(MissingFileError):
        read_checkpoint(tmp_path / "nowhere")


@pytest.mark.parametrize("threads", [1, 3])
def test_an_interrupt_leaves_threads_randomness_and_a_usable_model(threads: int, tmp_path: Path) -> None:
    usual = torch.get_num_threads()
    torch.set_num_threads(threads)
    noise = torch.get_rng_state()
    try:
        model = interrupted(lambda: small(isthmus.VAE), tmp_path / "run", 9)
        assert torch.get_num_threads() == threads
        assert torch.equal(torch.get_rng_state(), noise)
        resumed(lambda: small(isthmus.VAE), tmp_path / "run")
        assert torch.get_num_threads() == threads
    finally:
        torch.set_num_threads(usual)
    assert not hasattr(model, "run_")
    assert not model.network_.training
    assert (len(model.history_), model.n_iter_) == (1, 1)
    assert all(p.requires_grad and p.grad is None for p in model.network_.parameters())
    assert np.array_equal(isthmus.load(model.save(tmp_path / "model")).score_samples(X), model.score_samples(X))


def test_readers_see_the_old_file_or_the_new_one(tmp_path: Path) -> None:
    path, contents, seen = tmp_path / "file", [bytes([i]) * 200_000 for i in range(4)], set()
    replace_file(path, contents[0])

    def read() -> None:
        while writer.is_alive():
            seen.add(path.read_bytes())

    writer = threading.Thread(target=lambda: [replace_file(path, contents[i % 4]) for i in range(60)])
    reader = threading.Thread(target=read)
    writer.start()
    reader.start()
    writer.join()
    reader.join()
    assert seen <= set(contents)
    with pytest.raises(IsADirectoryError):
        replace_file(tmp_path, b"")
    assert [file.name for file in tmp_path.iterdir()] == ["file"]
