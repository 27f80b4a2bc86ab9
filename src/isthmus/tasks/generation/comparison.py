"""What is said of drawn rows beside real ones: figures with the hash of the network that they were seen by."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from isthmus.metrics.generation import fid_star, inception_score_star, kid_star, precision_recall, starred
from isthmus.metrics.intervals import Interval, bootstrap_interval


@dataclass(frozen=True)
class Comparison:
    """Figures of drawn rows, by what each is called; `str` prints them in lines.

    Args:
        figures: {"FID*-1a2b3c4d": its value and the ends of its interval, ...}.
        rows: How many real rows and how many drawn ones were compared.

    Example:
        >>> print(Comparison({"FID*-1a2b3c4d": Interval(2.0, 1.5, 2.5)}, (300, 200)))
        FID*-1a2b3c4d  2 (1.5 to 2.5)
        of 300 real and 200 drawn rows
    """

    figures: dict[str, Interval]
    rows: tuple[int, int]

    def __getitem__(self, name: str) -> Interval:
        """A figure by its name, with or without the star and the hash: "FID"."""
        return next(figure for full, figure in self.figures.items() if name in (full, full.partition("*")[0]))

    def __str__(self) -> str:
        """One line a figure."""
        wide = max(map(len, self.figures))
        lines = [f"{name:<{wide}}  {f.value:.4g} ({f.low:.4g} to {f.high:.4g})" for name, f in self.figures.items()]
        return "\n".join([*lines, f"of {self.rows[0]} real and {self.rows[1]} drawn rows"])


def compared(
    digest: str,
    real: NDArray[np.float64],
    made: NDArray[np.float64],
    probabilities: NDArray[np.float64] | None,
    draws: int,
    random_state: Any,
) -> Comparison:
    """All figures of drawn rows.

    Args:
        digest: Hash of the network that the features come from.
        real: Features of real rows, (n, F).
        made: Features of drawn rows, (m, F).
        probabilities: Of classes, of the drawn rows, (m, classes); None without labels.
        draws: Of the bootstrap.
        random_state: Its seed.
    """
    bootstrap = {"draws": draws, "random_state": random_state}
    both = precision_recall(real, made)
    figures = {
        "FID": bootstrap_interval(fid_star, real, made, **bootstrap),
        "KID": bootstrap_interval(kid_star, real, made, **bootstrap),
        "precision": both.precision,
        "recall": both.recall,
    }
    if probabilities is not None:
        figures["IS"] = bootstrap_interval(inception_score_star, probabilities, **bootstrap)
    return Comparison({starred(name, digest): figure for name, figure in figures.items()}, (len(real), len(made)))
