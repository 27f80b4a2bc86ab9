"""Several members that judge as one: each row's anomaly score, and what each column has to do with it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from itertools import zip_longest
from math import isfinite
from operator import add
from typing import Any, Self, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from isthmus.core.code import Batch
from isthmus.core.source import Source
from isthmus.estimator.inputs import is_ready, read
from isthmus.tasks.anomaly.beyond import BEYOND, in_numbers
from isthmus.tasks.anomaly.digests import Known, digests
from isthmus.tasks.anomaly.disagreement import disagreement
from isthmus.tasks.anomaly.explanation.examples import Examples
from isthmus.tasks.anomaly.member import DISAGREEMENT, Member, in_shares
from isthmus.tasks.anomaly.neighbours import Neighbours
from isthmus.tasks.anomaly.scale import Scale

Floats: TypeAlias = NDArray[np.float64]


@dataclass(eq=False)
class Scorer:
    """An ensemble: the terms of a row, and each column's share of its score, are means over the members.

    What a row loses and what is expected of it are the first member's.

    Args:
        members: At least one; they learnt with other seeds or from other spans of time, and read rows alike.
        scale: Makes one score of the terms; None adds them.
        known: Scores that training rows had from models that had not seen them. They keep those: what a model has
            learnt looks normal to it, whatever it is.
        examples: Training rows beside their codes by the first member; None where it keeps no codes, or no table's.
    """

    members: list[Member]
    scale: Scale | None = None
    known: Known | None = None
    examples: Examples | None = None

    @classmethod
    def priced(cls, models: Sequence[Any], rows: Sequence[Any], score: str, critics: Sequence[Any] = ()) -> Self:
        """A scorer of fitted models, which learns what the score needs from the rows that they learnt from.

        Args:
            models: Fitted estimators.
            rows: Those of each.
            score: One of `SCORES`.
            critics: What learnt beside each of them, if anything did.
        """
        taught = zip_longest(models, rows, critics)
        scorer = cls([Member(model, score, critic=own).priced_by(read(model, X)) for model, X, own in taught])
        kept, spec = scorer.members[0].crossed, scorer.model.spec_
        if isinstance(kept, Neighbours) and spec.kind == "table":
            scorer.examples = Examples.of(kept, read(scorer.model, rows[0]))
        return scorer

    @property
    def model(self) -> Any:
        """The first member's model, which reads rows as all of them do."""
        return self.members[0].model

    def scores(self, X: Any) -> Floats:
        """Anomaly score of each row, (n,)."""
        alone = self._of_one(X)
        if alone is not None:
            return np.array([alone if isfinite(alone) else BEYOND])
        source = self._read(X)
        scores = self.scored(self._terms(source))
        return scores if self.known is None else self.known.instead(digests(source), scores)

    def terms(self, X: Any) -> Tensor:
        """What is lost and what crosses for each row, as if it were new, (n, C) float64."""
        return self._terms(self._read(X))

    def scored(self, terms: Tensor) -> Floats:
        """The anomaly score that terms make, (n, C) -> (n,); that of a row beyond all numbers is the largest one."""
        return in_numbers(self._added(terms).numpy())

    def price(self, batch: Batch) -> Tensor:
        """The anomaly score of each row of a batch, (B,) float64, through which gradients flow back to its x."""
        return self._added(reduce(add, [member.terms(batch) for member in self.members]) / len(self.members))

    def settle(self, terms: Tensor) -> Floats:
        """Learn the scale, where the score has one, from the terms of normal rows that are new; their scores, (n,)."""
        if self.members[0].score == "fusion":
            self.scale = Scale.of(terms)
        return self.scored(terms)

    def residuals(self, X: Any) -> Tensor:
        """What the model did not explain of each cell, (n, D) float64; 0 where a cell is missing."""
        return self._first(X, "residual")

    def codes(self, X: Any) -> Tensor:
        """The code of each row, (n, Z) float64."""
        return self._first(X, "code")

    def expected(self, X: Any) -> Tensor:
        """What the model expects of each cell, (n, ...) in scaled units."""
        return self._first(X, "rebuilt")

    def shares(self, X: Any) -> Tensor:
        """Each column's share of a row's score, (n, D); what they leave of 1 is the codes' and the critics'."""
        source = self._read(X)
        terms = self._terms(source).clamp_min(0)
        terms = terms if self.scale is None else terms / self.scale.spread
        lost = terms[:, 0] / terms.sum(1).clamp_min(torch.finfo(terms.dtype).tiny)
        return self._profile(source) * lost[:, None]

    def _of_one(self, X: Any) -> float | None:
        """The score of a single row that needs no more checks, by the members' short ways; None where one has none."""
        if self.known is not None or type(X) is not np.ndarray or len(X) != 1 or not is_ready(X, self.model.spec_):
            return None
        costs = [cost for member in self.members if (cost := member.cost_of_one(X)) is not None]
        return reduce(add, costs) / len(costs) if len(costs) == len(self.members) else None

    def _read(self, X: Any) -> Source:
        """Rows as the models read them."""
        return read(self.model, X)

    def _added(self, terms: Tensor) -> Tensor:
        return terms.sum(1) if self.scale is None else self.scale.read(terms)

    def _terms(self, source: Source) -> Tensor:
        """The mean of the members' terms, or what they differ in, (n, 2)."""
        if self.members[0].score != DISAGREEMENT:
            return self._mean(source, "terms")
        differ = torch.from_numpy(disagreement(self.members, source).numpy().sum(1))  # in one order, however many rows
        return torch.stack([differ, torch.zeros_like(differ)], 1)

    def _profile(self, source: Source) -> Tensor:
        """Each column's share of what is lost, or of what the members differ in, (n, D)."""
        if self.members[0].score != DISAGREEMENT:
            return self._mean(source, "profile")
        return in_shares(disagreement(self.members, source))

    def _first(self, X: Any, name: str) -> Tensor:
        return self.members[0].run(self._read(X), getattr(self.members[0], name))

    def _mean(self, source: Source, name: str) -> Tensor:
        found = [member.run(source, getattr(member, name)) for member in self.members]
        return reduce(add, found) / len(found)
