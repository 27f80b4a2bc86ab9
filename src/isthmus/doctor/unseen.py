"""Checks against rows that the model has not seen: whether it learnt the data, or these rows by heart."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from isthmus.doctor.findings import Answer, Finding, NotAsked, Sound, percent
from isthmus.doctor.patient import Patient, Rows

WORSE = 2.0  # times the error
SURE = 3.29  # standard errors: one healthy model in two thousand is beyond
COPIES = 0.75  # share of the rows, where half are expected
FEWEST = 20  # unseen rows sent through
MISSING = "Give held_out: rows that it was not fitted on."
EARLIER = "model.set_callbacks(isthmus.EarlyStopping()).fit(X, validation=0.2)"


def holdout_error(patient: Patient) -> Answer:
    """Unseen rows whose typical error is more than twice that of the rows of training.

    Medians are compared, so that a few outliers on either side decide nothing, and Mann and Whitney's test says that
    the difference is none of chance.
    """
    if patient.held_out is None:
        return NotAsked(MISSING)
    seen_errors, unseen_errors = patient.rows.errors, patient.held_out.errors
    there, here = float(unseen_errors.median()), float(seen_errors.median())
    sureness = _mann_whitney(unseen_errors, seen_errors)
    figures = {"held_out_error": there, "training_error": here, "standard_errors": sureness}
    seen = f"The median squared error is {there:.3g} on unseen rows, {here:.3g} on rows of training."
    if there <= WORSE * here or sureness < SURE:
        return Sound(seen, figures)
    why = "What was learnt of the rows of training does not hold for others: new normal rows look like anomalies."
    return Finding(seen, why, EARLIER, figures)


def _mann_whitney(first: Tensor, second: Tensor) -> float:
    """By how many standard errors the first sample ranks above the second; ties are left as they fall."""
    m, n = len(first), len(second)
    ranks = torch.cat([first, second]).argsort().argsort()[:m].double() + 1
    surplus = float(ranks.sum()) - m * (m + n + 1) / 2
    return surplus / math.sqrt(m * n * (m + n + 1) / 12)


def memorisation(patient: Patient) -> Answer:
    r"""Unseen rows for which rows of training come out.

    Half of the unseen rows are sent through. Beside what comes out lie equally many rows of training and rows of the
    other half; if the model knows the data and not the rows, the nearest of them is a row of training half the time.
    With c_j of the n answers nearest to row j, the share that lies nearest to a row of training has, under labels
    dealt at random, the standard error

    .. math:: \tfrac12 \sqrt{\textstyle\sum_j c_j^2} / n

    so that answers which are all alike count as one. Unseen rows with a copy among the others are left out.

    Paper:
        After Meehan, Chaudhuri & Dasgupta 2020, AISTATS, section 3; theirs compares distances of samples within cells.
    """
    if patient.held_out is None:
        return NotAsked(MISSING)
    party = Party(patient.held_out, patient.rows)
    if len(party.answers) < FEWEST:
        return NotAsked(f"Half of the unseen rows without copies are {len(party.answers)}; {FEWEST} are needed.")
    nearest = _distances(party.answers, party.beside).argmin(1)
    share = float(party.is_trained[nearest].double().mean())
    error = float(0.5 * nearest.bincount().double().square().sum().sqrt() / len(nearest))
    sureness = (share - 0.5) / error
    figures = {"nearest_to_training": share, "standard_errors": sureness}
    seen = (
        f"{percent(share)} of what comes out for unseen rows lies nearer to a row of training than to any unseen one."
    )
    if share < COPIES or sureness < SURE:
        return Sound(f"{seen} Half is usual.", figures)
    seen += f" Half is usual; this is {sureness:.1f} standard errors beyond."
    why = "It has the rows of training by heart: new rows are pulled to them, and samples may show what was private."
    return Finding(seen, why, EARLIER, figures)


class Party:
    """What comes out for one half of the unseen rows, and what it is compared with.

    Unseen rows that have a copy among the others are left out: equal rows would meet themselves.

    Args:
        held_out: Unseen rows.
        trained: Rows of training.
    """

    def __init__(self, held_out: Rows, trained: Rows) -> None:
        generator = torch.Generator().manual_seed(0)
        order = torch.randperm(len(held_out), generator=generator)
        half = len(order) // 2
        size = min(len(order) - half, len(trained))
        chosen = torch.randperm(len(trained), generator=generator)[:size]
        mixed = torch.randperm(2 * size, generator=generator)  # so that of equal rows either may come first
        beside = torch.cat([trained.numbers[chosen], held_out.numbers[order[half : half + size]]])
        self.beside, self.is_trained = beside[mixed], mixed < size
        asked = order[:half]
        is_new = _distances(held_out.numbers[asked], self.beside).amin(1) > 0
        self.answers = held_out.rebuilt[asked[is_new]]


def _distances(rows: Tensor, others: Tensor) -> Tensor:
    """Euclidean distances, (n, m), exactly 0 between equal rows."""
    return torch.cdist(rows, others, compute_mode="donot_use_mm_for_euclid_dist")
