"""One diffusion over the codes of an autoencoder and one over the rows themselves, after trainings of some lengths."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from _generative import DRAWN, FID, NORMAL, SHOWN, distance, learnt, samples, shown_means, spent
from _mnist import greys
from _tables import Figure, Found, Table, named, times_over_seeds

from isthmus.metrics.intervals import Interval


class Rung(NamedTuple):
    """What a diffusion learns, "code" or "data", and how often it passes over it."""

    on: str
    passes: int


RUNGS = {
    **{f"diffusion over codes, {passes} passes": Rung("code", passes) for passes in (2, 5, 12)},
    **{f"diffusion over rows, {passes} passes": Rung("data", passes) for passes in (2, 10, 30)},
}
"""Dense layers of the same width for both."""

LONGEST = {rung.on: name for name, rung in RUNGS.items()}
AS_LONG = {"code": "diffusion over codes, 12 passes", "data": "diffusion over rows, 10 passes"}
CODES, ROWS = f"{NORMAL} over codes", f"{NORMAL} over rows"
METHODS = (*RUNGS, CODES, ROWS)

TRAINED, WHOLE = "processor seconds of training", "the same with the autoencoder's"
DRAW, STATE = "processor ms a draw", "numbers of the state"


def space(method: str, seed: int) -> Found:
    """How far draws are from test rows, and what they cost."""
    return diffused(RUNGS[method], seed) if method in RUNGS else normal(method, seed)


def diffused(rung: Rung, seed: int) -> Found:
    """The same of a diffusion."""
    model, rows, before = learnt(seed)
    made = []
    trained = spent(lambda: model.fit_prior(rows.x, "diffusion", on=rung.on, epochs=rung.passes))
    if rung.on == "code":
        drawing = spent(lambda: made.append(shown_means(model, DRAWN, seed)))
    else:
        drawing = spent(lambda: made.append(model.sample(DRAWN, random_state=seed)))
    return {
        FID: distance(made[0]),
        TRAINED: trained,
        WHOLE: trained + before * (rung.on == "code"),
        DRAW: 1e3 * drawing / DRAWN,
        STATE: math.prod(model.prior_.shape),
        "pictures": greys(made[0][:SHOWN]),
    }


def normal(method: str, seed: int) -> Found:
    """The same of one mean and one covariance, of the codes or of the pixels."""
    if method == CODES:
        made = samples(NORMAL, seed)[0]
    else:
        x = learnt(seed).rows.x
        made = np.random.default_rng(seed).multivariate_normal(x.mean(0), np.cov(x.T), DRAWN, method="eigh")
    return {FID: distance(made), "pictures": greys(made[:SHOWN])}


# ------------------------------------------------------------------------------------------------------ at equal FID*


def ladders(table: Table) -> list[dict[str, list[Found]]]:
    """For each seed, what the diffusions over codes ("code") and over rows ("data") gave, shortest training first."""
    return [
        {on: [table.found[name][place] for name, rung in RUNGS.items() if rung.on == on] for on in LONGEST}
        for place in range(len(table.found[CODES]))
    ]


def best(ladder: list[Found]) -> float:
    """The least distance reached."""
    return min(map(named(FID), ladder))


def cost(ladder: list[Found], level: float, figure: Figure) -> float:
    """The least cost at which a distance is reached."""
    return min(figure(found) for found in ladder if found[FID] <= level)


def at_equal(table: Table, figure: Figure) -> Interval:
    """How many times the cost over codes that over rows is, at the least distance that both reach, seed by seed."""
    ratios = []
    for both in ladders(table):
        level = max(map(best, both.values()))
        ratios.append(cost(both["data"], level, figure) / cost(both["code"], level, figure))
    return times_over_seeds(ratios)


def who_reaches(table: Table) -> str:
    """In how many seeds each gets as near as the other ever does."""
    leads = [best(both["code"]) - best(both["data"]) for both in ladders(table)]
    codes, rows = sum(lead <= 0 for lead in leads), sum(lead >= 0 for lead in leads)
    return f"of {len(leads)} seeds codes reach the best FID* over rows in {codes}, rows that over codes in {rows}"
