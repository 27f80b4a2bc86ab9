"""What a policy came to: alerts a day, time to detect, episodes missed, and the price of all of it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from isthmus.tasks.backtest.policy import Costs
from isthmus.tasks.backtest.replay import DAY, Lived, Replayed

HOUR = np.timedelta64(1, "h")


@dataclass(frozen=True)
class Outcome:
    """The figures of one policy.

    Args:
        name: Of the policy.
        days: That were replayed.
        alerts_per_day: Rows that called somebody.
        false_per_day: Of those, on normal rows.
        episodes: Of anomalies.
        missed: Of those, without an alert.
        hours: From an episode's first row to its first alert, the middle one; None where none was found.
        slowest: The same, the longest.
        false_alarm_rate: Of normal rows, the share above the threshold.
        cost: Of all days.
        trainings: How often the detector learnt anew.
        settings: How often its threshold was set anew.
        reviews: Alerts that were looked at.
        alerts: (days,) of each day.
    """

    name: str
    days: int
    alerts_per_day: float
    false_per_day: float
    episodes: int
    missed: int
    hours: float | None
    slowest: float | None
    false_alarm_rate: float
    cost: float
    trainings: int
    settings: int
    reviews: int
    alerts: tuple[int, ...]

    def to_json(self) -> dict[str, Any]:
        """Its fields."""
        return asdict(self)

    def __str__(self) -> str:
        """In words."""
        waited = "nothing found" if self.hours is None else f"found after {self.hours:.3g} h"
        return (
            f"{self.name}: {self.alerts_per_day:.3g} alerts a day, {self.false_per_day:.3g} of them false, "
            f"{self.missed} of {self.episodes} episodes missed, {waited}, cost {self.cost:,.0f}"
        )


def outcome(name: str, lived: Lived, replayed: Replayed, costs: Costs) -> Outcome:
    """Count what a policy did on the days after the first ones.

    Args:
        name: Of the policy.
        lived: The history with its truth.
        replayed: What the policy did.
        costs: Prices.
    """
    judged = lived.time >= replayed.first
    alerts, normal = replayed.alerts & judged, judged & ~lived.anomalous
    waited = times_to_detect(lived, replayed)
    found = [hours for hours in waited if hours is not None]
    days = int((lived.time[-1] - replayed.first) // DAY) + 1
    false, missed = int((alerts & normal).sum()), len(waited) - len(found)
    each = np.bincount(((lived.time[alerts] - replayed.first) // DAY).astype(np.int64), minlength=days)
    return Outcome(
        name,
        days,
        int(alerts.sum()) / days,
        false / days,
        len(waited),
        missed,
        float(np.median(found)) if found else None,
        max(found, default=None),
        float((replayed.alarms & normal).sum() / max(int(normal.sum()), 1)),
        missed * costs.miss + false * costs.false_alarm + int(alerts.sum()) * costs.review,
        replayed.trainings,
        replayed.settings,
        replayed.reviews,
        tuple(int(count) for count in each),
    )


def times_to_detect(lived: Lived, replayed: Replayed) -> list[float | None]:
    """Hours from the first row of each episode to its first alert; None where there was none."""
    found: list[float | None] = []
    for number in np.unique(lived.episode[lived.episode > 0]):
        rows = np.flatnonzero(lived.episode == number)
        if lived.time[rows[0]] < replayed.first:
            continue
        called = rows[replayed.alerts[rows]]
        found.append(float((lived.time[called[0]] - lived.time[rows[0]]) / HOUR) if len(called) else None)
    return found
