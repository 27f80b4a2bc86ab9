"""Ranks that share out every batch come to the losses and weights of one process that has all of it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.datasets import load_breast_cancer
from torch import Tensor, nn

import isthmus
from isthmus.cli.main import run
from isthmus.core.code import Batch
from isthmus.data import files
from isthmus.errors import AbilityError, ParameterError, TrainingError
from isthmus.training.ranks import Ranks

WAIT = 60.0  # seconds after which the others are given up


class Table:
    """Where ranks that are threads of this process lay down what they have, and take what all have."""

    def __init__(self, count: int) -> None:
        self.count, self.held, self.barrier = count, [None] * count, threading.Barrier(count, timeout=WAIT)

    def all_of(self, rank: int, value: Any) -> list[Any]:
        """What every rank has laid down."""
        self.held[rank] = value
        self.barrier.wait()
        found = list(self.held)
        self.barrier.wait()
        return found


class Seated(Ranks):
    """A rank at such a table, in place of a process in a group."""

    def __init__(self, rank: int, table: Table) -> None:
        super().__init__(rank, table.count)
        self.table = table

    def add_up(self, numbers: Tensor) -> None:
        """As there."""
        numbers.copy_(torch.stack(self.table.all_of(self.rank, numbers.clone())).sum(0))

    def first_says(self, value: Any) -> Any:
        """As there."""
        return self.table.all_of(self.rank, value)[0]

    def check_alike(self, what: str) -> None:
        """As there, for two."""
        if len(set(self.table.all_of(self.rank, what))) > 1:
            raise TrainingError("rank 1 of 2 fits something else", "all fit one model", "give all the same")

    def share_weights(self, network: nn.Module) -> None:
        """Nobody's weights are touched, so that the test may compare them."""


class Single(Ranks):
    """One of two ranks, of which the other never answers."""

    def add_up(self, numbers: Tensor) -> None:
        """Nothing comes."""

    def first_says(self, value: Any) -> Any:
        """What this one says."""
        return value

    def check_alike(self, what: str) -> None:
        """There is nothing to compare."""


