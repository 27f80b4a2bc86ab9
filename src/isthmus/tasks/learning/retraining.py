"""The next model: learnt anew from a rolling window of normal rows, or led on from the one that serves."""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import Any

import numpy as np
from sklearn.base import clone

from isthmus.errors import AbilityError, InputTypeError, ParameterError, UnknownNameError
from isthmus.estimator.inputs import read
from isthmus.tasks.anomaly.detector import AnomalyDetector
from isthmus.tasks.anomaly.digests import digests
from isthmus.tasks.anomaly.evidence import Evidence
from isthmus.tasks.anomaly.scorer import Scorer
from isthmus.tasks.anomaly.spans import shares, spans_of, times_of
from isthmus.tasks.anomaly.thresholds import conformal
from isthmus.tasks.learning.feedback import Standing
from isthmus.tasks.learning.lesson import Lesson, lesson
from isthmus.tasks.learning.rows import some

REFIT, UPDATE = "refit", "update"
WAYS = (REFIT, UPDATE)
PASSES, SLOWER = 20, 0.1  # of an update, and its rate as a share of the ordinary one


def retrain(
    champion: Any,
    X: Any,
    *,
    standing: Standing = Standing(),  # noqa: B008 - frozen, and empty
    alarms: Any = None,
    false_share: float = 1.0,
    way: str = REFIT,
    time: Any = None,
    random_state: int = 0,
) -> tuple[Any, Lesson]:
    """A challenger, and the rows that made it.

    Args:
        champion: The fitted `AnomalyDetector` that serves; it stays as it is.
        X: Rows of the last days in the order of time, as they were scored.
        standing: What people said: false alarms that are normal now, and anomalies, which are left out.
        alarms: (n,) which of X raised an alarm; None asks the champion.
        false_share: Of the alarms that were looked at, how many were false; see `lesson`.
        way: "refit" learns all anew; "update" leads the champion's own models on by 20 passes at a tenth of their
            rate, with the columns' scaling and categories as they were.
        time: (n,) datetimes, which members of spans ask for.
        random_state: Seed of a refit. The same rows and seed give the same bits.

    Raises:
        UnknownNameError: another way.
        InputTypeError: a detector of another kind.
        TooFewRowsError: too few rows without an alarm.

    Example:
        >>> from isthmus import AnomalyDetector, Autoencoder
        >>> X = np.random.default_rng(0).normal(size=(200, 3))
        >>> champion = AnomalyDetector(Autoencoder(epochs=1), alpha=0.1, members=1, random_state=0).fit(X[:100])
        >>> challenger, rows = retrain(champion, X[100:])
        >>> rows.admitted, challenger.promise_.alpha
        (0, 0.1)
    """
    if way not in WAYS:
        raise UnknownNameError.among("way", way, WAYS)
    if not isinstance(champion, AnomalyDetector):
        came, allowed = f"champion, a {type(champion).__name__}", "rows of a table teach an AnomalyDetector anew"
        raise InputTypeError(came, allowed, "fit it yourself, and add it: versions.add(detector, by=...)")
    raised = champion.anomaly_score(X) > champion.threshold_ if alarms is None else alarms
    rows = lesson(X, raised, standing, false_share=false_share, time=time)
    if way == UPDATE:
        calibrates = np.zeros(len(rows.time), dtype=bool)
        calibrates[np.argsort(rows.time, kind="stable")[len(rows.time) - round(len(rows.time) * rows.share) :]] = True
        when = None if time is None else rows.time[~calibrates]
        return led_on(champion, some(rows.rows, ~calibrates), some(rows.rows, calibrates), time=when), rows
    fresh = clone(champion).set_params(random_state=random_state, calibration=rows.share)
    return fresh.fit(rows.rows, time=rows.time), rows


def led_on(
    champion: Any, X: Any, X_calibration: Any, *, time: Any = None, passes: int = PASSES, slower: float = SLOWER
) -> Any:
    """A copy of the detector whose models went on learning, at a low rate, so that old rows stay known.

    Members of spans go on with the rows of theirs: the last day of X, the last week.

    Args:
        champion: A fitted `AnomalyDetector`.
        X: Normal rows.
        X_calibration: Others, which set the threshold.
        time: (n,) datetimes of X, which members of spans ask for.
        passes: Over X.
        slower: The rate, as a share of the ordinary one.

    Raises:
        AbilityError: the detector has a critic beside its models, which would have to go on learning too.
        ParameterError: no pass, or no positive rate.
    """
    if any(member.critic is not None for member in champion.scorer_.members):
        fix = "refit it: way='refit'"
        raise AbilityError("way='update' of a detector with a critic", "its critic learnt beside the models", fix)
    if passes < 1 or not slower > 0:
        raise ParameterError(f"passes={passes}, slower={slower}", "both are positive", "use passes=20, slower=0.1")
    twin = copy.deepcopy(champion)
    own = _of_each(twin, X, time)
    members = zip(twin.scorer_.members, own, strict=True)
    models = [taught_on(member.model, rows, passes, slower) for member, rows in members]
    scorer = Scorer.priced(models, own, champion.get_params(deep=False)["score"])
    evidence = Evidence.first(scorer, X_calibration)
    twin.scorer_, twin.trimmed_ = scorer, None
    twin.trained_ = np.union1d(champion.trained_, digests(read(scorer.model, X)))
    return twin._settled(evidence, conformal(evidence.scores, champion.promise_.alpha))


def _of_each(detector: Any, X: Any, time: Any) -> list[Any]:
    """The rows that each member learns from."""
    spans = spans_of(detector.members)
    if not any(spans):
        return [X] * len(spans)
    return shares(read(detector.model_, X), X, times_of(time, spans), spans)


def taught_on(model: Any, X: Any, passes: int, slower: float) -> Any:
    """The model itself after some passes of `partial_fit` at a share of its rate."""
    usual = model.settings_
    model.settings_ = replace(usual, learning_rate=slower * usual.learning_rate)
    for _ in range(passes):
        model.partial_fit(X)
    model.settings_ = usual
    return model


def forgetting(champion: Any, old: Any, shifted: Any, *, passes: int = PASSES) -> dict[str, tuple[float, float]]:
    """What each way to learn shifted rows costs on the old ones: {way: (mean cost of old rows, of shifted rows)}.

    Costs are those of the first model alone, in nats, each with the scaling of its own columns; those of "full refit"
    are on the scale of the shifted rows, and are only as comparable as the two scales are alike.

    Args:
        champion: A fitted detector.
        old: Normal rows like those that it learnt from, and new to it.
        shifted: Normal rows of today.
        passes: Of an update.
    """
    first = champion.scorer_.members[0].model
    ways = {
        "as it was": first,
        "20 low-rate updates" if passes == PASSES else f"{passes} low-rate updates": taught_on(
            copy.deepcopy(first), shifted, passes, SLOWER
        ),
        "at the ordinary rate": taught_on(copy.deepcopy(first), shifted, passes, 1.0),
        "full refit": clone(first).fit(shifted),
    }
    return {name: (_cost(model, old), _cost(model, shifted)) for name, model in ways.items()}


def _cost(model: Any, X: Any) -> float:
    """The mean of what a row costs."""
    return float(-model.score_samples(X).mean())
