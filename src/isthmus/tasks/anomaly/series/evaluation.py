"""What a finished series detector reaches on a labelled series, beside a moving deviation and chance."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from isthmus.data.arrays import Series
from isthmus.metrics import event_f1, false_alarm_rate, point_adjusted_f1, vus_pr
from isthmus.metrics.events import Inflated, Rates, runs
from isthmus.tasks.anomaly.calibration import rows_needed
from isthmus.tasks.anomaly.labels import anomalies_in, check_kinds
from isthmus.tasks.anomaly.series.detector import TimeSeriesDetector
from isthmus.tasks.anomaly.series.sheets import Floats, Ints, Sheet
from isthmus.tasks.anomaly.series.windows import Windows

SOUND, BEATEN, WEAK = "sound", "use a simpler model", "underpowered"
OURS, DEVIATION, CHANCE = "detector", "moving deviation", "random"
Bools = NDArray[np.bool_]


class Reached(NamedTuple):
    """What the scores of one method are worth.

    Args:
        vus_pr: Their order without a threshold, the mean over entities that have an anomaly.
        events: Precision, recall and F1 of events.
        adjusted: Point-adjusted F1, inflated, and that of as many alarms at random.
        false_alarm_rate: Share of the normal points under alarm.
    """

    vus_pr: float
    events: Rates
    adjusted: Inflated
    false_alarm_rate: float


@dataclass(frozen=True)
class SeriesEvaluation:
    """A series detector on a labelled series, at the threshold that it had before.

    Args:
        detector: As it was fitted and calibrated.
        points: How many have a score and a label.
        anomalies: How many of those are anomalous.
        events: Runs of anomalous points.
        unscored: Points in stretches shorter than a window, which are left out.
        methods: What the detector reaches, and the controls with as many points under alarm as it has.
    """

    detector: TimeSeriesDetector
    points: int
    anomalies: int
    events: int
    unscored: int
    methods: dict[str, Reached]

    @property
    def kept(self) -> bool:
        """Whether no more normal points were under alarm than the promise's interval reaches up to."""
        return self.methods[OURS].false_alarm_rate <= self.detector.promise_.high

    @property
    def verdict(self) -> str:
        """Whether it is any good: beaten by a control in the order of its scores, finding nothing, or sound."""
        ours, *others = self.methods.values()
        if max(one.vus_pr for one in others) >= ours.vus_pr:
            return BEATEN
        return SOUND if ours.events.recall > 0 else WEAK

    def levers(self) -> list[str]:
        """What to change, the first first."""
        promise, needed = self.detector.promise_, rows_needed(self.detector.promise_.alpha)
        found = []
        if self.verdict == BEATEN:
            found.append(f"watch the {DEVIATION}, or give a window longer than an anomaly lasts or a pattern takes")
        if self.verdict == WEAK:
            found.append("give a window nearer to what an event lasts, a larger alpha, or another model")
        if promise.n < needed:
            found.append(f"calibrate on a longer series: alpha needs {needed} independent scores, it had {promise.n}")
        if not self.kept:
            found.append("calibrate anew, on a stretch like this: more normal points were under alarm than promised")
        return found

    def to_json(self) -> dict[str, Any]:
        """Every figure as plain JSON."""
        methods = {
            name: {
                "vus_pr": one.vus_pr,
                "event": one.events._asdict(),
                "false_alarm_rate": one.false_alarm_rate,
                "point_adjusted_f1_inflated": one.adjusted._asdict(),
            }
            for name, one in self.methods.items()
        }
        counts = {name: getattr(self, name) for name in ("points", "anomalies", "events", "unscored")}
        counts |= {"threshold": self.detector.threshold_}
        promise = {**self.detector.promise_.to_json(), "kept": self.kept}
        return {**counts, "verdict": self.verdict, "levers": self.levers(), "promise": promise, "methods": methods}

    def sentences(self) -> list[str]:
        """What was found, whether the promise was kept, and whether something simpler would do."""
        ours, promise = self.methods[OURS], self.detector.promise_
        others = ", ".join(f"{name} {self.methods[name].vus_pr:.3f}" for name in (DEVIATION, CHANCE))
        advice = (
            f"A control orders them as well: use that, or look for what {type(self.detector.model_).__name__} lacks."
            if self.verdict == BEATEN
            else "Neither of them orders the points as well."
        )
        left = f" {self.unscored:,} points in stretches shorter than a window are left out." if self.unscored else ""
        return [
            f"{type(self.detector.model_).__name__}, windows of {self.detector.window}: "
            f"{round(ours.events.recall * self.events)} of {self.events} events found, event F1 {ours.events.f1:.3f} "
            f"(precision {ours.events.precision:.3f}) at the threshold that was set before.{left}",
            f"Promised: {100 * promise.low:.1f} to {100 * promise.high:.1f} % of the normal points under alarm; "
            f"{100 * ours.false_alarm_rate:.1f} % are, {'not more' if self.kept else 'more'} than that.",
            f"Order of the scores: VUS-PR {ours.vus_pr:.3f}; {others}. {advice}",
            f"Inflated, and no figure to choose by: point-adjusted F1 {ours.adjusted.f1:.3f}, where as many alarms at "
            f"random have {ours.adjusted.at_random:.3f}.",
        ]


