"""Tables with labelled anomalies, split as the published comparison splits them, and what methods reach there."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

import isthmus
from isthmus.metrics import average_precision, roc_auc
from isthmus.metrics.intervals import Interval
from isthmus.tasks.anomaly.calibration import place

Floats = NDArray[np.float64]
ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT.parent / "shared" / "data" / "adbench"
TRAIN, TEST = 20_000, 40_000  # rows of a set at most, drawn with the seed
ALPHA = 0.01
RESAMPLES = 10_000


class Rows(NamedTuple):
    """One split of one set: normal rows to learn from, rows to judge, and which of those are anomalies."""

    train: Floats
    test: Floats
    truth: NDArray[np.bool_]


def sets() -> list[str]:
    """Names of the sets, smaller files first, so that a run that is cut short has seen many."""
    return [file.stem for file in sorted(FOLDER.glob("*.npz"), key=lambda file: (file.stat().st_size, file.name))]


@cache
def whole(name: str) -> tuple[Floats, NDArray[np.bool_]]:
    """All rows of a set, and which are anomalies."""
    with np.load(FOLDER / f"{name}.npz") as held:
        return held["X"].astype(np.float64), held["y"].astype(bool)


def halves(name: str, order: str, seed: int) -> Rows:
    """Half of the normal rows to learn from, the other half and all anomalies to judge by.

    Args:
        name: Of the set.
        order: "file" takes the first half as the published comparison does, "random" any half.
        seed: Draws the half, and the rows where there are too many.

    Paper:
        The protocol: Livernoche, Jain, Hezaveh & Ravanbakhsh 2024, ICLR (DTE), semi-supervised setting.
    """
    X, anomalous = whole(name)
    random = np.random.default_rng(seed)
    normal = np.flatnonzero(~anomalous)
    if order == "random":
        normal = random.permutation(normal)
    train, test = np.split(normal, [len(normal) // 2])
    test = np.concatenate([test, np.flatnonzero(anomalous)])
    train, test = (drawn(rows, most, random) for rows, most in ((train, TRAIN), (test, TEST)))
    return Rows(X[train], X[test], anomalous[test])


def drawn(rows: NDArray[np.int64], most: int, random: np.random.Generator) -> NDArray[np.int64]:
    """All of them, or as many as there may be."""
    return rows if len(rows) <= most else np.sort(random.choice(rows, most, replace=False))


def ranked(scores: Floats, truth: NDArray[np.bool_]) -> dict[str, float]:
    """How well scores order the rows, in per cent."""
    return {"roc_auc": 100 * roc_auc(truth, scores), "average_precision": 100 * average_precision(truth, scores)}


def detector(rows: Rows, seed: int) -> dict[str, Any]:
    """The default detector: its ranks, its alarms, and what other thresholds would have done.

    The threshold of the training rows' own scores, and the one that has the best F1 on the rows that judge it, stand
    beside the detector's: what they seem to reach, and what they reach.
    """
    began = time.perf_counter()
    model = isthmus.AnomalyDetector(alpha=ALPHA, random_state=seed).fit(rows.train)
    seconds = time.perf_counter() - began
    scores, normal = model.anomaly_score(rows.test), ~rows.truth
    alarms = scores > model.threshold_
    low, high = model.promise_.band(int(normal.sum()))
    found = {
        "seconds": seconds,
        "calibration_rows": model.promise_.n,
        "false_alarms": int(alarms[normal].sum()),
        "inside": bool(low <= alarms[normal].sum() <= high),
        "rates": {name: rates(scores > at, rows.truth) for name, at in thresholds(model, rows, scores, seed).items()},
    }
    return found | ranked(scores, rows.truth)


def thresholds(model: Any, rows: Rows, scores: Floats, seed: int) -> dict[str, float]:
    """The threshold from the calibration rows, from the rows that were learnt, and from the rows that judge."""
    order = np.argsort(-scores)
    hits = np.cumsum(rows.truth[order])
    f1 = 2 * hits / (np.arange(1, len(scores) + 1) + rows.truth.sum())
    scorer = model.scorer_
    learnt = np.sort(scorer.scored(scorer.terms(rows.train)))
    return {
        "calibration": model.threshold_,
        "training errors": float(learnt[place(ALPHA, len(learnt)) - 1]),
        "evaluation split": float(np.nextafter(scores[order[int(f1.argmax())]], -math.inf)),
    }


def rates(alarms: NDArray[np.bool_], truth: NDArray[np.bool_]) -> dict[str, float]:
    """Precision, recall and false-alarm rate, in per cent."""
    hits = float((alarms & truth).sum())
    parts = {"precision": hits / max(alarms.sum(), 1), "recall": hits / truth.sum(), "rate": alarms[~truth].mean()}
    return {name: 100 * float(value) for name, value in parts.items()}


def distance(rows: Rows, seed: int) -> dict[str, float]:
    """The length of the standardised row: what any detector must beat."""
    spread = rows.train.std(0)
    standard = (rows.test - rows.train.mean(0)) / np.where(spread > 0, spread, 1.0)
    return ranked(np.linalg.norm(standard, axis=1), rows.truth)


def components(rows: Rows, seed: int) -> dict[str, float]:
    """What the principal components leave that hold 90 % of the variance."""
    from sklearn.decomposition import PCA
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    scaled = make_pipeline(StandardScaler()).fit(rows.train)
    plane = PCA(0.9, svd_solver="full").fit(scaled.transform(rows.train))
    test = scaled.transform(rows.test)
    left = test - plane.inverse_transform(plane.transform(test))
    return ranked(np.linalg.norm(left, axis=1), rows.truth)


OURS: dict[str, Callable[[Rows, int], dict[str, Any]]] = {
    "isthmus": detector,
    "distance from the mean": distance,
    "PCA": components,
}
PEERS = {
    "nearest neighbours": "KNN",
    "isolation forest": "IForest",
    "ECOD": "ECOD",
    "PyOD AE": "AutoEncoder",
    "PyOD VAE": "VAE",
}


@dataclass(frozen=True)
class Reached:
    """What methods reached.

    Args:
        results: {(method, set, order): a result for each seed}.
    """

    results: dict[tuple[str, str, str], list[dict[str, Any]]]

    def mean(self, method: str, name: str, order: str, figure: str) -> float:
        """A figure of one method on one set, over the seeds."""
        return float(np.mean([one[figure] for one in self.results[method, name, order]]))

    def over_sets(self, method: str, order: str, figure: str) -> Floats:
        """A figure of one method on each set."""
        return np.array([self.mean(method, name, order, figure) for name in self.names(method, order)])

    def names(self, method: str, order: str) -> list[str]:
        """The sets that a method was asked for."""
        return [name for one, name, its in self.results if (one, its) == (method, order)]

    def lead(self, rival: str, order: str, figure: str) -> Interval:
        """The detector's mean lead over a rival, with an interval from sets drawn again."""
        return resampled(self.over_sets("isthmus", order, figure) - self.over_sets(rival, order, figure))


def resampled(values: Floats) -> Interval:
    """A mean over sets, and its interval by drawing the sets again.

    Paper:
        Efron & Tibshirani 1993, An Introduction to the Bootstrap, section 13.3 (percentile interval).
    """
    draws = np.random.default_rng(0).choice(values, (RESAMPLES, len(values))).mean(1)
    low, high = np.quantile(draws, [0.025, 0.975])
    return Interval(float(values.mean()), float(low), float(high))
