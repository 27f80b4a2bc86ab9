"""What a detector and the controls say of the same rows: of labelled ones, or of rows and what stands in for anomalies.

One procedure serves both. Every control scores rows that it did not learn from, and learns from normal ones alone.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor

from isthmus.core.source import Source, sample
from isthmus.data.memory import TensorSource
from isthmus.errors import InputError, TooFewRowsError
from isthmus.estimator.defaults import seed_of
from isthmus.estimator.fitting import built
from isthmus.estimator.inputs import read
from isthmus.metrics import Interval, roc_auc_lead
from isthmus.parts.entry import COUNTS, Entry
from isthmus.parts.likelihoods.choose import domain
from isthmus.tasks.anomaly.controls import Scores, every_control
from isthmus.tasks.anomaly.diagnosis.probes import drawn, far_points, mosaics
from isthmus.tasks.anomaly.diagnosis.separation import Bools, Floats, Separation, share_of
from isthmus.tasks.anomaly.evidence import folds_of
from isthmus.tasks.anomaly.labels import anomalies_in
from isthmus.tasks.anomaly.member import Member, scores_of
from isthmus.tasks.anomaly.scorer import Scorer
from isthmus.tasks.anomaly.splits import groups_of

DETECTOR, RESIDUAL, UNTRAINED = "detector", "residual", "untrained network"
FEWEST_NORMAL, FEWEST_ANOMALIES = 10, 2
MOST = 2048  # rows that the controls learn from


@dataclass(frozen=True, eq=False)
class Power:
    """Scores of the same rows by every method, and how much of the rows the model rebuilds.

    Args:
        anomalous: (n,) truth: labels, or which rows are stand-ins.
        labelled: Whether it comes from labels.
        own: Name -> (n,): the detector's score, the plain length of what its model loses, and its other scores.
        rivals: Name of the control -> (n,) its scores.
        alarms: (n,) what the detector says at its own threshold.
        kept: Share of its deviation from the mean that the model rebuilds of a typical normal row,
        kept_of_anomalies: and of a typical anomaly.
        far: Share of points 10 standard deviations off that raise an alarm; None where rows hold no numbers that
            could lie so far off.
    """

    anomalous: Bools
    labelled: bool
    own: dict[str, Floats]
    rivals: dict[str, Floats]
    alarms: Bools
    kept: float
    kept_of_anomalies: float
    far: Interval | None

    @cached_property
    def separations(self) -> dict[str, Separation]:
        """How far the detector's scores of anomalies and normal rows lie apart, by the score's name."""
        return {name: Separation.of(self.anomalous, scores) for name, scores in self.own.items()}

    @cached_property
    def controls(self) -> dict[str, Separation]:
        """The same for the controls."""
        return {name: Separation.of(self.anomalous, scores) for name, scores in self.rivals.items()}

    @cached_property
    def recall(self) -> Interval:
        """Share of the anomalies that raise an alarm, with Wilson's interval."""
        return share_of(self.alarms[self.anomalous])

    @property
    def false_alarms(self) -> Interval:
        """Share of the normal rows that do."""
        return share_of(self.alarms[~self.anomalous])

    @property
    def missed(self) -> float:
        """Share of the far points that raise no alarm."""
        return 0.0 if self.far is None else 1 - self.far.value

    @property
    def rival(self) -> str:
        """The control with the largest area."""
        return max(self.controls, key=lambda name: self.controls[name].roc_auc.value)

    @cached_property
    def lead(self) -> Interval:
        """By how much the detector's area exceeds the rival's; the level allows for the rival's having been chosen."""
        level = 1 - 0.05 / len(self.controls)
        return roc_auc_lead(self.anomalous, self.own[DETECTOR], self.rivals[self.rival], level)


def measured(detector: Any, X: Any, y: ArrayLike | None, X_train: Any) -> Power:
    """Ask the detector and the controls.

    Args:
        detector: A fitted `AnomalyDetector`.
        X: Rows; without labels a part of many is looked at, and None draws some.
        y: (n,) labels, or None.
        X_train: Normal rows for the controls to learn from; None cross-fits them on the normal rows of X.

    Raises:
        InputError: labels without rows, or of one kind alone.
        TooFewRowsError: fewer than 10 normal rows, or than 2 anomalies.
    """
    scorer: Scorer = detector.scorer_
    if y is not None and X is None:
        raise InputError("diagnose() with y and without X", "labels are those of rows", "use diagnose(X, y)")
    if y is None:
        normal = drawn(scorer) if X is None else sample(read(scorer.model, X))
        x = torch.cat([normal, mosaics(normal, scorer.model.spec_)])
        anomalous = np.arange(len(x)) >= len(normal)
    else:
        source = read(scorer.model, X)
        x, anomalous = source.block(0, len(source)), anomalies_in(y, len(source))
    _check_counts(anomalous)
    train = None if X_train is None else sample(read(scorer.model, X_train))
    loose = _loose(scorer.model)
    return _asked(detector, Rows(loose, x), anomalous, y is not None, None if train is None else Rows(loose, train))


def _check_counts(anomalous: Bools) -> None:
    """Refuse rows of which too few are normal, or anomalies."""
    n, odd = int((~anomalous).sum()), int(anomalous.sum())
    if n < FEWEST_NORMAL or odd < FEWEST_ANOMALIES:
        came = f"{n} normal rows and {odd} {'anomaly' if odd == 1 else 'anomalies'}"
        allowed = f"controls learn from {FEWEST_NORMAL} normal rows, and a spread needs {FEWEST_ANOMALIES} anomalies"
        raise TooFewRowsError(came, allowed, "give more rows; diagnose(X) without y needs no anomalies")


