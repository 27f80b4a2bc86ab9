"""One run: everything that changes while a model is fitted, so that it can be watched, stopped and taken up again."""

from __future__ import annotations

import math
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from isthmus.core.code import Batch
from isthmus.core.player import Batches, Player, Stage
from isthmus.errors import TrainingError
from isthmus.training.flat import Flat, check_disjoint
from isthmus.training.history import Meter, Record, record
from isthmus.training.ranks import Ranks
from isthmus.training.rates import Schedule, cosine

READ_EVERY = 64  # steps between two readings of what the device has noted


class SkippedStepWarning(UserWarning):
    """Steps were skipped because their gradient was not finite."""


@dataclass
class Turn:
    """A player while its stage runs: its flat parameters, its meter, and the steps it has just skipped in a row."""

    player: Player
    flat: Flat
    meter: Meter
    in_vain: int = 0

    def own(self, whether: bool) -> None:
        """Let this player's parameters require gradients, or not."""
        for parameter in self.flat.parameters:
            parameter.requires_grad_(whether)

    def state(self) -> dict[str, Tensor]:
        """Moments, faults noted and prices paid so far, each key led by the player's name."""
        state = {**self.flat.state(), **self.meter.state()}
        return {f"player.{self.player.name}.{key}": value for key, value in state.items()}

    def restore(self, state: dict[str, Tensor]) -> None:
        """Take up this player's part of what `state` gave."""
        prefix = f"player.{self.player.name}."
        own = {key.removeprefix(prefix): value for key, value in state.items() if key.startswith(prefix)}
        self.flat.restore(own)
        self.meter.restore(own)


