"""One epoch of the loop by itself, so that training is timed and nothing around it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from isthmus.estimator import fitting
from isthmus.estimator.inputs import learn
from isthmus.training.loop import train


def epoch_of(model: Any, rows: Any) -> Callable[[], None]:
    """One epoch over the rows, made ready beforehand; a new network each time."""
    source = learn(model, rows)
    fitting.settle(model, source, 0)
    batches = fitting.batches_of(source, None, model.settings_, 0)

    def epoch() -> None:
        fitting.settle(model, source, 0)
        run = fitting.begin(model, batches, 0)
        with fitting.working(model, run):
            train(run)

    return epoch
