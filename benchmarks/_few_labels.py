"""Tables of which a few rows get labels, and what a score, a classifier and both together find within one budget."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from _detection import whole
from numpy.typing import NDArray

import isthmus
from isthmus.tasks.anomaly.few_labels.cuts import Cuts
from isthmus.tasks.anomaly.few_labels.detector import LEAST
from isthmus.tasks.anomaly.few_labels.second_stage import CLASSIFIERS, opinions
from isthmus.tasks.anomaly.thresholds import conformal

Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
SCARCE = 0.15  # sets with a larger share of anomalies than that are no case for a few labels
HTTP, INTRUSION = "16_http", "NSL-KDD"
THIN = 1e-4  # share of anomalies among the rows of HTTP
FEWEST = 2  # anomalies among the labelled rows
EITHER, SCORE, CLASSIFIER, COLUMNS, RANDOM = (
    "score or classifier",
    "score alone",
    "classifier alone",
    "boosting of the columns, no detector",
    "random",
)
WAYS = [("boosting", "both"), ("boosting", "code"), ("logistic", "both")]
TEST = 10_000  # connections that judge
MEMBERS = 1  # half of what the default has, so that all of it takes a quarter of an hour
USUAL = "boosting, both"


class Plan(NamedTuple):
    """One table and who sees which of its rows.

    Args:
        table: All rows.
        anomalous: (n,) truth.
        history: Normal rows to learn from, to calibrate with, and to label some of.
        fractions: How those are shared out.
        found: Anomalies among the rows that may be labelled.
        test: Rows that judge.
        kinds: {name: anomalies among those}.
        alpha: The budget.
        labels: How many rows are labelled.
        by_alarms: Whether those with the highest scores are; else rows at random.
    """

    table: Any
    anomalous: Bools
    history: Ints
    fractions: tuple[float, float, float]
    found: Ints
    test: Ints
    kinds: dict[str, Ints]
    alpha: float
    labels: tuple[int, ...]
    by_alarms: bool

    def rows(self, chosen: Ints) -> Any:
        """Some of the rows."""
        return self.table.iloc[chosen] if isinstance(self.table, pd.DataFrame) else self.table[chosen]


@cache
def chosen_sets() -> list[str]:
    """The two sets with the most anomalies of those where these are scarce; HTTP stands by itself."""
    names = [file.stem for file in (DATA / "adbench").glob("*.npz") if file.stem != HTTP]
    scarce = [name for name in names if whole(name)[1].mean() < SCARCE]
    return sorted(scarce, key=lambda name: -int(whole(name)[1].sum()))[:2]


def plan(name: str, seed: int) -> Plan:
    """Whose rows are whose in one of the tables."""
    random = np.random.default_rng(seed)
    if name == INTRUSION:
        return connections(random)
    X, anomalous = whole(name)
    normal, anomalies = (random.permutation(np.flatnonzero(kind)) for kind in (~anomalous, anomalous))
    if name == HTTP:
        history, fractions, test = 80_000, (0.05, 0.30, 0.65), 40_000
        found = round(THIN * fractions[2] * history)
    else:
        history, fractions, test = 8_000, (0.4, 0.3, 0.3), 3_000
        share = anomalous.mean()
        found = round(share / (1 - share) * fractions[2] * history)
    rest = anomalies[found:][:1_000]
    judged = np.concatenate([normal[history:][:test], rest])
    draw = ((20, 100, 500), True) if name == HTTP else ((10, 20, 50, 100, 200, 500), False)
    alpha = THIN if name == HTTP else 0.01
    return Plan(X, anomalous, normal[:history], fractions, anomalies[:found], judged, {"anomalies": rest}, alpha, *draw)


def connections(random: np.random.Generator) -> Plan:
    """Attacks on a network: a tenth of the rows to be labelled are attacks, and those to come are of new types too."""
    table, attack, train = network()
    anomalous = attack != "normal"
    normal = random.permutation(np.flatnonzero(~anomalous & train))
    found = random.permutation(np.flatnonzero(anomalous & train))[: len(normal) * 3 // 10 // 9]
    known = np.isin(attack, attack[train])
    later = random.permutation(np.flatnonzero(~train))[:TEST]
    test, attacks = np.sort(later), np.sort(later[anomalous[later]])
    kinds = {"known attacks": attacks[known[attacks]], "new attacks": attacks[~known[attacks]]}
    labels = (10, 20, 50, 100, 200, 500)
    return Plan(table, anomalous, normal, (0.4, 0.3, 0.3), found, test, kinds, 0.01, labels, False)


@cache
def network() -> tuple[pd.DataFrame, NDArray[Any], Bools]:
    """Connections, each one's attack or "normal", and which are there to learn from; names are declared beforehand."""
    folder = DATA / "intrusion"
    lines = (folder / "Field_Names.csv").read_text(encoding="utf-8").split()
    fields = [line.split(",")[0] for line in lines][:41]
    parts = [pd.read_csv(folder / file, header=None) for file in ("KDDTrain+_20Percent.txt.gz", "KDDTest+.txt.gz")]
    table = pd.concat(parts, ignore_index=True).iloc[:, :42]
    table.columns = [*fields, "attack"]
    for name in ("protocol_type", "service", "flag"):
        table[name] = pd.Categorical(table[name], sorted(table[name].unique()), ordered=True)
    attack = table.pop("attack").to_numpy().astype(str)
    return table, attack, np.arange(len(table)) < len(parts[0])