def together(count: int, fit: Callable[[], Any], monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What a fit comes to in each of several ranks."""
    table, place, found, faults = Table(count), threading.local(), [None] * count, list[BaseException]()
    monkeypatch.setattr(Ranks, "here", lambda: place.ranks)

    def work(rank: int) -> None:
        place.ranks = Seated(rank, table)
        try:
            found[rank] = fit()
        except BaseException as fault:
            faults.append(fault)
            table.barrier.abort()

    threads = [threading.Thread(target=work, args=(rank,)) for rank in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    monkeypatch.undo()
    if faults:
        raise faults[0]
    return found


def rows() -> np.ndarray[Any, np.dtype[np.float64]]:
    """Breast cancer, in numbers that no share of a batch divides evenly."""
    return load_breast_cancer().data[:299]


def weights(model: Any) -> Tensor:
    """All of a model's weights."""
    return torch.cat([p.detach().flatten() for p in model.network_.parameters()])


def test_a_batch_is_shared_out_with_all_that_belongs_to_its_rows() -> None:
    x = torch.arange(7.0)[:, None]
    batch = Batch(x, x == x, weight=x[:, 0], progress=0.5)
    parts = [Ranks(rank, 3).part(batch) for rank in range(3)]
    assert torch.equal(torch.cat([part.x for part in parts]), x)
    assert [len(part.weight) for part in parts if part.weight is not None] == [2, 2, 3]
    assert {part.progress for part in parts} == {0.5}
    with pytest.raises(ParameterError, match="a batch of 1 rows for 2 ranks"):
        Ranks(0, 2).part(Batch(x[:1]))


@pytest.mark.parametrize("with_weight", [False, True])
def test_two_ranks_train_as_one_process_does(with_weight: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    weight = np.arange(299) % 5 / 2.0 if with_weight else None

    def fit() -> Any:
        model = isthmus.Autoencoder(epochs=3, batch_size=64, hidden_dims=(16,), latent_dim=4, random_state=0)
        return model.fit(rows(), sample_weight=weight)

    alone, (one, other) = fit(), together(2, fit, monkeypatch)
    assert torch.equal(weights(one), weights(other))
    assert [line["loss"] for line in one.history_] == [line["loss"] for line in other.history_]
    np.testing.assert_allclose(
        [line["loss"] for line in one.history_], [line["loss"] for line in alone.history_], rtol=1e-5
    )
    torch.testing.assert_close(weights(one), weights(alone), rtol=0, atol=1e-4)


def test_ranks_draw_noise_of_their_own_and_stay_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    def fit() -> Any:
        return isthmus.VAE(epochs=2, batch_size=64, hidden_dims=(8,), latent_dim=2, random_state=0).fit(rows())

    one, other = together(2, fit, monkeypatch)
    assert torch.equal(weights(one), weights(other))
    noise = [torch.Generator().manual_seed(5) for _ in range(3)]
    for rank, generator in enumerate(noise):
        Ranks(rank, 3).reseed(generator, 5, 1)
    drawn = [float(torch.rand((), generator=generator)) for generator in noise]
    assert len(set(drawn)) == 3 and drawn[0] == float(torch.rand((), generator=torch.Generator().manual_seed(5)))


def test_ranks_that_fit_different_rows_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def fit() -> Any:
        return isthmus.Autoencoder(epochs=1, random_state=0).fit(rows()[: 100 + Ranks.here().rank])

    with pytest.raises((TrainingError, threading.BrokenBarrierError)):
        together(2, fit, monkeypatch)


def test_what_is_gathered_from_whole_batches_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Ranks, "here", lambda: Single(0, 2))
    with pytest.raises(AbilityError, match="mmd is a statistic of the whole batch"):
        isthmus.InfoVAE(epochs=1, random_state=0).fit(rows())
    with pytest.raises(TrainingError, match="is gathered from the rows of each step, which 2 ranks share"):
        isthmus.SAE(n_latents=32, k=4, epochs=1, random_state=0).fit(rows())


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_processes_that_torchrun_starts_train_as_one(tmp_path: Path) -> None:
    files.write(tmp_path / "rows.npy", rows())
    fit = ["fit", str(tmp_path / "rows.npy"), "--model", "autoencoder", "--epochs", "4", "--batch-size", "64"]
    fit += ["--validation", "0.1", "--quiet", "--out"]
    for name, more in {"one": [], "two": ["--nproc", "2"], "again": ["--nproc", "2"]}.items():
        assert run([*fit, str(tmp_path / name), *more]) == 0
    one, two, again = (isthmus.load(tmp_path / name) for name in ("one", "two", "again"))
    assert torch.equal(weights(two), weights(again))
    torch.testing.assert_close(weights(two), weights(one), rtol=0, atol=1e-4)
    for mine, theirs in zip(one.history_, two.history_, strict=True):
        assert abs(mine["loss"] - theirs["loss"]) < 1e-4 * abs(mine["loss"])
        assert abs(mine["validation_loss"] - theirs["validation_loss"]) < 1e-4 * abs(mine["validation_loss"])
    assert run(["fit", "--out", str(tmp_path / "two"), "--resume", "--quiet"]) == 0
    assert run(["fit", str(tmp_path / "none.npy"), *fit[2:], str(tmp_path / "none"), "--nproc", "2"]) == 1


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # Ray warns of itself
def test_workers_of_ray_train_as_one_process_does(tmp_path: Path) -> None:
    pytest.importorskip("ray", reason='ray is not installed: pip install "isthmus[ray]"')
    model = isthmus.Autoencoder(epochs=3, batch_size=64, hidden_dims=(16,), latent_dim=4, random_state=0)
    fitted = isthmus.fit_on_ray(model, rows(), tmp_path / "model", workers=2, cpus=0.5)
    torch.testing.assert_close(weights(fitted), weights(model.fit(rows())), rtol=0, atol=1e-4)
