"""What a network is told beside its input: the class of a row, the time of a step."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from isthmus.parts.backbones.linear import Linear
from isthmus.parts.noise import uniform

WAVES = 16  # frequencies by which a time is told, rising by factors from 1 turn to 100


class Table(nn.Module):
    """A learnt vector for each of a few numbers, (...) int64 -> (..., F).

    Args:
        count: How many numbers.
        width: F.
    """

    def __init__(self, count: int, width: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(count, width))

    def draw(self, generator: torch.Generator) -> None:
        """Start at small normal vectors."""
        with torch.no_grad():
            self.weight.copy_(0.1 * torch.randn(self.weight.shape, generator=generator))

    def forward(self, numbers: Tensor) -> Tensor:
        """The vectors of these numbers."""
        return self.weight[numbers]


class Classes(nn.Module):
    """The vector of each row's class; one more stands for "any class", and takes some rows' place in training.

    Args:
        count: Classes, 0 for none.
        width: F.
        dropped: Share of the rows that are told "any class" in training.

    Paper:
        Ho & Salimans 2022, arXiv:2207.12598, algorithm 1.
    """

    def __init__(self, count: int, width: int, dropped: float = 0.1) -> None:
        super().__init__()
        self.count, self.dropped = count, dropped
        self.table = Table(count + 1, width)

    def numbers(self, rows: int, condition: Tensor | None, device: torch.device) -> Tensor:
        """The class of each row as the table has it, (rows,): the last one where nothing is said."""
        if condition is None:
            return torch.full((rows,), self.count, device=device)
        return condition.to(device).long()

    def hide(self, numbers: Tensor, generator: torch.Generator | None) -> Tensor:
        """The same numbers, some of them turned into "any class"."""
        hidden = uniform(numbers.float(), generator) < self.dropped
        return torch.where(hidden, self.count, numbers)

    def forward(self, numbers: Tensor) -> Tensor:
        """(B,) -> (B, F)."""
        vectors: Tensor = self.table(numbers)
        return vectors


class Moment(nn.Module):
    """What time it is and of which class the row, as one vector: t (B,) in [0, 1], classes (B,) -> (B, F).

    Args:
        width: F.
        classes: How many there are.
        dropped: As `Classes` has it.
    """

    def __init__(self, width: int, classes: int, dropped: float) -> None:
        super().__init__()
        self.classes = Classes(classes, width, dropped)
        self.turn = nn.Sequential(Linear(2 * WAVES, width), nn.SiLU(), Linear(width, width))

    def forward(self, t: Tensor, numbers: Tensor) -> Tensor:
        """(B, F)."""
        turns = torch.logspace(0, 2, WAVES, device=t.device) * (math.pi / 2)
        angles = t[:, None] * turns
        vectors: Tensor = self.turn(torch.cat([angles.sin(), angles.cos()], dim=1)) + self.classes(numbers)
        return vectors
