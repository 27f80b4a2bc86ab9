"""Checks against rows that the model has not seen: whether it learnt the data, or these rows by heart."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from isthmus.doctor.findings import Answer, Finding, NotAsked, Sound, percent
from isthmus.doctor.patient import Patient, Rows

WORSE = 2.0  # times the error
SURE = 3.29  # standard errors: one healthy model in two thousand is beyond
COPIES = 0.5  # of what comes out
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

    Half of the n unseen rows are sent through. What comes out is compared with the T rows of training and the R rows
    of the other half: if the model knows the data and not the rows, the nearest is a row of training in p = T / (T + R)
    of all cases. With c_j of n answers nearest to row j, their share s has, under labels dealt at random, the standard
    error below, so that answers which are all alike count as one; and c, were copies all that is wrong, is their share.

    .. math:: \sqrt{p (1 - p) \textstyle\sum_j c_j^2} / n, \qquad c = (s - p) / (1 - p)

    Where only a part of the rows of training is compared, c is that much larger. Unseen rows with a copy among the
    others are left out.

    Paper:
        After Meehan, Chaudhuri & Dasgupta 2020, AISTATS, section 3; theirs compares distances of samples within cells.
    """
    if patient.held_out is None:
        return NotAsked(MISSING)
    party = Party(patient.held_out, patient.rows)
    if party.power < SURE:
        return NotAsked(f"{patient.held_out.total} unseen rows beside {patient.rows.total} of training are too few.")
    nearest = torch.cdist(party.answers, party.beside).argmin(1)
    share = float(party.is_trained[nearest].double().mean())
    spread = party.chance * (1 - party.chance) * float(nearest.bincount().double().square().sum())
    sureness = (share - party.chance) * len(nearest) / math.sqrt(spread)
    copies = (share - party.chance) / (1 - party.chance) / party.part
    figures = {"nearest_to_training": share, "by_chance": party.chance, "copies": copies, "standard_errors": sureness}
    seen = f"What comes out for unseen rows is nearest to one of training in {percent(share)} of cases, by chance in "
    seen += f"{percent(party.chance)}."
    if copies < COPIES or sureness < SURE:
        return Sound(seen, figures)
    seen += f" That is {sureness:.1f} standard errors off, and as much as if {percent(min(copies, 1.0))} were copies."
    why = "It has the rows of training by heart: new rows are pulled to them, and samples may show what was private."
    return Finding(seen, why, EARLIER, figures)


class Party:
    """What comes out for one half of the unseen rows, and what it is compared with.

    Args:
        held_out: Unseen rows.
        trained: Rows of training.
    """

    def __init__(self, held_out: Rows, trained: Rows) -> None:
        generator = torch.Generator().manual_seed(0)
        order = torch.randperm(len(held_out), generator=generator)
        asked, others = order[: len(order) // 2], order[len(order) // 2 :]
        size, total = len(trained.neighbours), len(trained.neighbours) + len(others)
        mixed = torch.randperm(total, generator=generator)  # so that of equal rows either may come first
        self.beside = torch.cat([trained.neighbours, held_out.numbers[others]])[mixed]
        self.is_trained = mixed < size
        self.answers = held_out.rebuilt[asked[_new(held_out.numbers[asked], self.beside)]]
        self.chance, self.part = size / total, size / trained.total

    @property
    def power(self) -> float:
        """By how many standard errors nothing but different copies would stand out."""
        return self.part * math.sqrt(len(self.answers) * (1 - self.chance) / self.chance)


def _new(rows: Tensor, others: Tensor) -> Tensor:
    """Which rows have no equal among the others, (n,)."""
    known = {other.tobytes() for other in others.numpy()}
    return torch.tensor([row.tobytes() not in known for row in rows.numpy()], dtype=torch.bool)
