"""Attackers who teach: by what they say of alarms, and by rows that stay below the threshold."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from tests.tasks.conftest import Tumours

import isthmus
from isthmus.tasks.learning.feedback import Feedback, Item, Rules
from isthmus.tasks.learning.gate import compared, may_promote
from isthmus.tasks.learning.ledger import name_of
from isthmus.tasks.learning.retraining import retrain
from isthmus.tasks.learning.rows import rows_of

DAYS, ROWS = 6, 120
Floats = NDArray[np.float64]


@pytest.mark.parametrize(("people", "admitted"), [(1, 0), (3, 20)])
def test_attackers_who_report_their_own_rows_are_held_to_the_caps(
    tmp_path: Path, tumours: Tumours, people: int, admitted: int
) -> None:
    feedback = Feedback(tmp_path / "feedback.jsonl", Rules(per_person=50))
    for row in rows_of(tumours.malignant[:60]):
        for person in range(people):
            feedback.say(row, "false_alarm", by=f"attacker {person}", entity="one host")
    standing = feedback.standing(10_000)
    assert len(standing.admitted) == admitted
    assert len(standing.quarantined) == 60 - admitted
    for row in rows_of(tumours.malignant[:10]):
        feedback.say(row, "confirmed", by="ann")
    assert not {item.name for item in feedback.standing(10_000).admitted} & {
        name_of(row) for row in rows_of(tumours.malignant[:10])
    }


def below(detector: isthmus.AnomalyDetector, starts: Floats, goal: Floats) -> Floats:
    """Rows as far on the way from normal to an anomaly as raise no alarm."""
    best = starts
    for way in np.arange(0.1, 1.01, 0.1):
        between = (1 - way) * starts + way * goal
        if (detector.anomaly_score(between) > detector.threshold_).mean() > 0.2:
            break
        best = between
    return best


@pytest.mark.slow
@pytest.mark.parametrize("share", [0.01, 0.05])
def test_a_slow_attack_through_unlabelled_rows_is_stopped_or_reported(
    tumours: Tumours, quick: isthmus.Autoencoder, share: float
) -> None:
    random = np.random.default_rng(0)
    spread = 0.05 * tumours.benign.std(0)

    def day() -> Floats:
        drawn = tumours.benign[random.integers(250, size=ROWS)]
        return drawn + spread * random.normal(size=drawn.shape)

    goal = tumours.malignant[0]
    pinned = [Item(name_of(row), row, "", "ann") for row in rows_of(tumours.malignant[1:40])]
    held, days = tumours.benign[250:], [day() for _ in range(3)]
    first = serving = isthmus.AnomalyDetector(quick, alpha=0.05, members=1, random_state=0).fit(np.concatenate(days))
    reported = 0
    for _ in range(DAYS):
        poison = below(serving, day()[: max(1, round(share * ROWS))], goal)
        days = [*days, np.concatenate([day(), poison])][-3:]
        challenger, _ = retrain(serving, np.concatenate(days))
        gate = compared(serving, challenger, held, pinned, anchor=first)
        reported += bool(gate.reasons) or gate.looks_boiled
        if may_promote("gate", gate):
            serving = challenger
    found = [(one.anomaly_score(tumours.malignant) > one.threshold_).mean() for one in (first, serving)]
    assert found[1] >= 0.9 * found[0] or reported
