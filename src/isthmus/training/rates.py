"""How the step size runs over a stage: factors between 0 and 1 as functions of the share that is done."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TypeAlias

Schedule: TypeAlias = Callable[[float], float]

WARMUP = 0.05  # share of a stage over which the step size rises
FLOOR = 0.02  # where the cosine ends


def cosine(done: float) -> float:
    """Rise linearly over the first 5 %, then fall along half a cosine to 2 % of the peak.

    Paper:
        Loshchilov & Hutter 2017, arXiv:1608.03983, eq. 5, without restarts.

    Example:
        >>> [round(cosine(done), 3) for done in (0.0, 0.05, 0.525, 1.0)]
        [0.02, 1.0, 0.51, 0.02]
    """
    if done < WARMUP:
        return FLOOR + (1 - FLOOR) * done / WARMUP
    fall = (done - WARMUP) / (1 - WARMUP)
    return FLOOR + (1 - FLOOR) * 0.5 * (1 + math.cos(math.pi * min(fall, 1.0)))


def constant(done: float) -> float:
    """The peak all along."""
    return 1.0


def held(done: float) -> float:
    """Rise over the first 5 %, then hold: what one more pass over new rows takes."""
    return min(1.0, FLOOR + (1 - FLOOR) * done / WARMUP)


SCHEDULES: dict[str, Schedule] = {"cosine": cosine, "constant": constant}
