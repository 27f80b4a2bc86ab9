"""Backtests: a history that is lived through again, of which nothing later is known."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import isthmus
from isthmus.errors import DataFileError, InputTypeError, ParameterError, UnknownNameError
from isthmus.tasks.backtest.backtest import Backtest, backtest, lived_of
from isthmus.tasks.backtest.page import page
from isthmus.tasks.backtest.policy import Plan

SECTIONS: dict[str, Any] = {
    "history": {"time": "time", "label": "label", "train_days": 8},
    "detector": {"alpha": 0.02, "members": 1, "epochs": 8, "latent_dim": 2, "hidden_dims": [8]},
    "costs": {"miss": 100, "false_alarm": 2, "review": 1},
    "policies": {
        "never": {},
        "weekly": {"retrain_days": 4, "window_days": 6, "reviews": 50, "delay_days": 0},
        "cautious": {"threshold_days": 2, "window_days": 6, "cooldown_hours": 12},
    },
}


@pytest.fixture(scope="module")
def history() -> pd.DataFrame:
    """Twenty days of numbers whose mean moves from the tenth day on, with three episodes of anomalies."""
    random = np.random.default_rng(0)
    n = 20 * 48
    z, x = random.normal(size=(n, 2)), random.normal(scale=0.3, size=(n, 4))
    x += z @ random.normal(size=(2, 4))
    day = np.arange(n) / 48
    x[:, 0] += 1.2 * np.clip(day - 10, 0, 4) / 2
    label = np.zeros(n, dtype=bool)
    for start in (9.5, 13.5, 18.5):
        at = slice(int(start * 48), int(start * 48) + 6)
        label[at], x[at] = True, x[at] + np.array([0.0, 4.0, -4.0, 4.0])
    time = pd.Timestamp("2026-03-01") + pd.to_timedelta(np.arange(n) * 30, unit="min")
    return pd.DataFrame(x, columns=list("abcd")).assign(time=time, label=label)


@pytest.fixture(scope="module")
def found(history: pd.DataFrame) -> Backtest:
    """Three policies, replayed."""
    return backtest(history, SECTIONS)


def test_keeping_up_with_a_drift_saves_false_alarms(found: Backtest) -> None:
    never, weekly, cautious = found.outcomes
    assert never.false_alarm_rate > 3 * weekly.false_alarm_rate
    assert (never.trainings, weekly.trainings, cautious.settings) == (0, 3, 6)
    assert weekly.missed == 0 and weekly.episodes == 3
    assert cautious.alerts_per_day <= 2  # one in twelve hours
    assert (
        weekly.cost
        == 100 * weekly.missed + 2 * weekly.false_per_day * weekly.days + weekly.alerts_per_day * weekly.days
    )
    assert found.best.cost == min(one.cost for one in found.outcomes)


@pytest.mark.slow
def test_a_replay_is_deterministic_and_knows_nothing_of_later_days(history: pd.DataFrame, found: Backtest) -> None:
    plan = {**SECTIONS, "policies": {"weekly": SECTIONS["policies"]["weekly"]}}
    again = backtest(history.sample(frac=1, random_state=0), plan).outcomes[0]
    assert again == found.outcomes[1]
    changed = history.copy()
    late = changed["time"] >= pd.Timestamp("2026-03-18")
    changed.loc[late, list("abcd")] += 50.0
    other = backtest(changed, plan).outcomes[0]
    assert other.alerts[:9] == found.outcomes[1].alerts[:9]
    assert other.alerts[9:] != found.outcomes[1].alerts[9:]


def test_episodes_are_runs_of_anomalies_or_what_a_column_says(history: pd.DataFrame) -> None:
    plan = Plan.of(SECTIONS)
    assert lived_of(history, plan).episode.max() == 3
    named = history.assign(episode=np.where(history["label"], "storm", None))
    whole = Plan.of({**SECTIONS, "history": {**SECTIONS["history"], "episode": "episode"}})
    assert len(np.unique(lived_of(named, whole).episode)) == 2


@pytest.mark.slow
def test_the_page_shows_every_policy(found: Backtest) -> None:
    text = page(found, "history.parquet").html()
    assert all(name in text for name in SECTIONS["policies"])
    assert "cheapest" in "\n".join(found.sentences())


def test_plans_that_cannot_be_replayed_are_refused(tmp_path: Path, history: pd.DataFrame) -> None:
    with pytest.raises(UnknownNameError, match="section='polices'"):
        Plan.of({**SECTIONS, "polices": {}})
    with pytest.raises(UnknownNameError, match="option='retrain'"):
        Plan.of({**SECTIONS, "policies": {"x": {"retrain": 3}}})
    with pytest.raises(ParameterError, match="no policies"):
        Plan.of({"history": SECTIONS["history"]})
    with pytest.raises(ParameterError, match="without label"):
        Plan.of({"history": {"time": "t"}})
    with pytest.raises(ParameterError, match="reviews=-1"):
        Plan.of({**SECTIONS, "policies": {"x": {"reviews": -1}}})
    with pytest.raises(DataFileError, match=r"plan\.toml"):
        Plan.read(tmp_path / "plan.toml")
    with pytest.raises(InputTypeError, match="frame"):
        isthmus.backtest(np.zeros((3, 2)), SECTIONS)
    with pytest.raises(UnknownNameError, match="column='label'"):
        backtest(history.drop(columns="label"), SECTIONS)
