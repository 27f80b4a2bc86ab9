"""Checks of the narrow place: too wide, too narrow, gone around, priced out, idle."""

from __future__ import annotations

import dataclasses

from isthmus.core.network import Network
from isthmus.doctor.findings import Answer, Finding, NotAsked, Sound, percent
from isthmus.doctor.limits import crossing, limits, prices
from isthmus.doctor.patient import FULL, Patient, along_components
from isthmus.estimator.defaults import narrow
from isthmus.parts.backbones.mlp import MLP

WIDE = 0.9  # of the input's numbers: a copy of so many loses a tenth of the variance, and nothing need be learnt
NARROW = 0.75  # share of the variance below which doubling a full code gained a tenth or more of it
SLACK = 0.02  # by which principal components may lead before they say that the network is not trained out
AROUND = 0.9  # share of what comes out that comes out without the code
SOMETHING = 0.1  # share of the variance below which nothing comes out that could go around
SILENT = 0.1  # nats: whoever is told so little names the one of two rows that was sent at most 72 times in 100
ALIVE = 1e-4  # variance of a unit, in that of the liveliest
DEAD = 0.1  # share of dead units that is worth a word


def identity_mapping(patient: Patient) -> Answer:
    """A code so wide that it can copy its input, and nothing else to stop it.

    What limits a code besides its width is asked of a step of training: a corruption, a price on the code, units that
    are silent. A network that could copy does not show it on rows like those of training, wherever it was stopped; so
    the finding rests on what it is able to do, and the figures say how far it does.
    """
    width, others = crossing(patient), limits(patient)
    share = width / patient.spec.width
    figures = {"crossing": width, "width": float(patient.spec.width), **others}
    seen = f"A row of {patient.spec.width} numbers crosses as {width:.0f}"
    if others:
        told = ", ".join(f"{name} {value:.2g}" for name, value in others.items())
        return Sound(f"{seen}, and more than the width is in the way: {told}.", figures)
    if share < WIDE:
        return Sound(f"{seen}.", figures)
    figures |= {"kept": patient.kept, "kept_of_shuffled": patient.kept_of_shuffled}
    seen += (
        f", and nothing else is in the way. {percent(patient.kept)} of the variance comes out again, and "
        f"{percent(patient.kept_of_shuffled)} of it where the columns are shuffled against each other."
    )
    why = "A code that can copy its input need learn nothing of it, and then anomalies come out as well as normal rows."
    return Finding(seen, why, 'model.set_params(latent_dim="auto").fit(X)', figures)


def bottleneck_too_small(patient: Patient) -> Answer:
    """A code that is used to the full while much of the structure is lost.

    It is used to the full where the network keeps no less than as many principal components do (else it is not
    trained out), and, if it is priced, its units carry `FULL` nats each (else the price is what limits it). What is
    lost has structure where its largest principal component exceeds that of chance.
    """
    if patient.units >= min(len(patient.rows), patient.rows.numbers.shape[1]):
        return NotAsked("The code is as wide as the data.")
    linear = float(along_components(patient.rows.numbers)[: patient.units].sum())
    figures = {"kept": patient.kept, "kept_by_components": linear}
    seen = f"{percent(patient.kept)} of the variance comes out again"
    if patient.kept >= NARROW:
        return Sound(f"{seen}.", figures)
    seen += f" (as many principal components keep {percent(linear)})"
    if patient.kept < linear - SLACK:
        return Sound(f"{seen}: the width is not used to the full, so more of it is not what is missing.", figures)
    if 0 < patient.rate < FULL * patient.units:
        return Sound(f"{seen}: the rate limits the code, {patient.rate:.2g} nats in {patient.units} units.", figures)
    largest, chance = patient.structure_lost
    figures |= {"largest_component_lost": largest, "largest_by_chance": chance}
    if largest <= chance:
        return Sound(f"{seen}, and what is lost is noise.", figures)
    seen += (
        f", and what is lost has structure: one direction holds {percent(largest)} of it, by chance {percent(chance)}."
    )
    why = "What the code has no room for is missing from every row that comes out, and from every score."
    wider = '"auto"' if patient.units < narrow(patient.spec) else min(2 * patient.units, patient.spec.width - 1)
    return Finding(seen, why, f"model.set_params(latent_dim={wider}).fit(X)", figures)


