"""How many detected anomalies still raise an alarm once a forger has moved them, and does a critic change that?

The forger knows what scores his rows: he follows the gradient of the default score, of the same with a critic beside
the model, and of three controls, each on its own. He may move every cell by the budget, in standard deviations of the
training rows. The controls have the same rows, units and rule for the threshold.
"""

from __future__ import annotations

import copy
import os
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import torch
from _detection import resampled
from numpy.typing import NDArray
from torch import Tensor

import isthmus
from isthmus.bench.answers import Absent, Figure
from isthmus.bench.question import Desk, Question
from isthmus.estimator.inputs import read
from isthmus.tasks.anomaly.calibration import place
from isthmus.tasks.anomaly.evasion import descend
from isthmus.tasks.anomaly.evidence import Evidence
from isthmus.tasks.anomaly.member import Member
from isthmus.tasks.anomaly.scorer import Scorer
from isthmus.tasks.anomaly.thresholds import conformal

ROOT = Path(__file__).resolve().parents[1]
DATA = Path(os.environ.get("ISTHMUS_DATA", ROOT.parent / "shared" / "data")) / "adbench"
QUESTION = Question("detection_evasion", "How many detected anomalies does an informed forger get past?", ROOT)
TABLES = {"breastw": "4_breastw", "cardio": "6_cardio", "pendigits": "28_pendigits"}
ALPHA = 0.05
EPOCHS = 50  # fewer than by default, so that the question is answered in minutes
ROWS, ANOMALIES = 1000, 60  # normal rows that are shared out, and anomalies that are attacked, at most
BUDGETS, STEPS = (0.1, 0.25, 0.5), 30
NEIGHBOURS = 5
DEFAULT, CRITIC = "default score", "with a critic"
MEAN, PLANE, NEAREST = "distance from the mean", "PCA", "nearest neighbours"
MOVED = f"{NEAREST}, rows moved against the default score"
Floats: TypeAlias = NDArray[np.float64]
Cost: TypeAlias = Callable[[Tensor], Tensor]


def rows_of(name: str, seed: int) -> tuple[Floats, Floats, Floats]:
    """Rows to learn from, rows that set the threshold, and anomalies."""
    random = np.random.default_rng(seed)
    with np.load(DATA / f"{TABLES[name]}.npz") as held:
        X, y = held["X"].astype(np.float64), held["y"].astype(bool)
    kept = [random.permutation(np.flatnonzero(y == kind))[:most] for kind, most in ((0, ROWS), (1, ANOMALIES))]
    normal, anomalies = X[np.sort(kept[0])], X[np.sort(kept[1])]
    split = isthmus.split_for_detection(normal, fractions=(0.5, 0.3, 0.2), random_state=seed)
    return normal[split.train], normal[split.calibration], anomalies


def one(name: str, seed: int) -> dict[str, Any]:
    """Share of the anomalies that each method finds, without a forger (budget 0) and after one, in per cent."""
    train, calibration, anomalies = rows_of(name, seed)
    model = isthmus.Autoencoder(epochs=EPOCHS)
    detector = isthmus.AnomalyDetector(model, alpha=ALPHA, critic=True, random_state=seed)
    detector.fit(train, X_calibration=calibration)
    detectors = {DEFAULT: without_critic(detector, calibration), CRITIC: detector}
    found = {title: ours(detector, anomalies) for title, detector in detectors.items()}
    moved = {budget: isthmus.evade(detectors[DEFAULT], anomalies, budget, steps=STEPS).rows for budget in BUDGETS}
    model = detector.model_
    scaled = {"train": train, "calibration": calibration, "anomalies": anomalies, **moved}
    x = {title: rows_in(model, rows) for title, rows in scaled.items()}
    costs = {MEAN: from_mean, PLANE: from_plane(x["train"], model.latent_dim_), NEAREST: from_nearest(x["train"])}
    for title, cost in costs.items():
        found[title] = theirs(cost, x["calibration"], x["anomalies"])
    threshold = threshold_of(costs[NEAREST], x["calibration"])
    found[MOVED] = {str(budget): above(costs[NEAREST](x[budget]), threshold) for budget in BUDGETS}
    return found


def without_critic(detector: Any, calibration: Floats) -> Any:
    """The detector that it would be without critics: its models are the same to the last bit."""
    plain = copy.copy(detector).set_params(critic=False)
    plain.scorer_ = Scorer([Member(one.model, one.score, one.lost, one.crossed) for one in detector.scorer_.members])
    evidence = Evidence.first(plain.scorer_, calibration)
    return plain._settled(evidence, conformal(evidence.scores, ALPHA))


