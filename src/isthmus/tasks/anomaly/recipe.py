"""How the models of a detector are made."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from sklearn.base import clone

from isthmus.errors import AbilityError, ParameterError, UnknownNameError
from isthmus.estimator.face import Estimator
from isthmus.estimator.inputs import learn
from isthmus.estimator.together import fit_together
from isthmus.models import family
from isthmus.parts.critics import Critic
from isthmus.tasks.anomaly.member import DISAGREEMENT, RECONSTRUCTION
from isthmus.tasks.anomaly.pairing import paired
from isthmus.tasks.anomaly.scorer import Scorer
from isthmus.tasks.anomaly.spans import Spans, Times, shares

WORKHORSE = "autoencoder"
SEEDS = 2**32


@dataclass(frozen=True)
class Recipe:
    """How a scorer is made: fresh models each time, trained and read in one way.

    Args:
        model: Gives the unfitted model of a member, by the member's number.
        score: One of `SCORES`.
        spans: Of time that each member learns from, None for all rows.
        critic: Whether a critic learns beside each.
        time: (n,) when the rows were taken that `cooked` is given; None where no span asks.
    """

    model: Callable[[int], Any]
    score: str
    spans: Spans = (None,)
    critic: bool = False
    time: Times | None = None

    @property
    def has_spans(self) -> bool:
        """Whether it matters when rows were taken."""
        return any(self.spans)

    def at(self, time: Any) -> Recipe:
        """The same for rows that were taken at these times, (n,)."""
        return replace(self, time=time)

    def check(self) -> None:
        """Refuse a score that such models cannot have, before any is trained.

        Raises:
            ParameterError: members that are to disagree, and one alone.
            AbilityError: a posterior is to be drawn from, and the models have none.
        """
        if self.score == DISAGREEMENT and len(self.spans) < 2:
            allowed = "it is how differently members rebuild a row, which takes two at least"
            raise ParameterError(f"score={self.score!r} with members={len(self.spans)}", allowed, "use members=5")
        model = self.model(0)
        if self.score == RECONSTRUCTION and not model.has_density:
            allowed = f"it draws codes from each row's posterior, and {type(model).__name__} has one code for a row"
            raise AbilityError(f"score={self.score!r}", allowed, "use model='vae', or another score")

    def cooked(self, X: Any) -> Scorer:
        """A scorer fitted on the rows of X, of which each member learns from those of its span."""
        models, rows = [self.model(number) for number in range(len(self.spans))], [X] * len(self.spans)
        if self.has_spans and self.time is not None:
            rows = shares(learn(models[0], X), X, self.time, self.spans)
        critics = self._trained(models, rows)
        return Scorer.priced(models, rows, self.score, critics)

    def _trained(self, models: list[Any], rows: list[Any]) -> list[Critic]:
        """Fit each model on its rows, all in one run where they have the same; the critics beside them, if any."""
        if self.critic:
            return list(map(paired, models, rows))
        if all(own is rows[0] for own in rows):
            fit_together(models, rows[0])
        else:
            for model, own in zip(models, rows, strict=True):
                model.fit(own)
        return []


def unfitted(asked: Any, seed: int, number: int, *, device: str = "auto", verbose: int = 0) -> Any:
    """A fresh model for one member of a detector.

    Args:
        asked: "auto", the name of a member of the family, or an unfitted estimator, whose own seed goes first.
        seed: Of the first member; each later one has the next.
        number: Of the member, from 0.
        device: Where a model given by name runs.
        verbose: Of a model given by name.

    Raises:
        UnknownNameError: no member of that name.
        ParameterError: anything else.
    """
    if isinstance(asked, str):
        name = WORKHORSE if asked == "auto" else asked
        if name not in family():
            raise UnknownNameError.among("model", name, ("auto", *family()))
        return family()[name](random_state=(seed + number) % SEEDS, device=device, verbose=verbose)
    if not isinstance(asked, Estimator):
        allowed = "it is 'auto', the name of a member of the family, or an unfitted estimator of ours"
        raise ParameterError(f"model={asked!r:.60}", allowed, "use model='auto' or isthmus.VAE(...)")
    model = clone(asked)
    first = seed if model.random_state is None else model.random_state
    return model.set_params(random_state=(first + number) % SEEDS if isinstance(first, int) else first)
