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
from torch import Tensor, nn

import isthmus
from isthmus.bench.answers import Absent, Figure
from isthmus.bench.question import Desk, Line, Question
from isthmus.metrics.intervals import Interval

ROOT = Path(__file__).resolve().parents[1]
QUESTION = Question("gpu_speed", "What does a GPU bring, beside PyOD on it and beside the host's processor?", ROOT)
QUESTION.peer("pyod", "pyod==3.6.7", "tqdm")
FEATURES, LATENTS, K, BATCH, BATCHES = 768, 24_576, 32, 4096, 50  # of a dictionary
NONE = Absent("not applicable: this machine has no CUDA device")


def line(name: str, unit: str = "x", **bounds: Any) -> Callable[[Callable[[Desk], Figure]], Line]:
    """Add a line that needs a GPU."""

    def add(measure: Callable[[Desk], Figure]) -> Line:
        asked = QUESTION.line(name, unit=unit, **bounds)
        return asked(lambda desk: measure(desk) if torch.cuda.is_available() else NONE)

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


class Dense(nn.Module):
    """A dictionary as anyone would write it: whole products and whole codes, gradients by autograd."""

    def __init__(self) -> None:
        super().__init__()
        self.into, self.out_of = nn.Linear(FEATURES, LATENTS), nn.Linear(LATENTS, FEATURES)

    def forward(self, x: Tensor) -> Tensor:
        """Half the squared error of each row, (B,)."""
        values, places = self.into(x).topk(K, dim=1, sorted=False)
        code = torch.zeros(len(x), LATENTS, dtype=values.dtype, device=x.device).scatter(1, places, values.relu())
        cost: Tensor = 0.5 * (self.out_of(code) - x).square().sum(1)
        return cost


def dense_epoch(x: Tensor, low: bool, device: str = "cuda") -> None:
    """Adam's steps on the dense one, its products in bfloat16 where low."""
    network = Dense().to(device)
    optimizer = torch.optim.Adam(network.parameters(), lr=3e-4, fused=True)
    for rows in x.split(BATCH):
        with torch.autocast(device, torch.bfloat16, enabled=low):
            cost = network(rows.to(device)).mean()
        optimizer.zero_grad()
        cost.backward()
        optimizer.step()


@line(f"a dictionary of {LATENTS:,} latents, {K} on, {FEATURES} numbers a token: tokens/s", "tokens/s", at_least=2e6)
def dictionary(desk: Desk) -> Figure:
    """A whole fit of one epoch, beside an epoch of a dense one in float32 and in bfloat16."""
    x = torch.randn(BATCHES * BATCH, FEATURES, generator=torch.Generator().manual_seed(0))
    options: dict[str, Any] = {
        "n_latents": LATENTS,
        "k": K,
        "batch_size": BATCH,
        "epochs": 1,
        "random_state": 0,
        "device": "cuda",
    }
    ways: dict[str, Callable[[], object]] = {
        "ours": lambda: isthmus.SAE(**options).fit(x.numpy()),
        "ours in bfloat16": lambda: isthmus.SAE(**options, precision="bfloat16").fit(x.numpy()),
        "dense float32": lambda: dense_epoch(x, low=False),
        "dense bfloat16": lambda: dense_epoch(x, low=True),
    }
    times = desk.interleave({name: waited(way) for name, way in ways.items()}, rounds=5)
    beside: dict[str, Any] = {f"{name}, tokens/s": rate(times.time(name), len(x)) for name in ways}
    beside |= {"gpu": torch.cuda.get_device_name()}
    took = times.time("ours")
    found = Interval(*(len(x) / seconds for seconds in (took.value, took.high, took.low)))
    return Figure(found, is_noisy=times.is_noisy, beside=beside)


if __name__ == "__main__":
    raise SystemExit(QUESTION.main())
