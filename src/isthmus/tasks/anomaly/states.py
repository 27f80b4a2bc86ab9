"""A fitted detector as JSON values and tensors, and back; what it can do, and its card."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
from torch import Tensor

from isthmus.errors import CorruptFileError
from isthmus.estimator.registry import saved_class
from isthmus.estimator.states import load_weights, plain, revived
from isthmus.parts.critics import Critic
from isthmus.tasks.anomaly.calibration import Promise
from isthmus.tasks.anomaly.digests import Digests, Known
from isthmus.tasks.anomaly.explanation.examples import Examples, thinning
from isthmus.tasks.anomaly.member import Member
from isthmus.tasks.anomaly.neighbours import Neighbours
from isthmus.tasks.anomaly.scale import Scale
from isthmus.tasks.anomaly.scorer import Scorer
from isthmus.tasks.anomaly.trimming import Trimmed
from isthmus.tasks.anomaly.whitening import WIDEST, Whitening

MODEL, CRITIC = "model.", "critic."  # lead the names of a model's own tensors, and of its critic's
UNTOLD = "its rows, data of kind {!r}, have no named columns: fit on a table"
UNKEPT = "it keeps no training rows: fit with score='fusion' or 'latent'"
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
    told: bool | str = scorer is None or scorer.model.spec_.kind == "table" or UNTOLD.format(scorer.model.spec_.kind)
    kept: bool | str = told if scorer is None or told is not True or scorer.examples is not None else UNKEPT
    return {**dict.fromkeys(VERBS, True), **dict.fromkeys(("explain", "incidents"), told), "nearest_normal": kept}


def to_saved(detector: Any) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """Everything that makes the fitted detector: its model's state within its own."""
    scorer: Scorer = detector.scorer_
    own = {"calibration_scores": torch.from_numpy(detector.calibration_scores_), "band": detector.band_}
    own |= {"trained": torch.from_numpy(detector.trained_.view(np.int64))}
    members = []
    for number, member in enumerate(scorer.members):
        config, tensors = _taken_apart(member)
        members.append(config)
        own |= {f"{number}.{name}": tensor for name, tensor in tensors.items()}
    if scorer.scale is not None:
        own |= {"scale.middle": scorer.scale.middle, "scale.spread": scorer.scale.spread}
    if scorer.known is not None:
        own |= {"known.names": torch.from_numpy(scorer.known.names.view(np.int64))}
        own |= {"known.scores": torch.from_numpy(scorer.known.scores)}
    if scorer.examples is not None:
        own |= {"examples": scorer.examples.x}
    trimmed: Trimmed | None = detector.trimmed_
    if trimmed is not None:
        own |= {"trimmed.rows": torch.from_numpy(trimmed.rows), "trimmed.scores": torch.from_numpy(trimmed.scores)}
        own |= {"trimmed.threshold": torch.tensor(trimmed.threshold, dtype=torch.float64)}
    params = detector.get_params(deep=False)
    described = {
        "params": {name: plain(name, value) for name, value in params.items() if name != "model"},
        "asked_model": asked(params["model"]),
        "threshold": detector.threshold_,
        "promise": detector.promise_.to_json(),
        "trimmed": None if trimmed is None else trimmed.n,
        "members": members,
    }
    return described, own


def restored(cls: Any, config: dict[str, Any], tensors: dict[str, Tensor]) -> Any:
    """The detector that `to_saved` described.

    Raises:
        CorruptFileError: tensors are missing or of shapes that do not belong together.
    """
    detector = cls(
        asked_again(config["asked_model"]), **{name: revived(value) for name, value in config["params"].items()}
    )
    device = config.get("device", "cpu")
    members = [
        _put_together(one, led_by(f"{number}.", tensors), device) for number, one in enumerate(config["members"])
    ]
    terms = 2 if members[0].critic is None else 3
    scale, examples = _scale(tensors, terms), _examples(tensors, members[0])
    detector.scorer_ = Scorer(members, scale, _known(tensors), examples)
    model = detector.scorer_.model
    detector.trained_ = names_of(tensors, "trained")
    detector.trimmed_ = _trimmed(config.get("trimmed"), tensors)
    detector.band_ = tensor_of(tensors, "band", (2, model.spec_.n_features))
    detector.promise_ = Promise(**config["promise"])
    detector.calibration_scores_ = tensor_of(tensors, "calibration_scores", (detector.promise_.n,)).numpy()
    detector.threshold_, detector.offset_ = config["threshold"], -config["threshold"]
    sign(detector, model)
    return detector


def sign(detector: Any, model: Any) -> None:
    """Leave `n_features_in_` and `feature_names_in_` on the detector, as scikit-learn does."""
    vars(detector).pop("feature_names_in_", None)
    vars(detector).update({name: value for name, value in vars(model).items() if name.endswith("_in_")})


def card(detector: Any) -> str:
    """The README of a saved detector: what it promises, what it was fitted on, how to use it."""
    model, kept = detector.model_, detector.scorer_.examples
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
        *([f"It holds {len(kept.x):,} of its training rows, to show beside alarms.", ""] if kept is not None else []),
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


