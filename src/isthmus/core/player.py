"""Who learns: players with objectives, and the stages in which they meet. One loop trains them all."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from torch import nn

from isthmus.core.code import Batch, Terms


class Batches(Protocol):
    """Where a stage's rows come from. `data` has the one in memory and the one that streams from files."""

    @property
    def steps(self) -> int:
        """Batches in one epoch."""

    def epoch(self, number: int, start: int = 0) -> Iterator[Batch]:
        """The batches of epoch `number` from step `start` on; the same two numbers give the same batches."""


def nothing(*_: Any) -> None:
    """Do nothing: the step hook of a player that needs none."""


@dataclass
class Player:
    """One who learns: its own parameters, and the costs that move them.

    Args:
        name: Its name in the history.
        modules: What it owns. In its turn only these parameters require gradients; no two players share any.
        objective: (network, batch) -> Terms, the only contract between a variant and the loop.
        before_step: Sees the gradients before the step is taken.
        after_step: Sees the weights after it: unit-norm rows, moving averages.
        rate: Its step size over the run's.
    """

    name: str
    modules: Sequence[nn.Module]
    objective: Callable[[nn.Module, Batch], Terms]
    before_step: Callable[[nn.Module], None] = nothing
    after_step: Callable[[nn.Module, Batch], None] = nothing
    rate: float = 1.0


@dataclass
class Stage:
    """Players that learn together for a share of the epochs.

    Args:
        players: They move in this order within each batch, each on a forward pass of its own.
        share: The part of all epochs that this stage takes; the shares of a run add up to 1.
        batches: Rows of the stage's own (cached codes, say); None for the run's.
    """

    players: Sequence[Player]
    share: float = 1.0
    batches: Batches | None = None
