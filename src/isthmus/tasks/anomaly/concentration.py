"""Prices of what is lost and what crosses that a few anomalies among the rows do not move."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from isthmus.tasks.anomaly.whitening import Whitening

STEPS = 10  # at most
NORMAL = 1.4826  # spread of a normal variable in units of its median distance from the mean
TINY = 1e-12


def concentrated(residuals: Tensor, codes: Tensor, core: float) -> tuple[Whitening, Whitening]:
    """Learn both prices from the rows that cost least, chosen again and again until they stay the same.

    So a few anomalies do not pass for a spread that rows have. The first rows are chosen by medians, which a few do
    not move. A column keeps a third of the spread that it has in all rows: one that is constant but for a few of them
    would make each of those an anomaly.

    Args:
        residuals: What rows lose, (n, D) float64.
        codes: What crosses for them, (n, Z) float64.
        core: The share of the rows to learn from.

    Paper:
        Rousseeuw & Van Driessen 1999, Technometrics 41, pp. 212-223, section 3.1 (C-steps).
    """
    floors = residuals.square().mean(0).sqrt() / 3, codes.std(0, correction=0) / 3
    cost = _by_median(residuals, floors[0]) + _by_median(codes - codes.median(0).values, floors[1])
    before = torch.empty(0, dtype=torch.int64)
    for _ in range(STEPS):
        least = cost.argsort(stable=True)[: math.ceil(core * len(cost))].sort().values
        if torch.equal(least, before):
            break
        before = least
        lost = Whitening.around_zero(residuals[least], floors[0])
        crossed = Whitening.of(codes[least], codes[least].mean(0), floors[1])
        cost = lost.cost(residuals) + crossed.cost(codes)
    return lost, crossed


def _by_median(rows: Tensor, least: Tensor) -> Tensor:
    """A first cost that a few rows do not move, (B,): each column by its median distance from 0, none by others."""
    scale = torch.maximum(NORMAL * rows.abs().median(0).values, least)
    return (rows / scale.clamp_min(TINY)).square().sum(1) / 2
