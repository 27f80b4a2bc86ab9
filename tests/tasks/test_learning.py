"""Learning on: verdicts that wait, versions that serve, challengers that must not lose what is found."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from tests.tasks.conftest import Tumours

import isthmus
from isthmus.errors import AbilityError, ColumnError, CorruptFileError, ParameterError, UnknownNameError
from isthmus.estimator.inputs import read
from isthmus.tasks.learning.feedback import Feedback, Item, Rules, Standing
from isthmus.tasks.learning.gate import compared, may_promote
from isthmus.tasks.learning.ledger import Ledger, name_of
from isthmus.tasks.learning.lesson import lesson
from isthmus.tasks.learning.retraining import forgetting, led_on, retrain
from isthmus.tasks.learning.rows import joined, rows_of
from isthmus.tasks.learning.versions import Versions


def items(rows: Any) -> list[Item]:
    """Rows as somebody spoke of them."""
    return [Item(name_of(row), row, "", "ann") for row in rows_of(rows)]


def test_a_false_alarm_waits_until_another_person_says_so(tmp_path: Path) -> None:
    feedback = Feedback(tmp_path / "feedback.jsonl")
    first = feedback.say({"a": 1.0}, "false_alarm", by="ann")
    feedback.say({"a": 1.0}, "false_alarm", by="ann")
    assert [reason for _, reason in feedback.standing(100).quarantined] == ["not confirmed"]
    feedback.say({"a": 1.0}, "false_alarm", by="bo")
    assert len(feedback.standing(100).admitted) == 1
    feedback.say({"a": 1.0}, "confirmed", by="cy")
    assert [reason for _, reason in feedback.standing(100).quarantined] == ["contradicted"]
    with pytest.raises(ParameterError, match="number=9"):
        feedback.undo(9, by="ann")
    feedback.undo(first, by="ann")
    with pytest.raises(ParameterError, match="none has it"):
        feedback.undo(first, by="ann")


def test_caps_hold_whoever_reports_and_whosever_rows_they_are(tmp_path: Path) -> None:
    feedback = Feedback(tmp_path / "feedback.jsonl", Rules(confirmations=1, per_person=3, per_entity=2, share=0.5))
    for number in range(6):
        feedback.say(
            {"a": float(number)}, "false_alarm", by="ann" if number < 4 else "bo", entity=f"host-{number // 3}"
        )
    standing = feedback.standing(1000)
    assert [item.row["a"] for item in standing.admitted] == [0.0, 1.0, 3.0, 4.0]
    assert [reason for _, reason in standing.quarantined] == ["over the cap of one entity"] * 2
    assert len(feedback.standing(2).admitted) == 2  # half of all normal rows at most


def test_verdicts_of_a_table_are_written_down_once(tmp_path: Path) -> None:
    feedback = Feedback(tmp_path / "feedback.jsonl", Rules(confirmations=1))
    table = pd.DataFrame({"a": [1.0, 2.0], "verdict": ["false_alarm", "confirmed"], "by": ["ann", "ann"]})
    assert [feedback.take(table), feedback.take(table)] == [2, 0]
    standing = feedback.standing(100)
    assert ([item.row for item in standing.admitted], [item.row for item in standing.pinned]) == (
        [{"a": 1.0}],
        [{"a": 2.0}],
    )
    assert feedback.false_share() == 0.5
    with pytest.raises(ColumnError, match="without by"):
        feedback.take(table.drop(columns="by"))
    with pytest.raises(UnknownNameError, match="verdict"):
        feedback.say({"a": 1.0}, "perhaps", by="ann")


def test_a_ledger_says_where_a_line_was_changed(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "audit.jsonl")
    for number in range(3):
        ledger.add(action="add", version=f"{number}")
    text = ledger.path.read_text()
    ledger.path.write_text(text.replace('"version": "1"', '"version": "7"'))
    with pytest.raises(CorruptFileError, match="line 3"):
        ledger.lines()
    ledger.path.write_text("".join(text.splitlines(True)[1:]))
    with pytest.raises(CorruptFileError, match="line 1"):
        ledger.lines()


def test_versions_serve_by_a_person_and_roll_back_bit_for_bit(
    tmp_path: Path, tumours: Tumours, detector: isthmus.AnomalyDetector
) -> None:
    versions = Versions(tmp_path / "live")
    first = versions.add(detector, by="ann")
    versions.promote(first, by="ann", why="the first")
    before = versions.load().anomaly_score(tumours.malignant)
    other = copy.deepcopy(detector)
    other.threshold_ = 9.0
    versions.promote(versions.add(other, by="bo"), by="bo")
    versions.promote(versions.add(other, by="bo"), by="bo")
    assert [versions.rollback(by="ann"), versions.rollback(by="ann")] == ["0002", "0001"]
    assert np.array_equal(versions.load().anomaly_score(tumours.malignant), before)
    assert versions.load().threshold_ == detector.threshold_
    with pytest.raises(ParameterError, match="no other version"):
        versions.rollback(by="ann")
    with pytest.raises(ParameterError, match="answers for it"):
        versions.promote(first, by=" ")
    with pytest.raises(UnknownNameError, match="0009"):
        versions.promote("0009", by="ann")
    assert [line["action"] for line in versions.audit.lines()].count("rollback") == 2


def test_a_change_that_was_cut_short_leaves_the_version_that_served(
    tmp_path: Path, detector: isthmus.AnomalyDetector, monkeypatch: pytest.MonkeyPatch
) -> None:
    versions = Versions(tmp_path / "live")
    for _ in range(2):
        versions.add(detector, by="ann")
    versions.promote("0001", by="ann")

    def killed(*_: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("isthmus.tasks.learning.versions.replace_file", killed)
        with pytest.raises(KeyboardInterrupt):
            versions.promote("0002", by="ann")
    assert (versions.current, versions.served()) == ("0001", ["0001"])
    (versions.path / "versions" / ".0003.9.part").mkdir()
    versions.sweep()
    assert versions.names() == ["0001", "0002"]


def test_what_teaches_and_what_calibrates() -> None:
    X = np.arange(100.0)[:, None]
    alarms = np.isin(np.arange(100), [10, 11, 90, 91, 92, 93])
    standing = Standing(items(X[[10]]) + items(np.array([[500.0]])), [], items(X[[20, 91]]))
    rows = lesson(X, alarms, standing, false_share=0.5)
    kept = rows.rows[:, 0].tolist()
    assert 10.0 in kept and 500.0 in kept  # confirmed as normal
    assert not {11.0, 20.0, 91.0} & set(kept)  # an alarm that nobody looked at, and anomalies
    assert (
        len({90.0, 92.0, 93.0} & set(kept)) == 1
    )  # half of the open alerts stand for normal ones where a threshold is set
    assert (rows.admitted, rows.time[-1]) == (2, 79)  # the last that teaches
    assert rows.share == pytest.approx(
        18 / 98 if len(kept) == 98 else (len([k for k in kept if 80 <= k < 100])) / len(kept)
    )


def test_rows_join_frames_and_arrays() -> None:
    frame = pd.DataFrame({"a": [1.0], "b": pd.Categorical(["x"], ["x", "y"], ordered=True)})
    whole = joined(frame, [{"b": "y", "a": 2}])
    assert whole["b"].tolist() == ["x", "y"] and whole.dtypes.equals(frame.dtypes)
    with pytest.raises(ColumnError, match="without b"):
        joined(frame, [{"a": 1.0}])


def test_a_retraining_repeats_bit_for_bit_and_undoing_leaves_nothing(
    tmp_path: Path, tumours: Tumours, quick: isthmus.Autoencoder
) -> None:
    champion = isthmus.AnomalyDetector(quick, alpha=0.05, members=1, random_state=0).fit(tumours.benign[:180])
    later = tumours.benign[180:]
    feedback = Feedback(tmp_path / "feedback.jsonl", Rules(confirmations=1))
    plain, _ = retrain(champion, later, standing=feedback.standing(len(later)))
    odd = rows_of(later[champion.anomaly_score(later) > champion.threshold_])
    numbers = [feedback.say(row, "false_alarm", by="ann") for row in odd]
    assert odd
    taught, rows = retrain(champion, later, standing=feedback.standing(len(later)))
    assert rows.admitted or len(odd)
    for number in numbers:
        feedback.undo(number, by="ann")
    again, _ = retrain(champion, later, standing=feedback.standing(len(later)))
    scores = [one.anomaly_score(tumours.malignant) for one in (plain, taught, again)]
    assert np.array_equal(scores[0], scores[2]) and plain.threshold_ == again.threshold_
    assert taught.promise_.alpha == 0.05


@pytest.mark.slow
def test_an_update_at_a_low_rate_forgets_less(tumours: Tumours, quick: isthmus.Autoencoder) -> None:
    learnt_out = clone(quick).set_params(epochs=150, hidden_dims=(8,), latent_dim=2)
    champion = isthmus.AnomalyDetector(learnt_out, alpha=0.05, members=1, random_state=0).fit(tumours.benign[:200])
    shifted = tumours.benign[200:300] + 2 * tumours.benign.std(0) * (np.arange(30) % 2)
    costs = forgetting(champion, tumours.benign[300:], shifted)
    old = {way: cost for way, (cost, _) in costs.items()}
    assert old["20 low-rate updates"] < old["at the ordinary rate"]
    assert costs["20 low-rate updates"][1] < costs["as it was"][1]
    updated = led_on(champion, shifted[:70], shifted[70:], passes=2)
    assert updated.threshold_ != champion.threshold_
    assert champion.anomaly_score(shifted).mean() > updated.anomaly_score(shifted).mean()


def test_every_member_of_a_span_learns_its_own_rows_and_what_people_said(
    tumours: Tumours, quick: isthmus.Autoencoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    X, hours = tumours.benign[:300], np.datetime64("2026-05-01") + np.arange(300) * np.timedelta64(30, "m")
    model = clone(quick).set_params(epochs=1)
    champion = isthmus.AnomalyDetector(model, alpha=0.1, members=("day", "week"), random_state=0).fit(X, time=hours)
    said = Standing(items(tumours.benign[300:303]))
    taught: list[Any] = []

    def noted(model: Any, rows: Any, passes: int, slower: float) -> Any:
        taught.append(rows.block(0, len(rows)))
        return model

    monkeypatch.setattr("isthmus.tasks.learning.retraining.taught_on", noted)
    none = np.zeros(300, dtype=bool)
    updated, rows = retrain(champion, X, standing=said, alarms=none, way="update", time=hours)
    assert [len(own) for own in taught] == [48 + 3, 240 + 3]
    told = read(champion.model_, tumours.benign[300:303]).block(0, 3)
    assert all((own[-3:] == told).all() for own in taught)
    assert rows.time[-1] == hours[239] and updated.promise_.n == 60


def test_ways_that_there_are_not() -> None:
    with pytest.raises(UnknownNameError, match="way"):
        retrain(None, np.zeros((1, 1)), way="forget")
    with pytest.raises(UnknownNameError, match="policy"):
        may_promote("coin", None)  # type: ignore[arg-type]
    with pytest.raises(ParameterError, match="share"):
        Rules(share=2.0)


def test_a_critic_is_not_led_on(tumours: Tumours, detector: isthmus.AnomalyDetector) -> None:
    twin = copy.deepcopy(detector)
    twin.scorer_.members[0].critic = object()  # type: ignore[assignment]
    with pytest.raises(AbilityError, match="critic"):
        led_on(twin, tumours.benign, tumours.benign)


def test_a_challenger_that_loses_pinned_anomalies_may_not_serve(
    tumours: Tumours, detector: isthmus.AnomalyDetector
) -> None:
    pinned, fresh = items(tumours.malignant[:40]), tumours.benign[:100]
    same = compared(detector, detector, fresh, pinned)
    assert same.passes and same.agreement == 1.0 and may_promote("gate", same)
    assert not may_promote("person", same)
    deaf = copy.deepcopy(detector)
    deaf.threshold_ = 1e9
    assert not compared(detector, deaf, fresh, pinned).passes
    loud = copy.deepcopy(detector)
    loud.threshold_ = -1e9
    noisy = compared(detector, loud, fresh, pinned)
    assert noisy.reasons and "promise allows" in noisy.reasons[0]
    assert json.dumps(noisy.to_json())
