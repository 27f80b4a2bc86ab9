"""From points under alarm to episodes that somebody is told of."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from isthmus.metrics.events import runs
from isthmus.tasks.anomaly.series.sheets import Floats, Ints


class Episode(NamedTuple):
    """Points of one entity that are under alarm together.

    Args:
        entity: Whose they are; None where there are no entities.
        start: When the first one was: its time, or its row in X where there are no times.
        end: When the last one was.
        peak: When the highest score was.
        score: That score, in nats.
    """

    entity: Any
    start: Any
    end: Any
    peak: Any
    score: float


class Spell(NamedTuple):
    """Places of an episode in its stretch: the first point, the last, and the one with the highest score."""

    start: int
    end: int
    peak: int


def spells(scores: Floats, threshold: float, min_duration: int, cooldown: int) -> Iterator[Spell]:
    """Start, end and peak of each episode of a stretch, the end being its last point.

    Args:
        scores: (t,) as served.
        threshold: An alarm is above it.
        min_duration: Fewer points in a row under alarm are passed over.
        cooldown: What begins at most so many points after the end of an episode belongs to it.

    Example:
        >>> list(spells(np.array([0.0, 5, 9, 0, 7, 0, 0, 6]), 1.0, min_duration=1, cooldown=2))
        [Spell(start=1, end=4, peak=2), Spell(start=7, end=7, peak=7)]
    """
    starts, stops = runs(scores > threshold)
    long = stops - starts >= min_duration
    starts, ends = starts[long], stops[long] - 1
    apart = starts[1:] - ends[:-1] > cooldown
    for start, end in zip(_kept(starts, True, apart), _kept(ends, apart, True), strict=True):
        yield Spell(int(start), int(end), int(start + scores[start : end + 1].argmax()))


def _kept(places: Ints, *flags: Any) -> Ints:
    """The places whose flag is set; none of none."""
    return places[np.hstack(flags)] if len(places) else places
