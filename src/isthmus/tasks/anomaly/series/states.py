"""A fitted series detector as JSON values and tensors, and back; and its card."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from isthmus.core.spec import Spec
from isthmus.estimator.registry import saved_class
from isthmus.estimator.states import plain, revived
from isthmus.tasks.anomaly.series.channels import Channels
from isthmus.tasks.anomaly.series.promise import SeriesPromise
from isthmus.tasks.anomaly.states import MODEL, asked, asked_again, tensor_of
from isthmus.tasks.anomaly.states import VERBS as OF_DETECTORS

VERBS = (*OF_DETECTORS, "episodes", "explain")


def to_saved(detector: Any) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """Everything that makes the fitted detector: its model's state within its own."""
    config, tensors = detector.model_.to_saved()
    params, channels = detector.get_params(deep=False), detector.channels_
    described = {
        "params": {name: plain(name, value) for name, value in params.items() if name != "model"},
        "asked_model": asked(params["model"]),
        "threshold": detector.threshold_,
        "promise": detector.promise_.to_json(),
        "channels": [[entity, spec.to_json()] for entity, spec in channels.specs.items()],
        "step": channels.step,
        "model": {"class": type(detector.model_).__name__, **config},
    }
    own = {"calibration_scores": torch.from_numpy(detector.calibration_scores_)}
    return described, own | {MODEL + name: tensor for name, tensor in tensors.items()}


def restored(cls: Any, config: dict[str, Any], tensors: dict[str, Tensor]) -> Any:
    """The detector that `to_saved` described.

    Raises:
        CorruptFileError: tensors are missing or of shapes that do not belong together.
    """
    params = {name: revived(value) for name, value in config["params"].items()}
    detector = cls(asked_again(config["asked_model"]), **params)
    inner = {**config["model"], "device": config.get("device", "cpu")}
    weights = {name.removeprefix(MODEL): tensor for name, tensor in tensors.items() if name.startswith(MODEL)}
    made: Any = saved_class(inner["class"])
    specs = {entity: Spec.from_json(spec) for entity, spec in config["channels"]}
    sign(detector, made.from_saved(inner, weights), Channels(specs, config["step"]))
    promise = SeriesPromise(**config["promise"])
    scores = tensor_of(tensors, "calibration_scores", (promise.points,)).numpy()
    detector.calibration_scores_, detector.promise_ = scores, promise
    detector.threshold_, detector.offset_ = config["threshold"], -config["threshold"]
    return detector


def sign(detector: Any, model: Any, channels: Channels) -> None:
    """Leave on the detector what was learnt."""
    detector.model_, detector.channels_, detector.n_features_in_ = model, channels, len(channels.names)
    vars(detector).pop("feature_names_in_", None)
    if channels.are_named:
        detector.feature_names_in_ = np.array(channels.names, dtype=object)


def card(detector: Any) -> str:
    """The README of a saved detector: what it promises, what it was fitted on, how to use it."""
    channels = detector.channels_
    names, more = channels.names[:12], ", ..." if len(channels.names) > 12 else ""
    rows = [
        f"# {type(detector).__name__}",
        "",
        f"`{detector.model_!r}` over windows of {detector.window} points.",
        "",
        f"An alarm is raised above a score of {detector.threshold_:.6g}: {detector.promise_}.",
        "",
        f"Fitted on {len(channels.specs)} series of {', '.join(names)}{more}.",
        "",
        "```python",
        "import isthmus",
        'detector = isthmus.load("this/folder")',
        "detector.episodes(rows)  # who, from when to when, and the peak",
        "detector.explain(rows)  # the channels that made them so",
        "```",
        "",
    ]
    return "\n".join(rows)
