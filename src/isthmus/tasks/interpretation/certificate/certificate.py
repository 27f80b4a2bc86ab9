"""`Certificate`: figures of a sparse dictionary beside those of its rivals, with intervals over seeds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from isthmus.metrics import Interval, resampled_interval
from isthmus.report.table import Table

Found: TypeAlias = dict[str, float]
TRAINED, ITSELF, RANDOM = "SAE", "SAE as given", "frozen random"
DECADES = (0.0, 1e-4, 1e-3, 1e-2, 1e-1, 1.0)
HIGHER = ("explained variance", "MMCS", "MCC", "F1", "stability")  # figures of which more is better


@dataclass(frozen=True, repr=False)
class Certificate:
    """What a sparse dictionary is worth.

    Args:
        found: {method: {figure: value with its 95 % interval over seeds}}; "SAE" is the dictionary fitted anew, "SAE as
            given" the one that was there.
        leads: {figure: how far the SAE is above the frozen random dictionary, seed by seed}.
        density: {share of the rows: latents of the last fit that fire that often}.
        learnt: Rows to learn from.
        judged: Rows to judge by.
        k: Latents that rivals have on in a row.
        seeds: Fits of each method.
    """

    found: dict[str, dict[str, Interval]]
    leads: dict[str, Interval]
    density: dict[str, int]
    learnt: int
    judged: int
    k: int
    seeds: int

    @classmethod
    def of(
        cls, found: Mapping[str, Sequence[Found]], density: NDArray[np.float64], learnt: int, judged: int, k: int
    ) -> Certificate:
        """From the figures of each method's fits.

        Args:
            found: {method: figures of each seed}.
            density: Share of the rows on which each latent fires, (L,).
            learnt: Rows to learn from.
            judged: Rows to judge by.
            k: Latents that rivals have on in a row.
        """
        intervals = {
            method: {name: over_seeds([one[name] for one in fits]) for name in fits[0]}
            for method, fits in found.items()
        }
        pairs = list(zip(found[TRAINED], found[RANDOM], strict=True))
        leads = {
            name: over_seeds([one[name] - other[name] for one, other in pairs])
            for name in HIGHER
            if name in found[TRAINED][0]
        }
        return cls(intervals, leads, in_decades(density), learnt, judged, k, len(found[TRAINED]))

    @property
    def verdicts(self) -> dict[str, str]:
        """Of each figure of which more is better: whether the SAE is "above" the random dictionary, "below" or neither.

        It is "undecided" where the interval of the difference holds 0.
        """
        words = {True: "above", False: "below"}
        return {
            name: "undecided" if lead.low <= 0 <= lead.high else words[lead.value > 0]
            for name, lead in self.leads.items()
        }

    def as_dict(self) -> dict[str, Any]:
        """All of it for JSON."""
        figures = {method: {name: of._asdict() for name, of in row.items()} for method, row in self.found.items()}
        leads = {name: lead._asdict() for name, lead in self.leads.items()}
        facts = {"learnt": self.learnt, "judged": self.judged, "k": self.k, "seeds": self.seeds}
        return {"found": figures, "leads": leads, "verdicts": self.verdicts, "density": self.density, **facts}

    def table(self) -> Table:
        """The figures as a table of a page, one method in each row."""
        names = self._names()
        rows = [[method, *(_cell(row.get(name)) for name in names)] for method, row in self.found.items()]
        align = dict.fromkeys(names, "right")
        return Table(["method", *names], rows, caption=self._caption(), align=align)

    def __str__(self) -> str:
        """A table, then how often latents fire, then what is to be made of it."""
        table = self.table()
        cells = [list(table.columns), *([str(cell) for cell in row] for row in table.rows)]
        widths = [max(len(row[number]) for row in cells) for number in range(len(table.columns))]
        lines = ["  ".join(_padded(row, widths)) for row in cells]
        spread = ", ".join(f"{share}: {count}" for share, count in self.density.items())
        return "\n".join([self._caption(), "", *lines, "", f"Latents by how often they fire: {spread}.", self._told()])

    __repr__ = __str__

    def _names(self) -> list[str]:
        """The figures that some method has, in order."""
        return list(dict.fromkeys(name for row in self.found.values() for name in row))

    def _caption(self) -> str:
        """What the figures are of."""
        return (
            f"Fitted to {self.learnt:,} rows, judged by {self.judged:,} others; {self.seeds} seeds, and the half "
            f"width of the 95 % interval. Rivals have {self.k} on in a row."
        )

    def _told(self) -> str:
        """In which figures learning was worth it."""
        sides = {side: [name for name, at in self.verdicts.items() if at == side] for side in ("above", "below")}
        told = [f"{side} it in {', '.join(names)}" for side, names in sides.items() if names]
        rest = [name for name, at in self.verdicts.items() if at == "undecided"]
        told += [f"not told apart from it in {', '.join(rest)}"] if rest else []
        return f"Beside the frozen random dictionary the SAE is {'; '.join(told)}."


def over_seeds(values: Sequence[float]) -> Interval:
    """Mean and 95 % interval by Student's t; of one value the value itself.

    Example:
        >>> over_seeds([0.5])
        Interval(value=0.5, low=0.5, high=0.5)
    """
    if len(values) == 1:
        return Interval(values[0], values[0], values[0])
    return resampled_interval(values, 0.0)


def in_decades(density: NDArray[np.float64]) -> dict[str, int]:
    """How many latents fire how often.

    Example:
        >>> in_decades(np.array([0.0, 0.05, 0.5]))
        {'never': 1, 'up to 0.01 %': 0, 'up to 0.1 %': 0, 'up to 1 %': 0, 'up to 10 %': 1, 'up to 100 %': 1}
    """
    counts = {"never": int((density == 0).sum())}
    for low, high in zip(DECADES[:-1], DECADES[1:], strict=True):
        counts[f"up to {100 * high:g} %"] = int(((density > low) & (density <= high)).sum())
    return counts


def _cell(found: Interval | None) -> str:
    """A value with half the width of its interval."""
    if found is None:
        return "-"
    half = (found.high - found.low) / 2
    is_exact = half <= 1e-9 * abs(found.value)
    return f"{found.value:.3g}" if is_exact else f"{found.value:.3g} ±{half:.2g}"


def _padded(row: Sequence[str], widths: Sequence[int]) -> list[str]:
    """Cells as wide as their column: the name on the left, figures on the right."""
    return [row[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True))]
