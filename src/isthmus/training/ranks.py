"""Several processes that train one model: each takes its share of every batch, and one sum keeps them alike.

Every rank holds the same weights and draws the same batches. It sends its own rows back, the flat gradients of a
player are added up over the ranks, and all take the same step. The loss of a step is that of the whole batch: rows of
N ranks are priced as one process would price them, but for the order in which numbers are added.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import fields, replace
from typing import Any, TypeVar

import torch
import torch.distributed as group
from torch import Tensor, nn

from isthmus.core.code import Batch
from isthmus.errors import ParameterError, TrainingError
from isthmus.training.history import Meter

T = TypeVar("T")


class Ranks:
    """This process among those that train together; alone where there are no others.

    Args:
        rank: Its number, from 0.
        count: How many there are.

    Example:
        >>> rows = Batch(torch.arange(5.0)[:, None])
        >>> [len(Ranks(rank, 2).part(rows).x) for rank in (0, 1)]
        [2, 3]
    """

    def __init__(self, rank: int = 0, count: int = 1) -> None:
        self.rank, self.count = rank, count
        self.whole: Batch | None = None
        self.before: dict[str, Tensor] | None = None

    @classmethod
    def here(cls) -> Ranks:
        """The ranks of the process group that the caller has joined, if he has."""
        joined = group.is_available() and group.is_initialized()
        return cls(group.get_rank(), group.get_world_size()) if joined else cls()

    @property
    def is_first(self) -> bool:
        """Whether this process speaks for all: writes files, and says when to stop."""
        return self.rank == 0

    def part(self, batch: Batch) -> Batch:
        """The rows of a batch that this rank is responsible for; `whole` has all of them.

        Raises:
            ParameterError: a batch with fewer rows than ranks.
        """
        if self.count == 1:
            return batch
        rows = len(batch.x)
        if rows < self.count:
            came = f"a batch of {rows} rows for {self.count} ranks"
            raise ParameterError(came, "each rank has a row at least", "use fewer processes, or a larger batch_size")
        self.whole = batch
        own = slice(self.rank * rows // self.count, (self.rank + 1) * rows // self.count)
        tensors = {one.name: getattr(batch, one.name) for one in fields(Batch)}
        parts: dict[str, Any] = {name: value[own] for name, value in tensors.items() if isinstance(value, Tensor)}
        return replace(batch, **parts)

    def add_up(self, numbers: Tensor) -> None:
        """The sum over all ranks, in place: of one player's gradients, say."""
        if self.count > 1:
            group.all_reduce(numbers)

    def settle(self, meters: Sequence[Meter]) -> None:
        """Let meters, which have counted this rank's rows, tell of those of all."""
        if self.count == 1:
            return
        paid = [total for meter in meters for total in meter.totals.values()]
        together = torch.stack(paid)
        self.add_up(together)
        for total, whole in zip(paid, together, strict=True):
            total.copy_(whole)

    def first_says(self, value: T) -> T:
        """What the first rank holds here, a number or a text, whatever the others do."""
        if self.count == 1:
            return value
        held: list[Any] = [value]
        group.broadcast_object_list(held, src=0)
        told: T = held[0]
        return told

    def reseed(self, generator: torch.Generator, seed: int, epoch: int) -> None:
        """Give every rank but the first, whose noise goes on as that of a single process does, noise of its own.

        It begins anew with each epoch, from the run's seed, the rank and the epoch: so a run that is taken up again
        with an epoch draws what it would have drawn. torch starts neighbouring seeds alike, hence the hash.
        """
        if not self.is_first:
            place = hashlib.sha256(f"{seed} {self.rank} {epoch}".encode()).digest()
            generator.manual_seed(int.from_bytes(place[:4], "little"))

    def check_alike(self, what: str) -> None:
        """Refuse to train when the ranks were given different things.

        Raises:
            TrainingError: on every rank, when some rank's `what` is not the first one's.
        """
        if self.count == 1:
            return
        found: list[str] = [""] * self.count
        group.all_gather_object(found, what)
        other = [rank for rank, one in enumerate(found) if one != found[0]]
        if other:
            raise TrainingError(
                f"rank {other[0]} of {self.count} fits something else than rank 0 ({found[other[0]]}, not {found[0]})",
                "inside a process group all ranks fit one model: with the same parameters, to the same rows",
                "give all ranks the same, or leave the group first: torch.distributed.destroy_process_group()",
            )

    def note_buffers(self, network: nn.Module) -> None:
        """Remember what the network holds beside its weights, until `check_buffers` looks at it."""
        if self.count > 1:
            self.before = {name: buffer.clone() for name, buffer in network.named_buffers()}

    def check_buffers(self, network: nn.Module) -> None:
        """Refuse a network that gathers what it sees, once it has taken its first step.

        Raises:
            TrainingError: a buffer was written to, which each rank did with rows of its own.
        """
        if self.before is None:
            return
        changed = [n for n, buffer in network.named_buffers() if not torch.equal(buffer, self.before[n])]
        self.before = None
        if changed:
            raise TrainingError(
                f"{changed[0]} is gathered from the rows of each step, which {self.count} ranks share",
                "a codebook, counters or a variance that follow the rows would drift apart from rank to rank",
                "train this model in one process, or choose one that learns by gradients alone",
            )

    def share_weights(self, network: nn.Module) -> None:
        """Give every rank the first one's network, to the last bit."""
        if self.count > 1:
            for tensor in network.state_dict().values():
                group.broadcast(tensor, src=0)
