"""One history lived through under one policy, a day at a time: nothing of a later day is known on an earlier one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from isthmus.errors import InputError, TooFewRowsError
from isthmus.tasks.anomaly.detector import AnomalyDetector
from isthmus.tasks.anomaly.recipe import unfitted
from isthmus.tasks.anomaly.thresholds import conformal
from isthmus.tasks.backtest.policy import Plan, Policy
from isthmus.tasks.learning.feedback import Item, Standing
from isthmus.tasks.learning.ledger import name_of
from isthmus.tasks.learning.retraining import retrain
from isthmus.tasks.learning.rows import rows_of, some

Bools = NDArray[np.bool_]
DAY = np.timedelta64(1, "D")
OWN = ("alpha", "score", "members", "critic", "calibration", "random_state")  # options of the detector, not its model


@dataclass(frozen=True, eq=False)
class Lived:
    """Labelled rows in the order of time.

    Args:
        rows: What the detector sees.
        time: (n,) rising.
        anomalous: (n,) truth.
        episode: (n,) the number of the episode that a row belongs to, 0 where it belongs to none.
    """

    rows: Any
    time: NDArray[np.datetime64]
    anomalous: Bools
    episode: NDArray[np.int64]

    def within(self, first: Any, last: Any) -> Bools:
        """Which rows were taken from `first` on and before `last`, (n,)."""
        return np.asarray((self.time >= first) & (self.time < last))


@dataclass(frozen=True, eq=False)
class Replayed:
    """What a policy made of it.

    Args:
        alerts: (n,) rows that called somebody.
        alarms: (n,) rows above the threshold of their day.
        first: When the first detector began to serve.
        trainings: How often it learnt anew.
        settings: How often the threshold was set anew.
        reviews: Alerts that were looked at.
    """

    alerts: Bools
    alarms: Bools
    first: Any
    trainings: int
    settings: int
    reviews: int


def first_detector(lived: Lived, plan: Plan) -> Any:
    """The detector of the first days, whose known anomalies it does not learn from.

    Raises:
        TooFewRowsError: nothing in those days.
    """
    start = lived.time[0].astype("datetime64[D]")
    chosen = lived.within(start, start + _days(plan.train_days)) & ~lived.anomalous
    if chosen.sum() < 2:
        came = f"{int(chosen.sum())} normal rows in the first {plan.train_days:g} days"
        raise TooFewRowsError(came, "the first detector learns from them", "set train_days higher")
    own = {name: value for name, value in plan.detector.items() if name in OWN}
    fields = {name: value for name, value in plan.detector.items() if name not in (*OWN, "model")}
    model = unfitted(plan.detector.get("model", "auto"), 0, 0).set_params(random_state=None, **_tuples(fields))
    detector = AnomalyDetector(model, **{"random_state": 0, **own})
    return detector.fit(some(lived.rows, chosen), time=lived.time[chosen])


def replayed(lived: Lived, plan: Plan, policy: Policy, detector: Any) -> Replayed:
    """Live through the days after the first ones.

    Args:
        lived: The history.
        plan: Whose days, for how long the first detector learnt.
        policy: How the detector is kept up.
        detector: Of the first days.
    """
    life = Life(lived, policy, detector)
    first = lived.time[0].astype("datetime64[D]") + _days(plan.train_days)
    if first > lived.time[-1]:
        came = f"train_days={plan.train_days:g} of a history that ends at {lived.time[-1]}"
        raise InputError(came, "policies are compared on the days after those", "set train_days lower")
    for day in np.arange(first, lived.time[-1].astype("datetime64[D]") + DAY, DAY):
        life.live(day, day + DAY)
        since = (day + DAY - first) / DAY
        if _is_due(policy.retrain_days, since):
            life.retrain(day + DAY)
        elif _is_due(policy.threshold_days, since):
            life.reset(day + DAY)
    return Replayed(life.alerts, life.alarms, first, life.trainings, life.settings, int(life.looked_at.sum()))


class Life:
    """The state that days change.

    Args:
        lived: The history.
        policy: How the detector is kept up.
        detector: That serves first.
    """

    def __init__(self, lived: Lived, policy: Policy, detector: Any) -> None:
        n = len(lived.time)
        self.lived, self.policy, self.detector = lived, policy, detector
        self.threshold = float(detector.threshold_)
        self.alarms, self.alerts, self.looked_at = (np.zeros(n, dtype=bool) for _ in range(3))
        self.known_from = np.full(n, np.datetime64("NaT"), dtype="datetime64[us]")
        self.trainings = self.settings = 0
        self.last_alert: Any = None

    def live(self, first: Any, last: Any) -> None:
        """One day: score its rows, call somebody, look at the highest."""
        today = np.flatnonzero(self.lived.within(first, last))
        if not len(today):
            return
        scores = self.detector.anomaly_score(some(self.lived.rows, np.isin(np.arange(len(self.alarms)), today)))
        raised = today[scores > self.threshold]
        self.alarms[raised] = True
        called = [row for row in raised if self._calls(self.lived.time[row])]
        self.alerts[called] = True
        by_score = sorted(called, key=lambda row: -scores[np.searchsorted(today, row)])
        looked_at = by_score[: int(self.policy.reviews)]
        self.looked_at[looked_at] = True
        self.known_from[looked_at] = last + _days(self.policy.delay_days)

    def retrain(self, now: Any) -> None:
        """Learn from the window behind; where it holds too few rows, the detector goes on as it is."""
        chosen = self._window(now)
        alarms, known = self.alarms[chosen], (self.known_from <= now)[chosen]
        truth = self.lived.anomalous[chosen]
        false_share = float((known & ~truth).sum() / known.sum()) if known.any() else 1.0
        rows = some(self.lived.rows, chosen)
        standing = standing_of(rows, known & ~truth, known & truth)
        try:
            self.detector, _ = retrain(
                self.detector,
                rows,
                standing=standing,
                alarms=alarms,
                false_share=false_share,
                way=self.policy.way,
                time=self.lived.time[chosen],
            )
        except TooFewRowsError:
            return
        self.threshold = float(self.detector.threshold_)
        self.trainings += 1

    def reset(self, now: Any) -> None:
        """Set the threshold by the scores of the window behind, known anomalies left out."""
        chosen = self._window(now)
        chosen &= ~((self.known_from <= now) & self.lived.anomalous)
        if chosen.any():
            scores = self.detector.anomaly_score(some(self.lived.rows, chosen))
            self.threshold = conformal(scores, self.detector.promise_.alpha).value
            self.settings += 1

    def _window(self, now: Any) -> Bools:
        """Rows of the last days."""
        return self.lived.within(now - _days(self.policy.window_days), now)

    def _calls(self, time: Any) -> bool:
        """Whether an alarm is an alert of its own."""
        cooldown = np.timedelta64(round(3600e6 * self.policy.cooldown_hours), "us")
        is_new = self.last_alert is None or time - self.last_alert >= cooldown
        if is_new:
            self.last_alert = time
        return bool(is_new)


def standing_of(rows: Any, false: Bools, true: Bools) -> Standing:
    """What follows from verdicts that are taken at their word."""
    found = rows_of(some(rows, false | true)) if (false | true).any() else []
    kinds = true[false | true]
    items = [Item(name_of(row), row, "", "reviewer") for row in found]
    normal, anomalies = (
        [item for item, kind in zip(items, kinds, strict=True) if kind == is_true] for is_true in (0, 1)
    )
    return Standing(normal, [], anomalies)


def _is_due(every: float, since: float) -> bool:
    """Whether so many days have passed once more."""
    return every > 0 and since >= every and since % every < 1


def _days(count: float) -> Any:
    """So many days, to the microsecond."""
    return np.timedelta64(round(86_400e6 * count), "us")


def _tuples(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Options as the model takes them, whose lists are tuples."""
    return {name: tuple(value) if isinstance(value, list) else value for name, value in fields.items()}
