"""What rows that training never saw cost: the scores that set a threshold, and the residuals that band each column."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeAlias

import narwhals as nw
import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from isthmus.core.source import Source
from isthmus.errors import ParameterError, TooFewRowsError
from isthmus.estimator.containers import opened
from isthmus.estimator.inputs import learn, read, read_like
from isthmus.tasks.anomaly.calibration import rows_needed
from isthmus.tasks.anomaly.digests import Digests, Known, digests
from isthmus.tasks.anomaly.labels import anomalies_in
from isthmus.tasks.anomaly.leakage import refuse_shared
from isthmus.tasks.anomaly.recipe import Recipe
from isthmus.tasks.anomaly.scorer import Scorer
from isthmus.tasks.anomaly.splits import Ints, column_of, dealt, groups_of

FOLDS = 5
FEWEST_GROUPS = 3  # each of three models trains on two rows at least


@dataclass(frozen=True)
class Evidence:
    """What normal rows cost a scorer that was not trained on them.

    Args:
        scores: (n,) as served.
        residuals: (n, D) float64, in scaled units.
    """

    scores: NDArray[np.float64]
    residuals: Tensor

    @classmethod
    def of(cls, scorer: Scorer, X: Any) -> Evidence:
        """Score rows that are new to the scorer."""
        return cls(scorer.scores(X), scorer.residuals(X))

    @classmethod
    def first(cls, scorer: Scorer, X: Any) -> Evidence:
        """The same with the first such rows, which settle the scorer's scale."""
        return cls(scorer.settle(scorer.terms(X)), scorer.residuals(X))

    def band(self, alpha: float) -> Tensor:
        """Between which residuals a share 1 - alpha of each column lies, (2, D)."""
        return torch.from_numpy(np.quantile(self.residuals.numpy(), [alpha / 2, 1 - alpha / 2], axis=0))

    def only(self, chosen: Bools) -> Evidence:
        """The evidence of these rows alone."""
        return Evidence(self.scores[chosen], self.residuals[torch.from_numpy(chosen)])


Bools: TypeAlias = NDArray[np.bool_]


class Held(NamedTuple):
    """A scorer, evidence of rows that it never saw, and the digests of those that it learnt from, rising."""

    scorer: Scorer
    evidence: Evidence
    trained: Digests


def check_shared_out(X: Any, y: Any, groups: Any, time: Any) -> None:
    """Refuse arguments of `fit` that speak of rows which it is not given, or does not share out.

    Args:
        X: Rows for calibration that the caller kept; None where there are none.
        y: Their labels.
        groups: What would keep rows together.
        time: What would put them in order.

    Raises:
        ParameterError: labels without rows, or groups or a time beside them.
    """
    if X is None and y is not None:
        allowed = "it labels the rows of X_calibration; those of X are normal"
        raise ParameterError("y_calibration= without X_calibration=", allowed, "give both, or leave it out")
    for name, column in (("groups", groups), ("time", time)):
        if X is not None and column is not None:
            allowed = f"{name} decides how fit() shares rows out, and X_calibration shares them out"
            fix = "leave one of them out, and see what isthmus.check_splits says of yours"
            raise ParameterError(f"{name}= beside X_calibration=", allowed, fix)


def fresh(scorer: Scorer, X: Any, trained: Digests) -> Evidence:
    """Evidence from rows that are refused where the scorer learnt from them.

    Args:
        scorer: Of a fitted detector.
        X: Rows to calibrate with.
        trained: The digests of the rows that it learnt from.

    Raises:
        LeakageError: some of X are among those.
    """
    refuse_shared("X", digests(read(scorer.model, X)), "the training rows", trained)
    return Evidence.of(scorer, X)


def given(recipe: Recipe, X: Any, others: Any, y: ArrayLike | None) -> Held:
    """A scorer of the rows of X, and evidence from rows that the caller kept from it.

    Args:
        recipe: How scorers are made.
        X: Normal rows.
        others: Rows that set the threshold.
        y: (m,) which of those are anomalies, and no evidence; None for none.

    Raises:
        LeakageError: rows of X are among them; before anything is trained.
        InputError: rows that a model of X could not read, or other labels.
    """
    model = recipe.model(0)
    source = learn(model, X)
    trained, names = digests(source), digests(read_like(model, others, source.spec))
    refuse_shared("X_calibration", names, "X", trained)
    normal = np.ones(len(names), dtype=bool) if y is None else ~anomalies_in(y, len(names))
    if not normal.any():
        came, allowed = f"{len(names)} rows of X_calibration, all of them anomalies", "normal rows set the threshold"
        raise TooFewRowsError(came, allowed, "add normal rows, or see which of the labels mean anomalies")
    scorer = recipe.cooked(X)
    kept = others if normal.all() else taken(opened(others), normal)
    return Held(scorer, Evidence.first(scorer, kept), np.unique(trained))


def held_out(
    recipe: Recipe,
    X: Any,
    share: float,
    alpha: float,
    random: Any,
    *,
    groups: ArrayLike | None = None,
    time: ArrayLike | None = None,
) -> Held:
    """A scorer, and evidence from rows of X that it never saw.

    A share of the rows is held out where that is enough for the budget. Else five models leave out a fifth each, so
    that every row is scored by one that never saw it. The scorer that is kept learns from all rows, and remembers those
    scores: a row that it learnt from is as normal as it was before.

    With a time the last rows are held out, enough or not: no row is judged by a model that learnt from later ones.

    Args:
        recipe: How scorers are made.
        X: Normal rows.
        share: The part of the rows to hold out.
        alpha: The budget of false alarms.
        random: A `numpy.random.RandomState`.
        groups: (n,) rows of one group stay together, as equal rows do; None for no groups.
        time: (n,) when each row was taken; None for no order.

    Raises:
        TooFewRowsError: fewer than three groups of rows, or a model of the first rows can read none of the last.
    """
    rows = opened(X)
    source = learn(recipe.model(0), rows)
    together = groups_of(source, groups)
    check_groups(together)
    if time is not None:
        return _last(recipe, rows, source, together, share, column_of("time", time, len(source)))
    kept = learning(source, together, share, random)
    if (~kept).sum() < rows_needed(alpha):
        return _crossed(recipe, rows, source, folds_of(together, random))
    return _parted(recipe, rows, kept, ~kept)


