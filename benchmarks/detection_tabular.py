"""Does the default detector find the anomalies of tables that nobody tuned it to, and keep its budget?

The sets are ADBench's, the protocol is that of the published comparison: half of the normal rows, in file order, to
learn from, the rest and all anomalies to judge by; a second column draws the half at random. One default for all, no
labels used. Every mean over sets stands beside controls and peers in the same run.
"""

from __future__ import annotations

import json
import tempfile
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from _detection import ALPHA, OURS, PEERS, Reached, halves, ranked, resampled, sets

from isthmus.bench.answers import Absent, Figure
from isthmus.bench.question import Desk, Question
from isthmus.metrics.intervals import Interval, wilson_interval

ROOT = Path(__file__).resolve().parents[1]
QUESTION = Question(
    "detection_tabular", "Does the default detector find anomalies, within its budget?", ROOT, tuple(range(5))
)
QUESTION.peer("pyod", "pyod==3.6.7", "tqdm")
PEER_SEEDS = 3
SLOW = "PyOD VAE"  # takes minutes for 20 000 rows: file order alone
FIGURES = {"ROC-AUC": "roc_auc", "average precision": "average_precision"}
PUBLISHED = ROOT.parent / "shared" / "data" / "published" / "dte_normal_only_auc.json"


def reached(desk: Desk, order: str) -> Reached:
    """What every method reaches on every set, as kept or measured now."""
    results = {}
    for name in sets():
        for method in methods(order):
            seeds = desk.seeds if method in OURS else desk.seeds[:PEER_SEEDS]
            make = partial(one, desk, method, name, order)
            kept = [
                desk.cache.get(partial(make, seed), method=method, set=name, order=order, seed=seed) for seed in seeds
            ]
            results[method, name, order] = kept
    return Reached(results)


def methods(order: str) -> list[str]:
    """Names of those that stand in the table of this order."""
    return [method for method in (*OURS, *PEERS) if (order, method) != ("random", SLOW)]


def one(desk: Desk, method: str, name: str, order: str, seed: int) -> dict[str, Any]:
    """One method on one set with one seed."""
    rows = halves(name, order, seed)
    if method in OURS:
        return OURS[method](rows, seed)
    with tempfile.TemporaryDirectory() as folder:
        files = {part: str(Path(folder) / f"{part}.npy") for part in ("train", "test", "scores")}
        np.save(files["train"], rows.train)
        np.save(files["test"], rows.test)
        desk.peers["pyod"].ask("detect", name=PEERS[method], seed=seed, **files)
        return ranked(np.load(files["scores"]), rows.truth)


def table(found: Reached, order: str) -> dict[str, Any]:
    """Each method's means over the sets, and the detector's figures on each set."""
    means = {
        method: {
            title: round(float(found.over_sets(method, order, figure).mean()), 2) for title, figure in FIGURES.items()
        }
        for method in methods(order)
    }
    each = {
        name: {title: round(found.mean("isthmus", name, order, figure), 2) for title, figure in FIGURES.items()}
        for name in sets()
    }
    return {"means": means, "sets": each}


def lead(title: str, rival: str, order: str) -> Any:
    """A line's measure: the detector's lead over a rival."""

    def measure(desk: Desk) -> Figure | Absent:
        if not sets():
            return Absent("../shared/data/adbench is not there")
        found = reached(desk, order)
        return Figure(found.lead(rival, order, FIGURES[title]), note=NOTE, beside=table(found, order))

    return measure


NOTE = "the interval is the bootstrap over sets of the difference of means over seeds"
for order in ("file", "random"):
    for title in FIGURES:
        bounds = {"at_least": 0.0, "stretch": 1.5} if order == "file" else {}
        name = f"{order} order, {title}: lead over nearest neighbours, mean over the sets"
        QUESTION.line(name, unit="points", **bounds)(lead(title, "nearest neighbours", order))
        bounds = {"at_least": 0.0, "stretch": 2.0} if order == "file" else {}
        name = f"{order} order, {title}: lead over PyOD's AutoEncoder, mean over the sets"
        QUESTION.line(name, unit="points", **bounds)(lead(title, "PyOD AE", order))


@QUESTION.line("file order, ROC-AUC: lead over the best published column, mean over the sets", unit="points")
def published(desk: Desk) -> Figure | Absent:
    """The columns of the published comparison on the same sets, whose rows were not capped."""
    if not (sets() and PUBLISHED.is_file()):
        return Absent("../shared/data/adbench or ../shared/data/published is not there")
    answer = json.loads(PUBLISHED.read_text(encoding="utf-8"))[0]
    rows = {name.casefold(): values for name, values in answer["rows"].items()}
    names = [name for name in sets() if key(name) in rows]
    theirs = np.array([rows[key(name)] for name in names])
    found = reached(desk, "file")
    ours = np.array([found.mean("isthmus", name, "file", "roc_auc") for name in names])
    best = int(theirs.mean(0).argmax())
    columns = {title: round(float(mean), 2) for title, mean in zip(answer["cols"], theirs.mean(0), strict=True)}
    note = f"{answer['cols'][best]} has the highest mean of the {len(names)} sets that both have"
    beside = {"isthmus": round(float(ours.mean()), 2), "published": columns}
    return Figure(resampled(ours - theirs[:, best]), note=note, beside=beside)


def key(name: str) -> str:
    """The published comparison's name of a set: without its number."""
    return name.partition("_")[2].casefold()


def inside(order: str) -> Any:
    """A line's measure: how often the number of false alarms lies in the band that was promised."""

    def measure(desk: Desk) -> Figure | Absent:
        if not sets():
            return Absent("../shared/data/adbench is not there")
        found = reached(desk, order)
        pairs = [one for name in sets() for one in found.results["isthmus", name, order]]
        enough = [one for one in pairs if one["calibration_rows"] >= round(1 / ALPHA) - 1]
        share = wilson_interval(sum(one["inside"] for one in enough), len(enough))
        note = f"{len(enough)} pairs of a set and a seed; alpha {ALPHA:g}"
        return Figure(Interval(*(100 * end for end in share)), note=note)

    return measure


QUESTION.line("random order: false alarms inside the promised band", at_least=90.0, unit="% of pairs")(inside("random"))
QUESTION.line("file order: false alarms inside the promised band", unit="% of pairs")(inside("file"))


@QUESTION.line("random order: false-alarm rate with a threshold from training errors, budget 1 %", unit="%")
def optimism(desk: Desk) -> Figure | Absent:
    """What thresholds from other rows do: mean over the sets of precision, recall and false-alarm rate."""
    if not sets():
        return Absent("../shared/data/adbench is not there")
    found = reached(desk, "random")

    def of_sets(source: str, figure: str) -> list[float]:
        results = (found.results["isthmus", name, "random"] for name in sets())
        return [float(np.mean([one["rates"][source][figure] for one in of_seeds])) for of_seeds in results]

    means = {
        source: {
            figure: round(float(np.mean(of_sets(source, figure))), 2) for figure in ("precision", "recall", "rate")
        }
        for source in ("training errors", "evaluation split", "calibration")
    }
    rate = resampled(np.array(of_sets("training errors", "rate")))
    return Figure(rate, note="beside: the other two sources of a threshold", beside=means)


if __name__ == "__main__":
    raise SystemExit(QUESTION.main())
