"""`backtest`: what each of several policies would have made of a labelled history."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import narwhals as nw
import numpy as np

from isthmus.errors import InputError, InputTypeError, UnknownNameError
from isthmus.estimator.containers import opened
from isthmus.metrics.events import runs
from isthmus.tasks.anomaly.labels import anomalies_in
from isthmus.tasks.backtest.outcome import Outcome, outcome
from isthmus.tasks.backtest.policy import Plan
from isthmus.tasks.backtest.replay import Lived, first_detector, replayed
from isthmus.tasks.drift.history import columns_of


@dataclass(frozen=True)
class Backtest:
    """What every policy came to.

    Args:
        outcomes: In the order of the plan.
        plan: What was asked.
        rows: Of the history.
    """

    outcomes: list[Outcome]
    plan: Plan
    rows: int

    @property
    def best(self) -> Outcome:
        """The cheapest; of equally cheap ones the one with fewer alerts."""
        return min(self.outcomes, key=lambda one: (one.cost, one.missed, one.alerts_per_day))

    def sentences(self) -> list[str]:
        """In words."""
        return [*map(str, self.outcomes), f"cheapest: {self.best.name}"]

    def to_json(self) -> dict[str, Any]:
        """All figures."""
        return {"rows": self.rows, "best": self.best.name, "policies": [one.to_json() for one in self.outcomes]}


def backtest(rows: Any, plan: Plan | Mapping[str, Any]) -> Backtest:
    """Replay a history under each policy of a plan.

    Every policy begins with the same detector, learnt from the first days. From then on it knows of a row what it
    scored, and of an alert what a review said, once that is known; labels judge, and reviews quote them.

    Args:
        rows: A frame with the columns that the plan names; all other columns are what the detector sees.
        plan: Policies, prices and the names of columns, by section as in the file of `isthmus backtest`.

    Raises:
        InputTypeError: no frame.
        UnknownNameError: a column that is not there.
        TooFewRowsError: too few rows in the first days.
    """
    plan = plan if isinstance(plan, Plan) else Plan.of(plan)
    lived = lived_of(rows, plan)
    first = first_detector(lived, plan)
    outcomes = [
        outcome(name, lived, replayed(lived, plan, policy, first), plan.costs) for name, policy in plan.policies.items()
    ]
    return Backtest(outcomes, plan, len(lived.time))


def lived_of(rows: Any, plan: Plan) -> Lived:
    """Rows in the order of time, with their truth."""
    frame = opened(rows)
    if not isinstance(frame, nw.DataFrame):
        came = f"a history of type {type(rows).__name__}"
        raise InputTypeError(
            came, "its columns are told apart by their names", "give a frame, or a Parquet or CSV file"
        )
    named = [name for name in (plan.time, plan.label, plan.episode) if name is not None]
    for name in named:
        if name not in frame.columns:
            raise UnknownNameError.among("column", name, frame.columns)
    told = columns_of(frame.select(named))
    time = np.asarray(told[plan.time])
    if time.dtype.kind not in "MO":
        came = f"the column {plan.time} of type {time.dtype}"
        raise InputTypeError(came, "it says when each row was taken", "write it as dates with times")
    time = time.astype("datetime64[us]")
    if np.isnat(time).any():
        raise InputError(f"{int(np.isnat(time).sum())} rows without a time", "each has one", "leave those out")
    order = np.argsort(time, kind="stable")
    anomalous = anomalies_in(_truth(told[plan.label]), len(time))[order]
    seen = frame[order.tolist()].drop(named)
    return Lived(seen.to_native(), time[order], anomalous, _episodes(told, plan, anomalous, order))


def _truth(label: Any) -> Any:
    """A label's column, whose words may be true and false."""
    if label.dtype.kind == "O":
        words = {str(word).lower() for word in label.tolist()}
        if words <= {"true", "false"}:
            return np.array([str(word).lower() == "true" for word in label.tolist()])
    return label


def _episodes(told: dict[str, Any], plan: Plan, anomalous: Any, order: Any) -> Any:
    """The number of each row's episode, 0 for none."""
    numbers = np.zeros(len(anomalous), dtype=np.int64)
    if plan.episode is not None:
        _, found = np.unique([str(one) for one in told[plan.episode][order].tolist()], return_inverse=True)
        return np.where(anomalous, found + 1, 0)
    for number, (start, stop) in enumerate(zip(*runs(anomalous), strict=True), 1):
        numbers[start:stop] = number
    return numbers
