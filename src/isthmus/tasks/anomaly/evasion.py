"""How far an anomaly must be moved to pass for normal: projected gradients against a detector's own score."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.utils.validation import check_is_fitted
from torch import Tensor

from isthmus.core.code import Batch
from isthmus.core.spec import Spec
from isthmus.data.scaling import scaled, unscaled
from isthmus.errors import AbilityError, ParameterError, UnknownNameError
from isthmus.estimator.defaults import whole
from isthmus.estimator.inputs import give_back, read
from isthmus.metrics import Interval
from isthmus.parts.likelihoods.choose import domain
from isthmus.tasks.anomaly.detector import AnomalyDetector
from isthmus.tasks.anomaly.diagnosis.separation import share_of
from isthmus.tasks.anomaly.member import DISAGREEMENT
from isthmus.tasks.anomaly.scorer import Scorer

PIECE = 1024  # rows moved at once
OVERREACH = 2.5  # the steps together lead so many budgets far, so that the edge is reached and there is time to turn
Floats: TypeAlias = NDArray[np.float64]
Cost: TypeAlias = Callable[[Tensor], Tensor]


@dataclass(frozen=True, eq=False)
class Evasion:
    """Rows that were moved towards a lower score.

    Args:
        rows: (n, D) where they ended, in the container that they came in.
        moved: (n, D) how far each cell was moved, in the model's units of its column.
        before: (n,) the detector's scores of the rows as they came.
        after: (n,) its scores of `rows`: never higher.
        threshold: The detector's: an alarm lies above.
        budget: The most that a cell was allowed to move.
    """

    rows: Any
    moved: Floats
    before: Floats
    after: Floats
    threshold: float
    budget: float

    @property
    def found(self) -> Interval:
        """Share of the rows that raise an alarm as they came, with Wilson's interval."""
        return share_of(self.before > self.threshold)

    @property
    def still_found(self) -> Interval:
        """Share of the rows that raise an alarm after they were moved."""
        return share_of(self.after > self.threshold)

    def __str__(self) -> str:
        """In words."""
        ends = f"{100 * self.found.value:.0f} % raised an alarm, {100 * self.still_found.value:.0f} % still do"
        return f"{len(self.before):,} rows, no cell moved by more than {self.budget:g}: {ends}"


def evade(
    detector: Any, X: Any, budget: float = 0.25, *, steps: int = 40, columns: Sequence[str | int] | None = None
) -> Evasion:
    r"""Move each row to where the detector finds it least anomalous, within a budget: what an informed forger would do.

    .. math:: x_{t+1} = \Pi_{\lVert x - x_0 \rVert_\infty \le b}
              \bigl(x_t - \eta \operatorname{sign} \nabla s(x_t)\bigr), \quad \eta = 2.5 \, b / T

    s is the score that is served, of all members; the place with the lowest score on the way is kept. The forger is
    taken to have the saved detector. A budget so large that an anomaly becomes a normal row shows nothing: choose one
    within which it would still be one.

    Args:
        detector: A fitted `AnomalyDetector` of a table.
        X: Anomalies, (n, D), as a rule such as it finds.
        budget: b, the most that a cell may move, in the units that the model scales columns to: standard deviations of
            training rows unless the model's `scaling` says otherwise; of a column on a log scale its logarithm.
        steps: T.
        columns: Those that a forger can change, by name or position; None for all that hold numbers or dates. Whole
            numbers of a frame stay whole. Categories, booleans and missing cells stay as they are.

    Raises:
        AbilityError: images or series, a likelihood that prices only some numbers, or no column with a gradient.
        ParameterError: a budget or number of steps that is not above 0, or a column that holds names.
        UnknownNameError: no such column.

    Paper:
        Madry, Makelov, Schmidt, Tsipras & Vladu 2018, ICLR, section 2.1 (projected gradient descent), from the row
        itself and not from random places around it.

    Example:
        >>> import isthmus
        >>> made, model = isthmus.data.load("factors", rows=400), isthmus.Autoencoder(epochs=3)
        >>> detector = isthmus.AnomalyDetector(model, alpha=0.05, members=1, random_state=0).fit(made.X[made.y == 0])
        >>> evasion = evade(detector, made.X[made.y == 1], budget=0.1, steps=10)
        >>> bool((evasion.after < evasion.before).all())
        True
    """
    scorer, spec = _scorer_of(detector)
    if not (isinstance(budget, (int, float)) and budget > 0):
        allowed = "it says how far a cell may move, in standard deviations of its column"
        raise ParameterError(f"budget={budget!r}", allowed, "use budget=0.25")
    whole("steps", steps)
    free = _free(spec, columns)
    source = read(scorer.model, X)
    x = source.block(0, len(source))
    reached = torch.cat(
        [_whole(descend(_cost(scorer), piece, budget, free, steps), piece, spec) for piece in x.split(PIECE)]
    )
    before = detector.anomaly_score(X)
    worse = torch.from_numpy(detector.anomaly_score(give_back(scorer.model, reached, like=X)) > before)
    reached[worse] = x[worse]
    rows = give_back(scorer.model, reached, like=X)
    after = np.minimum(detector.anomaly_score(rows), before)
    return Evasion(rows, (reached - x).nan_to_num().double().numpy(), before, after, detector.threshold_, float(budget))


