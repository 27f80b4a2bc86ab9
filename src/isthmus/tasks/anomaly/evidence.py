"""What rows that training never saw cost: the scores that set a threshold, and the residuals that band each column."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, TypeAlias

import narwhals as nw
import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from isthmus.core.source import Source
from isthmus.errors import TooFewRowsError
from isthmus.estimator.containers import opened
from isthmus.estimator.inputs import learn, read
from isthmus.tasks.anomaly.calibration import rows_needed
from isthmus.tasks.anomaly.digests import Known, digests
from isthmus.tasks.anomaly.scorer import Scorer
from isthmus.tasks.anomaly.splits import Ints, dealt, groups_of

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


Held: TypeAlias = tuple[Scorer, Evidence]
Bools: TypeAlias = NDArray[np.bool_]


@dataclass(frozen=True)
class Recipe:
    """How a scorer is made: fresh models each time, trained and read in one way.

    Args:
        model: Gives the unfitted model of a member, by the member's number.
        score: One of `SCORES`.
        members: How many there are.
    """

    model: Callable[[int], Any]
    score: str
    members: int = 1

    def cooked(self, X: Any) -> Scorer:
        """A scorer fitted on the rows of X."""
        return Scorer.fitted(map(self.model, range(self.members)), X, self.score)


def held_out(recipe: Recipe, X: Any, groups: ArrayLike | None, share: float, alpha: float, random: Any) -> Held:
    """A scorer, and evidence from rows of X that it never saw.

    A share of the rows is held out where that is enough for the budget. Else five models leave out a fifth each, so
    that every row is scored by one that never saw it. The scorer that is kept learns from all rows, and remembers those
    scores: a row that it learnt from is as normal as it was before.

    Args:
        recipe: How scorers are made.
        X: Normal rows.
        groups: (n,) rows of one group stay together, as equal rows do; None for no groups.
        share: The part of the rows to hold out.
        alpha: The budget of false alarms.
        random: A `numpy.random.RandomState`.

    Raises:
        TooFewRowsError: fewer than three groups of rows.
    """
    rows = opened(X)
    source = learn(recipe.model(0), rows)
    together = groups_of(source, groups)
    _check_groups(together)
    kept = dealt(together, (1 - share, share), random) == 0
    kept |= np.isin(together, together[~_understood(source, kept)])
    if (~kept).sum() < rows_needed(alpha):
        return _crossed(recipe, rows, source, folds_of(together, random))
    scorer = recipe.cooked(taken(rows, kept))
    return scorer, Evidence.first(scorer, taken(rows, ~kept))


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
    scorer.known = Known.of(digests(read(scorer.model, whole))[np.concatenate(places)], scores)
    return scorer, Evidence(scores, torch.cat(residuals))


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


def _check_groups(groups: Ints) -> None:
    """Refuse rows that cannot be shared out."""
    found = int(groups.max()) + 1
    if found < FEWEST_GROUPS:
        raise TooFewRowsError(
            f"X with n_samples={len(groups)} in {found} groups of equal or grouped rows",
            f"calibration needs rows that training never saw, so at least {FEWEST_GROUPS} groups",
            "add rows that differ, or give rows for calibration as X_calibration",
        )
