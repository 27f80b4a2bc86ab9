"""What the scorer of single rows needs to know of a detector, as JSON values and arrays."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from isthmus.core.network import Network
from isthmus.errors import AbilityError
from isthmus.parts.bottlenecks.gaussian import Gaussian
from isthmus.parts.bottlenecks.plain import Plain
from isthmus.parts.likelihoods.gaussian import Gaussian as Normal
from isthmus.tasks.anomaly.member import Member
from isthmus.tasks.anomaly.neighbours import Neighbours
from isthmus.tasks.anomaly.single_row import is_bare
from isthmus.tasks.anomaly.whitening import Whitening
from isthmus.tasks.export.row_scorer import FORMAT
from isthmus.tasks.export.subjects import Subject

Arrays: TypeAlias = dict[str, NDArray[Any]]
PRICED = ("distortion", "mahalanobis")  # scores that take the model's own rate, which is 0 for a plain code
BY_CODE = ("density", "latent")  # scores that do not look at what comes out
INSTEAD = "export with format='onnx', which holds every part"


def row_weights(subject: Subject) -> tuple[dict[str, Any], Arrays]:
    """The plan and the arrays of `row_scorer.Scorer`.

    Args:
        subject: What is exported.

    Raises:
        AbilityError: a part of it is none that the scorer has.
    """
    scorer = subject.scorer
    if scorer is None:
        allowed = "its scorer of single rows says how anomalous a row of a table is"
        raise AbilityError(f"format='numpy' of {subject.name}", allowed, INSTEAD)
    for member in scorer.members:
        _check(member)
    spec, first = subject.spec, scorer.members[0]
    encoder, scale = first.model.network_.encoder, scorer.scale
    middle = [0.0, 0.0] if scale is None else scale.middle.tolist()
    spread = [1.0, 1.0] if scale is None else (2 * scale.spread).tolist()
    layers = [_layers(member) for member in scorer.members]
    plan = {
        "format": FORMAT,
        "score": first.score,
        "columns": [column.name for column in spec.columns],
        "networks": len(scorer.members),
        "depth": len(layers[0]),
        "code": -1 if first.score in PRICED else len(encoder.linears) - 1,
        "activation": encoder.activation_name,
        "weights": [1.0 / each for each in spread],
        "constant": sum(m / d for m, d in zip(middle, spread, strict=True)),
        "threshold": subject.threshold,
    }
    arrays: Arrays = {
        "center": spec.center.numpy().astype(subject.dtype),
        "scale": spec.scale.numpy().astype(subject.dtype),
        "calibration": np.asarray(subject.calibration, np.float64),
    }
    for number, (member, own) in enumerate(zip(scorer.members, layers, strict=True)):
        named = {f"layer{i}": matrix for i, matrix in enumerate(own)} | dict(_learnt(member))
        arrays |= {f"{number}.{name}": array for name, array in named.items()}
    return plan, arrays


def _check(member: Member) -> None:
    """Refuse what the scorer of single rows has no part for."""
    for holds, reason in _needs(member):
        if not holds:
            came = f"format='numpy' of a {type(member.model).__name__} scored by {member.score!r}"
            raise AbilityError(came, reason, INSTEAD)


def _needs(member: Member) -> Iterator[tuple[bool, str]]:
    """Whether each need of the scorer is met, and the need in words; a later one is asked where the others are met."""
    network, spec = member.model.network_, member.model.spec_
    yield (
        spec.kind == "table" and spec.is_plain and not spec.logs,
        "it reads tables whose cells are numbers, all of them there and none on a log scale",
    )
    yield (
        member.score in (*PRICED, *BY_CODE, "fusion") and member.critic is None,
        "it has the scores 'distortion', 'mahalanobis', 'fusion', 'latent' and 'density', and no critic",
    )
    yield (
        type(network) is Network and network.join is None and all(map(is_bare, (network.encoder, network.decoder))),
        "it has dense layers without normalization or dropout, in float32, and no GELU",
    )
    yield (
        type(network.bottleneck) is Plain or (type(network.bottleneck) is Gaussian and member.score not in PRICED),
        "its codes are plain ones, or means of a normal posterior where the score does not ask for a rate",
    )
    yield (
        type(network.likelihood) is Normal and (network.likelihood.variance == "fixed" or member.score != "distortion"),
        "it prices by squared error, of unit variance where that is the score",
    )


def _layers(member: Member) -> list[NDArray[np.float32]]:
    """Weights with the bias as a last column, (F, D + 1), of the encoder and, where the score asks, the decoder.

    The encoder's last layer answers the code alone: of a posterior the mean. Where the score does not look at it, it
    is one product with the decoder's first layer, since nothing stands between them. Where the score is the squared
    difference of the row and what comes out, the last product has the row beside its own input and takes it away.
    """
    network, latent = member.model.network_, math.prod(member.model.latent_shape_)
    encoder, decoder = _matrices(network.encoder), _matrices(network.decoder)
    code = encoder[-1][:latent]
    found = [*encoder[:-1], code, *decoder]
    if member.score in BY_CODE:
        found = [*encoder[:-1], code]
    if member.score in PRICED:
        joint = decoder[0][:, :-1] @ code
        joint[:, -1] += decoder[0][:, -1]
        found = [*encoder[:-1], joint, *decoder[1:]]
    if member.score == "distortion":
        found[-1] = _less_the_row(found[-1], is_only=len(found) == 1)
    return [np.ascontiguousarray(matrix, np.float32) for matrix in found]


def _less_the_row(last: NDArray[np.float64], is_only: bool) -> NDArray[np.float64]:
    """The last product, (D, F + 1), of its input, the row and 1, (D, F + D + 1); the only one reads the row anyway."""
    taken = -np.eye(len(last))
    if is_only:
        return last + np.column_stack([taken, np.zeros(len(last))])
    return np.column_stack([last[:, :-1], taken, last[:, -1]])


def _matrices(stack: Any) -> list[NDArray[np.float64]]:
    """Weight and bias of each layer side by side."""
    pairs = ((linear.weight.detach().double(), linear.bias.detach().double()) for linear in stack.linears)
    return [np.column_stack([weight.numpy(), bias.numpy()]) for weight, bias in pairs]


def _learnt(member: Member) -> Iterator[tuple[str, NDArray[np.float64]]]:
    """What was learnt about normal rows: codes, and whitenings as w = R v - m'."""
    if isinstance(member.crossed, Neighbours):
        yield "codes", member.crossed.codes.numpy()
    for name, learnt in (("lost", member.lost), ("crossed", member.crossed)):
        if isinstance(learnt, Whitening):
            by = 1.0 / learnt.scale.numpy()
            root = by if learnt.root is None else learnt.root.numpy() * by
            center = learnt.center.numpy()
            yield f"{name}.root", np.ascontiguousarray(root)
            yield f"{name}.offset", root * center if root.ndim == 1 else root @ center