def evaluate_series(detector: TimeSeriesDetector, X: Any, y: ArrayLike) -> SeriesEvaluation:
    """Judge a fitted series detector on labelled points, its threshold being what it was.

    The moving deviation is the mean over channels of the deviation within each window, on the detector's own windows
    and scale. It and chance have no threshold of their own, so as many of their highest points are under alarm as of
    the detector's.

    Args:
        detector: Fitted.
        X: A series that it has not seen, as `fit` takes it.
        y: (n,) labels of its points.

    Raises:
        InputError: y has another length or other values, or knows one kind of point only.

    Example:
        >>> t = np.arange(4000)
        >>> load = np.sin(t / 8) + 0.1 * np.random.default_rng(0).normal(size=4000)
        >>> detector = TimeSeriesDetector(window=24, alpha=0.1, random_state=0).fit(load[:3000])
        >>> load[3500:3560] = load[3500]  # a stuck sensor
        >>> found = evaluate_series(detector, load[3000:], (t[3000:] >= 3500) & (t[3000:] < 3560))
        >>> found.events, found.methods["detector"].vus_pr > found.methods["random"].vus_pr
        (1, True)
    """
    sheet = Sheet.of(X, detector.entity, detector.time)
    truth = anomalies_in(y, len(sheet))
    scores = _scores(detector, sheet)
    entities = [rows[~np.isnan(scores[OURS][rows])] for _, rows in sheet.of_entities()]
    judged = np.sort(np.concatenate(entities))
    check_kinds(truth[judged])
    alarms = int((scores[OURS][judged] > detector.threshold_).sum())
    methods = {}
    for name, values in scores.items():
        threshold = detector.threshold_ if name == OURS else _leaving(values[judged], alarms)
        methods[name] = _reached(entities, truth, values, values > threshold, detector.window)
    events = sum(len(runs(truth[rows])[0]) for rows in entities)
    return SeriesEvaluation(detector, len(judged), int(truth[judged].sum()), events, len(sheet) - len(judged), methods)


def _scores(detector: TimeSeriesDetector, sheet: Sheet) -> dict[str, Floats]:
    """Scores of all points by method, (n,) each: NaN where there is none."""
    windows = Windows(detector.window, detector.stride, detector.smooth)
    costs = {OURS: detector.model_.anomaly_score, DEVIATION: _deviation}
    scores = {name: np.full(len(sheet), np.nan) for name in costs}
    for stretch in detector.channels_.stretches(sheet):
        for name, cost in costs.items():
            scores[name][stretch.rows] = windows.served(cost, stretch.x)
    return scores | {CHANCE: np.random.default_rng(0).random(len(sheet))}


def _deviation(windows: Series) -> Floats:
    """The mean over channels of the deviation within each window, (n, w, c) -> (n,)."""
    spread: Floats = windows.array.std(1, dtype=np.float64).mean(1)
    return spread


def _leaving(scores: Floats, alarms: int) -> float:
    """The threshold above which so many scores lie, or fewer where some are equal."""
    return float(np.sort(scores)[len(scores) - 1 - min(alarms, len(scores) - 1)])


def _reached(entities: list[Ints], truth: Bools, scores: Floats, alarms: Bools, window: int) -> Reached:
    """What scores and alarms are worth, entity by entity."""
    volumes = [vus_pr(truth[rows], scores[rows], window) for rows in entities if truth[rows].any()]
    labels, raised = _apart(entities, truth), _apart(entities, alarms)
    rate = false_alarm_rate(np.concatenate([truth[rows] for rows in entities]), _joined(entities, alarms))
    return Reached(float(np.mean(volumes)), event_f1(labels, raised), point_adjusted_f1(labels, raised), rate)


def _joined(entities: list[Ints], flags: Bools) -> Bools:
    """The flags of one entity after the other."""
    return np.concatenate([flags[rows] for rows in entities])


def _apart(entities: list[Ints], flags: Bools) -> Bools:
    """The same with a point without a flag between them, so that no event reaches from one to the next."""
    return np.concatenate([np.append(flags[rows], False) for rows in entities])
