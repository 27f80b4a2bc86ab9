"""Checks against rows that the model has not seen: whether it learnt the data, or these rows by heart."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from isthmus.doctor.findings import Answer, Finding, NotAsked, Sound
from isthmus.doctor.patient import Patient, Rows

WORSE = 2.0  # times the error
SURE = 3.29  # standard errors: one healthy model in two thousand is beyond
COPIES = 0.75  # share of the rows, where half are expected
FEWEST = 40  # unseen rows
MISSING = "Give rows that it was not fitted on: model.diagnose(X, held_out=X_held_out)."
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

    so that answers which are all alike count as one.

    Paper:
        After Meehan, Chaudhuri & Dasgupta 2020, AISTATS, section 3; theirs compares distances of samples within cells.
    """
    if patient.held_out is None:
        return NotAsked(MISSING)
    if len(patient.held_out) < FEWEST:
        return NotAsked(f"{len(patient.held_out)} unseen rows are too few; {FEWEST} are needed.")
    asked, others, trained = _parties(patient.held_out, patient.rows)
    distances = torch.cdist(asked, torch.cat([trained, others]))
    nearest = distances.argmin(1)
    counts = nearest.bincount().double()
    share = float((nearest < len(trained)).double().mean())
    sureness = (share - 0.5) / float(0.5 * counts.square().sum().sqrt() / len(asked))
    figures = {"nearest_to_training": share, "standard_errors": sureness}
    seen = f"{share:.0%} of what comes out for unseen rows lies nearer to a row of training than to any unseen one."
    if share < COPIES or sureness < SURE:
        return Sound(f"{seen} Half is usual.", figures)
    seen += f" Half is usual; this is {sureness:.1f} standard errors beyond."
    why = "It has the rows of training by heart: new rows are pulled to them, and samples may show what was private."
    return Finding(seen, why, EARLIER, figures)


def _parties(held_out: Rows, trained: Rows) -> tuple[Tensor, Tensor, Tensor]:
    """What comes out for one half of the unseen rows, the other half as they are, and as many rows of training."""
    generator = torch.Generator().manual_seed(0)
    order = torch.randperm(len(held_out), generator=generator)
    half = len(order) // 2
    size = min(len(order) - half, len(trained))
    chosen = torch.randperm(len(trained), generator=generator)[:size]
    return held_out.rebuilt[order[:half]], held_out.numbers[order[half : half + size]], trained.numbers[chosen]
