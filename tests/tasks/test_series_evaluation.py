"""A series detector on labelled points: events, order and promise, beside controls that learn nothing."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

import isthmus
from isthmus.errors import InputError, ParameterError
from isthmus.tasks.anomaly.series.evaluation import BEATEN, CHANCE, DEVIATION, OURS, SOUND, evaluate_series
from isthmus.tasks.anomaly.series.page import page

T = np.arange(2600)
WAVE = np.sin(T / 5) + 0.1 * np.random.default_rng(0).normal(size=len(T))
LABELS = np.zeros(400, dtype=bool)
LABELS[100:140] = True


@pytest.fixture(scope="module")
def detector() -> isthmus.TimeSeriesDetector:
    """Of a wave; quick."""
    return isthmus.TimeSeriesDetector(window=20, alpha=0.1, random_state=0).fit(WAVE[:2200])


def stuck() -> np.ndarray:
    """The end of the wave, with a sensor that stands still."""
    rows = WAVE[2200:].copy()
    rows[100:140] = rows[100]
    return rows


def test_what_stands_still_is_found_and_no_control_comes_near(detector: isthmus.TimeSeriesDetector) -> None:
    found = isthmus.evaluate(detector, stuck(), LABELS)
    assert (found.points, found.anomalies, found.events, found.unscored) == (400, 40, 1, 0)
    assert found.verdict == SOUND and found.levers() == [] and found.kept
    assert found.methods[OURS].vus_pr > 0.8
    assert found.methods[OURS].vus_pr > 2 * max(found.methods[name].vus_pr for name in (DEVIATION, CHANCE))
    assert found.methods[CHANCE].adjusted.f1 > 2 * found.methods[CHANCE].events.f1  # what point adjustment is worth
    assert json.loads(json.dumps(found.to_json()))["methods"][OURS]["event"]["recall"] == 1
    assert "Inflated" in " ".join(found.sentences()) and "sound" not in page(found, "wave").html()


def test_the_threshold_stays_and_the_controls_raise_as_many_alarms(detector: isthmus.TimeSeriesDetector) -> None:
    before = detector.threshold_
    found = evaluate_series(detector, stuck(), LABELS)
    assert detector.threshold_ == before == found.to_json()["threshold"]
    alarms = {name: one.false_alarm_rate * (found.points - found.anomalies) for name, one in found.methods.items()}
    ours = int((detector.anomaly_score(stuck()) > before).sum())
    assert alarms[OURS] <= ours and alarms[CHANCE] <= ours


def test_a_burst_of_noise_is_the_moving_deviations_to_find(detector: isthmus.TimeSeriesDetector) -> None:
    rows = WAVE[2200:].copy()
    rows[100:140] *= 30
    found = evaluate_series(detector, rows, LABELS)
    assert found.methods[DEVIATION].vus_pr > found.methods[OURS].vus_pr > 0.5
    assert found.verdict == BEATEN and "moving deviation" in found.levers()[0]
    assert "A control orders them as well" in found.sentences()[2]


def test_events_of_two_entities_are_two_and_short_stretches_are_left_out() -> None:
    frame = pd.DataFrame({"who": np.repeat(["a", "b"], 1300), "load": WAVE})
    quick = isthmus.TimeSeriesDetector(window=20, entity="who", alpha=0.1, calibration=0.4, random_state=0).fit(frame)
    today = pd.concat(
        [pd.DataFrame({"who": who, "load": WAVE[:n]}) for who, n in (("a", 200), ("b", 200), ("c", 10)) if who != "c"],
        ignore_index=True,
    )
    labels = np.zeros(400, dtype=bool)
    labels[180:220] = True  # the end of the first and the beginning of the second
    found = evaluate_series(quick, today, labels)
    assert (found.events, found.points) == (2, 400)
    mixed = pd.concat([today, today[200:210]], ignore_index=True)
    short = evaluate_series(quick, mixed[190:].reset_index(drop=True), np.append(labels[190:], [False] * 10))
    assert short.unscored == 10 and short.points == 210 and short.events == 1
    assert "10 points in stretches shorter" in short.sentences()[0]


def test_what_cannot_judge_is_refused(detector: isthmus.TimeSeriesDetector) -> None:
    with pytest.raises(InputError, match="normal rows only"):
        isthmus.evaluate(detector, WAVE[:300], np.zeros(300, dtype=bool))
    with pytest.raises(InputError, match="one label for each of the 300 rows"):
        isthmus.evaluate(detector, WAVE[:300], LABELS)
    with pytest.raises(ParameterError, match="X_normal= beside a TimeSeriesDetector"):
        isthmus.evaluate(detector, stuck(), LABELS, X_normal=WAVE[:300])
    with pytest.raises(ParameterError, match="operation= beside"):
        isthmus.evaluate(detector, stuck(), LABELS, operation=isthmus.Operation(miss=3))


def test_numbers_of_episodes_are_those_of_the_episodes(detector: isthmus.TimeSeriesDetector) -> None:
    numbers, episodes = detector.episode_numbers(stuck()), detector.episodes(stuck())
    assert numbers.shape == (400,) and numbers.max() == len(episodes) > 0
    for number, episode in enumerate(episodes, 1):
        places = np.flatnonzero(numbers == number)
        assert (places[0], places[-1]) == (episode.start, episode.end)
