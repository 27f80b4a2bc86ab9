"""Histories with and without a change, and what a watch over them says."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from _few_labels import DATA, network
from numpy.typing import NDArray
from scipy.signal import lfilter

import isthmus
from isthmus.tasks.drift.history import History, columns_of
from isthmus.tasks.drift.limits import onsets
from isthmus.tasks.drift.textbook import bare_rule, ks_rule
from isthmus.tasks.drift.watch import watch
from isthmus.tasks.drift.watched import RULES, Watched

__all__ = ["DATA", "SHIFTS", "drifted", "intrusion", "quiet_run"]
Floats = NDArray[np.float64]
ALPHA = 0.01
QUIET, ROWS = 30, 200  # windows, and their rows, of the runs without drift
PAST, WIDE, BEFORE, AFTER = 20, 1000, 10, 10  # of those with a change: quiet, rows, still windows, changed ones


def remembering(n: int, phi: float, random: np.random.Generator) -> Floats:
    """AR(1) numbers of unit variance."""
    noise = random.normal(size=n + 500) * np.sqrt(1 - phi**2)
    return np.asarray(lfilter([1.0], [1.0, -phi], noise)[500:])


def quiet_run(seed: int, phi: float, ahead: int, run_length: int) -> dict[str, int]:
    """How often each rule calls where nothing changes."""
    scores = remembering((QUIET + ahead) * ROWS, phi, np.random.default_rng(seed))
    threshold = float(np.quantile(scores[: QUIET * ROWS], 1 - ALPHA))
    found = watch(History(scores), threshold, ALPHA, window=ROWS, quiet=QUIET, run_length=float(run_length))
    return found.counts()


def mean_shift(columns: dict[str, Any], scores: Floats, at: slice) -> None:
    scores[at] += 1.0


def wider(columns: dict[str, Any], scores: Floats, at: slice) -> None:
    scores[at] *= 2.0


def unit(columns: dict[str, Any], scores: Floats, at: slice) -> None:
    columns["length"][at] *= 3.28


def category(columns: dict[str, Any], scores: Floats, at: slice) -> None:
    moved = np.random.default_rng(1).random(len(columns["kind"][at])) < 0.3
    columns["kind"][at] = np.where(moved, "c", columns["kind"][at])


def column_mean(columns: dict[str, Any], scores: Floats, at: slice) -> None:
    columns["length"][at] += 1.0  # a standard deviation of the column


Change = Callable[[dict[str, Any], Floats, slice], None]
SHIFTS: dict[str, Change] = {
    "mean of the scores, by one standard deviation": mean_shift,
    "spread of the scores, doubled": wider,
    "mean of a column, by one standard deviation": column_mean,
    "unit of a column, metres to feet": unit,
    "category of a column, 30 % of the rows": category,
}


def drifted(name: str, seed: int) -> dict[str, Any]:
    """After how many windows a planted change is found; all streams remember as AR(0.9)."""
    random = np.random.default_rng(seed)
    n = (PAST + BEFORE + AFTER) * WIDE
    scores = remembering(n, 0.9, random)
    kinds = np.array(["a", "b"], dtype=object)[(remembering(n, 0.9, random) > 0).astype(int)]
    columns: dict[str, Any] = {"length": 10 + remembering(n, 0.9, random), "kind": kinds}
    start = (PAST + BEFORE) * WIDE
    SHIFTS[name](columns, scores, slice(start, None))
    threshold = float(np.quantile(scores[: PAST * WIDE], 1 - ALPHA))
    found = watch(History(scores, columns=columns), threshold, ALPHA, window=WIDE, quiet=PAST)
    return told(found, BEFORE)


def told(found: Watched, still: int) -> dict[str, Any]:
    """What was found behind so many windows in which nothing had changed."""
    called = [at for at, seen in enumerate(found.windows) if seen.alerts]
    changed = [at for at in called if at >= still]
    rules = {
        RULES[1]: [seen.ks for seen in found.windows[:still]],
        RULES[2]: [seen.bare for seen in found.windows[:still]],
    }
    return {
        "delay": changed[0] - still + 1 if changed else None,
        "before": int(onsets(np.array([bool(seen.alerts) for seen in found.windows[:still]])).sum()),
        **{rule: int(onsets(np.array(fired)).sum()) for rule, fired in rules.items()},
        "streams": sorted({alert.stream for at in changed for alert in found.windows[at].alerts}),
    }


def intrusion(which: str, seed: int) -> dict[str, Any]:
    """NSL-KDD: its training mix for twenty quiet windows and ten more, then its test, 300 connections each."""
    table, attack, train = network()
    random, normal = np.random.default_rng(seed), attack == "normal"
    taught = random.permutation(np.flatnonzero(normal & train))[:4000]
    detector = isthmus.AnomalyDetector(isthmus.Autoencoder(epochs=15), alpha=ALPHA, members=1, random_state=seed)
    detector.fit(table.iloc[taught])
    seen = (normal if which == "normal rows" else np.ones(len(table), dtype=bool)) & ~np.isin(
        np.arange(len(table)), taught
    )
    before = random.permutation(np.flatnonzero(seen & train))[: 30 * 300]
    after = random.permutation(np.flatnonzero(seen & ~train))[: 10 * 300]
    rows = table.iloc[np.concatenate([before, after])]
    n = len(before) // 300
    past = 20 if n >= 30 else n * 2 // 3
    rows = table.iloc[np.concatenate([before[: n * 300], after])]
    history = History(
        detector.anomaly_score(rows), columns=columns_of(rows), lost=detector.scorer_.terms(rows)[:, 0].numpy()
    )
    found = watch(history, detector.threshold_, ALPHA, window=300, quiet=past)
    scores = [history.scores[: past * 300], history.scores[n * 300 :]]
    return told(found, n - past) | {
        "test as a whole: KS p < 0.01": ks_rule(*scores),
        "test as a whole: bare 20 %": bare_rule(*scores, ALPHA),
    }
