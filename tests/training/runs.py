"""Small runs: a linear network, rows in memory, players whose costs are plain to see."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from isthmus.core.code import Batch, Terms
from isthmus.core.player import Player, Stage
from isthmus.data.resident import Resident
from isthmus.parts.initialise import initialise
from isthmus.training.rates import constant
from isthmus.training.run import Run


def rows(n: int = 20, width: int = 3, seed: int = 1) -> Tensor:
    return torch.randn(n, width, generator=torch.Generator().manual_seed(seed))


def two_parts() -> nn.ModuleDict:
    """A network of two linear parts, with weights from seed 0."""
    made = nn.ModuleDict({"one": nn.Linear(3, 3), "two": nn.Linear(3, 3)})
    initialise(made, torch.Generator().manual_seed(0))
    return made


def rebuilt(part: str) -> Callable[[Any, Batch], Terms]:
    """The squared error of one part's answer, as an objective."""

    def objective(network: Any, batch: Batch) -> Terms:
        return {"distortion": (network[part](batch.x) - batch.x).square().sum(1)}

    return objective


def player(network: Any, part: str, objective: Any = None, **hooks: Any) -> Player:
    """One who owns a part."""
    return Player(part, [network[part]], objective or rebuilt(part), **hooks)


def run(network: nn.Module, stages: Sequence[Stage], **options: Any) -> Run:
    """A run over 20 rows in batches of 5, at a constant rate."""
    batches = options.pop("batches", None) or Resident(rows(), batch_size=5, seed=0)
    generator = torch.Generator().manual_seed(0)
    made = Run(network, stages, batches, options.pop("epochs", 2), 0.01, options.pop("weight_decay", 0.0), generator)
    for name, value in {"schedule": constant, **options}.items():
        setattr(made, name, value)
    return made


def weights(module: nn.Module) -> Tensor:
    """All parameters of a module in one line, as they are now."""
    return torch.cat([parameter.detach().flatten().clone() for parameter in module.parameters()])
