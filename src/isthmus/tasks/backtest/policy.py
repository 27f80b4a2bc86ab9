"""What a policy is, and how a file says it.

[history]
time = "time"
label = "is_anomaly"
train_days = 14

[detector]
alpha = 0.01

[costs]
miss = 500
false_alarm = 5

[policies.never]

[policies.weekly]
retrain_days = 7
reviews = 20
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, TypeVar

from isthmus.errors import DataFileError, ParameterError, UnknownNameError
from isthmus.tasks.learning.retraining import WAYS

T = TypeVar("T")


@dataclass(frozen=True)
class Policy:
    """How a detector is kept up.

    Args:
        retrain_days: From one training to the next; 0 for never.
        window_days: How far back a training and a threshold reach.
        way: "refit" or "update", as `isthmus retrain` has them.
        threshold_days: From one setting of the threshold to the next; 0 for with each training alone.
        reviews: Alerts a day that somebody looks at, the highest first; their verdicts are learnt from.
        delay_days: Until a verdict is known.
        cooldown_hours: After an alert further alarms are no new one, and nobody sees them.

    Raises:
        ParameterError: a number below zero.
        UnknownNameError: another way.

    Example:
        >>> Policy(retrain_days=7).window_days
        30.0
    """

    retrain_days: float = 0.0
    window_days: float = 30.0
    way: str = "refit"
    threshold_days: float = 0.0
    reviews: int = 0
    delay_days: float = 1.0
    cooldown_hours: float = 0.0

    def __post_init__(self) -> None:
        if self.way not in WAYS:
            raise UnknownNameError.among("way", self.way, WAYS)
        for one in fields(self):
            value = getattr(self, one.name)
            if one.name != "way" and (isinstance(value, bool) or not isinstance(value, int | float) or value < 0):
                raise ParameterError(f"{one.name}={value!r}", "it is a number, and not below zero", "leave it out")


@dataclass(frozen=True)
class Costs:
    """Prices in one currency.

    Args:
        miss: Of an episode that raised no alert.
        false_alarm: Of an alert where nothing was, beside its review.
        review: Of looking at one alert.
    """

    miss: float = 0.0
    false_alarm: float = 0.0
    review: float = 0.0


@dataclass(frozen=True)
class Plan:
    """What is replayed, with which detector, under which policies.

    Args:
        time: The column that says when a row was taken.
        label: The column that says whether it is an anomaly.
        policies: {name: policy}.
        train_days: At the beginning, from which the first detector learns.
        episode: The column that says which episode an anomaly belongs to; None: anomalies in a row are one.
        detector: Options of `AnomalyDetector`, and of its model.
        costs: Prices.

    Raises:
        ParameterError: no policy, or nothing to learn from.
    """

    time: str
    label: str
    policies: Mapping[str, Policy]
    train_days: float = 14.0
    episode: str | None = None
    detector: Mapping[str, Any] = field(default_factory=dict)
    costs: Costs = field(default_factory=Costs)

    def __post_init__(self) -> None:
        if not self.policies:
            raise ParameterError("no policies", "a backtest compares policies", "add [policies.never] at least")
        if not self.train_days > 0:
            came = f"train_days={self.train_days!r}"
            raise ParameterError(came, "the first detector learns from the first days", "use train_days=14")

    @classmethod
    def read(cls, path: Path) -> Plan:
        """The plan that a TOML file holds.

        Raises:
            DataFileError: it cannot be read, or is no TOML.
            UnknownNameError: it has a section or a name that no plan has.
        """
        try:
            found = tomllib.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as odd:
            fix = "see the how-to on backtests for one that works"
            raise DataFileError(f"{path}: {odd}", "a plan is a TOML file", fix) from odd
        return cls.of(found)

    @classmethod
    def of(cls, sections: Mapping[str, Any]) -> Plan:
        """The plan that sections by name make.

        Example:
            >>> plan = Plan.of({"history": {"time": "t", "label": "y"}, "policies": {"never": {}}})
            >>> plan.policies["never"].retrain_days
            0.0
        """
        known = ("history", "detector", "costs", "policies")
        for name in set(sections) - set(known):
            raise UnknownNameError.among("section", name, known)
        history = dict(sections.get("history", {}))
        missing = {"time", "label"} - set(history)
        if missing:
            allowed = "it says which columns tell when a row was taken and whether it is an anomaly"
            raise ParameterError(f"[history] without {', '.join(sorted(missing))}", allowed, 'add time = "time"')
        policies = {name: _made(Policy, one) for name, one in sections.get("policies", {}).items()}
        costs = _made(Costs, sections.get("costs", {}))
        rest = {"policies": policies, "detector": sections.get("detector", {}), "costs": costs}
        return _made(cls, {**history, **rest})


def _made(cls: type[T], options: Mapping[str, Any]) -> T:
    """A dataclass from options by name."""
    known = [one.name for one in fields(cls)]  # type: ignore[arg-type]
    for name in set(options) - set(known):
        raise UnknownNameError.among("option", name, known)
    return cls(**options)
