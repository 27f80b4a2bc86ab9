"""What chance alone does to windows of a quiet time, drawn again in blocks so that neighbours stay neighbours."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from isthmus.errors import TooFewRowsError
from isthmus.tasks.drift.bins import Bins, Floats, Ints
from isthmus.tasks.drift.ring import counted, sums_of

FEWEST_WINDOWS = 6  # of quiet time
DRAWS, AHEAD = 200, 52  # quiet times that are drawn, and windows after each
JOINED = 3  # windows that a block spans, where the quiet time is long enough
MOST_ROWS = 20_000  # of a quiet time; more are thinned evenly


@dataclass(frozen=True, eq=False)
class Stream:
    """One stream over its quiet time.

    Args:
        name: What it is.
        bins: Where its values lie.
        codes: (n,) the bins of the quiet values, in their order.
        floor: Distances below this are of no interest, however sure they are.
    """

    name: str
    bins: Bins
    codes: Ints
    floor: float

    @classmethod
    def of(cls, name: str, values: ArrayLike, floor: float, most: int = 100) -> Stream:
        """The stream of quiet values."""
        bins = Bins.of(values, most)
        return cls(name, bins, bins.codes(values), floor)

    @property
    def counts(self) -> Floats:
        """How many quiet values lie in each bin, (K,)."""
        return np.bincount(self.codes, minlength=self.bins.n).astype(np.float64)

    def distance(self, values: ArrayLike, usual: int) -> float:
        """How far a window of values is from quiet time.

        A window with fewer rows than usual strays further by chance; its distance is shortened by the root of that.
        """
        found = float(self.bins.distance(self.counts, self.bins.shares(values)))
        return found * math.sqrt(min(1.0, len(np.asarray(values)) / usual))


def autocorrelation_time(values: ArrayLike) -> float:
    r"""How many rows say as much as one that is independent of the others.

    .. math:: \tau = 1 + 2 \sum_{k=1}^{M} \rho_k, \quad M \text{ the first with } M \ge 5 \tau

    Args:
        values: (n,) numbers in their order.

    Paper:
        Sokal 1997, Monte Carlo Methods in Statistical Mechanics, section 3 (the window).

    Example:
        >>> random, x = np.random.default_rng(0), np.zeros(4000)
        >>> for t in range(1, 4000):
        ...     x[t] = 0.9 * x[t - 1] + random.normal()
        >>> 12 < autocorrelation_time(x) < 28  # 19 in the long run
        True
    """
    x = np.asarray(values, dtype=np.float64)
    x = x - x.mean()
    if len(x) < 2 or not x.any():
        return 1.0
    power = np.abs(np.fft.rfft(x, 2 * len(x))) ** 2
    rho = np.fft.irfft(power)[: len(x)]
    tau = 2 * np.cumsum(rho / rho[0]) - 1
    ends = np.flatnonzero(np.arange(len(tau)) >= 5 * tau)
    return float(max(1.0, tau[ends[0] if len(ends) else -1]))


def check_length(n: int, usual: int) -> None:
    """Refuse a quiet time that is too short to say what chance does.

    Raises:
        TooFewRowsError: fewer than six windows.
    """
    if n < FEWEST_WINDOWS * usual:
        raise TooFewRowsError(
            f"a quiet time of {n} rows for windows of {usual}",
            f"what chance does to a window is seen on {FEWEST_WINDOWS} of them at least",
            "give a longer quiet time, or watch shorter windows",
        )


def drawn(streams: Sequence[Stream], usual: int, random_state: int = 0) -> Floats:
    r"""Distances of windows in which nothing has changed, (R, T, S).

    R quiet times are drawn as blocks of the one that was seen, in a ring, and T windows after each; all streams take
    the same blocks, so that what moves together does so here. The distances are widened by
    :math:`\sqrt{B / (B - 1)}`, since B windows differ less from their own mean than from the truth.

    Args:
        streams: S of n quiet rows each.
        usual: m, rows of a window.
        random_state: Seed of the blocks.

    Raises:
        TooFewRowsError: the quiet time is shorter than six windows.

    Paper:
        Künsch 1989, Annals of Statistics 17 (moving blocks); Politis & Romano 1992 (in a ring).
    """
    n = len(streams[0].codes)
    check_length(n, usual)
    random = np.random.default_rng(random_state)
    joined = int(np.clip(n // (4 * usual), 1, JOINED))
    length = joined * usual
    past = random.integers(n, size=(DRAWS, math.ceil(n / length)))
    ahead = random.integers(n, size=(DRAWS, math.ceil(AHEAD / joined)))
    starts = (ahead[:, :, None] + usual * np.arange(joined)).reshape(DRAWS, -1)[:, :AHEAD] % n
    wide = math.sqrt((n / usual) / (n / usual - 1))
    return np.stack([wide * _distances(stream, past, starts, length, usual) for stream in streams], axis=-1)


def _distances(stream: Stream, past: Ints, starts: Ints, length: int, usual: int) -> Floats:
    """The distance of each window from its quiet time, (R, T)."""
    sums = sums_of(stream.codes, stream.bins.n)
    found = [
        stream.bins.distance(counted(sums, before, length).sum(0), counted(sums, after, usual))
        for before, after in zip(past, starts, strict=True)
    ]
    return np.stack(found)
