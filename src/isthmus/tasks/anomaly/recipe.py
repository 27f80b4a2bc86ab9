"""How the models of a detector are made."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sklearn.base import clone

from isthmus.errors import AbilityError, ParameterError, UnknownNameError
from isthmus.estimator.face import Estimator
from isthmus.models import family
from isthmus.tasks.anomaly.member import DISAGREEMENT, RECONSTRUCTION
from isthmus.tasks.anomaly.scorer import Scorer

WORKHORSE = "autoencoder"
SEEDS = 2**32


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

    def check(self) -> None:
        """Refuse a score that such models cannot have, before any is trained.

        Raises:
            ParameterError: members that are to disagree, and one alone.
            AbilityError: a posterior is to be drawn from, and the models have none.
        """
        if self.score == DISAGREEMENT and self.members < 2:
            allowed = "it is how differently members rebuild a row, which takes two at least"
            raise ParameterError(f"score={self.score!r} with members={self.members}", allowed, "use members=5")
        model = self.model(0)
        if self.score == RECONSTRUCTION and not model.has_density:
            allowed = f"it draws codes from each row's posterior, and {type(model).__name__} has one code for a row"
            raise AbilityError(f"score={self.score!r}", allowed, "use model='vae', or another score")

    def cooked(self, X: Any) -> Scorer:
        """A scorer fitted on the rows of X."""
        return Scorer.fitted(map(self.model, range(self.members)), X, self.score)


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
