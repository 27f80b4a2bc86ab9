"""Alarms put together: planted faults are found as such, one fault is one incident, and the order decides nothing."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.datasets import load_digits, load_wine
from sklearn.metrics import adjusted_rand_score

import isthmus
from isthmus.errors import AbilityError
from isthmus.tasks.anomaly.explanation import incidents
from isthmus.tasks.anomaly.explanation.incidents import grouped, numbered

FAULTS = ((1,), (4, 5), (7, 8, 9))  # the columns that each breaks


def planted(rows: Any, spread: Any, kind: int) -> Any:
    """The rows with one fault: its columns six deviations off, each row to one side or the other."""
    broken, columns = rows.copy(), list(FAULTS[kind])
    sides = np.random.default_rng(kind).choice([-1, 1], (len(rows), 1))
    broken[:, columns] += 6 * sides * spread[columns]
    return broken


class Plant:
    """A detector of rows, and other rows with three faults in them."""

    def __init__(self, normal: Any) -> None:
        normal = normal[np.random.default_rng(0).permutation(len(normal))]
        train, new = np.array_split(normal, 2)
        self.spread, self.size = train.std(0), min(40, len(new) // 3)
        model = isthmus.Autoencoder(epochs=40, device="cpu")
        self.detector = isthmus.AnomalyDetector(model, alpha=0.05, random_state=0).fit(train)
        parts = [self.of(new[at * self.size : (at + 1) * self.size], at) for at in range(3)]
        self.X, self.kinds = np.concatenate(parts), np.repeat(np.arange(3), self.size)

    def of(self, rows: Any, kind: int) -> Any:
        """Rows with one fault."""
        return planted(rows, self.spread, kind)

    def agreement(self) -> tuple[float, float, int]:
        """Adjusted Rand index of the incidents and of each alarm's column farthest off, and how many alarms."""
        found = self.detector.incidents(self.X)
        numbers = numbered(found, len(self.X))
        alarms = numbers > 0
        farthest = np.abs(self.X / self.spread - self.X.mean(0) / self.spread).argmax(1)
        truth = self.kinds[alarms]
        ours, control = (adjusted_rand_score(truth, one[alarms]) for one in (numbers, farthest))
        return float(ours), float(control), int(alarms.sum())


@pytest.fixture(scope="module")
def wine() -> Plant:
    """scikit-learn's wines."""
    return Plant(load_wine().data)


def test_three_faults_are_three_incidents(wine: Plant) -> None:
    ours, control, alarms = wine.agreement()
    assert alarms > 60
    assert ours > 0.95 > 0.85 > control
    found = wine.detector.incidents(wine.X)
    assert len(found) == 3 and found[0].size >= found[1].size >= found[2].size
    for one in found:
        kind = int(np.bincount(wine.kinds[one.rows]).argmax())
        names = {f"x{at}" for at in FAULTS[kind]}
        assert names <= set(list(one.columns)[: len(names)])
        assert list(one.columns.values()) == sorted(one.columns.values(), reverse=True)
        assert (one.first, one.last, one.size) == (min(one.rows), max(one.rows), len(one.rows))
        assert one.representative in one.rows


@pytest.mark.parametrize("kind", range(3))
def test_one_fault_is_one_incident(wine: Plant, kind: int) -> None:
    found = wine.detector.incidents(wine.X[wine.kinds == kind])
    assert [one.incident for one in found] == [1]
    assert found[0].size > 10


@pytest.mark.slow
@pytest.mark.parametrize("name", ["19_landsat", "28_pendigits"])
def test_faults_planted_in_other_tables_are_found(name: str, real_data: Path) -> None:
    table = np.load(real_data / "adbench" / f"{name}.npz")
    ours, control, alarms = Plant(table["X"][table["y"] == 0][:1500]).agreement()
    assert alarms > 100
    assert ours > max(0.9, control + 0.1)


def test_the_order_of_the_rows_decides_nothing(wine: Plant) -> None:
    order = np.random.default_rng(1).permutation(len(wine.X))
    first, second = wine.detector.incidents(wine.X), wine.detector.incidents(wine.X[order])
    assert [set(one.rows) for one in first] == [set(order[one.rows].tolist()) for one in second]
    assert [one.representative for one in first] == [order[one.representative] for one in second]
    assert [one.columns for one in first] == [pytest.approx(one.columns) for one in second]


def many(n: int) -> tuple[Any, Any, Any]:
    """Shares of a score from five kinds of alarms, and of some that are like no other; with scores, and kinds."""
    random = np.random.default_rng(0)
    kinds = random.integers(0, 6, n)
    peaks = np.where(kinds[:, None] < 5, 20 * np.eye(6, 40)[kinds], 0) + random.gamma(0.1, size=(n, 40))
    return peaks / peaks.sum(1, keepdims=True), random.normal(size=n), kinds


def labels_of(groups: list[Any], n: int) -> Any:
    """The number of each row's group."""
    labels = np.empty(n, dtype=int)
    for number, group in enumerate(groups):
        labels[group] = number
    return labels


def test_ten_thousand_alarms_are_grouped_in_seconds_and_as_a_few_are() -> None:
    shares, scores, kinds = many(10_000)
    started = time.process_time()
    labels = labels_of(grouped(shares, scores), 10_000)
    assert time.process_time() - started < 10
    assert adjusted_rand_score(kinds[kinds < 5], labels[kinds < 5]) == 1.0
    order = np.random.default_rng(1).permutation(10_000)
    assert adjusted_rand_score(labels[order], labels_of(grouped(shares[order], scores[order]), 10_000)) == 1.0


def test_what_comes_after_the_first_thousand_founds_groups_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    shares, scores, kinds = many(300)
    whole = labels_of(grouped(shares, scores - 10 * (kinds == 4)), 300)
    monkeypatch.setattr(incidents, "MOST", 60)
    pieced = labels_of(grouped(shares, scores - 10 * (kinds == 4)), 300)
    assert adjusted_rand_score(whole[kinds < 5], pieced[kinds < 5]) == 1.0


def test_alarms_that_no_column_raised_are_one_incident() -> None:
    shares = np.array([[0.0, 0.0], [0.5, 0.0], [0.0, 0.0]])
    assert [group.tolist() for group in grouped(shares, np.array([1.0, 2.0, 3.0]))] == [[2, 0], [1]]


def test_without_alarms_there_is_no_incident_and_without_columns_no_verb(wine: Plant) -> None:
    calm = wine.detector.anomaly_score(wine.X) <= wine.detector.threshold_
    assert wine.detector.incidents(wine.X[calm][:3] if calm.any() else wine.X[:0]) == []
    images = (load_digits().images[:200, :, :, None] / 16).astype(np.float32)
    model = isthmus.Autoencoder(epochs=1, latent_dim=4, device="cpu")
    detector = isthmus.AnomalyDetector(model, alpha=0.1, random_state=0).fit(images)
    for verb in ("incidents", "nearest_normal", "explain"):
        with pytest.raises(AbilityError, match=f"{verb}.*data of kind 'image'"):
            getattr(detector, verb)(images)
