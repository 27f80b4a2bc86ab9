"""What can watch and steer a run: early stopping, step sizes, clipping, checkpoints, logs.

These follow scikit-learn's callback protocol (`setup`, `on_fit_task_begin`, `on_fit_task_end`, `teardown`; the last
but one ends the run by returning True), so they mix with scikit-learn's own `ProgressBar` and `ScoringMonitor`. What
they steer is the `Run` that an estimator holds as `run_` while it is fitted.
"""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

from torch import Tensor

from isthmus.errors import ParameterError, UnknownNameError
from isthmus.training.checkpoints import load_checkpoint, save_checkpoint, under
from isthmus.training.history import Record, as_json
from isthmus.training.patience import Patience
from isthmus.training.rates import SCHEDULES
from isthmus.training.run import Run


class Callback:
    """Do nothing at each of the protocol's four moments; the callbacks below say what they do at which.

    `state` and `restore` let a checkpoint carry what a callback keeps.
    """

    def setup(self, estimator: Any, context: Any) -> None:
        """Before anything is learnt."""

    def on_fit_task_begin(self, estimator: Any, context: Any) -> None:
        """Before the whole fit (`context.task_name` "fit") and before each epoch ("epoch")."""
        if context.task_name == "fit":
            self.begin(estimator.run_)
        else:
            self.epoch_begins(estimator.run_)

    def on_fit_task_end(self, estimator: Any, context: Any) -> bool:
        """After each epoch and after the whole fit."""
        return self.epoch_ended(estimator.run_) if context.task_name == "epoch" else self.ended(estimator.run_)

    def teardown(self, estimator: Any, context: Any) -> None:
        """After the fit, however it ended."""

    def begin(self, run: Run) -> None:
        """The run is about to start."""

    def epoch_begins(self, run: Run) -> None:
        """An epoch is about to start; every callback is done with the one before."""

    def epoch_ended(self, run: Run) -> bool:
        """An epoch's line stands in the history; True stops the run."""
        return False

    def ended(self, run: Run) -> bool:
        """The run is over."""
        return False

    def state(self) -> dict[str, Any]:
        """Tensors and JSON values that a checkpoint keeps."""
        return {}

    def restore(self, state: dict[str, Any]) -> None:
        """Take up what `state` gave."""


class EarlyStopping(Callback):
    """Stop when a figure of the history has not improved for some epochs, and go back to the best weights.

    Args:
        monitor: Which figure; "auto" takes "validation_loss" where rows are held out, else "loss".
        patience: Epochs without improvement before stopping.
        min_delta: What counts as an improvement, in the figure's unit (nats per sample).
        restore_best: Whether to end with the weights of the best epoch.
    """

    def __init__(
        self, monitor: str = "auto", patience: int = 10, min_delta: float = 0.0, restore_best: bool = True
    ) -> None:
        self.patience, self.restore_best = Patience(monitor, patience, min_delta), restore_best
        self.weights: dict[str, Tensor] = {}

    def setup(self, estimator: Any, context: Any) -> None:
        """Forget the last run."""
        self.patience.forget()
        self.weights = {}

    def epoch_ended(self, run: Run) -> bool:
        """Compare, remember, and say whether patience is over."""
        if self.patience.improved(run) and self.restore_best:
            self.weights = {name: tensor.clone() for name, tensor in run.network.state_dict().items()}
        return self.patience.is_over

    def ended(self, run: Run) -> bool:
        """Put the best weights back."""
        if self.weights:
            run.network.load_state_dict(self.weights)
        return False

    def state(self) -> dict[str, Any]:
        """The best figure, the waiting, the best weights."""
        return {**self.patience.state(), **{f"w.{name}": tensor for name, tensor in self.weights.items()}}

    def restore(self, state: dict[str, Any]) -> None:
        """Take up what `state` gave."""
        self.patience.restore(state)
        self.weights = under("w.", state)


