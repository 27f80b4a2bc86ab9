"""What several methods gave for several seeds, and how they compare."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeAlias

import numpy as np

from isthmus.bench.answers import Absent
from isthmus.bench.question import Desk
from isthmus.metrics import starred
from isthmus.metrics.intervals import Interval, resampled_interval

Found: TypeAlias = dict[str, Any]
"""What one method gave for one seed: numbers by name, and lists that pictures are drawn from."""

Figure: TypeAlias = Callable[[Found], float]
"""A number read off what was found."""


def named(name: str) -> Figure:
    """A number by its name."""
    return lambda found: float(found[name])


def wrong(*names: str) -> Figure:
    """The share of wrong answers, from accuracies by their names; their mean where there are several."""
    return lambda found: float(np.mean([1.0 - found[name] for name in names]))


def over_seeds(values: Iterable[float]) -> Interval:
    """Their mean and its 95 % interval by Student's t; a seed alone has no ends but its value."""
    given = [float(value) for value in values]
    return resampled_interval(given, 0.0) if len(given) > 1 else Interval(given[0], given[0], given[0])


def times_over_seeds(ratios: Iterable[float]) -> Interval:
    """Their geometric mean and its interval: a ratio and its inverse say the same, and no end is negative."""
    return Interval(*map(math.exp, over_seeds(map(math.log, ratios))))


@dataclass(frozen=True)
class Table:
    """What methods gave.

    Args:
        found: {method: what it gave for each seed, in the order of the seeds}.
    """

    found: dict[str, list[Found]]

    @classmethod
    def measured(cls, desk: Desk, make: Callable[[str, int], Found], methods: Iterable[str]) -> Table:
        """What each method gives for each seed, as kept or measured now; a whole seed before the next one."""
        found: dict[str, list[Found]] = {method: [] for method in methods}
        for seed in desk.seeds:
            for method, of_seeds in found.items():
                key = {"what": make.__name__, "method": method, "seed": seed}
                of_seeds.append(desk.cache.get(partial(make, method, seed), **key))
        return cls(found)

    @classmethod
    def reached(cls, desk: Desk, make: Callable[[str, int], Found], methods: Iterable[str]) -> Table | Absent:
        """The same, begun anew only within the line's seconds; what was measured is kept for the next run."""
        end, names = time.monotonic() + desk.seconds, list(methods)
        found: dict[str, list[Found]] = {method: [] for method in names}
        for seed in desk.seeds:
            for method in names:
                key = {"what": make.__name__, "method": method, "seed": seed}
                if desk.cache.find(**key) is None and time.monotonic() > end:
                    done, asked = sum(map(len, found.values())), len(names) * len(desk.seeds)
                    return Absent(f"{done} of {asked} fits reached", is_due=True)
                found[method].append(desk.cache.get(partial(make, method, seed), **key))
        return cls(found)

    def mean(self, method: str, figure: Figure) -> Interval:
        """A method's figure."""
        return over_seeds(map(figure, self.found[method]))

    def times(self, figure: Figure, method: str, rival: str) -> Interval:
        """How many times a rival's figure a method's is, compared seed by seed."""
        pairs = zip(self.found[method], self.found[rival], strict=True)
        return times_over_seeds(figure(own) / figure(its) for own, its in pairs)

    def without(self, method: str) -> Table:
        """All but one method."""
        return Table({name: of for name, of in self.found.items() if name != method})

    def beside(self, *names: str) -> dict[str, dict[str, float]]:
        """{method: {name: mean over the seeds}} of these numbers, or of all."""
        return {
            method: {name: float(f"{np.mean([one[name] for one in of]):.4g}") for name in numbers(of[0], names)}
            for method, of in self.found.items()
        }

    def starred(self, digest: str) -> Table:
        """The same with distances of features named after the network whose features they are of."""
        names = {name: starred(name.rstrip("*"), digest) for name in ("FID", "KID", "FID*")}
        renamed = {
            method: [{names.get(name, name): value for name, value in one.items()} for one in of]
            for method, of in self.found.items()
        }
        return Table(renamed)

    def by_seed(self, titles: Mapping[str, str]) -> dict[str, dict[str, list[float]]]:
        """{title: {method: a number for each seed}}, for a picture; `titles` says which number a title stands for."""
        return {
            title: {method: [one[name] for one in of if name in one] for method, of in self.found.items()}
            for title, name in titles.items()
        }

    def first(self, name: str) -> dict[str, Any]:
        """{method: what it gave for the first seed} by this name, of those that gave it, for a picture."""
        return {method: of[0][name] for method, of in self.found.items() if name in of[0]}


def numbers(found: Found, names: tuple[str, ...]) -> list[str]:
    """Which of the names, or of all, are those of numbers."""
    return [name for name, value in found.items() if isinstance(value, int | float) and name in (names or found)]
