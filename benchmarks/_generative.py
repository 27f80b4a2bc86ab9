"""Digits drawn from one plain autoencoder by priors fitted to its codes, and how far they are from real ones."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple

import numpy as np
import torch
from _mnist import Digits, drawn, greys, part
from _tables import Found
from numpy.typing import NDArray
from sklearn.neural_network import MLPClassifier

import isthmus
from isthmus import FeatureNetwork
from isthmus.estimator.classes import condition_of
from isthmus.metrics import fid_star

ROWS, EPOCHS, WIDTH, HIDDEN = 20_000, 30, 16, (512, 256)
DRAWN = 10_000  # samples, as many as there are test rows
SHOWN = 10

FLOOR, NOISE, NORMAL, MIXTURE, FLOW, DIFFUSION = (
    "reconstructions",
    "N(0, I)",
    "one normal",
    "ten normals",
    "flow",
    "diffusion",
)
TOLD = "diffusion told classes"
METHODS = (FLOOR, NOISE, NORMAL, MIXTURE, FLOW, DIFFUSION)
KINDS = {NORMAL: "normal", MIXTURE: "mixture", FLOW: "flow", DIFFUSION: "diffusion"}
FID, RECOGNISED, SECONDS = "FID*", "recognised as its class", "processor seconds of fit_prior"


class Learnt(NamedTuple):
    """A fitted member, the rows that it learnt from, and the processor's seconds that it took."""

    model: Any
    rows: Digits
    seconds: float


def learnt(seed: int, member: Callable[..., Any] = isthmus.Autoencoder) -> Learnt:
    """The plain autoencoder, or another member of its shape, fitted once a run."""
    return _fitted(member, seed)  # where the default is filled in: a cache takes it for another call than when given


@cache
def _fitted(member: Callable[..., Any], seed: int) -> Learnt:
    rows = drawn(ROWS, seed)
    model = member(
        latent_dim=WIDTH, hidden_dims=HIDDEN, likelihood="bernoulli", epochs=EPOCHS, random_state=seed, device="cpu"
    )
    return Learnt(model, rows, spent(lambda: model.fit(rows.x)))


def spent(work: Callable[[], object]) -> float:
    """The processor's seconds that some work takes, which other processes hardly change."""
    begun = time.process_time()
    work()
    return time.process_time() - begun


@cache
def network() -> Any:
    """What describes images, learnt once from rows and labels."""
    rows = drawn(ROWS, seed=1000)
    return FeatureNetwork(random_state=0).fit(pictures(rows.x), rows.y)


@cache
def features_of_test() -> NDArray[np.float64]:
    """Features of the test rows."""
    found: NDArray[np.float64] = network().transform(pictures(part("test").x[:DRAWN]))
    return found


@cache
def reader() -> Any:
    """A classifier of pixels."""
    rows = drawn(ROWS, seed=1000)
    return MLPClassifier((256,), max_iter=15, early_stopping=True, random_state=0).fit(rows.x, rows.y)


def pictures(x: Any) -> NDArray[np.float32]:
    """Rows as images of one channel, in [0, 1]."""
    images: NDArray[np.float32] = np.clip(x, 0, 1).reshape(-1, 28, 28, 1).astype(np.float32)
    return images


def samples(method: str, seed: int) -> tuple[Any, float]:
    """As many rows as are judged, and the seconds that fitting a prior took."""
    model, rows, _ = learnt(seed)
    if method == FLOOR:
        return model.reconstruct(part("test").x[:DRAWN]), 0.0
    if method == NOISE:
        noise = np.random.default_rng(seed).standard_normal((DRAWN, WIDTH)).astype(np.float32)
        return model.inverse_transform(noise), 0.0
    seconds = spent(lambda: model.fit_prior(rows.x, KINDS[method]))
    return shown_means(model, DRAWN, seed), seconds


def shown_means(model: Any, n: int, seed: int, y: Any = None) -> Any:
    """Codes from the prior and their expected rows: a table's cells would be drawn pixel by pixel."""
    generator = torch.Generator().manual_seed(seed)
    with torch.inference_mode():
        z = model.prior_.sample(n, generator, condition_of(model.prior_, y, n))
    return model.inverse_transform(z.numpy())


def distance(made: Any) -> float:
    """FID* of drawn rows from the test rows."""
    return float(fid_star(features_of_test(), network().transform(pictures(made))))


def prior(method: str, seed: int) -> Found:
    """How far samples are from test rows."""
    made, seconds = samples(method, seed)
    return {FID: distance(made), SECONDS: seconds, "pictures": greys(made[:SHOWN])}


def told(method: str, seed: int) -> Found:
    """Which share of rows a classifier takes for the class they were drawn of, or real ones for what they are."""
    model, rows, _ = learnt(seed)
    if method == TOLD:
        labels = np.arange(DRAWN) % 10
        made = shown_means(model.fit_prior(rows.x, "diffusion", y=rows.y), DRAWN, seed, labels)
    else:
        real = part("test")
        labels = real.y[:DRAWN]
        made = real.x[:DRAWN] if method == "test rows" else model.reconstruct(real.x[:DRAWN])
    share = float((reader().predict(np.clip(made, 0, 1)) == labels).mean())
    return {RECOGNISED: share, "pictures": greys(made[:SHOWN])}
