"""`score`, which names the detector's score in its constructor and is scikit-learn's verb on the detector."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, overload


class ScoreName:
    """A parameter called `score` beside a method of that name.

    scikit-learn calls `estimator.score(X)` wherever an estimator has such an attribute, and asks that each parameter
    is stored under its own name. So the name is kept where `vars` finds it, and the attribute is the verb.

    Args:
        default: What the parameter is when none is given.

    Example:
        >>> from isthmus.tasks.anomaly.detector import AnomalyDetector
        >>> detector = AnomalyDetector(score="distortion")
        >>> detector.get_params()["score"], callable(detector.score)
        ('distortion', True)
    """

    def __init__(self, default: str) -> None:
        self.default = default

    @overload
    def __get__(self, instance: None, owner: type) -> str: ...

    @overload
    def __get__(self, instance: object, owner: type) -> Callable[..., float]: ...

    def __get__(self, instance: Any, owner: type) -> str | Callable[..., float]:
        """The default on the class, the verb on a detector."""
        if instance is None:
            return self.default

        def score(X: Any, y: Any = None) -> float:
            """Mean of `score_samples`, so that a grid search works without labels; y is ignored."""
            return float(instance.score_samples(X).mean())

        return score

    def __set__(self, instance: object, value: str) -> None:
        """Keep the name as scikit-learn expects it."""
        vars(instance)["score"] = value