def curve(name: str, seed: int) -> dict[str, Any]:
    """What every way finds with every number of labels, {labels: {way: {method: {figure: per cent}}}}."""
    its = plan(name, seed)
    split = isthmus.split_for_detection(its.rows(its.history), fractions=its.fractions, random_state=seed)
    train, calibration, pool = (its.history[part] for part in split)
    detector = isthmus.AnomalyDetector(alpha=its.alpha, members=MEMBERS, random_state=seed)
    detector.fit(its.rows(train), X_calibration=its.rows(calibration))
    pool = np.concatenate([pool, its.found])
    parts = {"calibration": calibration, "pool": pool, "test": its.test}
    told = {part: opinions(detector, its.rows(rows), "both") for part, rows in parts.items()}
    width = 1 + int(np.prod(detector.model_.latent_shape_))
    found: dict[str, Any] = {}
    for labels in its.labels:
        drawn = top(told["pool"], labels) if its.by_alarms else at_random(its.anomalous[pool], labels, seed)
        truth = its.anomalous[pool[drawn]]
        found[str(labels)] = {"anomalies among them": int(truth.sum())}
        if 0 < truth.sum() < labels:
            case = Case(its, told, drawn, truth, seed)
            found[str(labels)] |= {f"{one}, {which}": case.methods(one, columns(which, width)) for one, which in WAYS}
            found[str(labels)] |= {COLUMNS: case.plain("boosting", slice(width, None))}
    return {"calibration rows": len(calibration), "curve": found}


def top(told: Floats, labels: int) -> Ints:
    """The rows whose alarms are looked at first."""
    return np.argsort(-told[:, 0], kind="stable")[:labels]


def at_random(anomalous: Bools, labels: int, seed: int) -> Ints:
    """Rows at random, with as many anomalies among them as there are in all, but two at least."""
    random = np.random.default_rng(seed)
    kinds = [random.permutation(np.flatnonzero(kind)) for kind in (anomalous, ~anomalous)]
    some = max(FEWEST, round(anomalous.mean() * labels))
    return np.concatenate([kinds[0][:some], kinds[1][: labels - some]])


def columns(which: str, width: int) -> slice:
    """The features that a classifier is told of all that `opinions` says."""
    return slice(0, width) if which == "code" else slice(None)


class Case(NamedTuple):
    """One plan, what the detector says of its rows, and which of them are labelled."""

    plan: Plan
    told: dict[str, Floats]
    drawn: Ints
    truth: Bools
    seed: int

    def odds(self, classifier: str, which: slice) -> dict[str, Floats]:
        """The log odds of every part's rows."""
        seed = int(np.random.RandomState(self.seed).randint(2**31 - 1))  # as `FewLabelDetector` draws it
        learnt = CLASSIFIERS[classifier].learnt(self.told["pool"][self.drawn, which], self.truth, seed)
        return {part: learnt.log_odds(self.told[part][:, which]) for part in ("calibration", "test")}

    def methods(self, classifier: str, which: slice) -> dict[str, Any]:
        """What score, classifier and both find."""
        score, odds = {part: told[:, 0] for part, told in self.told.items()}, self.odds(classifier, which)
        cuts = Cuts.of(np.stack([score["calibration"], odds["calibration"]]), LEAST)
        either = cuts.surprise(np.stack([score["test"], odds["test"]])) > cuts.threshold(self.plan.alpha)
        found = {
            EITHER: self.figures(either),
            SCORE: self.figures(self.above(score)),
            CLASSIFIER: self.figures(self.above(odds)),
            RANDOM: self.figures(np.random.default_rng(self.seed).random(len(either)) < self.plan.alpha),
        }
        normal = ~self.plan.anomalous[self.plan.test]
        low, high = cuts.promise(self.plan.alpha).band(int(normal.sum()))
        return found | {"inside": bool(low <= either[normal].sum() <= high)}

    def plain(self, classifier: str, which: slice) -> dict[str, float]:
        """What a classifier finds that knows no detector."""
        return self.figures(self.above(self.odds(classifier, which)))

    def above(self, scores: dict[str, Floats]) -> Bools:
        """Alarms of one score that spends the whole budget."""
        return np.asarray(scores["test"] > conformal(scores["calibration"], self.plan.alpha).value)

    def figures(self, alarms: Bools) -> dict[str, float]:
        """Recall of each kind of anomaly and the rate of false alarms, in per cent."""
        test = self.plan.test
        rates = {kind: alarms[np.isin(test, rows)].mean() for kind, rows in self.plan.kinds.items()}
        rates["false alarms"] = alarms[~self.plan.anomalous[test]].mean()
        return {name: 100 * float(rate) for name, rate in rates.items()}
