"""Unlabelled rows that hold a few anomalies: those that stand out most are set aside before anything learns from them.

No row is judged by a model that learnt from it, nor by prices that it had a part in.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import clone

from isthmus.data.streams import Stream
from isthmus.errors import InputError, ParameterError, TooFewRowsError
from isthmus.estimator.containers import opened
from isthmus.estimator.inputs import learn
from isthmus.tasks.anomaly.concentration import concentrated
from isthmus.tasks.anomaly.evidence import FOLDS, folds_of, left_out, taken
from isthmus.tasks.anomaly.recipe import Recipe
from isthmus.tasks.anomaly.splits import Ints, groups_of
from isthmus.tasks.tuning import fixed_seed

AUTO = "auto"
CORE = 0.8  # the share of the rows that the price of a row is learnt from: so the others may be anomalies
WRONG = 0.1  # the share of normal rows among those that "auto" may set aside
FEWEST = 20  # rows, so that a tail can be seen
Floats: TypeAlias = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Trimmed:
    """The rows that were set aside.

    Args:
        rows: (m,) their positions in the caller's rows, rising: X[rows] of an array, X.iloc[rows] of a frame.
        scores: (m,) what each cost a model that had not seen it, in nats: higher = more anomalous.
        n: How many rows there were.
        threshold: Rows that cost more than this were set aside.

    Example:
        >>> print(Trimmed(np.array([3, 17]), np.array([81.2, 40.7]), n=50, threshold=33.0))
        2 of 50 rows set aside (4.0 %), those above a score of 33
    """

    rows: Ints
    scores: Floats
    n: int
    threshold: float

    @property
    def share(self) -> float:
        """The share of the rows that was set aside."""
        return len(self.rows) / self.n

    @property
    def kept(self) -> NDArray[np.bool_]:
        """(n,) True for the rows that stay."""
        kept = np.ones(self.n, dtype=bool)
        kept[self.rows] = False
        return kept

    def keep(self, X: Any) -> Any:
        """X without the rows set aside, in the caller's container.

        Args:
            X: The same rows as before.

        Raises:
            InputError: it has another number of rows.
        """
        rows = opened(X)
        if rows.shape[0] != self.n:
            came = f"X with n_samples={rows.shape[0]}"
            raise InputError(came, f"rows were set aside from n_samples={self.n}", "pass the rows that were trimmed")
        return taken(rows, self.kept)

    def kept_of(self, column: ArrayLike | None) -> NDArray[Any] | None:
        """What is left of a column, (n,), that goes with X; None of none."""
        return None if column is None else np.asarray(column)[self.kept]

    def __str__(self) -> str:
        """In words."""
        count = f"{len(self.rows):,} of {self.n:,} rows set aside ({100 * self.share:.1f} %)"
        return f"{count}, those above a score of {self.threshold:.4g}" if len(self.rows) else count


def trim(estimator: Any, X: Any, share: float | str = AUTO, *, groups: ArrayLike | None = None) -> Trimmed:
    """Find the rows that models explain worst which did not learn from them.

    Five models learn from four fifths of the rows each and price the last fifth: what is lost and what crosses, each
    by its Mahalanobis distance under the covariance of the four fifths of their own rows that cost least. Equal rows
    share a fold, and so do rows of one group.

    What this cannot see: anomalies that are alike and many are learnt like everything else; and a normal row of a
    rare kind stands out as well as an anomaly does. Look at what was set aside.

    Args:
        estimator: A model; its `random_state` is the seed of the folds and of each fit.
        X: Rows, in memory.
        share: The share of the rows to set aside, above 0 and below 0.5, or "auto", which chooses it by `tail`.
        groups: (n,) rows of one group (a patient, a machine) share a fold.

    Raises:
        ParameterError: a share outside its domain, or rows that stay in their files.
        TooFewRowsError: fewer than 20 rows, or than five groups of rows.
        InputError: `groups` has another length.

    Paper:
        Learning the covariance from the rows that fit it best: Rousseeuw & Van Driessen 1999, Technometrics 41,
        pp. 212-223 (C-steps).

    Example:
        >>> from isthmus import Autoencoder
        >>> from isthmus.data import factors
        >>> data = factors(300, anomalies=0.03, size=3.0)
        >>> trimmed = trim(Autoencoder(epochs=20, random_state=0), data.X)
        >>> data.y[trimmed.rows].tolist() == [1] * 9
        True
    """
    check_share("share", share)
    seed = fixed_seed(estimator.random_state)
    recipe = Recipe(lambda _: clone(estimator).set_params(random_state=seed), "distortion")
    return set_aside(recipe, X, share, groups, np.random.RandomState(seed))


def set_aside(recipe: Recipe, X: Any, share: float | str, groups: ArrayLike | None, random: Any) -> Trimmed:
    """What `trim` does, for scorers made by a recipe.

    Args:
        recipe: How scorers are made; their first members' residuals and codes are what is read here.
        X: Rows, in memory.
        share: As in `trim`.
        groups: As in `trim`.
        random: A `numpy.random.RandomState`.
    """
    wanted = check_share("trim", share)
    rows = opened(X)
    if isinstance(rows, Stream):
        came = "trim= with rows that stay in their files"
        raise ParameterError(came, "rows are scored by models that learnt from the others, in memory", "read the rows")
    source = learn(recipe.model(0), rows)
    folds = _folds(groups_of(source, groups), random)
    scores = np.full(len(source), -np.inf)  # who has a category that no other row has is judged by nobody, and stays
    for scorer, kept, judged in left_out(
        replace(recipe, score="distortion", spans=(None,), critic=False), rows, source, folds
    ):
        learnt, new = taken(rows, kept), taken(rows, judged)
        lost, crossed = concentrated(scorer.residuals(learnt), scorer.codes(learnt), CORE)
        scores[judged] = (lost.cost(scorer.residuals(new)) + crossed.cost(scorer.codes(new))).numpy()
    threshold = tail(scores[np.isfinite(scores)]) if wanted is None else _quantile(scores, wanted)
    aside = np.flatnonzero(scores > threshold)
    return Trimmed(aside, scores[aside], len(scores), threshold)


def check_share(name: str, share: Any) -> float | None:
    """The share to set aside, None for "auto".

    Args:
        name: Of the argument.
        share: What was given.

    Raises:
        ParameterError: anything else.
    """
    if isinstance(share, str) and share == AUTO:
        return None
    if isinstance(share, bool) or not isinstance(share, (int, float, np.number)) or not 0 < share < 0.5:
        allowed = "anomalies are fewer than normal rows: a share above 0 and below 0.5, or 'auto'"
        raise ParameterError(f"{name}={share!r}", allowed, f"use {name}='auto', or {name}=0.02 for the worst 2 %")
    return float(share)


def tail(scores: Floats) -> float:
    r"""From which score on rows stand out, chosen without labels; infinite where none does.

    .. math:: u = s^{1/3}, \quad p = \tfrac12 \exp\Bigl(-\ln\tfrac{5}{2} \; \frac{u - u_{.5}}{u_{.8} - u_{.5}}\Bigr)

    The cube root of a sum of squares is close to normal. Above the median u is taken to fall off exponentially, which
    a normal tail stays below, at the pace of the rows between the median and the 80th percentile, where few anomalies
    are. The rows set aside are as many as keep the expected share of normal ones among them at a tenth. They are never
    more than a fifth of all, for down there p is 0.2; and where more than a fifth are anomalies, none stands out.

    Args:
        scores: s, (n,), not negative: sums of squares.

    Paper:
        The cube root: Wilson & Hilferty 1931, PNAS 17, pp. 684-688; how many: Benjamini & Hochberg 1995, JRSS B 57,
        pp. 289-300, procedure (1).

    Example:
        >>> scores = np.random.default_rng(0).chisquare(10, 500) / 2
        >>> tail(scores)
        inf
        >>> bool(tail(np.append(scores, [180.0, 200.0, 300.0])) == scores.max())
        True
    """
    u = np.cbrt(scores)
    middle, high = np.quantile(u, [0.5, 0.8])
    if high == middle:
        return math.inf
    order = np.argsort(-u, kind="stable")
    p = np.exp(-math.log(2.5) * (u[order] - middle) / (high - middle)) / 2
    within = np.flatnonzero(p <= WRONG * np.arange(1, len(u) + 1) / len(u))
    if not len(within):
        return math.inf
    ranked = scores[order]
    last = int(within[-1])
    below = ranked[ranked < ranked[last]]
    return float(below[0]) if len(below) else math.inf


def _quantile(scores: Floats, share: float) -> float:
    """The score above which about this share of the rows lies, and no more; equal rows fall on one side."""
    return float(np.sort(scores)[len(scores) - 1 - round(share * len(scores))])


def _folds(groups: Ints, random: Any) -> Ints:
    """Five folds of whole groups.

    Raises:
        TooFewRowsError: fewer than 20 rows, or than five groups.
    """
    found = int(groups.max()) + 1
    if len(groups) < FEWEST or found < FOLDS:
        came = f"X with n_samples={len(groups)} in {found} groups of equal or grouped rows"
        allowed = f"each of {FOLDS} models leaves out other groups, and a tail is seen from {FEWEST} rows on"
        raise TooFewRowsError(came, allowed, "give more rows that differ, or fit without trim")
    return folds_of(groups, random)
