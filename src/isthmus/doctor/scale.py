"""Checks of the numbers that go in: whether the likelihood can price them, and whether they are of one size."""

from __future__ import annotations

import torch
from torch import Tensor

from isthmus.core.spec import Spec
from isthmus.doctor.findings import Answer, Finding, NotAsked, Sound, percent
from isthmus.doctor.patient import Patient
from isthmus.errors import ValueRangeError
from isthmus.parts.likelihoods.choose import UNIT, domain

GREY = (0.1, 0.9)  # cells between are neither no nor yes
MOSTLY = 0.5  # share of such cells from which "mostly" is said
FINE = 0.25  # errors in units of the standard deviation that a fixed variance of 1 expects
TIMES = 10.0  # an order of magnitude, in columns against each other and in all against 1
TAIL = 0.05  # of the rows on either side, which outliers may fill


def refused(error: ValueRangeError) -> Finding:
    """The finding of rows that hold values without a price."""
    why = f"{error.allowed}. No score and no code of such a row means anything."
    return Finding(f"{error.came}.", why, 'model.set_params(likelihood="auto").fit(X)')


def data_range(patient: Patient) -> Answer:
    r"""Values that the likelihood was not made for.

    Under "bernoulli" a cell is a coin, and a grey one costs its entropy however well it is rebuilt: above half of
    such cells, most of what is paid is paid for nothing. Under a fixed variance of 1 a member that pays a rate
    trades it against errors as large as 1; where they are of size r < 0.25 the bound lies

    .. math:: \log(1 / r) - \tfrac12 (1 - r^2) > 0.9

    nats per cell below what the best variance gives, and the rate is that much too dear.
    """
    name, x = patient.settings.likelihood, patient.rows.x
    if domain(name) == UNIT:
        grey = float(((x > GREY[0]) & (x < GREY[1])).float().mean())
        seen = f"{percent(grey)} of the cells lie between {GREY[0]} and {GREY[1]}, under likelihood={name!r}."
        why = "A Bernoulli cell is a coin: rebuilding grey costs its entropy, so scores say how grey a row is."
        return _told(patient, grey > MOSTLY, seen, why, {"grey": grey})
    if name == "gaussian" and patient.rate > 0:
        size = float((patient.rows.errors.mean() / patient.rows.numbers.shape[1]).sqrt())
        seen = f"Errors are of size {size:.2g} where likelihood='gaussian' expects 1."
        why = "The rate is traded against errors in units of 1, so it weighs too much and the code says too little."
        return _told(patient, size < FINE, seen, why, {"error_size": size})
    return Sound(f"Every value is one that likelihood={name!r} prices.")


def _told(patient: Patient, wrong: bool, seen: str, why: str, figures: dict[str, float]) -> Answer:
    """A finding about the likelihood, or that it fits."""
    variance = "learned" if patient.spec.kind == "table" else "optimal"
    remedy = f'model.set_params(likelihood="gaussian-{variance}").fit(X)'
    return Finding(seen, why, remedy, figures) if wrong else Sound(seen, figures)


def unscaled_data(patient: Patient) -> Answer:
    """Columns whose sizes differ by orders of magnitude, or all numbers far from 1.

    A column counts as too large only where both its standard deviation and the spread of its middle rows (5 % to
    95 %) are more than ten times the median column's: outliers have the first alone, heavy tails the second alone.
    """
    if not domain(patient.settings.likelihood).is_scalable:
        return NotAsked(f"likelihood={patient.settings.likelihood!r} prices numbers as they are.")
    columns = _columns(patient.rows.x, patient.spec)
    if columns is None:
        return NotAsked("No column is a number.")
    low, high = columns.nanquantile(TAIL, 1), columns.nanquantile(1 - TAIL, 1)
    ratios = torch.minimum(_ratios(_deviation(columns)), _ratios((high - low).nan_to_num()))
    top = int(ratios.argmax())
    size = float(columns.nan_to_num().square().mean().sqrt())
    middle = float(columns.clamp(low[:, None], high[:, None]).nan_to_num().square().mean().sqrt())
    figures = {"largest_column": float(ratios[top]), "size": size}
    if ratios[top] > TIMES:
        seen = f"{_name(patient.spec, top)} spreads {ratios[top]:.0f} times as far as the median column."
        why = "Costs add up over columns, so this one decides what is learnt and the others are hardly heard."
    elif middle > TIMES or 0 < size < 1 / TIMES:
        seen = f"Numbers reach the network with a typical size of {size:.2g}."
        why = (
            "Weights, noise and prices are made for numbers of about 1; far from it training is slow or learns nothing."
        )
    else:
        return Sound(
            f"Numbers have a typical size of {size:.2g}, and no column is far larger than the others.", figures
        )
    return Finding(seen, why, _rescaled(patient), figures)


def _columns(x: Tensor, spec: Spec) -> Tensor | None:
    """Numeric columns, or channels where x is no table, (D, n)."""
    if spec.kind != "table":
        return x.transpose(0, 1).flatten(1)
    numeric = spec.indices("numeric", "datetime")
    return x[:, list(numeric)].T if numeric else None


def _deviation(columns: Tensor) -> Tensor:
    """Standard deviation of each column over its known cells, (D,)."""
    centred = columns - columns.nanmean(1, keepdim=True)
    return centred.square().nanmean(1).sqrt().nan_to_num()


def _ratios(spread: Tensor) -> Tensor:
    """Each spread over the median of those that are not 0, (D,)."""
    some = spread[spread > 0]
    return spread / some.median() if len(some) > 1 else torch.ones_like(spread)


def _name(spec: Spec, place: int) -> str:
    """What a column or channel is called."""
    return f"Column {spec.columns[place].name!r}" if spec.kind == "table" else f"Channel {place}"


def _rescaled(patient: Patient) -> str:
    """A call that brings these rows to one size."""
    spec, scaling = patient.spec, patient.model.scaling
    if spec.kind == "table":
        return "model.fit(X)" if scaling in ("auto", "standard") else 'model.set_params(scaling="standard").fit(X)'
    if spec.shape[0] > 1:
        axes = tuple(range(len(spec.shape)))  # (n, ..., c): all but the channels
        beside = ", y" if patient.rows.told is not None else ""
        return f"model.fit((X - X.mean({axes})) / X.std({axes}){beside})"
    return "model.fit(X)" if scaling in ("auto", "unit") else 'model.set_params(scaling="unit").fit(X)'
