"""NSL-KDD with people beside it: false alarms that are fed back, and attackers who teach."""

from __future__ import annotations

import copy
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from _few_labels import DATA, network
from numpy.typing import NDArray
from scipy.spatial.distance import cdist
from sklearn.metrics import roc_auc_score

import isthmus
from isthmus.tasks.learning.feedback import Feedback, Item, Rules, Standing
from isthmus.tasks.learning.gate import compared, may_promote
from isthmus.tasks.learning.ledger import name_of
from isthmus.tasks.learning.retraining import forgetting, retrain
from isthmus.tasks.learning.rows import rows_of

__all__ = ["DATA", "DAYS", "boiled", "fed_back", "forgotten", "reported_by_attackers"]
Ints = NDArray[np.int64]
ALPHA, TAUGHT, GIVEN = 0.01, 3000, 50
PINNED = 40  # anomalies that people have confirmed before
DAYS, DAY, WINDOW, KIND = 12, 250, 6, "neptune"  # of the slow attack: days, rows a day, days of a training, attack


def detector_of(rows: Any, seed: int) -> Any:
    """A detector of one small model."""
    return isthmus.AnomalyDetector(isthmus.Autoencoder(epochs=10), alpha=ALPHA, members=1, random_state=seed).fit(rows)


def halves(seed: int) -> dict[str, Ints]:
    """Rows to learn from, and the two halves of the test, each by its kind."""
    _, attack, train = network()
    random, normal = np.random.default_rng(seed), attack == "normal"
    later = random.permutation(np.flatnonzero(~train))
    first, second = np.sort(later[: len(later) // 2]), np.sort(later[len(later) // 2 :])
    return {
        "taught": np.sort(random.permutation(np.flatnonzero(normal & train))[:TAUGHT]),
        "pinned": random.permutation(np.flatnonzero(~normal & train))[:PINNED],
        "first normal": first[normal[first]],
        "first attacks": first[~normal[first]],
        "normal": second[normal[second]],
        "attacks": second[~normal[second]],
    }


@cache
def champion_of(seed: int) -> Any:
    """The detector before anybody has said anything."""
    table, parts = network()[0], halves(seed)
    return detector_of(table.iloc[parts["taught"]], seed)


@cache
def plain_of(seed: int) -> Any:
    """The detector after a retraining in which nobody has said anything, which is what feedback is held against."""
    taught = network()[0].iloc[halves(seed)["taught"]]
    return retrain(champion_of(seed), taught, alarms=np.zeros(len(taught), dtype=bool), random_state=seed)[0]


def rates(detector: Any, seed: int) -> dict[str, float]:
    """False alarms and recall on the second half of the test, in per cent.

    Six hundred rows set the threshold, and chance moves it by more than feedback does: so the recall at one rate of
    false alarms that the held-out normal rows themselves set is told as well, and that moves with the scores alone.
    """
    table, parts = network()[0], halves(seed)
    normal, attacks = (detector.anomaly_score(table.iloc[parts[part]]) for part in ("normal", "attacks"))
    shares = {"false alarms": normal > detector.threshold_, "recall": attacks > detector.threshold_}
    shares["recall at equal rates"] = attacks > np.quantile(normal, 1 - ALPHA)
    return {name: 100 * float(share.mean()) for name, share in shares.items()}


def found_at_equal_rates(detector: Any, normal: pd.DataFrame, attacks: pd.DataFrame) -> float:
    """The share of attacks, in per cent, that score above all but one in a hundred of held-out normal rows."""
    return 100 * float(
        (detector.anomaly_score(attacks) > np.quantile(detector.anomaly_score(normal), 1 - ALPHA)).mean()
    )


def like_those_fed(champion: Any, false: pd.DataFrame, seed: int) -> dict[str, float]:
    """Whether later false alarms lie nearer to those that were fed back than attacks do, and how many are near.

    Distances are those of codes and of what the model did not explain, together. "near" is the middle distance of a fed
    row to the next one of them.
    """
    table, parts = network()[0], halves(seed)
    later, attacks = (table.iloc[parts[part]] for part in ("normal", "attacks"))
    told = [_place_of(champion, rows) for rows in (false, *(_alarms_of(champion, rows) for rows in (later, attacks)))]
    apart = [cdist(rows, told[0]) for rows in told]
    near = float(np.median(np.sort(apart[0], 1)[:, 1]))
    normal, wrong = (distances.min(1) for distances in apart[1:])
    truth = np.repeat([0, 1], [len(normal), len(wrong)])
    return {
        "false alarms before attacks, ROC-AUC": float(roc_auc_score(truth, np.concatenate([normal, wrong]))),
        "false alarms that are near, %": 100 * float((normal <= near).mean()),
        "attacks that are near, %": 100 * float((wrong <= near).mean()),
    }


def _alarms_of(detector: Any, rows: pd.DataFrame) -> pd.DataFrame:
    """The rows that raise an alarm."""
    return rows[detector.anomaly_score(rows) > detector.threshold_]


def _place_of(detector: Any, rows: pd.DataFrame) -> NDArray[np.float64]:
    """Where rows lie by their codes and by what is left of them."""
    scorer = detector.scorer_
    return np.concatenate([scorer.codes(rows).numpy(), scorer.residuals(rows).numpy()], axis=1)


def items(rows: pd.DataFrame) -> list[Item]:
    """Rows as people know them."""
    return [Item(name_of(row), row, "", "ann") for row in rows_of(rows)]


def fed_back(seed: int) -> dict[str, Any]:
    """What fifty false alarms of the first half, each confirmed by two people, do to the second half."""
    table, parts, champion = network()[0], halves(seed), champion_of(seed)
    first = table.iloc[parts["first normal"]]
    false = _alarms_of(champion, first).iloc[:GIVEN]
    taught = table.iloc[parts["taught"]]
    with tempfile.TemporaryDirectory() as folder:
        feedback = Feedback(Path(folder) / "feedback.jsonl")
        numbers = [feedback.say(row, "false_alarm", by=by) for by in ("ann", "bo") for row in rows_of(false)]
        none = np.zeros(len(taught), dtype=bool)
        standing = feedback.standing(len(taught))
        challenger, lesson = retrain(champion, taught, standing=standing, alarms=none, random_state=seed)
        for number in numbers:
            feedback.undo(number, by="ann")
        undone = retrain(champion, taught, standing=feedback.standing(len(taught)), alarms=none, random_state=seed)[0]
    judged, plain = table.iloc[np.concatenate([parts["normal"], parts["attacks"]])], plain_of(seed)
    same = np.array_equal(plain.anomaly_score(judged), undone.anomaly_score(judged))
    return {
        "before": rates(champion, seed),
        "retrained without feedback": rates(plain, seed),
        "after": rates(challenger, seed),
        "later alarms beside those fed": like_those_fed(champion, false, seed),
        "admitted": len(standing.admitted),
        "share from people": lesson.from_people,
        "undone bit for bit": bool(same and plain.threshold_ == undone.threshold_),
    }


def reported_by_attackers(seed: int, people: int) -> dict[str, Any]:
    """Attackers report their own connections as false alarms, as one person or as several."""
    table, attack, _ = network()
    parts, champion = halves(seed), champion_of(seed)
    mine = parts["first attacks"][attack[parts["first attacks"]] == KIND][:300]
    with tempfile.TemporaryDirectory() as folder:
        feedback = Feedback(Path(folder) / "feedback.jsonl", Rules(per_person=50))
        for row in rows_of(table.iloc[mine]):
            for person in range(people):
                feedback.say(row, "false_alarm", by=f"attacker {person}", entity="one host")
        taught = table.iloc[parts["taught"]]
        standing = feedback.standing(len(taught))
    pinned = items(table.iloc[parts["pinned"]])
    whole = Standing(standing.admitted, standing.quarantined, pinned)
    none = np.zeros(len(taught), dtype=bool)
    challenger = retrain(champion, taught, standing=whole, alarms=none, random_state=seed)[0]
    fresh = table.iloc[parts["first normal"]]
    gate = compared(champion, challenger, fresh, pinned)
    rest = table.iloc[parts["attacks"]][attack[parts["attacks"]] == KIND]
    normal = table.iloc[parts["normal"]]
    plain, taught_by_them = (found_at_equal_rates(one, normal, rest) for one in (plain_of(seed), challenger))
    return {
        "reported": len(mine),
        "admitted": len(standing.admitted),
        "found without them": plain,
        "found if it served": taught_by_them,
        "found": taught_by_them if may_promote("gate", gate) else plain,
        "gate": gate.reasons,
    }


def boiled(share: float, defended: bool, seed: int) -> dict[str, Any]:
    """An attacker moves a share of each day's connections from normal to an attack, never above the threshold.

    With a share of 0 there is no attacker, which shows whether the gate lets an honest day pass.
    Each day the detector learns the last six days anew, without what raised an alarm. Undefended, whoever was learnt
    last serves; defended, a challenger serves where the gate lets it.
    """
    table, attack, train = network()
    random, normal = np.random.default_rng(seed), attack == "normal"
    stock = random.permutation(np.flatnonzero(normal & train))
    goal = table.iloc[random.permutation(np.flatnonzero((attack == KIND) & train))[:200]]
    pinned = items(table.iloc[random.permutation(np.flatnonzero(~normal & train))[:PINNED]])
    days = [table.iloc[stock[day * DAY : (day + 1) * DAY]] for day in range(WINDOW + DAYS)]
    held = table.iloc[stock[(WINDOW + DAYS) * DAY :][:1500]]
    first = serving = detector_of(pd.concat(days[:WINDOW], ignore_index=True), seed)
    seen, refused, reported, reached = days[:WINDOW], 0, 0, 0.0
    for day in days[WINDOW:]:
        if share:
            poison, reached = furthest(serving, day, goal, max(1, round(share * DAY)), reached, random)
            day = pd.concat([day, poison], ignore_index=True)
        seen = [*seen, day][-WINDOW:]
        challenger = retrain(serving, pd.concat(seen, ignore_index=True), random_state=seed)[0]
        gate = compared(serving, challenger, held, pinned, anchor=first) if defended else None
        refused += gate is not None and not gate.passes
        reported += gate is not None and gate.looks_boiled
        if gate is None or may_promote("gate", gate):
            serving = challenger
    rest = table.iloc[np.flatnonzero((attack == KIND) & ~train)[:1000]]
    at_first, at_last = (found_at_equal_rates(one, held, rest) for one in (first, serving))
    alarms = 100 * float((serving.anomaly_score(held) > serving.threshold_).mean())
    return {
        "found at first": at_first,
        "found at last": at_last,
        "way that the attacker came": reached,
        "refused": int(refused),
        "reported": int(reported),
        "false alarms at last": alarms,
    }


def furthest(
    detector: Any, day: pd.DataFrame, goal: pd.DataFrame, count: int, reached: float, random: np.random.Generator
) -> tuple[pd.DataFrame, float]:
    """Rows as far on the way to an attack as stay below the threshold, and how far that is, from 0 to 1."""
    starts = day.iloc[random.integers(len(day), size=count)].reset_index(drop=True)
    ends = goal.iloc[random.integers(len(goal), size=count)].reset_index(drop=True)
    best, far = starts, 0.0
    for way in np.arange(0.05, 1.01, 0.05):
        between = on_the_way(starts, ends, float(way))
        silent = detector.anomaly_score(between) <= detector.threshold_
        if silent.mean() < 0.5:
            break
        best, far = between[silent], float(way)
    return best, max(far, reached)


def on_the_way(starts: pd.DataFrame, ends: pd.DataFrame, way: float) -> pd.DataFrame:
    """Numbers between two rows; words are those of the nearer one."""
    between = starts.copy()
    for name in starts.columns:
        if isinstance(starts[name].dtype, pd.CategoricalDtype):
            between[name] = ends[name] if way >= 0.5 else starts[name]
        else:
            mixed = (1 - way) * starts[name].astype(float) + way * ends[name].astype(float)
            between[name] = mixed.round().astype(starts[name].dtype) if starts[name].dtype.kind == "i" else mixed
    return between


def forgotten(seed: int) -> dict[str, tuple[float, float]]:
    """What each way to learn the test's normal connections costs on those of training."""
    table, attack, train = network()
    parts, champion = halves(seed), champion_of(seed)
    rest = np.setdiff1d(np.flatnonzero((attack == "normal") & train), parts["taught"])
    return forgetting(copy.deepcopy(champion), table.iloc[rest], table.iloc[parts["first normal"]])
