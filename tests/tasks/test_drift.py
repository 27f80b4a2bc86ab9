"""Watching: what chance does to a window, what a change does, and what people know of it."""

from __future__ import annotations

import json
import re
from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

import isthmus
from isthmus.errors import InputError, InputTypeError, ParameterError, TooFewRowsError, UnknownNameError
from isthmus.tasks.drift.alerts import Cause, causes_in
from isthmus.tasks.drift.bins import Bins
from isthmus.tasks.drift.history import History
from isthmus.tasks.drift.inside import learnt
from isthmus.tasks.drift.limits import confirmed, limits_for, onsets
from isthmus.tasks.drift.page import page
from isthmus.tasks.drift.quiet import Stream, drawn
from isthmus.tasks.drift.threshold import reestimated, spread
from isthmus.tasks.drift.watch import LearntQuietWarning, watch
from isthmus.tasks.drift.watched import Watched

QUIET, WINDOW = 30, 200


def remembering(n: int, seed: int, phi: float = 0.9) -> NDArray[np.float64]:
    """AR(1) numbers of unit variance."""
    from scipy.signal import lfilter

    noise = np.random.default_rng(seed).normal(size=n + 200) * np.sqrt(1 - phi**2)
    return np.asarray(lfilter([1.0], [1.0, -phi], noise)[200:])


def watched(scores: NDArray[np.float64], **options: Any) -> Watched:
    """A watch over scores with 30 quiet windows."""
    columns = options.pop("columns", {})
    return watch(History(scores, columns=columns), 2.33, 0.01, window=WINDOW, quiet=QUIET, **options)


def test_a_distance_is_that_of_kolmogorov_and_smirnov() -> None:
    from scipy.stats import ks_2samp

    random = np.random.default_rng(0)
    quiet, later = random.normal(size=3000), random.normal(0.4, 1.3, 500)
    bins = Bins.of(quiet)
    ours = float(bins.distance(bins.shares(quiet), bins.shares(later)))
    assert ours == pytest.approx(ks_2samp(quiet, later).statistic, abs=0.011)


def test_words_missing_values_and_words_never_seen_are_counted() -> None:
    quiet = np.array(["a"] * 60 + ["b"] * 40, dtype=object)
    later = np.array(["a"] * 30 + ["c"] * 70, dtype=object)
    bins = Bins.of(quiet)
    assert bins.distance(bins.shares(quiet), bins.shares(later)) == pytest.approx(0.7)
    numbers, gaps = np.arange(100.0), np.where(np.arange(100) < 25, np.nan, np.arange(100.0))
    bins = Bins.of(numbers)
    assert bins.distance(bins.shares(numbers), bins.shares(gaps)) == pytest.approx(0.25, abs=0.05)


def test_limits_keep_to_the_run_length_they_were_asked_for() -> None:
    stream = Stream.of("score", remembering(6000, 0), 0.0)
    distances = drawn([stream], WINDOW)
    for run_length in (10.0, 52.0):
        limits = limits_for(distances, np.zeros(1), run_length)
        rate = onsets(confirmed(distances > limits).any(-1)).mean()
        assert 0.6 / run_length < rate <= 1 / run_length


def test_memory_raises_the_limit() -> None:
    limits = [
        limits_for(drawn([Stream.of("s", remembering(6000, 0, phi), 0.0)], WINDOW), np.zeros(1), 52.0)[0]
        for phi in (0.0, 0.9)
    ]
    assert limits[1] > 2 * limits[0]


def test_quiet_scores_that_remember_call_nobody_where_the_textbook_does() -> None:
    calls = [watched(remembering(40 * WINDOW, seed)).counts() for seed in range(4)]
    assert sum(one["ours"] for one in calls) <= 2
    assert sum(one["KS p < 0.01"] for one in calls) > 8


def test_a_shift_is_found_within_three_windows_and_one_below_the_floor_never() -> None:
    scores = remembering(40 * WINDOW, 1)
    scores[35 * WINDOW :] += 1.0
    found = watched(scores)
    first = next(at for at, seen in enumerate(found.windows) if seen.alerts)
    assert 5 <= first <= 7
    assert {alert.stream for alert in found.alerts} >= {"anomaly score"}
    still = np.random.default_rng(0).normal(size=14 * 2000)
    still[10 * 2000 :] += 0.1  # sure with so many rows, and of no interest
    assert not watch(History(still), 2.33, 0.01, window=2000, quiet=10).alerts


def test_units_and_categories_of_columns_are_told() -> None:
    random = np.random.default_rng(0)
    n = 38 * WINDOW
    length, kind = random.normal(10, 1, n), random.choice(["tcp", "udp"], n).astype(object)
    length[35 * WINDOW :] *= 3.28
    kind[35 * WINDOW :][::4] = "sctp"
    found = watched(random.normal(size=n), columns={"length": length, "kind": kind})
    notes = {alert.stream: alert.note for alert in found.alerts}
    assert re.search(r"as if multiplied by 3\.[23]", notes["length"])
    assert "never seen before: sctp" in notes["kind"]
    assert found.control is not None and found.control < 0.65 < (found.windows[-1].told_apart or 0)


def test_a_cause_that_was_recorded_keeps_an_alert_from_calling() -> None:
    scores = remembering(40 * WINDOW, 1)
    scores[35 * WINDOW :] += 1.5
    found = watched(scores, causes=[Cause(35 * WINDOW, 41 * WINDOW, "new firmware")])
    assert found.alerts and not found.raised
    assert "known: new firmware" in str(found.alerts[0])
    assert found.counts()["ours"] == 0