def learning(source: Source, together: Ints, share: float, random: Any) -> Bools:
    """Which rows learn, (n,); the others are about a share of all, and hold nothing that those do not know.

    Args:
        source: The rows.
        together: (n,) the number of each row's group, which stays together.
        share: The part of the rows to hold out.
        random: A `numpy.random.RandomState`.
    """
    kept: Bools = dealt(together, (1 - share, share), random) == 0
    kept |= np.isin(together, together[~_understood(source, kept)])
    return kept


def _last(recipe: Recipe, rows: Any, source: Source, together: Ints, share: float, time: NDArray[Any]) -> Held:
    """Learn from the first rows, and judge those of the last that hold nothing which the first do not know."""
    kept, judged = in_time(source, together, share, time)
    return _parted(recipe.at(time[kept]), rows, kept, judged)


def in_time(source: Source, together: Ints, share: float, time: NDArray[Any]) -> tuple[Bools, Bools]:
    """Which rows learn, and which of the last ones those can judge by, (n,) each.

    Args:
        source: The rows.
        together: (n,) the number of each row's group, which stays together.
        share: The part of the rows to hold out.
        time: (n,) when each row was taken.

    Raises:
        TooFewRowsError: none is left to learn from, or none to judge by.
    """
    kept = dealt(together, (1 - share, share), 0, time) == 0
    judged = ~kept & _understood(source, kept)
    if not judged.any() or not kept.any():
        came = f"X with n_samples={len(source)}, of which {int((~kept).sum())} are held out as the last"
        allowed = "the threshold is set by later rows, with no category and no gap that the earlier rows do not have"
        raise TooFewRowsError(came, allowed, "give more rows, or set calibration= higher")
    return kept, judged


def _parted(recipe: Recipe, rows: Any, kept: Bools, judged: Bools) -> Held:
    """A scorer that learnt from some rows, and evidence of others."""
    mine = taken(rows, kept)
    scorer = recipe.cooked(mine)
    return Held(scorer, Evidence.first(scorer, taken(rows, judged)), np.unique(digests(read(scorer.model, mine))))


def folds_of(groups: Ints, random: Any) -> Ints:
    """Deal rows out to five folds of about one size, whole groups each, (n,)."""
    return dealt(groups, (1 / FOLDS,) * FOLDS, random)


def left_out(recipe: Recipe, rows: Any, source: Source, folds: Ints) -> Iterator[tuple[Scorer, Bools, Bools]]:
    """For each fold a scorer, the rows that it learnt from, and those of the fold that it can read, (n,) each.

    Args:
        recipe: How scorers are made.
        rows: What was opened.
        source: The same rows as numbers.
        folds: (n,) the number of each row's fold.
    """
    for fold in np.unique(folds):
        kept = folds != fold
        judged = ~kept & _understood(source, kept)
        if judged.any():
            yield recipe.cooked(taken(rows, kept)), kept, judged


def _crossed(recipe: Recipe, rows: Any, source: Source, folds: Ints) -> Held:
    """A scorer that learnt from all rows, and evidence of every row from one that learnt from the other folds."""
    terms, residuals, places = [], [], []
    for one, _, judged in left_out(recipe, rows, source, folds):
        some = taken(rows, judged)
        terms.append(one.terms(some))
        residuals.append(one.residuals(some))
        places.append(np.flatnonzero(judged))
    whole = taken(rows, np.ones(len(source), dtype=bool))
    scorer = recipe.cooked(whole)
    scores = scorer.settle(torch.cat(terms))
    names = digests(read(scorer.model, whole))
    scorer.known = Known.of(names[np.concatenate(places)], scores)
    return Held(scorer, Evidence(scores, torch.cat(residuals)), np.unique(names))


def _understood(source: Source, kept: Bools) -> Bools:
    """Rows whose gaps and categories all occur among the kept ones, (n,): a model of those can read no others."""
    known = np.ones(len(source), dtype=bool)
    if source.spec.is_plain:
        return known
    x = source.block(0, len(source)).numpy()
    for at in source.spec.indices("categorical", "boolean"):
        known &= np.isin(x[:, at], x[kept, at]) | np.isnan(x[:, at])
    gaps = np.isnan(x)
    known &= ~(gaps & ~gaps[kept].any(axis=0)).any(axis=1)
    return known


def taken(rows: Any, chosen: Bools) -> Any:
    """The chosen rows in the caller's container."""
    some = rows[np.flatnonzero(chosen)]
    return some.to_native() if isinstance(some, nw.DataFrame) else some


def check_groups(groups: Ints) -> None:
    """Refuse rows that cannot be shared out.

    Args:
        groups: (n,) the number of each row's group, from 0 on.

    Raises:
        TooFewRowsError: fewer than three groups.
    """
    found = int(groups.max()) + 1
    if found < FEWEST_GROUPS:
        raise TooFewRowsError(
            f"X with n_samples={len(groups)} in {found} groups of equal or grouped rows",
            f"calibration needs rows that training never saw, so at least {FEWEST_GROUPS} groups",
            "add rows that differ, or give rows for calibration as X_calibration",
        )