def descend(cost: Cost, x: Tensor, budget: float, free: Tensor, steps: int) -> Tensor:
    """Rows moved down the cost within the budget, (n, D): each to the lowest place on its way.

    Args:
        cost: Rows (n, D) to (n,), each row's own.
        x: Where they start, NaN where a cell is missing.
        budget: The most that a cell may move.
        free: True for cells that may, (D,).
        steps: How many.

    Example:
        >>> descend(lambda x: x.square().sum(1), torch.tensor([[2.0, 1.0]]), 0.5, torch.tensor([True, False]), 10)
        tensor([[1.5000, 1.0000]])
    """
    best, place = x.clone(), x.clone()
    lowest = torch.full((len(x),), torch.inf, dtype=torch.float64)
    for step in range(steps + 1):
        place.requires_grad_(True)
        costs = cost(place)
        lower = costs.detach().double() < lowest
        lowest, best[lower] = torch.where(lower, costs.detach().double(), lowest), place.detach()[lower]
        if step == steps:
            break
        (gradient,) = torch.autograd.grad(costs.sum(), place)
        stride = OVERREACH * budget / steps * gradient.nan_to_num().sign() * free
        place = torch.clamp(place.detach() - stride, x - budget, x + budget)
    return best


def _scorer_of(detector: Any) -> tuple[Scorer, Spec]:
    """What scores the rows of a detector whose score has gradients, and what the rows are.

    Raises:
        AbilityError: it has none.
    """
    fix = "evade an AnomalyDetector of a table of numbers"
    if not isinstance(detector, AnomalyDetector):
        raise AbilityError(f"evade() of a {type(detector).__name__}", "it follows gradients of a table's score", fix)
    check_is_fitted(detector)
    scorer: Scorer = detector.scorer_
    spec, likelihood = scorer.model.spec_, scorer.model.settings_.likelihood
    if scorer.members[0].score == DISAGREEMENT:
        allowed = "it follows the terms of single members, and this is what several differ in"
        raise AbilityError(f"evade() of score={DISAGREEMENT!r}", allowed, "use a detector with another score")
    if spec.kind != "table":
        came = f"evade() of a detector of {spec.kind} samples"
        raise AbilityError(came, "the budget is in standard deviations of a table's columns", fix)
    if not domain(likelihood).is_scalable:
        allowed = "it prices only some numbers, and small steps lead to others"
        raise AbilityError(f"evade() of a model with likelihood={likelihood!r}", allowed, fix)
    return scorer, spec


def _free(spec: Spec, columns: Sequence[str | int] | None) -> Tensor:
    """Which columns may be moved, (D,)."""
    numbers = spec.indices("numeric", "datetime")
    if not numbers:
        allowed = "a category or boolean has no gradient to follow"
        raise AbilityError("evade() of a table without numbers", allowed, "change cells by hand, and score them")
    chosen = list(numbers) if columns is None else [_place(spec, column) for column in columns]
    free = torch.zeros(spec.n_features, dtype=torch.bool)
    free[chosen] = True
    return free


def _place(spec: Spec, column: str | int) -> int:
    """The position of a column that holds numbers."""
    names = [one.name for one in spec.columns]
    place = names.index(column) if column in names else column
    if not (isinstance(place, int) and 0 <= place < len(names)):
        raise UnknownNameError.among("column", str(column), names)
    if spec.columns[place].kind not in ("numeric", "datetime"):
        came = f"columns={[column]!r}, a column that is {spec.columns[place].kind}"
        raise ParameterError(came, "a category or boolean has no gradient to follow", "name columns of numbers")
    return place


def _cost(scorer: Scorer) -> Cost:
    """The score of rows, through which gradients flow."""
    plain, device = scorer.model.spec_.is_plain, scorer.members[0].blocks.device

    def cost(x: Tensor) -> Tensor:
        there = x.to(device)
        return scorer.price(Batch(there, None if plain else ~there.isnan()))

    return cost


def _whole(reached: Tensor, x: Tensor, spec: Spec) -> Tensor:
    """The same with whole numbers of a frame moved by whole steps, and no further than they were, (n, D)."""
    is_whole = torch.tensor([spec.container != "numpy" and "int" in column.dtype.lower() for column in spec.columns])
    before, after = (unscaled(rows.double().numpy(), spec.center, spec.scale, spec.logs) for rows in (x, reached))
    steps = np.trunc(after - before)
    moved = torch.from_numpy(scaled(before + steps, spec.center, spec.scale, spec.logs))
    return torch.where(is_whole, torch.where(torch.from_numpy(steps == 0), x, moved), reached)
