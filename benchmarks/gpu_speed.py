"""What a GPU brings: the same loop, rows and verbs as `core_speed.py`, beside PyOD and the host's own processor.

PyOD's worker takes the GPU by itself where there is one. Each turn waits until the GPU has done what it was told.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from core_speed import PEER_ROWS, WIDTHS, beside_pyod, million, rate, there_and_back, trainer
from numpy.typing import NDArray

import isthmus
from isthmus.bench.answers import Absent, Figure
from isthmus.bench.question import Desk, Line, Question

ROOT = Path(__file__).resolve().parents[1]
QUESTION = Question("gpu_speed", "What does a GPU bring, beside PyOD on it and beside the host's processor?", ROOT)
QUESTION.peer("pyod", "pyod==3.6.7", "tqdm")
NONE = Absent("not applicable: this machine has no CUDA device")


def line(name: str, unit: str = "x") -> Callable[[Callable[[Desk], Figure]], Line]:
    """Add a line that needs a GPU."""

    def add(measure: Callable[[Desk], Figure]) -> Line:
        return QUESTION.line(name, unit=unit)(lambda desk: measure(desk) if torch.cuda.is_available() else NONE)

    return add


def waited(work: Callable[[], object]) -> Callable[[], None]:
    """The work, until the GPU has done it."""

    def whole() -> None:
        work()
        torch.cuda.synchronize()

    return whole


def fitted(device: str) -> Any:
    """A model to score with, on that device."""
    return isthmus.Autoencoder(**WIDTHS, epochs=1, random_state=0, device=device).fit(million()[:PEER_ROWS])


def both(desk: Desk, work: Callable[[str], Callable[[], object]], count: int) -> Figure:
    """The processor's time over the GPU's for the same work, and items a second of both."""
    times = desk.interleave({device: waited(work(device)) for device in ("cuda", "cpu")}, rounds=7)
    rates = {f"{device}, 1/s": rate(times.time(device), count) for device in times.seconds}
    about = {"gpu": torch.cuda.get_device_name(), "threads": torch.get_num_threads()}
    return Figure(times.ratio("cpu", "cuda"), is_noisy=times.is_noisy, beside=rates | about)


@line("training, batch 1024, 1 000 000 x 30: rows/s over PyOD's on the same GPU")
def training(desk: Desk) -> Figure:
    """One epoch each, without preparation on either side."""
    return beside_pyod(desk, "train", train=waited(trainer(1024, device="cuda")))


@line("scoring 1 000 000 x 30: rows/s over PyOD's on the same GPU")
def scoring(desk: Desk) -> Figure:
    """From array to array, through each one's own verb."""
    model = fitted("cuda")
    return beside_pyod(desk, "score", score=lambda: model.anomaly_score(million()))


def trained(batch_size: int) -> Any:
    """A line's measure: one epoch over the million rows at a batch size."""

    def measure(desk: Desk) -> Figure:
        if not torch.cuda.is_available():
            return NONE
        return both(desk, lambda device: trainer(batch_size, device=device), len(million()))

    return measure


for size in (1024, 8192, 65536):
    line(f"training, batch {size}, 1 000 000 x 30: rows/s over the processor's")(trained(size))


@line("scoring 1 000 000 x 30: rows/s over the processor's")
def scored(desk: Desk) -> Figure:
    """From array to array."""
    models = {device: fitted(device) for device in ("cuda", "cpu")}
    return both(desk, lambda device: lambda: models[device].anomaly_score(million()), len(million()))


@cache
def images() -> NDArray[np.float32]:
    """Made-up images of 28x28."""
    return np.random.default_rng(0).random((20_000, 28, 28, 1), dtype=np.float32)


@line("fit of 20 000 images of 28x28, convolutional, batch 256, one epoch: images/s over the processor's")
def pictured(desk: Desk) -> Figure:
    """The whole fit."""
    options = {"architecture": "conv", "latent_dim": 32, "epochs": 1, "batch_size": 256, "random_state": 0}
    return both(desk, lambda at: lambda: isthmus.Autoencoder(**options, device=at).fit(images()), len(images()))


@line("encode and decode one row of 50 columns, latent 8, on the GPU: median", unit="ms")
def one_row(desk: Desk) -> Figure:
    """Both verbs, from array to array: what waiting for a GPU costs a lone row."""
    x = np.random.default_rng(0).standard_normal((2000, 50)).astype(np.float32)
    model = isthmus.Autoencoder(latent_dim=8, epochs=1, random_state=0, device="cuda")
    return there_and_back(desk, model.fit(x), x[:1])


if __name__ == "__main__":
    raise SystemExit(QUESTION.main())