class LearningRate(Callback):
    """How the step size runs: "cosine" (the default of every fit), "constant", or "plateau".

    Args:
        schedule: The name. "plateau" holds the peak and multiplies it by `decay` whenever `monitor` has not improved
            for `patience` epochs.
        monitor: As in `EarlyStopping`.
        patience: Epochs.
        decay: Factor between 0 and 1.
    """

    def __init__(self, schedule: str = "cosine", monitor: str = "auto", patience: int = 5, decay: float = 0.3) -> None:
        if schedule not in (*SCHEDULES, "plateau"):
            raise UnknownNameError.among("schedule", schedule, (*SCHEDULES, "plateau"))
        if not 0 < decay < 1:
            raise ParameterError(f"decay={decay!r}", "it lies between 0 and 1", "use decay=0.3")
        self.schedule, self.patience, self.decay = schedule, Patience(monitor, patience), decay

    def setup(self, estimator: Any, context: Any) -> None:
        """Forget the last run."""
        self.patience.forget()

    def begin(self, run: Run) -> None:
        """Set the schedule."""
        run.schedule = SCHEDULES["constant" if self.schedule == "plateau" else self.schedule]

    def epoch_ended(self, run: Run) -> bool:
        """On a plateau, lower the rate."""
        if self.schedule == "plateau":
            self.patience.improved(run)
            if self.patience.is_over:
                run.factor, self.patience.waited = run.factor * self.decay, 0
        return False

    def state(self) -> dict[str, Any]:
        """The best figure and the waiting; the factor is the run's own."""
        return self.patience.state()

    def restore(self, state: dict[str, Any]) -> None:
        """Take up what `state` gave."""
        self.patience.restore(state)


class GradientClipping(Callback):
    """Scale the gradient of each player down to a norm of at most `max_norm`."""

    def __init__(self, max_norm: float = 1.0) -> None:
        if not max_norm > 0:
            raise ParameterError(f"max_norm={max_norm!r}", "a norm is positive", "use max_norm=1.0")
        self.max_norm = max_norm

    def begin(self, run: Run) -> None:
        """Set the bound."""
        run.clip = self.max_norm


class Checkpoint(Callback):
    """Keep the run on disk, and take it up again where it was.

    Args:
        path: The file, made with its folder.
        seconds: Time between two checkpoints within an epoch; one is written before every epoch and at the end.
        resume: Whether to go on from the file where it is there.

    Raises:
        ParameterError: the path is that of a folder.
    """

    def __init__(self, path: str | Path, seconds: float = 60.0, resume: bool = False) -> None:
        self.path, self.seconds, self.resume = Path(path), seconds, resume
        if self.path.is_dir():
            fix = f"use path={str(self.path / 'run.safetensors')!r}"
            raise ParameterError(f"path={str(path)!r}, a folder", "a checkpoint is one file", fix)
        self.written = 0.0

    @property
    def is_there(self) -> bool:
        """Whether there is a run to be taken up."""
        return self.resume and self.path.exists()

    def begin(self, run: Run) -> None:
        """Take up the old run, and listen for the moments between steps."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        if self.is_there:
            kept = load_checkpoint(self.path, run)
            for prefix, callback in keepers(run):
                if state := under(prefix, kept):  # one that was not there before begins now
                    callback.restore(state)
        run.on_reading = lambda: self._perhaps(run)

    def epoch_begins(self, run: Run) -> None:
        """Write."""
        self._write(run)

    def ended(self, run: Run) -> bool:
        """Write the last one, from which resuming finds nothing left to do."""
        self._write(run)
        return False

    def _perhaps(self, run: Run) -> None:
        # Several ranks are alike between two epochs, and only then: within one each has counted rows of its own.
        if run.ranks.count == 1 and time.monotonic() - self.written >= self.seconds:
            self._write(run)

    def _write(self, run: Run) -> None:
        if not run.ranks.is_first:
            return
        kept = {prefix + key: value for prefix, callback in keepers(run) for key, value in callback.state().items()}
        save_checkpoint(self.path, run, kept)
        self.written = time.monotonic()


class JSONLLog(Callback):
    """Append each line of the history to a file, one JSON object a line."""

    def __init__(self, path: str | Path) -> None:
        self.path, self.has_begun = Path(path), False

    def begin(self, run: Run) -> None:
        """Make the folder."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.has_begun = False

    def epoch_begins(self, run: Run) -> None:
        """Keep the lines of the epochs that a resumed run has behind it, and none that come after them."""
        if not self.has_begun and run.ranks.is_first:
            self._write("w", run.history)
            self.has_begun = True

    def epoch_ended(self, run: Run) -> bool:
        """Append the newest line."""
        if run.ranks.is_first:
            self._write("a", run.history[-1:])
        return False

    def _write(self, mode: str, lines: list[Record]) -> None:
        with self.path.open(mode, encoding="utf-8") as file:
            file.writelines(json.dumps(as_json(line)) + "\n" for line in lines)


def keepers(run: Run) -> list[tuple[str, Callback]]:
    """The run's callbacks of ours, each with the prefix of what a checkpoint keeps for it: its name and number."""
    own = [callback for callback in run.callbacks if isinstance(callback, Callback)]
    names = [type(callback).__name__ for callback in own]
    return [(f"{name}.{names[:i].count(name)}.", own[i]) for i, name in enumerate(names)]