@dataclass
class Run:
    """The state of a fit. Callbacks read it, and set `schedule`, `factor`, `clip` and `on_reading`.

    Args:
        network: What learns.
        stages: In order.
        batches: The rows of every stage that brings none.
        epochs: Of all stages together.
        learning_rate: Peak step size; `schedule` and `factor` multiply it.
        weight_decay: Decoupled decay.
        generator: The fit's own noise.
        seed: What the order of the rows was drawn from; a run that is taken up again needs the same.
        members: How many models the rows of every batch are shared out among, as many to each; each has its own loss.
    """

    network: nn.Module
    stages: Sequence[Stage]
    batches: Batches
    epochs: int
    learning_rate: float
    weight_decay: float
    generator: torch.Generator
    seed: int = 0
    members: int = 1

    def __post_init__(self) -> None:
        """Begin at the beginning, with nobody listening."""
        # Who is asked and told: what the history says of held-out rows, the two ends of an epoch (True at its end
        # stops the run), the moments between steps, and what a checkpoint of this run must belong to.
        self.validate: Callable[[], dict[str, float]] = dict
        self.on_epoch_begin: Callable[[], object] = bool
        self.on_epoch_end: Callable[[], bool] = bool
        self.on_reading: Callable[[], object] = bool
        self.identity: Callable[[], str] = str
        self.callbacks: Sequence[Any] = ()
        # How it is steered.
        self.schedule: Schedule = cosine
        self.factor = 1.0
        self.clip: float | None = None
        self.fixed_progress: float | None = None  # what batches are told instead of the run's own progress
        # Where it stands.
        self.history: list[Record] = []
        self.stage, self.epoch, self.step = 0, 0, 0  # the epoch within the stage, the step within the epoch
        self.stopped, self.turns = False, list[Turn]()
        self.skipped: list[int] = []
        self.resumed: dict[str, Tensor] = {}  # flat state waiting for its stage to be laid
        self.equal: dict[tuple[int, int], Tensor] = {}  # equal shares by the number of rows, here and of the batch
        self.ranks = Ranks()  # who trains beside this process
        self.started = time.perf_counter()

    def stage_epochs(self, stage: int) -> int:
        """Epochs of one stage, at least 1; rounded so that those of all stages add up to the run's."""
        before = sum(earlier.share for earlier in self.stages[:stage])
        until = before + self.stages[stage].share
        return max(1, round(until * self.epochs) - round(before * self.epochs))

    def stage_batches(self) -> Batches:
        """Where the present stage's rows come from."""
        return self.stages[self.stage].batches or self.batches

    @property
    def epochs_done(self) -> int:
        """Whole epochs behind the run, over all stages."""
        return sum(self.stage_epochs(s) for s in range(self.stage)) + self.epoch

    @property
    def total_epochs(self) -> int:
        """Epochs of all stages."""
        return sum(self.stage_epochs(s) for s in range(len(self.stages)))

    @property
    def total_steps(self) -> int:
        """Steps since the run began, as errors and warnings count them (from 1)."""
        return self.step + sum(int(line["steps"]) for line in self.history)

    @property
    def slot(self) -> int:
        """Where in its window of readings the present step lies."""
        return self.step % READ_EVERY

    def progress(self) -> float:
        """How far the whole run is, 0 to 1."""
        if self.fixed_progress is not None:
            return self.fixed_progress
        return (self.epochs_done + self.step / self.stage_batches().steps) / self.total_epochs

    def rate(self) -> float:
        """The step size now: the schedule runs over each stage."""
        within = (self.epoch + self.step / self.stage_batches().steps) / self.stage_epochs(self.stage)
        return self.learning_rate * self.factor * self.schedule(within)

    @contextmanager
    def laid(self) -> Iterator[list[Turn]]:
        """The present stage's players with their parameters laid flat, handed back as ordinary ones at the end."""
        players = self.stages[self.stage].players
        check_disjoint(players)
        self.turns = [Turn(p, Flat(p.modules, READ_EVERY), Meter(p.name, self.members)) for p in players]
        own = [parameter for turn in self.turns for parameter in turn.flat.parameters]
        before = {parameter: parameter.requires_grad for parameter in (*self.network.parameters(), *own)}
        try:
            for parameter in before:
                parameter.requires_grad_(False)
            if len(self.turns) == 1:
                self.turns[0].own(True)
            self._restore_turns()
            yield self.turns
        finally:
            for turn in self.turns:
                turn.flat.release()
            for parameter, required in before.items():
                parameter.requires_grad_(required)
            self.turns = []

    @contextmanager
    def turn_of(self, turn: Turn) -> Iterator[None]:
        """Only this player's parameters require gradients."""
        alone = len(self.turns) == 1
        if not alone:
            turn.own(True)
        yield
        if not alone:
            turn.own(False)

    def shares(self, batch: Batch) -> Tensor:
        """The part of the loss that each row of the batch stands for, (B,): equal ones, or as its weights say.

        Where several ranks share a batch out, those of all its rows add up to 1, and these are the rank's own.
        """
        whole = self.ranks.whole or batch
        if batch.weight is not None and whole.weight is not None:
            # A batch of rows without weight has no loss; its step is not one to skip, since nothing is wrong.
            return batch.weight / whole.weight.sum().clamp_min(torch.finfo(batch.weight.dtype).tiny)
        rows = len(batch.x), len(whole.x)
        if rows not in self.equal:
            self.equal[rows] = torch.full(rows[:1], self.members / rows[1], device=batch.x.device)
        return self.equal[rows]

    def rows(self, batch: Batch) -> int:
        """Rows of the whole batch, of which this may be one rank's part."""
        return len((self.ranks.whole or batch).x)

    def batches_left(self) -> Iterator[Batch]:
        """The rest of the present epoch, each batch told how far the run is and where its noise comes from."""
        self.ranks.reseed(self.generator, self.seed, self.epochs_done)
        for batch in self.stage_batches().epoch(self.epochs_done, self.step):
            batch.progress, batch.generator = self.progress(), self.generator
            yield self.ranks.part(batch)

    def advance(self) -> None:
        """One step is done; read what the device noted from time to time."""
        self.step += 1
        self.ranks.check_buffers(self.network)
        if self.step % READ_EVERY == 0:
            self.read()
            self.on_reading()

    def read(self) -> None:
        """Wait for the device, and warn of steps that were skipped since the last reading.

        Raises:
            TrainingError: every step since then was skipped, and two in a row at least.
        """
        window = (self.step - 1) % READ_EVERY + 1
        for turn in self.turns:
            faults = turn.flat.faults[:window].nonzero().flatten().tolist()
            turn.in_vain = turn.in_vain + window if len(faults) == window else 0
            if faults:
                turn.flat.faults.zero_()
                self._report(turn, [self.total_steps - window + 1 + slot for slot in faults], window)

    def _report(self, turn: Turn, skipped: list[int], window: int) -> None:
        """Warn of the steps of the last window that were skipped; give up where no other was taken."""
        self.skipped += skipped
        who = f"the gradient of player {turn.player.name!r} was not finite"
        if turn.in_vain > 1:
            raise TrainingError(
                f"{who} in any step from step {self.total_steps - turn.in_vain + 1} on",
                "training needs finite gradients",
                f"lower learning_rate={self.learning_rate:g}, clip gradients with "
                "set_callbacks(GradientClipping(1.0)), or look for extreme values in the data",
            )
        came = f"step {skipped[0]}: {who}, so the step was skipped ({len(skipped)} of the last {window})"
        warnings.warn(came, SkippedStepWarning, stacklevel=2)

    def end_epoch(self) -> None:
        """Write the epoch's line of the history and ask the callbacks whether to stop."""
        if self.slot > 0:  # else `advance` has just read
            self.read()
        rest: dict[str, Any] = {
            "learning_rate": self.rate(),
            "steps": self.step,
            "skipped_steps": len(self.skipped),
            "seconds": time.perf_counter() - self.started,
        }
        self.skipped = []
        meters = [turn.meter for turn in self.turns]
        self.ranks.settle(meters)
        self.history.append(record(self.epochs_done + 1, self.stage, meters, rest | self._validated()))
        for turn in self.turns:
            turn.meter.clear()
        self.epoch, self.step = self.epoch + 1, 0
        self.stopped, self.factor = self.ranks.first_says((self.on_epoch_end(), self.factor))

    def _validated(self) -> dict[str, float]:
        """What held-out rows cost, in evaluation mode and with no noise."""
        was_training = self.network.training
        self.network.eval()
        values = self.validate()
        self.network.train(was_training)
        return {name: value for name, value in values.items() if not math.isnan(value)}

    def _restore_turns(self) -> None:
        """Give the freshly laid players the moments and sums of a checkpoint, once."""
        for turn in self.turns if self.resumed else ():
            turn.restore(self.resumed)
        self.resumed = {}
