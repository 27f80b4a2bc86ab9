"""What each epoch cost: the prices that were paid, and the raw quantities on held-out rows."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from isthmus.core.code import Terms
from isthmus.errors import TrainingError

Record = dict[str, Any]


class Meter:
    """Adds up one player's terms over an epoch, on the device, without waiting for it.

    Args:
        player: Its name.
        members: How many models share out the rows of every batch; each has sums of its own.
    """

    def __init__(self, player: str, members: int = 1) -> None:
        self.player, self.members = player, members
        self.totals: dict[str, Tensor] = {}
        self.rows = 0

    def add(self, terms: Terms, shares: Tensor, rows: int | None = None) -> None:
        """Count what one batch paid.

        Args:
            terms: (B,) each.
            shares: The part of the loss that each row stands for, (B,), adding up to 1.
            rows: Of the whole batch, where these are only a part of it.

        Raises:
            TrainingError: a term is not one number a row.
        """
        rows = rows or len(shares)
        for name, term in terms.items():
            if term.shape != shares.shape:
                raise TrainingError(
                    f"term {name!r} of player {self.player!r} has shape {tuple(term.shape)}",
                    f"every term is one number for each of the {len(shares)} rows, (B,)",
                    "sum over dimensions in the objective, never over the batch",
                )
            paid = self._paid(term.detach(), shares).mul_(rows)
            self.totals[name] = self.totals[name].add_(paid) if name in self.totals else paid
        self.rows += rows

    def read(self) -> dict[str, float]:
        """Mean price of each term since the last `clear`, and their sum as "loss"; waits for the device.

        Of several members each has its number before its terms, "0/loss".
        """
        own = {f"{member}/" if self.members > 1 else "": self._means(member) for member in range(self.members)}
        return {prefix + name: value for prefix, means in own.items() for name, value in means.items()}

    def _paid(self, term: Tensor, shares: Tensor) -> Tensor:
        """What a batch pays for a term, () or of each of several members (M,)."""
        if self.members == 1:
            return torch.dot(term, shares)
        return (term * shares).view(self.members, -1).sum(1)

    def _means(self, member: int) -> dict[str, float]:
        """One member's mean price of each term, led by their sum."""
        means = {name: float(total.view(-1)[member]) / self.rows for name, total in self.totals.items()}
        return {"loss": sum(means.values()), **means}

    def state(self) -> dict[str, Tensor]:
        """The sums so far, as tensors."""
        sums = {f"paid.{name}": total for name, total in self.totals.items()}
        return {**sums, "rows": torch.tensor(self.rows)}

    def restore(self, state: dict[str, Tensor]) -> None:
        """Take up what `state` gave."""
        self.totals = {key.removeprefix("paid."): value for key, value in state.items() if key.startswith("paid.")}
        self.rows = int(state["rows"])

    def clear(self) -> None:
        """Begin a new epoch."""
        self.totals, self.rows = {}, 0


def record(epoch: int, stage: int, meters: list[Meter], rest: Mapping[str, Any]) -> Record:
    """One line of the history; with several players their names stand before their terms."""
    line: Record = {"epoch": epoch, "stage": stage}
    for meter in meters:
        prefix = f"{meter.player}/" if len(meters) > 1 else ""
        line |= {prefix + name: value for name, value in meter.read().items()}
    return line | dict(rest)


def as_json(line: Record) -> Record:
    """The line with null where a figure is no finite number, for which JSON has no word.

    Example:
        >>> as_json({"epoch": 1, "loss": float("nan")})
        {'epoch': 1, 'loss': None}
    """
    return {
        name: None if isinstance(value, float) and not math.isfinite(value) else value for name, value in line.items()
    }


def from_json(line: Record) -> Record:
    """The line that `as_json` wrote, with NaN where it wrote null."""
    return {name: math.nan if value is None else value for name, value in line.items()}