class Rows:
    """Rows as the network reads them, as plain numbers, and how much of each is lost.

    Args:
        scorer: Whose model reads them.
        x: (n, *spec.shape).
    """

    def __init__(self, scorer: Scorer, x: Tensor) -> None:
        self.scorer, self.x, self.spec = scorer, x, scorer.model.spec_

    @cached_property
    def source(self) -> Source:
        """All of them."""
        return TensorSource(self.x, self.spec)

    @cached_property
    def numbers(self) -> Floats:
        """(n, W): categories one-hot, counts on a log scale, 0 where a cell is missing."""
        return self._plain(self.x)

    @cached_property
    def lost(self) -> Floats:
        """Squared length of what the model does not rebuild, (n,)."""
        expected = torch.where(self.x.isnan(), self.x, self.scorer.expected(self.source))
        lost: Floats = np.square(self.numbers - self._plain(expected)).sum(1)
        return lost

    def only(self, chosen: Bools) -> Rows:
        """Some of them."""
        return Rows(self.scorer, self.x[torch.from_numpy(chosen)])

    def kept(self, chosen: Bools, centre: Floats) -> float:
        """Share of its deviation from the centre that the model rebuilds of a typical one of the chosen rows."""
        spread = np.square(self.numbers[chosen] - centre).sum(1)
        lost = self.lost[chosen][spread > 0] / spread[spread > 0]
        return 1 - float(np.median(lost)) if len(lost) else 0.0

    def _plain(self, x: Tensor) -> Floats:
        is_count = self.scorer.model.settings_.likelihood in COUNTS
        numbers: Floats = Entry(self.spec, flags=False, log=is_count)(x.flatten(1)).double().numpy()
        return numbers


def scored_by(score: str) -> str:
    """What the detector is called when it is read by another score.

    Example:
        >>> scored_by("distortion")
        "detector, score='distortion'"
    """
    return f"{DETECTOR}, score={score!r}"


def _asked(detector: Any, rows: Rows, anomalous: Bools, labelled: bool, train: Rows | None) -> Power:
    """Every method's scores."""
    scorer: Scorer = detector.scorer_
    score = detector.get_params(deep=False)["score"]
    served, alone = scorer.scores(rows.source), scores_of(scorer.model)
    untrained, by = _untrained(scorer.model), score if score in alone else "fusion"
    own, rivals = {DETECTOR: served, RESIDUAL: rows.lost}, dict[str, Floats]()
    for learnt, judged in _turns(rows, anomalous, train):
        others = rows.only(judged)
        told = {scored_by(name): _priced(scorer.model, learnt, name, others) for name in alone if name != score}
        _place(own, judged, told)
        told = {name: method(others.numbers) for name, method in _controls(learnt).items()}
        _place(rivals, judged, {**told, UNTRAINED: _priced(untrained, learnt, by, others)})
    centre = rows.numbers[~anomalous].mean(0)
    kept = rows.kept(~anomalous, centre), rows.kept(anomalous, centre)
    far = _far(detector, rows.only(~anomalous))
    return Power(anomalous, labelled, own, rivals, served > detector.threshold_, *kept, far)


def _far(detector: Any, normal: Rows) -> Interval | None:
    """Share of the far points that raise an alarm."""
    spec = normal.spec
    is_bounded = not domain(detector.model_.settings_.likelihood).is_scalable
    if is_bounded or (spec.columns and not spec.indices("numeric", "datetime")):
        return None
    far = TensorSource(far_points(normal.x, spec), spec)
    return share_of(detector.scorer_.scores(far) > detector.threshold_)


def _place(found: dict[str, Floats], judged: Bools, told: dict[str, Floats]) -> None:
    """Put the scores of the judged rows among those of all, by the method's name."""
    for name, scores in told.items():
        found.setdefault(name, np.empty(len(judged)))[judged] = scores


def _controls(learnt: Rows) -> dict[str, Scores]:
    """The controls, having learnt from these rows, or from an even sample of many."""
    some = learnt.numbers[:: -(-len(learnt.x) // MOST)]
    return every_control(some, learnt.scorer.model.latent_dim_)


def _priced(model: Any, learnt: Rows, score: str, judged: Rows) -> Floats:
    """Scores by a model whose prices were learnt from one half of other rows, and their scale from the other half."""
    scorer = _loose(model, score)
    is_first = np.arange(len(learnt.x)) % 2 == 0
    scorer.members[0].priced_by(learnt.only(is_first).source)
    scorer.settle(scorer.terms(learnt.only(~is_first).source))
    return scorer.scores(judged.source)


def _loose(model: Any, score: str = "distortion") -> Scorer:
    """A scorer for figures of many rows, whose last bits may depend on where a row stands."""
    member = Member(model, score)
    member.blocks.exact = False
    return Scorer([member])


def _turns(rows: Rows, anomalous: Bools, train: Rows | None) -> Iterator[tuple[Rows, Bools]]:
    """Normal rows to learn from, and which of the rows are judged by what was learnt from them, (n,)."""
    if train is not None:
        yield train, np.ones(len(anomalous), dtype=bool)
        return
    folds = folds_of(groups_of(rows.source), 0)
    for fold in np.unique(folds):
        chosen = (folds != fold) & ~anomalous
        yield rows.only(chosen), folds == fold


def _untrained(model: Any) -> Any:
    """The same recipe with its weights as they are drawn."""
    fresh = copy.copy(model)
    fresh.network_ = built(model, torch.Generator().manual_seed(seed_of(model.random_state)))
    return fresh
