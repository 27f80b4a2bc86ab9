"""A fitted detector as JSON values and tensors, and back; what it can do, and its card."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
from torch import Tensor

from isthmus.errors import CorruptFileError
from isthmus.estimator.registry import saved_class
from isthmus.estimator.states import plain, revived
from isthmus.tasks.anomaly.calibration import Promise
from isthmus.tasks.anomaly.digests import Known
from isthmus.tasks.anomaly.scorer import Scorer
from isthmus.tasks.anomaly.trimming import Trimmed
from isthmus.tasks.anomaly.whitening import WIDEST, Whitening

WHITENED = ("lost", "crossed")
MODEL = "model."  # leads the names of the model's own tensors
VERBS = (
    "fit",
    "calibrate",
    "predict",
    "anomaly_score",
    "score_samples",
    "decision_function",
    "p_value",
    "diagnose",
    "save",
)


def abilities_of(detector: Any) -> dict[str, bool | str]:
    """{verb: True, or the reason why not}."""
    scorer: Scorer | None = getattr(detector, "scorer_", None)
    told = scorer is None or scorer.model.spec_.kind == "table" or "its rows have no named columns: fit on a table"
    return {**dict.fromkeys(VERBS, True), "explain": told}


def to_saved(detector: Any) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """Everything that makes the fitted detector: its model's state within its own."""
    scorer: Scorer = detector.scorer_
    config, tensors = scorer.model.to_saved()
    own = {"calibration_scores": torch.from_numpy(detector.calibration_scores_), "band": detector.band_}
    for part in WHITENED:
        own |= _tensors_of(part, getattr(scorer, part))
    if scorer.known is not None:
        own |= {"known.names": torch.from_numpy(scorer.known.names.view(np.int64))}
        own |= {"known.scores": torch.from_numpy(scorer.known.scores)}
    trimmed: Trimmed | None = detector.trimmed_
    if trimmed is not None:
        own |= {"trimmed.rows": torch.from_numpy(trimmed.rows), "trimmed.scores": torch.from_numpy(trimmed.scores)}
        own |= {"trimmed.threshold": torch.tensor(trimmed.threshold, dtype=torch.float64)}
    params = detector.get_params(deep=False)
    described = {
        "params": {name: plain(name, value) for name, value in params.items() if name != "model"},
        "asked_model": _asked(params["model"]),
        "threshold": detector.threshold_,
        "promise": detector.promise_.to_json(),
        "trimmed": None if trimmed is None else trimmed.n,
        "model": {"class": type(scorer.model).__name__, **config},
    }
    return described, own | {MODEL + name: tensor for name, tensor in tensors.items()}


def restored(cls: Any, config: dict[str, Any], tensors: dict[str, Tensor]) -> Any:
    """The detector that `to_saved` described.

    Raises:
        CorruptFileError: tensors are missing or of shapes that do not belong together.
    """
    asked = config["asked_model"]
    if isinstance(asked, dict):
        asked = saved_class(asked["class"])(**{name: revived(value) for name, value in asked["params"].items()})
    detector = cls(asked, **{name: revived(value) for name, value in config["params"].items()})
    inner = {**config["model"], "device": config.get("device", "cpu")}
    weights = {name.removeprefix(MODEL): tensor for name, tensor in tensors.items() if name.startswith(MODEL)}
    made: Any = saved_class(inner["class"])
    model = made.from_saved(inner, weights)
    width = model.spec_.n_features
    latent = math.prod(model.latent_shape_)
    whitened = _whitening(tensors, "lost", width), _whitening(tensors, "crossed", latent)
    detector.scorer_ = Scorer(model, *whitened, _known(tensors))
    detector.trimmed_ = _trimmed(config.get("trimmed"), tensors)
    detector.band_ = _tensor(tensors, "band", (2, width))
    detector.promise_ = Promise(**config["promise"])
    detector.calibration_scores_ = _tensor(tensors, "calibration_scores", (detector.promise_.n,)).numpy()
    detector.threshold_, detector.offset_ = config["threshold"], -config["threshold"]
    sign(detector, model)
    return detector


def sign(detector: Any, model: Any) -> None:
    """Leave `n_features_in_` and `feature_names_in_` on the detector, as scikit-learn does."""
    vars(detector).pop("feature_names_in_", None)
    vars(detector).update({name: value for name, value in vars(model).items() if name.endswith("_in_")})


def card(detector: Any) -> str:
    """The README of a saved detector: what it promises, what it was fitted on, how to use it."""
    model = detector.model_
    columns = ", ".join(column.name for column in model.spec_.columns[:12])
    more = ", ..." if len(model.spec_.columns) > 12 else ""
    rows = [
        f"# {type(detector).__name__}",
        "",
        f"`{model!r}`, scored by {detector.get_params(deep=False)['score']}.",
        "",
        f"An alarm is raised above a score of {detector.threshold_:.6g}: {detector.promise_}.",
        *(["", f"Before training: {detector.trimmed_}."] if detector.trimmed_ is not None else []),
        "",
        f"Fitted on a {model.spec_.kind} of shape {model.spec_.shape}" + (f": {columns}{more}." if columns else "."),
        "",
        "```python",
        "import isthmus",
        'detector = isthmus.load("this/folder")',
        "detector.predict(rows)  # -1 raises an alarm",
        "detector.explain(rows)  # the columns that made it so",
        "```",
        "",
    ]
    return "\n".join(rows)


def _asked(model: Any) -> Any:
    """The model that the caller asked for: its name, or its class and parameters."""
    if isinstance(model, str):
        return model
    params = {name: plain(name, value) for name, value in model.get_params(deep=False).items()}
    return {"class": type(model).__name__, "params": params}


def _tensors_of(part: str, whitening: Whitening | None) -> dict[str, Tensor]:
    """What a whitening is made of, each name led by the part's; nothing where there is none."""
    held = {} if whitening is None else vars(whitening)
    return {f"{part}.{name}": tensor for name, tensor in held.items() if tensor is not None}


def _whitening(tensors: dict[str, Tensor], part: str, width: int) -> Whitening | None:
    """The whitening that `_tensors_of` took apart, if there was one."""
    if f"{part}.center" not in tensors:
        return None
    root = _tensor(tensors, f"{part}.root", (width, width)) if width <= WIDEST else None
    return Whitening(_tensor(tensors, f"{part}.center", (width,)), _tensor(tensors, f"{part}.scale", (width,)), root)


def _known(tensors: dict[str, Tensor]) -> Known | None:
    """The scores that training rows had before they were learnt, if they were kept."""
    if "known.names" not in tensors:
        return None
    names = tensors["known.names"].numpy().view(np.uint64)
    return Known(names, _tensor(tensors, "known.scores", names.shape).numpy())


def _trimmed(n: int | None, tensors: dict[str, Tensor]) -> Trimmed | None:
    """The rows that were set aside of n, if any were looked for."""
    if n is None:
        return None
    rows = tensors["trimmed.rows"]
    scores = _tensor(tensors, "trimmed.scores", tuple(rows.shape))
    return Trimmed(rows.numpy(), scores.numpy(), n, float(_tensor(tensors, "trimmed.threshold", ())))


def _tensor(tensors: dict[str, Tensor], name: str, shape: tuple[int, ...]) -> Tensor:
    """One tensor, of the shape that the rest of the detector gives it.

    Raises:
        CorruptFileError: it is missing or of another shape.
    """
    found = tuple(tensors[name].shape) if name in tensors else None
    if found != shape:
        raise CorruptFileError(
            f"tensor {name!r} has shape {found}", f"the rest of the detector asks for {shape}", "save it again"
        )
    return tensors[name]
