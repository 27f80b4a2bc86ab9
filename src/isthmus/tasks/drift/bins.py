"""Streams in bins: the one form in which scores, columns and alarms are compared over time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats: TypeAlias = NDArray[np.float64]
Ints: TypeAlias = NDArray[np.int64]

MOST_BINS = 100  # so a distance is seen to a hundredth
RARE = "(other)"
MISSING = 0  # the code of what is not there


@dataclass(frozen=True, eq=False)
class Bins:
    r"""Where the values of one stream lie, as learnt from its quiet time.

    Numbers fall between quantiles of the quiet values, and are compared by the distance of Kolmogorov and Smirnov;
    words and truth values are bins of their own, and are compared by half the sum of the differences.

    .. math:: D = \max_k |F_k - G_k|, \quad D = \tfrac12 \sum_k |f_k - g_k|

    Either way D lies between 0 and 1, and where the share of missing values moved further, it is that.

    Args:
        edges: Upper ends of all bins of numbers but the last, rising; None of words.
        words: The words known in quiet time, the last for all others; () of numbers.

    Paper:
        Kolmogorov 1933; Smirnov 1939. The second is the distance in total variation.

    Example:
        >>> bins = Bins.of(np.arange(100.0))
        >>> quiet, later = bins.shares(np.arange(100.0)), bins.shares(np.arange(100.0) + 50)
        >>> round(float(bins.distance(quiet, later)), 2)
        0.5
    """

    edges: Floats | None
    words: tuple[str, ...] = ()

    @classmethod
    def of(cls, values: ArrayLike, most: int = MOST_BINS) -> Bins:
        """Bins of quiet values, (n,): floats with NaN where one is missing, or words with None."""
        given = np.asarray(values)
        if given.dtype.kind in "fiub":
            known = given[np.isfinite(given.astype(np.float64))].astype(np.float64)
            cuts = np.quantile(known, np.linspace(0, 1, most + 1)[1:-1]) if len(known) else np.empty(0)
            return cls(np.unique(cuts))
        names, counts = np.unique([str(word) for word in given.tolist() if word is not None], return_counts=True)
        kept = sorted(names[np.argsort(-counts, kind="stable")][: most - 1].tolist())
        return cls(None, (*kept, RARE))

    @property
    def n(self) -> int:
        """Bins, with the one for missing values."""
        return 1 + (len(self.words) if self.edges is None else len(self.edges) + 1)

    def codes(self, values: ArrayLike) -> Ints:
        """The bin of each value, (n,) -> (n,); 0 where it is missing."""
        given = np.asarray(values)
        if self.edges is None:
            places = {word: place for place, word in enumerate(self.words, 1)}
            last = len(self.words)
            return np.array(
                [MISSING if word is None else places.get(str(word), last) for word in given.tolist()], dtype=np.int64
            )
        numbers = given.astype(np.float64)
        inside = 1 + np.searchsorted(self.edges, numbers, side="left")
        return np.where(np.isnan(numbers), MISSING, inside).astype(np.int64)

    def shares(self, values: ArrayLike) -> Floats:
        """How many values lie in each bin, (K,)."""
        return np.bincount(self.codes(values), minlength=self.n).astype(np.float64)

    def distance(self, one: Any, other: Any) -> Floats:
        """D of counts, (..., K) each -> (...); either may be scaled."""
        missing_one, known_one = _parted(one)
        missing_other, known_other = _parted(other)
        apart = known_one - known_other
        if self.edges is None:
            moved = 0.5 * np.abs(apart).sum(-1)
        else:
            moved = np.abs(np.cumsum(apart, -1)).max(-1)
        return np.asarray(np.maximum(moved, np.abs(missing_one - missing_other)), dtype=np.float64)


def _parted(counts: Any) -> tuple[Floats, Floats]:
    """The share that is missing, and the shares of the rest in their bins."""
    counts = np.asarray(counts, dtype=np.float64)
    known = counts[..., 1:]
    total = known.sum(-1, keepdims=True)
    everything = (counts[..., :1] + total).clip(min=1e-12)
    return (counts[..., :1] / everything)[..., 0], known / total.clip(min=1e-12)
