"""What lies between two digits: whether its code is one that a prior expects, and how evenly the way leads there."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import torch
from _generative import DRAWN, distance, learnt
from _mnist import Rows, greys, part
from _tables import Found
from numpy.typing import NDArray

import isthmus

FRAMES, WALKED, RARE = 9, 1000, 0.01  # frames of a path, paths whose steps are measured, and what counts as unlikely


class Way(NamedTuple):
    """Whose codes are gone through, and which prior, fitted to them, says what is likely; None for N(0, I)."""

    member: Callable[..., Any]
    prior: str | None


ONE, TEN = "autoencoder, one normal", "autoencoder, ten normals"
VAE, VAE_TEN = "VAE, N(0, I)", "VAE, ten normals"
FADED = "pixels faded into each other"
WAYS = {
    ONE: Way(isthmus.Autoencoder, "normal"),
    TEN: Way(isthmus.Autoencoder, "mixture"),
    VAE: Way(isthmus.VAE, None),
    VAE_TEN: Way(isthmus.VAE, "mixture"),
    FADED: Way(isthmus.Autoencoder, "mixture"),
}
"""The density of one normal falls below both ends on no straight way: what it finds unlikely says little, and middles
may be likelier than any digit is. Ten normals may find holes. What is faded goes through no code: its middles are
encoded, to see whether the share tells them from digits."""

METHODS = tuple(WAYS)
UNLIKELY = "share of midpoints less likely than 99 % of test rows"
LIKELIEST = "share of midpoints likelier than 99 % of test rows"
STEP = "largest step of a path over its mean one"
MIDDLE, ENDS = "FID* of midpoints", "FID* of ends"


def path(method: str, seed: int) -> Found:
    """Figures of ways from test rows to others."""
    way = WAYS[method]
    model, rows, _ = learnt(seed, way.member)
    if way.prior is not None:
        model.fit_prior(rows.x, way.prior)
    start, end = pairs(seed)
    codes = model.transform(start)
    if method == FADED:
        middle = (start + end) / 2
        between, frames = model.transform(middle), faded(start[:WALKED], end[:WALKED])
    else:
        between = (codes + model.transform(end)) / 2
        middle, frames = model.inverse_transform(between), model.interpolate(start[:WALKED], end[:WALKED], FRAMES)
    usual, found = density(model, way, codes), density(model, way, between)
    ways = frames.reshape(-1, FRAMES, frames.shape[-1])
    return {
        UNLIKELY: float((found < np.quantile(usual, RARE)).mean()),
        LIKELIEST: float((found > np.quantile(usual, 1 - RARE)).mean()),
        STEP: unevenness(ways),
        MIDDLE: distance(middle),
        ENDS: distance(start if method == FADED else model.inverse_transform(codes)),
        "pictures": greys(ways[0]),
    }


def pairs(seed: int) -> tuple[Rows, Rows]:
    """Test rows in a random order, and for each another one."""
    order = np.random.default_rng(seed).permutation(len(part("test").x))[:DRAWN]
    return part("test").x[order], part("test").x[np.roll(order, 1)]


def faded(start: Rows, end: Rows) -> Rows:
    """Frames between rows, pixel by pixel, (n, frames, D)."""
    shares = np.linspace(0, 1, FRAMES, dtype=np.float32)[:, None]
    return (1 - shares) * start[:, None] + shares * end[:, None]


def density(model: Any, way: Way, codes: NDArray[np.float32]) -> NDArray[np.float32]:
    """log p(z) of codes, but for a constant."""
    z = torch.from_numpy(codes)
    with torch.inference_mode():
        found = -z.square().sum(1) / 2 if way.prior is None else model.prior_.log_prob(z)
    return np.asarray(found)


def unevenness(ways: Rows) -> float:
    """The largest distance between neighbouring frames over the mean one, mean of the paths (n, frames, D)."""
    steps = np.linalg.norm(np.diff(ways, axis=1), axis=2)
    return float((steps.max(1) / steps.mean(1)).mean())