def test_recall_on_confirmed_anomalies_falls_where_they_move_below_the_threshold() -> None:
    random = np.random.default_rng(0)
    scores = random.normal(size=20 * WINDOW)
    verdicts = np.full(len(scores), "", dtype=object)
    marked = np.arange(50, len(scores), 100)
    verdicts[marked], scores[marked] = "confirmed", 5.0
    scores[marked[len(marked) * 3 // 4 :]] = 1.0
    found = watch(History(scores, verdicts=verdicts), 2.33, 0.01, window=WINDOW, quiet=10)
    recalls = [seen.recall.value for seen in found.windows if seen.recall is not None]
    assert recalls[0] == 1.0 and recalls[-1] == 0.0
    separations = [seen.separation for seen in found.windows if seen.separation is not None]
    assert separations[0] > 0.99 > 0.9 > separations[-1]


def test_members_of_spans_tell_a_slow_change_from_a_sudden_one() -> None:
    random = np.random.default_rng(0)
    day, month = random.normal(size=4000), random.normal(size=4000)
    month[3000:] += 2.0  # what the day's member has learnt already
    history = History(random.normal(size=4000), members={"day": day, "month": month})
    found = watch(history, 2.33, 0.01, window=WINDOW, quiet=10)
    assert [seen.horizon for seen in found.windows][-1] == "long-term"
    history.members["day"][3000:] += 2.0
    assert watch(history, 2.33, 0.01, window=WINDOW, quiet=10).windows[-1].horizon == "short-term"


def test_a_threshold_moves_by_a_fifth_and_beyond_chance_or_not_at_all() -> None:
    random = np.random.default_rng(0)
    quiet = random.lognormal(sigma=0.5, size=5000)
    tau = float(np.quantile(quiet, 0.99))
    known: Any = {"quiet": spread(quiet, 0.01, 20), "middle": float(np.median(quiet)), "run_length": 52, "block": 20}
    few = [reestimated(random.lognormal(sigma=0.5, size=200), tau, 0.01, **known) for _ in range(10)]
    assert not any(one.moved or one.enough for one in few)  # a fifth is chance with so few rows
    assert reestimated(random.lognormal(sigma=0.8, size=3000), tau, 0.01, **known).moved
    assert not reestimated(random.lognormal(sigma=0.55, size=9000), tau, 0.01, **known).moved


def test_windows_of_time_follow_the_calendar() -> None:
    hours = np.datetime64("2026-03-02T05:00") + np.arange(24 * 20) * np.timedelta64(1, "h")
    history = History.of(None, scores=np.arange(480.0), time=hours[::-1])
    assert history.scores[0] == 479.0
    days = history.windows("day")
    assert [one.rows for one in days[:2]] == [19, 24]
    assert sum(one.rows for one in days) == 480


def test_what_cannot_be_watched_is_refused() -> None:
    history = History.of({"s": np.arange(100.0)}, scores="s")
    with pytest.raises(TooFewRowsError, match="quiet time of 50 rows"):
        watch(history, 1.0, 0.01, window=10, quiet=5)
    with pytest.raises(ParameterError, match="without time="):
        history.windows("day")
    with pytest.raises(UnknownNameError, match="window="):
        history.windows("fortnight")
    with pytest.raises(InputError, match="no numbers"):
        History.of(None, scores=[1.0, np.nan])
    with pytest.raises(InputTypeError, match="datetimes"):
        History.of(None, scores=[1.0], time=[3])
    with pytest.raises(UnknownNameError, match="verdict"):
        History.of(None, scores=[1.0], verdicts=["perhaps"])
    with pytest.raises(InputError, match="first, last, cause"):
        causes_in({"when": [1]})


@pytest.mark.slow
def test_the_page_and_the_facts_say_the_same() -> None:
    scores = remembering(40 * WINDOW, 1)
    scores[35 * WINDOW :] += 1.5
    found = watched(scores)
    facts = json.loads(json.dumps(found.to_json()))
    assert facts["calls"] == found.counts()
    assert len(facts["windows"]) == 10
    text = page(found, "detector").html()
    assert "anomaly score" in text and "Changed" in text


def test_frames_of_every_kind_become_columns() -> None:
    frame = pd.DataFrame(
        {"a": [1.0, None], "b": ["x", None], "c": [True, False], "t": pd.to_datetime(["2026", "2027"])}
    )
    history = History.of(frame, scores=[1.0, 2.0], time="t")
    assert list(history.columns) == ["a", "b", "c"]
    assert history.columns["b"].tolist() == ["x", None]


def test_quiet_time_that_was_learnt_from_is_told(recwarn: pytest.WarningsRecorder) -> None:
    rows = np.random.default_rng(0).normal(size=(1600, 4)) @ np.random.default_rng(1).normal(size=(4, 4))
    model = isthmus.Autoencoder(epochs=2, hidden_dims=(8,), latent_dim=2, device="cpu")
    detector = isthmus.AnomalyDetector(model, alpha=0.05, members=1, random_state=0).fit(rows[:800])

    def watched(some: Any) -> Any:
        history = History.of(some, scores=detector.anomaly_score(some), learnt=learnt(detector, some))
        return watch(history, detector.threshold_, 0.05, window=50)

    with pytest.warns(LearntQuietWarning, match="begin the history after training"):
        watched(rows)
    recwarn.clear()
    watched(rows[800:])
    assert not [one for one in recwarn if issubclass(one.category, LearntQuietWarning)]
