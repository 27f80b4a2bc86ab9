"""What follows from an anomaly score and a threshold alone, and how a detector is written and read back."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import OutlierMixin
from sklearn.utils.validation import check_is_fitted
from torch import Tensor

from isthmus.estimator import persistence

Floats = NDArray[np.float64]


class Scored(OutlierMixin):
    """scikit-learn's verbs of a detector, and those that keep it; who inherits says how a row is scored."""

    _states: ClassVar[Any]  # the module that takes such a detector apart and puts it together

    if TYPE_CHECKING:
        threshold_: float
        offset_: float

    def anomaly_score(self, X: Any) -> Floats:
        """How anomalous each row is, (n,): higher = more anomalous; an alarm above `threshold_`."""
        raise TypeError(f"{type(self).__name__} is abstract: a detector defines anomaly_score(X)")

    def predict(self, X: Any) -> NDArray[np.int64]:
        """-1 for rows that raise an alarm, +1 for the others, (n,)."""
        return np.where(self.anomaly_score(X) > self.threshold_, -1, 1)

    def score_samples(self, X: Any) -> Floats:
        """How normal each row is, (n,): exactly -anomaly_score(X), so higher = more normal."""
        return -self.anomaly_score(X)

    def decision_function(self, X: Any) -> Floats:
        """score_samples(X) - offset_, (n,): below 0 where a row raises an alarm."""
        return self.score_samples(X) - self.offset_

    def save(self, path: str | Path) -> Path:
        """Write the detector as a folder of JSON and safetensors; `isthmus.load` reads it."""
        check_is_fitted(self)
        return persistence.save(self, path, self._states.card(self))

    def export(self, path: str | Path, X: Any = None, *, format: str = "onnx") -> Path:
        """Write the detector as files that other runtimes read, with proof of parity; see `isthmus.export`."""
        from isthmus.tasks.export.exporting import export

        return export(self, path, X, format=format)

    def to_saved(self) -> tuple[dict[str, Any], dict[str, Tensor]]:
        """What `save` writes."""
        saved: tuple[dict[str, Any], dict[str, Tensor]] = self._states.to_saved(self)
        return saved

    @classmethod
    def from_saved(cls, config: dict[str, Any], tensors: dict[str, Tensor]) -> Self:
        """The detector that `to_saved` described."""
        detector: Self = cls._states.restored(cls, config, tensors)
        return detector

    def __sklearn_is_fitted__(self) -> bool:
        """Whether there is a threshold."""
        return hasattr(self, "threshold_")
