"""What confirmed anomalies say of a detector over time, and what its members say of each other."""

from __future__ import annotations

from isthmus.metrics import Interval, roc_auc, wilson_interval
from isthmus.tasks.drift.bins import Floats
from isthmus.tasks.drift.history import CONFIRMED, History

FEWEST = 2  # anomalies of a window whose separation is told
FAR = 1.0  # standard deviations that a member's mean moves before anything is said of it
ADAPTED = 0.5  # of what the long member moved, that the short one may move where it has adapted


def recall(window: History, threshold: float) -> Interval | None:
    """The share of confirmed anomalies above the threshold; None where nobody has confirmed one.

    Args:
        window: Its rows.
        threshold: In use.

    Example:
        >>> import numpy as np
        >>> window = History(np.array([1.0, 3.0, 5.0]), verdicts=np.array(["", "confirmed", "confirmed"], dtype=object))
        >>> recall(window, 4.0).value
        0.5
    """
    if window.verdicts is None or not (window.verdicts == CONFIRMED).any():
        return None
    found = window.scores[window.verdicts == CONFIRMED] > threshold
    return wilson_interval(int(found.sum()), len(found))


def separation(window: History) -> float | None:
    """The chance that a confirmed anomaly scores above another row of the window; None with fewer than two."""
    if window.verdicts is None:
        return None
    truth = window.verdicts == CONFIRMED
    if truth.sum() < FEWEST or truth.all():
        return None
    return roc_auc(truth, window.scores)


def drift_of_members(quiet: History, window: History) -> dict[str, float]:
    """How far the mean score of each member moved, in standard deviations of its quiet scores."""
    moved = {}
    for name, scores in window.members.items():
        before: Floats = quiet.members[name]
        moved[name] = float((scores.mean() - before.mean()) / max(float(before.std()), 1e-12))
    return moved


def horizon(moved: dict[str, float], spans: tuple[str, ...] = ("hour", "day", "week", "month")) -> str:
    """Short- or long-term drift, by which members were surprised; "" where none was, or there is one alone.

    A member that learnt from the last day knows what has changed before that. Where the member of a longer span is
    surprised and the one of the shorter is not, the world moved slowly; where both are, it has just moved.

    Args:
        moved: {member: how far its mean score moved}; names of spans are put in their order.
        spans: From the shortest on.

    Example:
        >>> horizon({"day": 0.1, "month": 2.0}), horizon({"day": 1.9, "month": 2.0})
        ('long-term', 'short-term')
    """
    known = [span for span in spans if span in moved]
    if len(known) < 2:
        return ""
    short, long = moved[known[0]], moved[known[-1]]
    if max(short, long) < FAR:
        return ""
    return "long-term" if short < ADAPTED * long else "short-term"
