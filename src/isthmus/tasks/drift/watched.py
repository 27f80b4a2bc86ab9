"""What a watch found: each window, what it raised, and how often the rules of the textbook would have called."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from isthmus.metrics import Interval
from isthmus.tasks.drift.alerts import Alert
from isthmus.tasks.drift.history import Window
from isthmus.tasks.drift.limits import onsets
from isthmus.tasks.drift.threshold import Moved
from isthmus.tasks.drift.watcher import FEWEST, Step

RULES = ("ours", "KS p < 0.01", "bare 20 %")


@dataclass(frozen=True)
class Seen:
    """What one window showed.

    Args:
        window: Which.
        steps: Its streams beside their limits.
        moved: Where the threshold would be.
        alarm_rate: Share of its rows above the threshold.
        recall: On confirmed anomalies.
        separation: Of those from the other rows.
        ks: Whether the first rule of the textbook fires.
        bare: Whether the second does.
        members: How far each member's mean score moved.
        horizon: "short-term", "long-term" or "".
        told_apart: How well a classifier tells the window from quiet time.
        alerts: What it raised.
    """

    window: Window
    steps: Sequence[Step]
    moved: Moved
    alarm_rate: float
    recall: Interval | None
    separation: float | None
    ks: bool
    bare: bool
    members: dict[str, float]
    horizon: str
    told_apart: float | None
    alerts: Sequence[Alert]

    def distance(self, stream: str) -> float:
        """How far one of its streams is from quiet time."""
        return next((step.distance for step in self.steps if step.stream == stream), float("nan"))


@dataclass(frozen=True)
class Watched:
    """What a watch found.

    Args:
        windows: After quiet time, in their order.
        quiet: Windows of quiet time.
        run_length: Windows in which chance raises one alarm.
        limits: {stream: beyond which it counts}.
        threshold: In use.
        left_out: Windows with too few rows.
        control: How well a classifier tells quiet windows from each other at best.
    """

    windows: Sequence[Seen]
    quiet: int
    run_length: float
    limits: dict[str, float]
    threshold: float
    left_out: int = 0
    control: float | None = None
    alerts: Sequence[Alert] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "alerts", [alert for seen in self.windows for alert in seen.alerts])

    @property
    def raised(self) -> list[Alert]:
        """Alerts that call somebody."""
        return [alert for alert in self.alerts if alert.raised]

    def counts(self) -> dict[str, int]:
        """How often each rule would have called: ours, and both of the textbook."""
        ours = [any(alert.raised for alert in seen.alerts) for seen in self.windows]
        found = [ours, [seen.ks for seen in self.windows], [seen.bare for seen in self.windows]]
        return {name: int(onsets(np.array(rule, dtype=bool)).sum()) for name, rule in zip(RULES, found, strict=True)}

    def sentences(self) -> list[str]:
        """In words."""
        counts = self.counts()
        said = f"{len(self.windows)} windows after {self.quiet} quiet ones"
        told = [
            f"{said}: ours called {counts[RULES[0]]} times, and one false alarm in {self.run_length:g} is promised.",
            f"Beside it {RULES[1]} called {counts[RULES[1]]} times, a {RULES[2]} of the threshold {counts[RULES[2]]}.",
        ]
        if self.left_out:
            told.append(f"{self.left_out} windows with fewer than {FEWEST} rows were left out.")
        return [*told, *map(str, self.alerts)]

    def to_json(self) -> dict[str, Any]:
        """The figures that a report or an address takes."""
        return {
            "windows": [_facts(seen) for seen in self.windows],
            "quiet": self.quiet,
            "run_length": self.run_length,
            "limits": self.limits,
            "threshold": self.threshold,
            "left_out": self.left_out,
            "calls": self.counts(),
            "alerts": [alert.to_json() for alert in self.alerts],
        }


def _facts(seen: Seen) -> dict[str, Any]:
    """One window as JSON values."""
    return {
        "first": seen.window.name,
        "last": str(seen.window.last),
        "rows": seen.window.rows,
        "distances": {step.stream: round(step.distance, 4) for step in seen.steps},
        "alarm_rate": seen.alarm_rate,
        "threshold": seen.moved._asdict(),
        "recall": None if seen.recall is None else seen.recall._asdict(),
        "separation": seen.separation,
        "ks_rule": seen.ks,
        "bare_rule": seen.bare,
        "members": seen.members,
        "horizon": seen.horizon,
        "told_apart": seen.told_apart,
        "alerts": [alert.name for alert in seen.alerts],
    }