def code_bypassed(patient: Patient) -> Answer:
    """A decoder that is told by another way: with the mean code in every row's place it answers much the same."""
    if not isinstance(patient.network, Network):
        return NotAsked(f"{type(patient.network).__name__} is no network whose code could be replaced.")
    if patient.rows.told is not None:
        return NotAsked("What the model is told beside each row goes around the code, as it shall.")
    kept, blind = patient.kept, max(patient.kept_without_code, 0.0)
    figures = {"kept": kept, "kept_without_code": blind}
    seen = f"{percent(kept)} of the variance comes out again, {percent(blind)} with each code replaced by the mean."
    if kept < SOMETHING or blind < AROUND * kept:
        return Sound(seen, figures)
    why = "What goes around the code is in no code, no rate and no sample; transform(X) says next to nothing."
    straight = dataclasses.replace(patient.settings.architecture, skip_connections=False)
    return Finding(seen, why, f"model.set_params(architecture=isthmus.{straight!r}).fit(X)", figures)


def rate_collapsed(patient: Patient) -> Answer:
    r"""A posterior that is the prior: the code says nothing of its row.

    With a mean rate of R nats the codes of two rows differ in total variation by at most

    .. math:: 2 \sqrt{R / 2} \le 0.45 \quad (R = 0.1)

    on average (Pinsker), so whoever sees a code names its row of two at most 72 times in 100.
    """
    if not patient.model.has_prior and patient.rate == 0:
        return NotAsked("The code has no rate.")
    if patient.rows.told is not None:
        return NotAsked("What the model is told beside each row may be all that there is to say.")
    active = int((patient.codes.flatten(1).var(0) > 0.01).sum())
    figures = {"rate": patient.rate, "active_units": float(active)}
    seen = f"The mean rate is {patient.rate:.2g} nats; {active} of {patient.units} units are active."
    if patient.rate >= SILENT:
        return Sound(seen, figures)
    why = "The decoder answers every row alike: codes are noise, samples are one average row, scores know no structure."
    return Finding(seen, why, _revived(patient), figures)


def _revived(patient: Patient) -> str:
    """A call after which saying something costs less at first, and a little of it nothing."""
    options = "beta=1.0, warmup=0.5, free_bits=0.25"
    if hasattr(patient.model, "free_bits"):
        return f"model.set_params({options}, capacity=None).fit(X)"
    return f"isthmus.BetaVAE({options}, latent_dim={patient.units}).fit(X)"


def dead_units(patient: Patient) -> Answer:
    """Units that say the same of every row: their variance is under a ten-thousandth of the liveliest unit's."""
    if patient.rate > 0:
        return NotAsked("The rate silences units that do not pay; rate-collapsed counts those that do.")
    variances = patient.codes.flatten(1).double().var(0)
    dead = int((variances <= ALIVE * variances.max()).sum())
    figures = {"dead": float(dead), "units": float(patient.units)}
    seen = f"{dead} of {patient.units} units say the same of every row."
    if dead <= DEAD * patient.units:
        return Sound(seen, figures)
    why = "They carry nothing: the code is narrower than it looks, and what they could have learnt is lost."
    return Finding(seen, why, f"model.set_params({_livelier(patient, dead)}).fit(X)", figures)


def _livelier(patient: Patient, dead: int) -> str:
    """A parameter with which fewer units die: a lower price, a code that reads the row itself, or no more units."""
    price = getattr(patient.model, "weight", 0.0)
    if price and prices(patient):
        return f"weight={price / 10:.2g}"
    if patient.settings.hidden_dims and isinstance(patient.settings.architecture, MLP):
        return "hidden_dims=()"
    return f"latent_dim={max(1, patient.units - dead)}"