def asked(model: Any) -> Any:
    """The model that the caller asked for: its name, or its class and parameters."""
    if isinstance(model, str):
        return model
    params = {name: plain(name, value) for name, value in model.get_params(deep=False).items()}
    return {"class": type(model).__name__, "params": params}


def _taken_apart(member: Member) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """A member as JSON values and tensors."""
    config, weights = member.model.to_saved()
    tensors = {MODEL + name: tensor for name, tensor in weights.items()}
    for name, learnt in (("lost.", member.lost), ("crossed.", member.crossed)):
        if isinstance(learnt, Whitening):
            tensors |= {name + part: tensor for part, tensor in vars(learnt).items() if tensor is not None}
    if isinstance(member.crossed, Neighbours):
        tensors |= {"codes": member.crossed.codes}
    if member.critic is not None:
        tensors |= {CRITIC + name: tensor for name, tensor in member.critic.state_dict().items()}
    model = {"class": type(member.model).__name__, **config}
    return {"score": member.score, "model": model}, tensors


def asked_again(described: Any) -> Any:
    """The model that `asked` described: a name, or an unfitted estimator."""
    if isinstance(described, str):
        return described
    return saved_class(described["class"])(**{name: revived(value) for name, value in described["params"].items()})


def _put_together(config: dict[str, Any], tensors: dict[str, Tensor], device: str) -> Member:
    """The member that `_taken_apart` described."""
    made: Any = saved_class(config["model"]["class"])
    model = made.from_saved({**config["model"], "device": device}, led_by(MODEL, tensors))
    latent, codes = math.prod(model.latent_shape_), tensors.get("codes")
    near = None if codes is None else Neighbours(tensor_of(tensors, "codes", (len(codes), latent)))
    lost, critic = _whitening(tensors, "lost", model.spec_.n_features), _critic(led_by(CRITIC, tensors), model)
    return Member(model, config["score"], lost, near or _whitening(tensors, "crossed", latent), critic)


def led_by(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """The tensors whose names begin so, without that beginning.

    Example:
        >>> led_by("a.", {"a.b": torch.ones(1), "c": torch.ones(1)})
        {'b': tensor([1.])}
    """
    return {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}


def _whitening(tensors: dict[str, Tensor], name: str, width: int) -> Whitening | None:
    """The whitening of so many columns that has this name, if there was one."""
    if f"{name}.center" not in tensors:
        return None
    root = tensor_of(tensors, f"{name}.root", (width, width)) if width <= WIDEST else None
    return Whitening(
        tensor_of(tensors, f"{name}.center", (width,)), tensor_of(tensors, f"{name}.scale", (width,)), root
    )


def _critic(tensors: dict[str, Tensor], model: Any) -> Critic | None:
    """The critic beside a model, if there was one."""
    if not tensors:
        return None
    critic = Critic(model.spec_, model.settings_.likelihood).to(model.settings_.device)
    load_weights(critic, tensors)
    return critic


def _scale(tensors: dict[str, Tensor], terms: int) -> Scale | None:
    """The scale of so many terms, if there is one."""
    if "scale.middle" not in tensors:
        return None
    return Scale(tensor_of(tensors, "scale.middle", (terms,)), tensor_of(tensors, "scale.spread", (terms,)))


def _known(tensors: dict[str, Tensor]) -> Known | None:
    """The scores that training rows had before they were learnt, if they were kept."""
    if "known.names" not in tensors:
        return None
    names = names_of(tensors, "known.names")
    return Known(names, tensor_of(tensors, "known.scores", names.shape).numpy())


def _examples(tensors: dict[str, Tensor], first: Member) -> Examples | None:
    """The training rows that were kept, if any were."""
    if "examples" not in tensors or not isinstance(first.crossed, Neighbours):
        return None
    codes, columns = len(first.crossed.codes), first.model.spec_.n_features
    rows = -(-codes // thinning(codes, columns))
    return Examples.beside(first.crossed, tensor_of(tensors, "examples", (rows, columns)))


def names_of(tensors: dict[str, Tensor], name: str) -> Digests:
    """Digests of rows, which are saved as whole numbers with a sign."""
    rows = len(tensors[name]) if name in tensors else 0
    return tensor_of(tensors, name, (rows,)).numpy().view(np.uint64)


def _trimmed(n: int | None, tensors: dict[str, Tensor]) -> Trimmed | None:
    """The rows that were set aside of n, if any were looked for."""
    if n is None:
        return None
    rows = tensors["trimmed.rows"]
    scores = tensor_of(tensors, "trimmed.scores", tuple(rows.shape))
    return Trimmed(rows.numpy(), scores.numpy(), n, float(tensor_of(tensors, "trimmed.threshold", ())))


def tensor_of(tensors: dict[str, Tensor], name: str, shape: tuple[int, ...]) -> Tensor:
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
