"""`TimeSeriesDetector`: any member of the family on the windows of a series, under a stated budget of false alarms."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import KW_ONLY, dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from isthmus.errors import ParameterError
from isthmus.estimator.defaults import whole
from isthmus.tasks.anomaly.calibration import check_budget
from isthmus.tasks.anomaly.labels import anomalies_in
from isthmus.tasks.anomaly.scored import Scored
from isthmus.tasks.anomaly.series import states
from isthmus.tasks.anomaly.series.channels import Channels, Stretch
from isthmus.tasks.anomaly.series.episodes import Episode, Spell, spells
from isthmus.tasks.anomaly.series.explanation import ChannelReason, at_point, in_units
from isthmus.tasks.anomaly.series.promise import SeriesPromise
from isthmus.tasks.anomaly.series.sheets import Sheet
from isthmus.tasks.anomaly.series.thresholds import SeriesThreshold, chosen, conformal, parted
from isthmus.tasks.anomaly.series.windows import Windows, check_windows
from isthmus.tasks.anomaly.series.workhorse import unfitted
from isthmus.tasks.anomaly.thresholds import check_rule

Floats = NDArray[np.float64]


@dataclass(eq=False, repr=False)
class TimeSeriesDetector(Scored, BaseEstimator):
    r"""Watches series: scores every point by the windows that hold it, and tells episodes rather than points.

        series -> windows -> model -> scores of windows -> scores of points -> rolling mean -> alarm -> episode

    .. math:: s_i = \operatorname{mean}_{j = 0 \ldots m-1} \;\operatorname{mean}_{k \ni i - j} \, c(w_k), \qquad
              \text{alarm} \iff s_i > t

    c(w) is what a window costs the model, distortion + rate in nats, m is `smooth`. The model learns from the windows
    of a normal series. The threshold t is set on a later stretch of it, on the scores as they are served, with a gap
    of one window between. Each channel is scaled by its mean and deviation in training, for every entity its own, so a
    change of level stays visible.

    A point is judged by windows that reach up to `window` - 1 points beyond it: the last ones of a series get their
    final score when so many more have come. No window holds a gap in time (more than one and a half usual steps) or
    points of two entities. A stretch that is shorter than a window has no scores: NaN, and no alarm.

    Args:
        model: "auto" (a linear `Autoencoder` whose code has 4 dimensions for a channel, 4 sqrt(c) for c of them), a
            member's name ("vae"), or an unfitted estimator of ours, which is given windows as `Series`, (n, w, c).
        window: Points in a window, w: longer than what an anomaly lasts or a pattern takes.
        stride: From the start of one window to the next one's; more is faster and coarser.
        entity: The column of a frame that says whose row it is; None for a single series.
        time: The column of a frame that says when it was, in rising order for each entity; None takes the rows to be
            at one distance.
        smooth: Points of the rolling mean, the point itself and those before it.
        min_duration: Points in a row that must be under alarm for an episode.
        cooldown: What begins at most so many points after an episode belongs to it.
        alpha: The budget of false alarms: the share of normal points that may be under alarm.
        calibration: Share of each entity's rows, the last ones, that set the threshold.
        random_state: Seed of the model's fit (an estimator with a seed of its own keeps that).
        device: Where a model given by name runs; an estimator has its own device.
        verbose: 1 shows the progress of a model given by name.

    Example:
        >>> t = np.arange(6500)
        >>> load = np.sin(t / 8) + 0.1 * np.random.default_rng(0).normal(size=6500)
        >>> detector = TimeSeriesDetector(window=24, alpha=0.05, random_state=0).fit(load[:5000])
        >>> load[6030:6060] = load[6030]  # a stuck sensor
        >>> worst = max(detector.episodes(load[5000:]), key=lambda episode: episode.score)
        >>> worst.start // 100, worst.end // 100
        (10, 10)
    """

    _states: ClassVar[Any] = states

    model: Any = "auto"
    _: KW_ONLY
    window: int = 100
    stride: int = 1
    entity: str | None = None
    time: str | None = None
    smooth: int = 1
    min_duration: int = 1
    cooldown: int = 0
    alpha: float = 0.01
    calibration: float = 0.2
    random_state: Any = None
    device: str = "auto"
    verbose: int = 0

    if TYPE_CHECKING:  # what `fit` leaves behind; no fields where Python looks
        model_: Any = field(init=False)
        channels_: Channels = field(init=False)
        calibration_scores_: Floats = field(init=False)
        threshold_: float = field(init=False)
        offset_: float = field(init=False)
        promise_: SeriesPromise = field(init=False)
        n_features_in_: int = field(init=False)

    # Training and calibration. ---------------------------------------------------------------------------------------

    def fit(self, X: Any, y: Any = None, *, X_calibration: Any = None) -> Self:
        """Learn what windows of a normal series are, and set the threshold on a later stretch.

        Args:
            X: A normal series in the order of time: (t,), (t, c), or a frame, of one or many entities.
            y: Ignored; X is taken to be normal.
            X_calibration: A normal series that sets the threshold, none of it in X; None takes the end of X.

        Raises:
            ParameterError: a parameter outside its domain.
            TooFewRowsError: no window to learn from, or none to calibrate with.
            InputError: a series that cannot be used; the subclass says why.

        Warns:
            FewCalibrationRowsWarning: too few points for the budget; the largest score is the threshold, and
                `promise_` says what that can promise.
        """
        windows, alpha = self._windows(), self._checked()
        sheet = Sheet.of(X, self.entity, self.time)
        if X_calibration is None:
            sheet, later = sheet.cut(1 - self.calibration, self.window)
        else:
            later = Sheet.of(X_calibration, self.entity, self.time)
        channels = Channels.learn(sheet)
        learnt = windows.to_learn([stretch.x for stretch in channels.stretches(sheet)])
        check_windows(len(learnt), 2, f"training, of {len(sheet)} rows", windows)
        held = self._held(channels, later)
        seed = int(check_random_state(self.random_state).randint(2**31 - 1))
        states.sign(self, unfitted(self.model, learnt, seed, self.device, self.verbose).fit(learnt), channels)
        scores = np.concatenate([served for _, served in self._scored(held)])
        return self._settled(conformal(scores, alpha, windows.span))

    def calibrate(
        self,
        X: Any,
        y: ArrayLike | None = None,
        *,
        alpha: float | None = None,
        rule: str = "conformal",
        costs: tuple[float, float] | None = None,
    ) -> Self:
        """Set the threshold anew, from a series that training did not use.

        Args:
            X: A series whose normal points are like the ones to come.
            y: (n,) labels of its points, as in `split_for_detection`; None: all are normal. A point whose score
                depends on an anomalous one is no evidence of normal points.
            alpha: The new budget; None keeps the one in `promise_`.
            rule: As `AnomalyDetector.calibrate` has it: "conformal", "percentile", "fpr" and "trimmed" keep a budget,
                with as many scores as the points are worth; "f1" and "cost" follow the labels, point by point.
            costs: The price of a missed anomalous point and of a false alarm, for "cost".

        Raises:
            TooFewRowsError: too few points for the budget, none that is normal, or fewer than ten labelled ones of
                either kind.
            UnknownNameError: no rule of that name.
            ParameterError: a budget or costs beside a rule that has none.

        Warns:
            FewCalibrationRowsWarning: as `fit` does, by "conformal".
        """
        sheet, windows = self._sheet(X), self._windows()
        check_rule(rule, alpha, costs)
        budget = self.promise_.alpha if alpha is None else check_budget(alpha)
        truth = np.zeros(len(sheet), dtype=bool) if y is None else anomalies_in(y, len(sheet))
        scores = parted(self._scored(self._held(self.channels_, sheet)), truth, windows)
        return self._settled(chosen(rule, *scores, budget, windows.span, costs))

    # Judgement. ------------------------------------------------------------------------------------------------------

    def predict(self, X: Any) -> NDArray[np.int64]:
        """-1 for points under alarm, +1 for the others, (n,); `min_duration` and `cooldown` play no part."""
        return np.where(self.anomaly_score(X) > self.threshold_, -1, 1)

    def anomaly_score(self, X: Any) -> Floats:
        """How anomalous each point is, in nats, (n,): higher = more anomalous; an alarm above `threshold_`."""
        sheet = self._sheet(X)
        scores = np.full(len(sheet), np.nan)
        for stretch, served in self._scored(self.channels_.stretches(sheet)):
            scores[stretch.rows] = served
        return scores

    def p_value(self, X: Any) -> Floats:
        """How likely a normal point is to score as high, (n,); no smaller than 1 / (n + 1), n as in `promise_`."""
        scores = self.anomaly_score(X)
        return self.promise_.p_values(scores, self.calibration_scores_)

    def episodes(self, X: Any) -> list[Episode]:
        """Who was under alarm, from when to when, and when it was worst; entity after entity, in the order of time."""
        return [episode for episode, _, _ in self._told(self._sheet(X))]

    def episode_numbers(self, X: Any) -> NDArray[np.int64]:
        """In which of `episodes(X)` each point is, (n,), counted from 1; 0 where it is in none."""
        sheet = self._sheet(X)
        numbers = np.zeros(len(sheet), dtype=np.int64)
        for number, (_, stretch, spell) in enumerate(self._told(sheet), 1):
            numbers[stretch.rows[spell.start : spell.end + 1]] = number
        return numbers

    def explain(self, X: Any, *, most: int = 3) -> list[ChannelReason]:
        """Which channels made each episode what it is: what was seen at its peak, and what the model expected.

        Args:
            X: A series.
            most: Channels for each episode, those with the largest share first.

        Returns:
            One `ChannelReason` for each of them, in the order of `episodes(X)`; pandas.DataFrame(...) makes a frame.
        """
        sheet, found, windows = self._sheet(X), list[ChannelReason](), self._windows()
        most, names = whole("most", most), self.channels_.names
        for episode, stretch, (_, _, peak) in self._told(sheet):
            expected, shares = at_point(self.model_, windows, stretch, peak)
            expected, row = in_units(self.channels_.specs[stretch.entity], expected), int(stretch.rows[peak])
            for at in np.argsort(-shares, kind="stable")[:most].tolist():
                seen = float(sheet.cells[row, at])
                reason = (episode.entity, episode.peak, names[at], seen, float(expected[at]), float(shares[at]))
                found.append(ChannelReason(*reason))
        return found

    # The detector itself. --------------------------------------------------------------------------------------------

    def abilities(self) -> dict[str, bool | str]:
        """{verb: True, or the reason why not}."""
        return dict.fromkeys(states.VERBS, True)

    def _windows(self) -> Windows:
        """How a stretch is looked at, once every parameter is known to be in its domain."""
        numbers = {name: whole(name, getattr(self, name)) for name in ("window", "stride", "smooth", "min_duration")}
        whole("cooldown", self.cooldown, 0)
        if self.stride > self.window:
            allowed = f"a step longer than a window of {self.window} would leave points out"
            raise ParameterError(f"stride={self.stride}", allowed, "use stride=1")
        return Windows(numbers["window"], numbers["stride"], numbers["smooth"])

    def _checked(self) -> float:
        """The budget, once it and the share that sets the threshold are known to be in their domains."""
        if not (isinstance(self.calibration, (int, float)) and 0 < self.calibration < 1):
            allowed = "it is the share of the rows that sets the threshold, between 0 and 1"
            raise ParameterError(f"calibration={self.calibration!r}", allowed, "use calibration=0.2")
        return check_budget(self.alpha)

    def _sheet(self, X: Any) -> Sheet:
        """X taken apart, if there was a fit."""
        check_is_fitted(self)
        return Sheet.of(X, self.entity, self.time)

    def _held(self, channels: Channels, sheet: Sheet) -> list[Stretch]:
        """Stretches to calibrate with, if one holds a window."""
        windows, stretches = self._windows(), channels.stretches(sheet)
        found = sum(len(windows.starts(len(stretch.x))) for stretch in stretches)
        check_windows(found, 1, f"calibration, of {len(sheet)} rows", windows)
        return stretches

    def _scored(self, stretches: list[Stretch]) -> Iterator[tuple[Stretch, Floats]]:
        """Each stretch with the scores of its points."""
        windows = self._windows()
        for stretch in stretches:
            yield stretch, windows.served(self.model_.anomaly_score, stretch.x)

    def _told(self, sheet: Sheet) -> Iterator[tuple[Episode, Stretch, Spell]]:
        """Each episode, the stretch that it is in, and its places there."""
        for stretch, scores in self._scored(self.channels_.stretches(sheet)):
            for spell in spells(scores, self.threshold_, self.min_duration, self.cooldown):
                first, last, worst = (sheet.stamps[stretch.rows[place]] for place in spell)
                yield Episode(stretch.entity, first, last, worst, float(scores[spell.peak])), stretch, spell

    def _settled(self, found: SeriesThreshold) -> Self:
        """Take a threshold over, and what it can promise."""
        self.threshold_, self.calibration_scores_, self.promise_ = found
        self.offset_ = -self.threshold_
        return self
