"""A fitted image detector as JSON values and tensors, and back; and its card."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from isthmus.tasks.anomaly import states
from isthmus.tasks.anomaly.images.features import Places
from isthmus.tasks.anomaly.images.heat import Heat


def to_saved(detector: Any) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """Everything that makes the fitted detector: what any detector is made of, and its heat."""
    heat: Heat = detector.heat_
    config, tensors = states.to_saved(detector)
    config["heat"] = {"smooth": heat.smooth, "is_peak": heat.is_peak}
    own = {} if heat.usual is None else {"heat.usual": heat.usual}
    if heat.places is not None:
        held = vars(heat.places)
        own |= {f"heat.{name}": tensor for name, tensor in held.items() if tensor is not None}
    return config, tensors | own


def restored(cls: Any, config: dict[str, Any], tensors: dict[str, Tensor]) -> Any:
    """The detector that `to_saved` described."""
    detector = states.restored(cls, config, tensors)
    own = {name.removeprefix("heat."): tensor for name, tensor in tensors.items() if name.startswith("heat.")}
    places = Places(own["center"], own["scale"], own.get("root")) if "center" in own else None
    detector.heat_ = Heat(detector.scorer_, **config["heat"], places=places, usual=own.get("usual"))
    return detector


def card(detector: Any) -> str:
    """The README of a saved detector: what it promises, what it was fitted on, how to use it."""
    model = detector.model_
    rows = [
        "# ImageDetector",
        "",
        f"`{model!r}`, read as {'its hottest pixel' if detector.heat_.is_peak else 'a whole'}.",
        "",
        f"An alarm is raised above a score of {detector.threshold_:.6g}: {detector.promise_}.",
        "",
        f"Fitted on a {model.spec_.kind} of shape {model.spec_.shape}.",
        "",
        "```python",
        "import isthmus",
        'detector = isthmus.load("this/folder")',
        "detector.predict(images)  # -1 raises an alarm",
        "detector.heatmap(images)  # where",
        "```",
        "",
    ]
    return "\n".join(rows)
