"""Whether the threshold would be set elsewhere today, and by more than chance moves it."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from isthmus.tasks.anomaly.calibration import place
from isthmus.tasks.drift.bins import Floats
from isthmus.tasks.drift.ring import counted, sums_of

MOST_MOVED = 0.2
BEHIND = 10  # rows above the threshold that an estimate rests on, so that its spread can be seen
REDRAWN = 400
MOST_ROWS, MOST_CUTS = 20_000, 128  # rows that are drawn again, evenly taken, and places where a threshold may lie
TAIL = 4.0  # budgets of rows from the top among which those places are
FEWEST_BLOCKS = 10


class Moved(NamedTuple):
    """Where the threshold would be, set anew.

    Args:
        value: What it would be.
        low: Lower end of its band under resampling; NaN where it moved by less than a tenth, and no band is asked for.
        high: Upper end.
        share: How far it moved, as a share of its height over the middle of quiet scores.
        rows: That it rests on.
        enough: Whether so many rows say anything of so small a budget.
        moved: Whether it moved by more than a fifth and out of the band.
    """

    value: float
    low: float
    high: float
    share: float
    rows: int
    enough: bool
    moved: bool


def spread(scores: ArrayLike, alpha: float, block: int, seed: int = 0) -> Floats:
    """The threshold of scores that are drawn again in blocks of a ring, 400 times.

    Args:
        scores: (n,) in their order.
        alpha: The budget.
        block: Rows that are drawn together, longer than scores remember.
        seed: Of the draws.
    """
    whole = np.asarray(scores, dtype=np.float64)
    step = max(1, len(whole) // MOST_ROWS)
    given, block = whole[::step], max(1, min(block // step, len(whole) // step))
    n, blocks = len(given), math.ceil(len(given) / block)
    tail = np.sort(given)[-min(n, math.ceil(TAIL * alpha * n) + BEHIND) :]
    cuts = np.unique(tail[np.linspace(0, len(tail) - 1, MOST_CUTS).astype(np.int64)])
    codes = np.searchsorted(cuts, given, side="left")
    starts = np.random.default_rng(seed).integers(n, size=(blocks, REDRAWN))
    sums = sums_of(codes.astype(np.int64), len(cuts) + 1)
    counts = np.sum([counted(sums, one, block) for one in starts], axis=0)
    above = np.cumsum(counts[:, :0:-1], axis=1)[:, ::-1]  # (400, cuts): rows that score more than each
    allowed = blocks * block - place(alpha, blocks * block)
    return np.asarray(cuts[np.argmax(above <= allowed, axis=1)])


def reestimated(
    latest: ArrayLike, threshold: float, alpha: float, quiet: Floats, middle: float, run_length: float, block: int
) -> Moved:
    r"""The threshold set anew on the latest scores, beside what resampling makes of the difference.

    .. math:: \frac{|\tau' - \tau|}{\tau - \text{median}} > 0.2 \quad \text{and} \quad
              0 \notin [\,\delta_{p/2}, \delta_{1 - p/2}\,], \; \delta = \tau'_* - \tau_*, \; p = 1 / \text{run length}

    A fifth of the height over the median is the same whatever the unit and the zero of the score. Both sides are drawn
    again in blocks, since the quiet rows that set the threshold are a sample too.

    Args:
        latest: (m,) scores of the windows that are looked at, in their order, without confirmed anomalies.
        threshold: In use.
        alpha: Its budget.
        quiet: (400,) the `spread` of quiet scores.
        middle: The median of those.
        run_length: Windows in which chance may move it once.
        block: Rows that are drawn together.

    Example:
        >>> random = np.random.default_rng(0)
        >>> quiet, same, wider = random.normal(size=5000), random.normal(size=5000), random.normal(0, 1.5, 5000)
        >>> known = dict(alpha=0.01, quiet=spread(quiet, 0.01, 50), middle=0.0, run_length=52, block=50)
        >>> reestimated(same, 2.33, **known).moved, reestimated(wider, 2.33, **known).moved
        (False, True)
    """
    after = np.asarray(latest, dtype=np.float64)
    value, blocks = float(np.sort(after)[place(alpha, len(after)) - 1]), len(after) / block
    share = (value - threshold) / max(abs(threshold - middle), 1e-12)
    enough = len(after) * alpha >= BEHIND and blocks >= FEWEST_BLOCKS
    if abs(share) <= MOST_MOVED / 2:
        return Moved(value, math.nan, math.nan, float(share), len(after), enough, False)
    apart = (spread(after, alpha, block, 1) - quiet) * math.sqrt(blocks / max(blocks - 1, 1))
    low, high = np.quantile(apart, [0.5 / run_length, 1 - 0.5 / run_length])
    moved = bool(enough and abs(share) > MOST_MOVED and not low <= 0 <= high)
    return Moved(value, threshold + float(low), threshold + float(high), float(share), len(after), enough, moved)


def windows_needed(alpha: float, usual: int, block: int = 1) -> int:
    """Windows of so many rows that one estimate of the threshold takes: ten rows above it, and ten blocks.

    Example:
        >>> windows_needed(0.01, 200), windows_needed(0.01, 5000), windows_needed(0.01, 200, 180)
        (5, 1, 9)
    """
    return math.ceil(max(BEHIND / alpha, FEWEST_BLOCKS * block) / usual)
