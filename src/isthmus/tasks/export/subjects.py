"""What can be exported, and what it answers: the same question put to a detector and to a model."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.sparse import issparse
from sklearn.utils.validation import check_is_fitted
from torch import Tensor

from isthmus.core.code import Batch, written_out
from isthmus.core.spec import Spec
from isthmus.data.scaling import unscaled
from isthmus.errors import AbilityError
from isthmus.estimator.blocks import Blocks
from isthmus.estimator.face import Estimator
from isthmus.estimator.inputs import give_back, read
from isthmus.tasks.anomaly.calibration import p_values
from isthmus.tasks.anomaly.detector import AnomalyDetector
from isthmus.tasks.anomaly.images.detector import ImageDetector, pictures
from isthmus.tasks.anomaly.member import DISAGREEMENT, Member
from isthmus.tasks.anomaly.neighbours import Neighbours
from isthmus.tasks.anomaly.scorer import Scorer

Answers: TypeAlias = dict[str, NDArray[Any]]
"""By name: of a detector anomaly_score, p_value and is_anomaly; of a model code, reconstruction and anomaly_score."""

SAVE = "save it and load it where isthmus is installed: isthmus.load(path)"
CLOSE, ROOTED = 1e-4, 2e-2
"""How far two scores may lie apart, as a share of 1 + |score|. The root of a distance that is 0 moves by the root of
what float32 rounds a code by, so a fusion is given more room there; where the score decides it has far less."""


@dataclass(frozen=True, eq=False)
class Subject:
    """A fitted detector or model, and all that an export asks of it.

    Args:
        name: Its class.
        spec: What its rows are.
        answers: Of rows as the caller has them, by the original.
        outputs: Of a batch, by the network, through which the graph is traced.
        networks: Whose weights are in it.
        kept: Rows that it holds itself, in the caller's container; None where it holds none.
        threshold: Above which a score is an alarm; None of a model.
        calibration: Scores of calibration rows, rising; none of a model.
        scorer: What makes a score of a table's row, where there is such.
        allowed: How far two scores may lie apart, as a share of 1 + |score|.
        saved: What `save` would write.
    """

    name: str
    spec: Spec
    answers: Callable[[Any], Answers]
    outputs: Callable[[Batch], dict[str, Tensor]]
    networks: tuple[torch.nn.Module, ...]
    saved: Any
    kept: Any = None
    threshold: float | None = None
    calibration: NDArray[np.float64] = field(default_factory=lambda: np.zeros(0))
    scorer: Scorer | None = None
    allowed: float = CLOSE

    @property
    def dtype(self) -> str:
        """The type in which rows are read."""
        return self.spec.number_type


def subject_of(model: Any) -> Subject:
    """What is exported of a fitted detector or model.

    Args:
        model: An `AnomalyDetector`, an `ImageDetector` or a member of the family.

    Raises:
        NotFittedError: there was no fit.
        AbilityError: it is of another kind, or its rows are not numbers of one width.
    """
    if not isinstance(model, AnomalyDetector | ImageDetector | Estimator):
        allowed = "a graph answers rows one by one: detectors of series look back, those of few labels have trees"
        raise AbilityError(f"the export of a {type(model).__name__}", allowed, SAVE)
    check_is_fitted(model)
    subject = _member(model) if isinstance(model, Estimator) else _detector(model)
    _check(subject, model)
    return subject


def _check(subject: Subject, model: Any) -> None:
    """Refuse rows that are no numbers of one width, and what is told beside them."""
    spec, came = subject.spec, f"the export of this {subject.name}"
    kinds = sorted({column.kind for column in spec.columns} - {"numeric"})
    if kinds or any(not _is_number(column.dtype) for column in spec.columns):
        allowed = f"a graph reads one array of numbers, and its table has {' and '.join(kinds) or 'other'} columns"
        raise AbilityError(came, allowed, "fit it on numeric columns alone, or " + SAVE)
    if spec.kind not in ("table", "image"):
        allowed = f"a graph reads rows of one size, tables and images; it was fitted on {spec.kind}"
        raise AbilityError(came, allowed, SAVE)
    if getattr(getattr(model, "model_", model), "is_conditional", False):
        raise AbilityError(came, "a graph reads rows alone, and a conditional model is told y beside them", SAVE)
    if any(weight.device.type != "cpu" for network in subject.networks for weight in network.parameters()):
        raise AbilityError(came, "graphs are traced on the CPU", "save it, and load it there: isthmus.load(path)")


def _is_number(dtype: str) -> bool:
    """Whether a column's type is one of NumPy's numbers."""
    try:
        return np.dtype(dtype.lower()).kind in "iuf"
    except TypeError:
        return False


def _detector(detector: Any) -> Subject:
    """Of a detector: the score of each row as if it were new, with what follows from it."""
    scorer: Scorer = detector.scorer_
    if scorer.members[0].score == DISAGREEMENT:
        raise AbilityError("the export of score='disagreement'", "it compares what several models rebuild", SAVE)
    is_hot = isinstance(detector, ImageDetector) and detector.heat_.is_peak
    priced = replace(scorer, members=[_searched(member) for member in scorer.members])

    def score_of(X: Any) -> NDArray[np.float64]:
        """The score of each row, whatever training rows had before they were learnt."""
        if is_hot:
            return np.asarray(detector.heat_.terms(pictures(X)))
        return scorer.scored(scorer.terms(pictures(X) if isinstance(detector, ImageDetector) else X))

    def answers(X: Any) -> Answers:
        scores = score_of(X)
        p = p_values(scores, detector.calibration_scores_)
        return {"anomaly_score": scores, "p_value": p, "is_anomaly": scores > detector.threshold_}

    def outputs(batch: Batch) -> dict[str, Tensor]:
        return {"anomaly_score": detector.heat_._peak(batch).double() if is_hot else priced.price(batch)}

    members = scorer.members
    networks = [member.model.network_ for member in members]
    networks += [member.critic for member in members if member.critic is not None]
    kept = None if scorer.examples is None else give_back(scorer.model, scorer.examples.x)
    return Subject(
        type(detector).__name__,
        scorer.model.spec_,
        answers,
        outputs,
        tuple(networks),
        detector,
        kept,
        float(detector.threshold_),
        detector.calibration_scores_,
        None if is_hot else scorer,
        ROOTED if members[0].score == "fusion" and not is_hot else CLOSE,
    )


def _member(model: Any) -> Subject:
    """Of a model: its code, what comes out for a row, and what both cost."""
    blocks, spec = Blocks(model.network_, model.spec_.width), model.spec_

    def outputs(batch: Batch) -> dict[str, Tensor]:
        network = model.network_
        distortion, rate = network.price(batch)
        code = written_out(network.encode(batch).z).flatten(1)
        return {"code": code, "reconstruction": network.rebuild(batch), "anomaly_score": (distortion + rate).double()}

    def rebuilt(batch: Batch) -> Tensor:
        answer: Tensor = model.network_.rebuild(batch)
        return answer

    def answers(X: Any) -> Answers:
        found, codes = blocks.run(read(model, X), rebuilt).double().numpy(), model.transform(X)
        return {
            "code": codes.toarray() if issparse(codes) else np.asarray(codes),
            "reconstruction": in_units(found, spec),
            "anomaly_score": model.anomaly_score(X),
        }

    return Subject(type(model).__name__, spec, answers, outputs, (model.network_,), model)


def in_units(x: NDArray[np.float64], spec: Spec) -> NDArray[np.float64]:
    """x in the caller's units and axes, whole numbers not rounded, (n, ...)."""
    if spec.kind == "table":
        return unscaled(x, spec.center.numpy(), spec.scale.numpy(), spec.logs)
    values = x * spec.factor + spec.offset
    return np.moveaxis(values, 1, -1) if spec.layout.endswith("c") else values[:, 0]


def _searched(member: Member) -> Member:
    """The member with neighbours that can be traced: found by one product, and then measured exactly."""
    crossed: Any = _Nearest(member.crossed.codes) if isinstance(member.crossed, Neighbours) else member.crossed
    return replace(member, crossed=crossed)


class _Nearest:
    """The distance from a code to the nearest of those kept, without a table of all distances.

    Args:
        codes: (R, Z) float64.
    """

    def __init__(self, codes: Tensor) -> None:
        self.middle = codes.mean(0)
        self.codes = codes - self.middle
        self.turned, self.halves = self.codes.T.contiguous(), self.codes.square().sum(1) / 2

    def distance(self, codes: Tensor) -> Tensor:
        """To the nearest, (B, Z) -> (B,)."""
        z = codes - self.middle
        nearest = (self.halves - z @ self.turned).argmin(1)
        return (z - self.codes[nearest]).square().sum(1).sqrt()
