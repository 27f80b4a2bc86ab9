"""How long a figure of the history may stand still: what stops a run, or slows it down."""

from __future__ import annotations

import math
from typing import Any

from isthmus.errors import ParameterError, UnknownNameError
from isthmus.training.run import Run


class Patience:
    """Counts the epochs since a figure of the history last improved.

    Args:
        monitor: Which figure; "auto" takes "validation_loss" where rows are held out, else "loss".
        epochs: How many without improvement are borne, at least 1.
        min_delta: What counts as an improvement, in the figure's unit (nats per sample).

    Raises:
        ParameterError: patience that is no whole number of at least 1.
    """

    def __init__(self, monitor: str, epochs: int, min_delta: float = 0.0) -> None:
        if not isinstance(epochs, int) or epochs < 1:
            raise ParameterError(f"patience={epochs!r}", "it is a whole number of epochs >= 1", "use patience=10")
        self.monitor, self.epochs, self.min_delta = monitor, epochs, min_delta
        self.best, self.waited = math.inf, 0

    def forget(self) -> None:
        """Begin anew."""
        self.best, self.waited = math.inf, 0

    def improved(self, run: Run) -> bool:
        """Compare the newest figure with the best one, and count."""
        value = watched(run, self.monitor)
        better = value < self.best - self.min_delta
        self.best, self.waited = (value, 0) if better else (self.best, self.waited + 1)
        return better

    @property
    def is_over(self) -> bool:
        """Whether there was no improvement for as long as is borne."""
        return self.waited >= self.epochs

    def state(self) -> dict[str, Any]:
        """The best figure and the waiting."""
        return {"best": self.best, "waited": self.waited}

    def restore(self, state: dict[str, Any]) -> None:
        """Take up what `state` gave."""
        self.best, self.waited = state["best"], state["waited"]


def watched(run: Run, monitor: str) -> float:
    """The newest value of the figure called `monitor`; "auto" is what held-out rows cost, or else the first player.

    Raises:
        UnknownNameError: the history has no such figure.
    """
    line = run.history[-1]
    name = monitor
    if monitor == "auto":
        losses = [key for key in line if key.rpartition("/")[2] == "loss"]  # "critic/loss" where several players learn
        name = "validation_loss" if "validation_loss" in line else losses[0]
    if name not in line:
        raise UnknownNameError.among("monitor", name, [key for key, value in line.items() if isinstance(value, float)])
    return float(line[name])
