"""Whether a classifier can tell a window from quiet time: changes that no column shows alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from isthmus.tasks.drift.bins import Bins, Floats

MOST_ROWS, MOST_COLUMNS, DECILES = 1000, 200, 10


def told_apart(quiet: Mapping[str, Any], later: Mapping[str, Any]) -> float:
    """How well a logistic regression tells rows of a window from quiet ones: ROC-AUC, 0.5 where it cannot.

    It learns from the first half of either and is judged on the second, so that neighbours do not stand on both sides.
    What it sees of a number is its rank in quiet time and the square of that, of a word which one it is.

    Args:
        quiet: {name: (n,) column}.
        later: {name: (m,) column}, the same names.

    Paper:
        Lopez-Paz & Oquab 2017, ICLR, arXiv:1610.06545 (classifier two-sample tests).

    Example:
        >>> random = np.random.default_rng(0)
        >>> quiet, same, moved = ({"a": random.normal(m, 1, 400)} for m in (0, 0, 1.5))
        >>> told_apart(quiet, same) < 0.6 < 0.8 < told_apart(quiet, moved)
        True
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import roc_auc_score

    features = [_features(quiet, quiet), _features(quiet, later)]
    X = np.concatenate([part[: len(part) // 2] for part in features])
    y = np.concatenate([np.full(len(part) // 2, kind) for kind, part in enumerate(features)])
    model = LogisticRegression(C=0.1, class_weight="balanced", max_iter=200).fit(X, y)
    judged = np.concatenate([part[len(part) // 2 :] for part in features])
    truth = np.concatenate([np.full(len(part) - len(part) // 2, kind) for kind, part in enumerate(features)])
    return float(roc_auc_score(truth, model.decision_function(judged)))


def _features(quiet: Mapping[str, Any], rows: Mapping[str, Any]) -> Floats:
    """What a classifier sees, (n, F): at most a thousand rows, evenly taken."""
    parts: list[Floats] = []
    for name in list(quiet)[:MOST_COLUMNS]:
        column = np.asarray(rows[name])
        bins = Bins.of(quiet[name], DECILES if np.asarray(quiet[name]).dtype.kind in "OUS" else 100)
        codes = bins.codes(column[:: -(-len(column) // MOST_ROWS)])
        if bins.edges is None:
            parts.append(np.eye(bins.n)[codes])
            continue
        rank = np.where(codes == 0, 0.0, 2 * (codes - 1) / max(bins.n - 2, 1) - 1)
        parts.append(np.stack([rank, rank**2 - 1 / 3, codes == 0], axis=1))
    return np.concatenate(parts, axis=1)
