"""scikit-learn's callback protocol, the only place that touches it (it is marked experimental there).

A fit is one task named "fit" with a subtask "epoch" for each epoch. Whatever a hook asks for is handed over as a
function, since the protocol calls what is callable; `y` falls back to `X`, without which `ScoringMonitor` records
nothing for a model that is fitted without labels.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from sklearn.callback import CallbackSupportMixin, ProgressBar, with_callbacks

__all__ = ["CallbackSupportMixin", "Events", "callbacks_of", "with_callbacks"]


def callbacks_of(estimator: Any) -> list[Any]:
    """What `set_callbacks` was given."""
    return list(getattr(estimator, "_skl_callbacks", []))


@contextmanager
def verbosely(estimator: Any) -> Iterator[None]:
    """Give a verbose estimator a progress bar for the fit that is set up here, if nobody else shows one."""
    asked = callbacks_of(estimator)
    within = hasattr(estimator, "_parent_callback_ctx")  # a search or pipeline has its own
    if estimator.verbose and not within and not any(isinstance(callback, ProgressBar) for callback in asked):
        estimator.set_callbacks(*asked, ProgressBar())
    try:
        yield
    finally:
        estimator.set_callbacks(*asked)


class Events:
    """Tells an estimator's callbacks what happens.

    Args:
        estimator: Who is fitted.
        epochs: How many epochs there may be.
        X: What it is fitted on.
        y: What came beside it.
        attributes: Makes the fitted attributes of an estimator as if training stopped now.
    """

    def __init__(self, estimator: Any, epochs: int, X: Any, y: Any, attributes: Callable[[], dict[str, Any]]) -> None:
        self.estimator = estimator
        self.told: dict[str, Any] = {
            "estimator": estimator,
            "X": lambda: X,
            "y": lambda: X if y is None else y,
            "reconstruction_attributes": attributes,
        }
        with verbosely(estimator):
            self.whole = estimator._init_callback_context(max_subtasks=epochs)
        self.epoch: Any = None

    def begin(self) -> None:
        """The fit begins."""
        self.whole.call_on_fit_task_begin(**self.told)

    def begin_epoch(self) -> None:
        """An epoch begins."""
        self.epoch = self.whole.subcontext(task_name="epoch")
        self.epoch.call_on_fit_task_begin(**self.told)

    def end_epoch(self) -> bool:
        """An epoch has ended; True when a callback says stop."""
        return bool(self.epoch.call_on_fit_task_end(**self.told))

    def end(self) -> None:
        """The fit has ended."""
        self.whole.call_on_fit_task_end(**self.told)