def ours(detector: Any, anomalies: Floats) -> dict[str, float]:
    """What a detector finds, by the budget."""
    moved = {str(budget): isthmus.evade(detector, anomalies, budget, steps=STEPS) for budget in BUDGETS}
    shares = {budget: 100 * evasion.still_found.value for budget, evasion in moved.items()}
    return {"0": 100 * moved[str(BUDGETS[0])].found.value, **shares}


def theirs(cost: Cost, calibration: Tensor, anomalies: Tensor) -> dict[str, float]:
    """What a control finds, by the budget."""
    threshold, free = threshold_of(cost, calibration), torch.ones(anomalies.shape[1], dtype=torch.bool)
    moved = {budget: descend(cost, anomalies, budget, free, STEPS) for budget in BUDGETS}
    shares = {str(budget): above(cost(rows), threshold) for budget, rows in moved.items()}
    return {"0": above(cost(anomalies), threshold), **shares}


def rows_in(model: Any, rows: Floats) -> Tensor:
    """Rows in the model's units."""
    source = read(model, rows)
    return source.block(0, len(source))


def threshold_of(cost: Cost, calibration: Tensor) -> float:
    """The conformal threshold of a control."""
    scores = cost(calibration).sort().values
    return float(scores[place(ALPHA, len(scores)) - 1])


def above(scores: Tensor, threshold: float) -> float:
    """Share of scores that raise an alarm, in per cent."""
    return 100 * float((scores > threshold).double().mean())


def from_mean(x: Tensor) -> Tensor:
    """Length of the row in standard deviations."""
    return x.norm(dim=1)


def from_plane(train: Tensor, components: int) -> Cost:
    """Length of what as many principal components leave as the code has dimensions."""
    axes = torch.linalg.svd(train - train.mean(0), full_matrices=False)[2][:components]

    def cost(x: Tensor) -> Tensor:
        deviation = x - train.mean(0)
        return (deviation - deviation @ axes.T @ axes).norm(dim=1)

    return cost


def from_nearest(train: Tensor) -> Cost:
    """Distance to the fifth nearest training row."""
    exact = "donot_use_mm_for_euclid_dist"
    return lambda x: torch.cdist(x, train, compute_mode=exact).topk(NEIGHBOURS, largest=False).values[:, -1]


def reached(desk: Desk) -> dict[str, list[dict[str, Any]]]:
    """What each table gave with each seed."""
    return {
        name: [desk.cache.get(partial(one, name, seed), set=name, seed=seed) for seed in desk.seeds] for name in TABLES
    }


def shares(found: dict[str, list[dict[str, Any]]], title: str, budget: str) -> Floats:
    """What a method found of each table with each seed, (tables x seeds,)."""
    return np.array([one[title][budget] for of_seeds in found.values() for one in of_seeds])


def rate(title: str, budget: str, less: str | None = None) -> Any:
    """A line's measure: the share that a method finds, or by how much it exceeds another's."""

    def measure(desk: Desk) -> Figure | Absent:
        if not DATA.is_dir():
            return Absent("../shared/data/adbench is not there")
        found = reached(desk)
        values = shares(found, title, budget) - (0.0 if less is None else shares(found, less, budget))
        each = dict(zip(found, values.reshape(len(found), -1).mean(1).round(1).tolist(), strict=True))
        return Figure(resampled(values), note=NOTE, beside=each)

    return measure


NOTE = f"mean over tables and seeds, and its interval by drawing those pairs again; alpha {ALPHA:g}, {STEPS} steps"
for title in (DEFAULT, CRITIC, MEAN, PLANE, NEAREST):
    QUESTION.line(f"{title}: anomalies found", unit="%")(rate(title, "0"))
    for budget in map(str, BUDGETS):
        QUESTION.line(f"{title}: anomalies found after moves of {budget}", unit="%")(rate(title, budget))
for budget in map(str, BUDGETS):
    QUESTION.line(f"{MOVED} by {budget}: anomalies found", unit="%")(rate(MOVED, budget))
QUESTION.line("lead of a critic: anomalies found", unit="points")(rate(CRITIC, "0", DEFAULT))
for budget in map(str, BUDGETS):
    name = f"lead of a critic: anomalies found after moves of {budget}"
    QUESTION.line(name, unit="points")(rate(CRITIC, budget, DEFAULT))


if __name__ == "__main__":
    raise SystemExit(QUESTION.main())
