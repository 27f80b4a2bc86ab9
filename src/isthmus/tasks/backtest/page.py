"""The page about a backtest: policies side by side, and what each did day by day."""

from __future__ import annotations

from dataclasses import asdict

import numpy as np

import isthmus
from isthmus.report import Block, Note, Page, Section, Table, Text, charts
from isthmus.tasks.anomaly.page_blocks import drawn
from isthmus.tasks.backtest.backtest import Backtest

MOST_CURVES = 6
MADE = (
    "Every policy begins with the same detector, learnt from the first days without the anomalies that are labelled. "
    "From then on a day knows nothing of a later one: a row is scored by the detector of its day, a review is known "
    "after its delay, and only reviews keep anomalies out of what is learnt. Alarms within the cooldown of an alert "
    "call nobody and find nothing. Labels judge, and reviews quote them: a reviewer who errs would do worse."
)


def page(found: Backtest, name: str) -> Page:
    """The whole page.

    Args:
        found: The backtest.
        name: Of the history.
    """
    days, episodes = found.outcomes[0].days, found.outcomes[0].episodes
    lead = (
        f"{found.rows:,} rows of `{name}`, replayed under {len(found.outcomes)} policies: {days} days after the first "
        f"{found.plan.train_days:g}, with {episodes} episodes of anomalies."
    )
    best = found.best
    verdict = Note("good", f"{best}.", title=f"Cheapest: {best.name}")
    blocks: list[Block] = [
        verdict,
        Section("Policies side by side", [_table(found)]),
        Section("Alerts day by day", [_curves(found)]),
        Section("What each policy is", [_policies(found)]),
        Section("How the figures were made", [Text(MADE)]),
    ]
    return Page(f"Backtest of {name}", lead, blocks, f"Written by isthmus {isthmus.__version__}.")


def _table(found: Backtest) -> Table:
    """The figures."""
    head = ["policy", "alerts a day", "false a day", "false-alarm rate", "missed", "hours to detect", "slowest", "cost"]
    rows = [
        [
            one.name,
            one.alerts_per_day,
            one.false_per_day,
            one.false_alarm_rate,
            f"{one.missed} of {one.episodes}",
            one.hours,
            one.slowest,
            one.cost,
        ]
        for one in found.outcomes
    ]
    formats = {"alerts a day": ".2f", "false a day": ".2f", "false-alarm rate": ".2%", "cost": ",.0f"}
    caption = f"Over {found.outcomes[0].days} days"
    return Table(head, rows, caption, formats, {"missed": "right"})


def _curves(found: Backtest) -> Block:
    """Alerts of each day."""
    series = {one.name: (np.arange(1, one.days + 1), np.array(one.alerts)) for one in found.outcomes[:MOST_CURVES]}
    return drawn(charts.curves, series, title="Alerts of each day", x="day", y="alerts")


def _policies(found: Backtest) -> Table:
    """What was asked, and how often it was done."""
    policies = found.plan.policies
    head = ["policy", *asdict(next(iter(policies.values()))), "trainings", "thresholds set", "reviews"]
    rows = [
        [one.name, *asdict(policies[one.name]).values(), one.trainings, one.settings, one.reviews]
        for one in found.outcomes
    ]
    return Table(head, rows, "As the plan has them, and how often each came to pass")
