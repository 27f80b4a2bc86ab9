"""A fitted detector with a classifier as JSON values and tensors, and back; and its card."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from sklearn.base import clone
from torch import Tensor

from isthmus.estimator.registry import saved_class
from isthmus.estimator.states import plain, revived
from isthmus.tasks.anomaly.calibration import Promise
from isthmus.tasks.anomaly.few_labels.cuts import Cuts
from isthmus.tasks.anomaly.few_labels.second_stage import Labelled, as_tensors, from_tensors
from isthmus.tasks.anomaly.states import led_by, names_of, sign, tensor_of

DETECTOR, CLASSIFIER = "detector.", "classifier."  # lead the names of their own tensors


def to_saved(detector: Any) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """Everything that makes the fitted detector: the one below it, the classifier's arrays, and the cuts."""
    config, below = detector.detector_.to_saved()
    own = {DETECTOR + name: tensor for name, tensor in below.items()}
    own |= {CLASSIFIER + name: tensor for name, tensor in as_tensors(detector.classifier_).items()}
    own |= {"cuts": torch.from_numpy(detector.cuts_.values), "spread": torch.from_numpy(detector.cuts_.spread)}
    own |= {"trained": torch.from_numpy(detector.trained_.view(np.int64))}
    params = detector.get_params(deep=False)
    described = {
        "params": {name: plain(name, value) for name, value in params.items() if name != "detector"},
        "detector": {"class": type(detector.detector_).__name__, **config},
        "was_fitted": detector.detector is detector.detector_,
        "labelled": list(detector.labelled_),
        "promise": detector.promise_.to_json(),
    }
    return described, own


def restored(cls: Any, config: dict[str, Any], tensors: dict[str, Tensor]) -> Any:
    """The detector that `to_saved` described.

    Raises:
        CorruptFileError: tensors are missing or of shapes that do not belong together.
    """
    told = {**config["detector"], "device": config.get("device", "cpu")}
    made: Any = saved_class(told["class"])
    below = made.from_saved(told, led_by(DETECTOR, tensors))
    params = {name: revived(value) for name, value in config["params"].items()}
    detector = cls(below if config["was_fitted"] else clone(below), **params)
    detector.detector_ = below
    detector.classifier_ = from_tensors(detector.classifier, led_by(CLASSIFIER, tensors))
    detector.labelled_ = Labelled(*config["labelled"])
    detector.trained_ = names_of(tensors, "trained")
    promise = Promise(**config["promise"])
    values, spread = tensor_of(tensors, "cuts", (2, promise.n // 2)), tensor_of(tensors, "spread", (2,))
    sign(detector, below.model_)
    return detector.settled(Cuts(values.numpy(), spread.numpy(), promise.n), promise.alpha)


def card(detector: Any) -> str:
    """The README of a saved detector: what it promises, what it was fitted on, how to use it."""
    model, labelled = detector.detector_.model_, detector.labelled_
    rows = [
        f"# {type(detector).__name__}",
        "",
        f"`{model!r}`, and a {detector.classifier} classifier of its {detector.features} features that learnt from "
        f"{labelled.anomalies} anomalies and {labelled.normal} normal rows.",
        "",
        f"An alarm is raised above a score of {detector.threshold_:.6g} nats: {detector.promise_}.",
        "",
        f"Fitted on a {model.spec_.kind} of shape {model.spec_.shape}.",
        "",
        "```python",
        "import isthmus",
        'detector = isthmus.load("this/folder")',
        "detector.predict(rows)  # -1 raises an alarm",
        "detector.both_scores(rows)  # by which of the two it was raised",
        "```",
        "",
    ]
    return "\n".join(rows)
