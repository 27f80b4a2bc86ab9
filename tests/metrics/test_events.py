"""Figures of merit for events in a series, against the packages that define them, and against plain counting.

`ORACLE` holds what TSB-AD 1.5 gives for `drawn(seed)`: `generate_curve(labels, scores, window, "opt", 250)[-1]`, then
precision and recall of `affiliation.metrics.pr_from_events` (Huet's own code), then `metric_PointF1PA`.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from numpy.typing import NDArray

from isthmus.errors import InputError, ParameterError
from isthmus.metrics import affiliation, event_f1, point_adjusted_f1, vus_pr
from isthmus.metrics.events import runs

#        n, events, window: VUS-PR, affiliation precision and recall, point-adjusted F1
ORACLE = {
    (300, 3, 10): (0.5857629549, 0.6472411947, 0.7489032952, 0.8395061728),
    (500, 8, 40): (0.6337437869, 0.7609571717, 0.9869522455, 0.8571428571),
    (200, 2, 0): (0.3022605111, 0.5515293407, 0.6545844884, 0.7058823529),
    (400, 12, 25): (0.7232811044, 0.9054628046, 0.8703405656, 0.9204545455),
    (150, 1, 30): (0.7500000000, 0.7446806064, 1.0000000000, 0.2352941176),
    (90, 2, 7): (0.4616970069, 0.7345208333, 0.6610256410, 0.8823529412),
}


class Drawn(NamedTuple):
    """Labels, scores and alarms of a series."""

    labels: NDArray[np.bool_]
    scores: NDArray[np.float64]
    alarms: NDArray[np.bool_]


def drawn(n: int, events: int, seed: int) -> Drawn:
    """A series with events of 1 to 19 points, some of which overlap, some at its ends, and scores that are tied."""
    random = np.random.default_rng(seed)
    labels = np.zeros(n, dtype=bool)
    for start in random.integers(-5, n, events):
        labels[max(start, 0) : start + random.integers(1, 20)] = True
    labels[-1] = True
    scores = np.round(random.normal(size=n) + 1.5 * labels, 2)
    return Drawn(labels, scores, scores > np.quantile(scores, 0.9))


@pytest.mark.parametrize("case", ORACLE)
def test_figures_are_those_of_the_packages_that_define_them(case: tuple[int, int, int]) -> None:
    n, events, window = case
    labels, scores, alarms = drawn(n, events, seed=n)
    near, adjusted = affiliation(labels, alarms), point_adjusted_f1(labels, alarms)
    found = (vus_pr(labels, scores, window), near.precision, near.recall, adjusted.f1)
    assert found == pytest.approx(ORACLE[case], abs=1e-9)


# name: window, and the oracle's VUS-PR of |x - mean| of one channel of the test part
REAL = {
    "smd/machine-2-2": (1, 100, 0.127303),
    "smd/machine-3-4": (1, 30, 0.113017),
    "smap_msl/SMAP_P-1": (0, 60, 0.109645),
}


@pytest.mark.parametrize("name", REAL)
def test_the_volume_of_real_series_is_the_oracles(name: str, real_data: Path) -> None:
    channel, window, expected = REAL[name]
    with np.load(real_data / f"{name}.npz") as held:
        x, labels = held["test"][:, channel], held["label"] > 0
    assert vus_pr(labels, np.abs(x - x.mean()), window) == pytest.approx(expected, abs=1e-6)


def test_the_volume_depends_on_the_order_of_the_scores_alone() -> None:
    labels, scores, _ = drawn(400, 5, seed=0)
    assert vus_pr(labels, np.exp(scores), 20) == vus_pr(labels, scores, 20)


def test_the_volume_of_scores_at_random_is_about_the_share_of_anomalous_points() -> None:
    labels = drawn(2000, 15, seed=1).labels
    random = np.random.default_rng(0)
    volumes = [vus_pr(labels, random.random(2000), 10) for _ in range(5)]
    assert labels.mean() * 0.8 < np.mean(volumes) < labels.mean() * 1.6


def test_an_early_alarm_is_worth_something_within_the_window_and_nothing_beyond() -> None:
    labels = np.arange(1000) // 50 == 10
    before = [vus_pr(labels, np.roll(labels, -shift).astype(float), 40) for shift in (0, 10, 30, 200)]
    assert before == sorted(before, reverse=True)
    assert before[-1] < 0.1 < before[1]


def test_runs_are_where_they_are() -> None:
    mask = np.array([1, 1, 0, 1, 0, 0, 1], dtype=bool)
    starts, stops = runs(mask)
    assert [list(range(*edge)) for edge in zip(starts, stops, strict=True)] == [[0, 1], [3], [6]]
    assert all(len(edges) == 0 for edges in runs(np.zeros(3, dtype=bool)))


def test_events_are_counted_once_however_many_alarms_they_raise() -> None:
    labels = [0, 1, 1, 1, 1, 0, 0, 0, 1, 0]
    assert event_f1(labels, [0, 1, 0, 1, 0, 0, 0, 0, 0, 0]) == (1.0, 0.5, pytest.approx(2 / 3))
    assert event_f1(labels, [1, 1, 0, 1, 0, 0, 1, 1, 0, 0]) == (0.5, 0.5, 0.5)
    assert event_f1(labels, [0] * 10) == (0.0, 0.0, 0.0)
    assert event_f1(labels, labels) == (1.0, 1.0, 1.0)


def test_adjustment_inflates_and_shows_it() -> None:
    labels = np.arange(2000) % 1000 >= 700
    alarms = np.random.default_rng(0).random(2000) < 0.02
    figure = point_adjusted_f1(labels, alarms)
    assert figure.f1 > 0.9
    assert figure.at_random == pytest.approx(figure.f1, abs=0.1)
    assert event_f1(labels, alarms).f1 < figure.f1


def test_affiliation_of_alarms_at_random_is_about_a_half_and_of_the_truth_one() -> None:
    labels = np.arange(3000) % 300 // 10 == 3
    random = np.random.default_rng(0)
    assert affiliation(labels, random.random(3000) < 0.05).precision == pytest.approx(0.5, abs=0.1)
    assert affiliation(labels, labels) == (1.0, 1.0, 1.0)
    assert affiliation(labels, np.zeros(3000)) == (0.0, 0.0, 0.0)
    assert affiliation(labels, np.ones(3000)).recall == 1.0


FIGURES: list[Callable[[Any, Any], Any]] = [
    event_f1,
    point_adjusted_f1,
    affiliation,
    lambda labels, scores: vus_pr(labels, scores, 5),
]


@pytest.mark.parametrize("figure", FIGURES)
def test_a_series_without_events_and_arrays_of_two_lengths_are_refused(figure: Callable[[Any, Any], Any]) -> None:
    with pytest.raises(InputError, match="3 rows without one anomaly: a rate needs something to count. Add one"):
        figure([0, 0, 0], [0.0, 1.0, 0.0])
    with pytest.raises(InputError, match=r"\(2,\) labels and \(3,\) judgements"):
        figure([0, 1], [0, 1, 1])


def test_scores_without_an_order_and_windows_that_are_none_are_refused() -> None:
    with pytest.raises(InputError, match="1 of 3 scores are NaN: .* Leave those points out"):
        vus_pr([0, 1, 0], [0.0, np.nan, 1.0], 5)
    for window in (-1, 2.5, True):
        with pytest.raises(ParameterError, match=f"window={window!r}: it is a whole number of points >= 0. Use"):
            vus_pr([0, 1, 0], [0.0, 2.0, 1.0], window)  # type: ignore[arg-type]
