"""`diagnose`: every check on one model."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from isthmus.core.source import Source
from isthmus.doctor.findings import Answer, Diagnosis, Finding, NotAsked
from isthmus.doctor.holes import holes
from isthmus.doctor.narrows import bottleneck_too_small, code_bypassed, dead_units, identity_mapping, rate_collapsed
from isthmus.doctor.patient import Patient
from isthmus.doctor.pictures import blur, checkerboard
from isthmus.doctor.scale import data_range, refused, unscaled_data
from isthmus.doctor.symbols import dead_codes
from isthmus.doctor.unseen import holdout_error, memorisation
from isthmus.errors import TooFewRowsError, ValueRangeError
from isthmus.estimator.abilities import require
from isthmus.estimator.conditions import read_told, with_their_y
from isthmus.estimator.inputs import read

CHECKS: tuple[Callable[[Patient], Answer], ...] = (
    data_range,
    unscaled_data,
    identity_mapping,
    bottleneck_too_small,
    code_bypassed,
    rate_collapsed,
    dead_units,
    dead_codes,
    holes,
    holdout_error,
    memorisation,
    checkerboard,
    blur,
)


def diagnose(model: Any, X: Any, held_out: Any = None, *, y: Any = None) -> Diagnosis:
    """Look for what is wrong with a fitted model: each finding with what was seen, why it matters and a remedy.

    Args:
        model: A fitted member of the family. It stays as it is.
        X: The rows that it was fitted on, or rows like them; of more than 2048 a part is looked at.
        held_out: Rows that it was not fitted on; without them it is not asked whether it holds for such. A conditional
            model's with their y, as a pair.
        y: What a conditional model is told beside the rows of X; it stands in the remedies too.

    Raises:
        NotFittedError: there was no fit.
        InputError: the rows are not of the kind that it was fitted on, only one, or without the y that a conditional
            model is told. Values that the likelihood does not price are no error here, but a finding.

    Example:
        >>> import isthmus
        >>> from sklearn.datasets import load_iris
        >>> X = load_iris().data
        >>> model = isthmus.Autoencoder(latent_dim=4, allow_overcomplete=True, random_state=0).fit(X)
        >>> diagnosis = diagnose(model, X)
        >>> list(diagnosis.findings)
        ['identity-mapping']
        >>> diagnosis.findings["identity-mapping"].remedy
        'model.set_params(latent_dim="auto").fit(X)'
    """
    require(model, "diagnose")
    try:
        source = read_told(model, X, y)
        other = None if held_out is None else _unseen(model, held_out)
    except ValueRangeError as error:
        return _unreadable(model, error)
    if len(source) < 2:
        allowed = "the doctor looks at how rows differ"
        raise TooFewRowsError("X with 1 row", allowed, "give it the rows of training")
    patient = Patient(model, source, other)
    answers = {name_of(check): _beside(model, check(patient)) for check in CHECKS}
    return Diagnosis(type(model).__name__, len(source), 0 if other is None else len(other), answers)


def name_of(check: Callable[[Patient], Answer]) -> str:
    """What a check is called outside of Python.

    Example:
        >>> name_of(dead_units)
        'dead-units'
    """
    return check.__name__.replace("_", "-")


def _unseen(model: Any, held_out: Any) -> Source:
    """Rows that the model was not fitted on, with what it is told beside them."""
    return read_told(model, *with_their_y("held_out", held_out)) if model.is_conditional else read(model, held_out)


def _beside(model: Any, answer: Answer) -> Answer:
    """An answer whose remedy, where the model is conditional, gives y beside X."""
    if not model.is_conditional or not isinstance(answer, Finding):
        return answer
    return replace(answer, remedy=answer.remedy.replace("fit(X", "fit(X, y"))


def _unreadable(model: Any, error: ValueRangeError) -> Diagnosis:
    """The diagnosis of rows that the likelihood does not price, on which nothing else can be asked."""
    rest = dict.fromkeys(map(name_of, CHECKS), NotAsked("The rows hold values that the likelihood does not price."))
    return Diagnosis(type(model).__name__, 0, 0, rest | {name_of(data_range): refused(error)})
