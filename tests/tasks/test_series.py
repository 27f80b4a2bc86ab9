"""The series detector's contract: signs, points and windows, entities and gaps, promises, episodes, what it refuses."""

from __future__ import annotations

import copy
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
from numpy.typing import NDArray
from sklearn.base import clone

import isthmus
from isthmus.errors import (
    ColumnError,
    CorruptFileError,
    InputError,
    InputTypeError,
    MissingValueError,
    ParameterError,
    TooFewRowsError,
    UnknownNameError,
)
from isthmus.tasks.anomaly.calibration import FewCalibrationRowsWarning
from isthmus.tasks.anomaly.series.episodes import spells
from isthmus.tasks.anomaly.series.promise import settled
from isthmus.tasks.anomaly.series.windows import Windows, rolling_mean

ALPHA, WINDOW = 0.05, 20
Floats = NDArray[np.float64]


def waves(t: int, seed: int, level: float = 0.0) -> Floats:
    """Two channels, (t, 2): a wave with noise, and its delayed double at another level."""
    random, at = np.random.default_rng(seed), np.arange(t)
    both = np.column_stack([np.sin(at / 5), 2 * np.sin((at - 4) / 5)]) + 0.1 * random.normal(size=(t, 2))
    return both + [level, 100 + level]


def quick(**params: Any) -> isthmus.TimeSeriesDetector:
    """An unfitted detector that trains in a moment."""
    model = isthmus.Autoencoder(epochs=10, latent_dim=4, hidden_dims=(), activation="linear", architecture="mlp")
    given = {"model": model, "window": WINDOW, "alpha": ALPHA, "random_state": 0, **params}
    return isthmus.TimeSeriesDetector(**given)


def table(entities: dict[str, float], t: int = 1500, seed: int = 0, start: str = "2026-01-01") -> pd.DataFrame:
    """Rows of several machines, minute by minute, one machine's rows between another's."""
    stamps = pd.date_range(start, periods=t, freq="1min")
    parts = [
        pd.DataFrame({"at": stamps, "machine": name, **dict(zip("ab", waves(t, seed + at, level).T, strict=True))})
        for at, (name, level) in enumerate(entities.items())
    ]
    return pd.concat(parts).sort_values(["at", "machine"], ignore_index=True)


MACHINES = {"one": 0.0, "two": 5000.0}


@pytest.fixture(scope="module")
def detector() -> isthmus.TimeSeriesDetector:
    """Fitted on two channels; no test changes it."""
    return quick().fit(waves(5000, seed=0))


@pytest.fixture(scope="module")
def fleet() -> isthmus.TimeSeriesDetector:
    """Fitted on two machines; no test changes it."""
    return quick(entity="machine", time="at").fit(table(MACHINES, 3000))


@pytest.fixture
def later() -> Floats:
    """A later series with a stuck channel from 300 to 339."""
    x = waves(600, seed=1)
    x[300:340, 1] = x[300, 1]
    return x


def test_signs_are_scikit_learns_and_agree(detector: Any, later: Any) -> None:
    score, normal = detector.anomaly_score(later), detector.score_samples(later)
    assert (normal == -score).all()
    assert (detector.decision_function(later) == normal - detector.offset_).all()
    alarms = detector.predict(later) == -1
    assert (alarms == (score > detector.threshold_)).all()
    assert (alarms == (detector.p_value(later) <= ALPHA)).all()
    assert detector.p_value(later).min() == pytest.approx(1 / (detector.promise_.n + 1))


def test_a_point_scores_the_mean_of_the_windows_that_hold_it(later: Any) -> None:
    detector = quick(smooth=3, stride=2).fit(waves(5000, seed=0))
    x = ((later - detector.channels_.specs[None].center.numpy()) / detector.channels_.specs[None].scale.numpy()).astype(
        np.float32
    )
    starts = [*range(0, 580, 2), 580]
    cost = detector.model_.anomaly_score(np.stack([x[start : start + WINDOW] for start in starts]))
    plain = [np.mean([c for s, c in zip(starts, cost, strict=True) if s <= i < s + WINDOW]) for i in range(600)]
    smooth = [np.mean(plain[max(0, i - 2) : i + 1]) for i in range(600)]
    assert detector.anomaly_score(later) == pytest.approx(np.array(smooth), rel=1e-9)


def test_a_score_has_the_same_bits_wherever_its_surroundings_stand(detector: Any, later: Any) -> None:
    whole, reach = detector.anomaly_score(later), WINDOW - 1
    part = detector.anomaly_score(later[137:421])
    assert (part[reach:-reach] == whole[137 + reach : 421 - reach]).all()
    assert (detector.anomaly_score(later.astype(object)) == whole).all()
    assert (detector.anomaly_score(pd.DataFrame(later, columns=["x0", "x1"])) == whole).all()


def test_one_entity_scores_the_same_bits_alone_and_among_others(fleet: Any) -> None:
    frame = table(MACHINES, 200, seed=7)
    whole, is_one = fleet.anomaly_score(frame), (frame.machine == "one").to_numpy()
    assert (fleet.anomaly_score(frame[is_one]) == whole[is_one]).all()
    assert (fleet.anomaly_score(pl.from_pandas(frame)) == whole).all()
    assert (
        fleet.anomaly_score(frame.sort_values("machine", kind="stable")) == whole[np.argsort(~is_one, kind="stable")]
    ).all()


def test_the_workhorse_comes_close_to_principal_components() -> None:
    x = waves(3000, seed=0)
    detector = isthmus.TimeSeriesDetector(window=WINDOW, alpha=ALPHA, random_state=0).fit(x, X_calibration=x)
    assert detector.model_.latent_dim_ == round(4 * 2**0.5)
    windows = Windows(WINDOW, 1, 1).to_learn([((x - x.mean(0)) / x.std(0)).astype(np.float32)]).array
    lost = np.square(windows - detector.model_.reconstruct(windows)).mean()
    rows = windows.reshape(len(windows), -1) - windows.reshape(len(windows), -1).mean(0)
    left = np.linalg.svd(rows, compute_uv=False)[detector.model_.latent_dim_ :]
    assert lost < 1.5 * np.square(left).sum() / rows.size


def test_the_threshold_is_set_on_later_points_as_they_are_served() -> None:
    x = waves(5000, seed=0)
    detector = quick(smooth=5).fit(x)
    served = detector.anomaly_score(x[4000 + WINDOW :])
    assert (np.sort(served) == detector.calibration_scores_).all()
    spans = len(served) // (2 * WINDOW + 3)
    assert (detector.promise_.n, detector.promise_.points) == (spans, 980)
    assert "980 calibration points that are worth 22 scores" in str(detector.promise_)
    assert (served > detector.threshold_).sum() == int((ALPHA * (spans + 1) - 1) / spans * len(served)) == 6


def test_a_channel_is_scaled_by_training_rows_alone() -> None:
    x = waves(3000, seed=0)
    x[2400:] *= 3
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FewCalibrationRowsWarning)
        spec = quick().fit(x).channels_.specs[None]
    assert spec.center.numpy() == pytest.approx(x[:2400].mean(0))
    assert spec.scale.numpy() == pytest.approx(x[:2400].std(0))


def test_the_promise_is_kept_on_a_series_whose_points_hang_together(detector: Any) -> None:
    own, fresh = copy.deepcopy(detector), detector.anomaly_score(waves(20_000, seed=99))
    rates = [(fresh > own.calibrate(waves(1000, seed=200 + seed)).threshold_).mean() for seed in range(40)]
    promise = own.promise_
    assert np.mean(rates) <= promise.expected
    assert np.mean([rate < promise.high for rate in rates]) > 0.9


def test_few_points_warn_and_say_what_they_are_worth() -> None:
    with pytest.warns(FewCalibrationRowsWarning, match="380 calibration points are worth n=9.*needs 19.*9 scores"):
        detector = quick().fit(waves(2000, seed=0))
    assert detector.threshold_ == detector.calibration_scores_[-1]


def test_a_threshold_leaves_its_share_of_the_points_above_it() -> None:
    scores = np.arange(10_000.0)
    for span, above in ((1, 99), (10, 90), (50, 50), (99, 1)):  # a of (a + 1) / (n + 1) = 0.01, times the span
        threshold, promise = settled(scores, 0.01, span)
        assert (scores > threshold).sum() == above
        assert promise.expected == pytest.approx(0.01)
        assert promise.low < 0.01 < promise.high


def test_a_stuck_channel_makes_one_episode_and_is_its_reason(detector: Any, later: Any) -> None:
    own = copy.deepcopy(detector).set_params(min_duration=5, cooldown=10)
    episode = max(own.episodes(later), key=lambda episode: episode.score)
    assert episode.entity is None
    assert 280 <= episode.start <= 310 and 330 <= episode.end <= 360
    score = own.anomaly_score(later)
    assert score[episode.peak] == episode.score == score[episode.start : episode.end + 1].max()
    first, second = [reason for reason in own.explain(later) if reason.peak == episode.peak]
    assert (first.channel, first.peak) == ("x1", episode.peak)
    assert first.share > 0.5 and first.share + second.share == pytest.approx(1)
    assert first.seen == later[episode.peak, 1]
    assert abs(first.expected - waves(600, seed=1)[episode.peak, 1]) < abs(first.seen - first.expected)
    assert len(own.explain(later, most=1)) == len(own.episodes(later))


def test_episodes_have_entities_and_times(fleet: Any) -> None:
    frame = table(MACHINES, 600, seed=7)
    stuck = frame.index[(frame.machine == "two") & frame["at"].between("2026-01-01 05:00", "2026-01-01 05:40")]
    frame.loc[stuck, "a"] = 5001.0
    found = copy.deepcopy(fleet).set_params(min_duration=10).episodes(frame)
    worst = max(found, key=lambda episode: episode.score)
    assert worst.entity == "two"
    assert pd.Timestamp("2026-01-01 04:40") < worst.start < worst.peak < worst.end < pd.Timestamp("2026-01-01 06:00")
    assert [episode.entity for episode in found] == sorted(episode.entity for episode in found)
    first = next(reason for reason in fleet.explain(frame) if reason.peak == worst.peak)
    assert (first.entity, first.channel, first.seen) == ("two", "a", 5001.0)


@pytest.mark.parametrize(
    ("min_duration", "cooldown", "expected"),
    [
        (1, 0, [(1, 2, 2), (5, 5, 5), (8, 11, 9)]),
        (2, 0, [(1, 2, 2), (8, 11, 9)]),
        (1, 3, [(1, 11, 9)]),
        (2, 3, [(1, 2, 2), (8, 11, 9)]),
        (2, 6, [(1, 11, 9)]),
        (5, 9, []),
    ],
)
def test_duration_and_cooldown(min_duration: int, cooldown: int, expected: list[Any]) -> None:
    scores = np.array([0.0, 5, 6, 1, 0, 7, 0, 1, 8, 9, 8, 8])
    assert list(spells(scores, 4.0, min_duration, cooldown)) == expected


def test_no_window_holds_a_gap_and_short_stretches_have_no_score(fleet: Any) -> None:
    frame = table({"one": 0.0}, 300, seed=7)
    gapped = frame.drop(index=[*range(100, 130), 140])
    score = fleet.anomaly_score(gapped)
    assert (score[:100] == fleet.anomaly_score(frame[:100])).all()
    assert np.isnan(score[100:110]).all() and np.isnan(fleet.p_value(gapped)[100:110]).all()
    assert (fleet.predict(gapped)[100:110] == 1).all()
    assert (score[110:] == fleet.anomaly_score(frame[141:])).all()


def test_times_may_jitter_by_less_than_half_a_step(fleet: Any) -> None:
    frame = table({"one": 0.0}, 300, seed=7)
    late = pd.to_timedelta(np.random.default_rng(0).integers(0, 15, 300), unit="s")
    assert (fleet.anomaly_score(frame.assign(at=frame["at"] + late)) == fleet.anomaly_score(frame)).all()


@pytest.mark.parametrize(("length", "stride"), [(1, 1), (3, 2), (5, 5), (7, 4), (12, 3)])
def test_windows_reach_every_point_and_their_means_are_plain_ones(length: int, stride: int) -> None:
    windows, t = Windows(length, stride, 1), 12
    scores = np.random.default_rng(0).random(len(windows.starts(t)))
    held = [
        [score for start, score in zip(windows.starts(t), scores, strict=True) if start <= i < start + length]
        for i in range(t)
    ]
    assert windows.points(scores, t) == pytest.approx([np.mean(some) for some in held])
    x = np.arange(24.0, dtype=np.float32).reshape(12, 2)
    view = windows.view(x)
    assert np.shares_memory(view, x)
    assert (np.concatenate([block.array for block in windows.blocks(x)]) == view[windows.starts(t)]).all()
    assert len(windows.starts(length - 1)) == 0


def test_a_rolling_mean_is_of_the_points_before() -> None:
    assert rolling_mean(np.array([3.0, 1, 5, 7]), 3).tolist() == [3, 2, 3, 13 / 3]
    assert rolling_mean(np.array([3.0, 1]), 9).tolist() == [3, 2]


def test_windows_to_learn_from_are_thinned_when_they_would_fill_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("isthmus.tasks.anomaly.series.windows.TRAINING_CELLS", 1000)
    x = [np.zeros((300, 2), np.float32), np.zeros((5, 2), np.float32), np.ones((200, 2), np.float32)]
    learnt = Windows(10, 1, 1).to_learn(x)
    assert learnt.array.size <= 1200
    assert 0.3 < learnt.array.mean() < 0.5


@pytest.mark.parametrize("member", ["vae", "denoising-autoencoder", "convolutional-autoencoder"])
def test_any_member_can_watch(member: str, later: Any) -> None:
    model = isthmus.family()[member](epochs=2, random_state=3, device="cpu")
    watching = quick(model=model, alpha=0.2).fit(waves(900, seed=0), X_calibration=waves(200, seed=2))
    assert watching.model_.spec_.factor == 1
    assert watching.model_.random_state == 3
    assert np.isfinite(watching.anomaly_score(later[:100])).all()


def test_one_channel_may_be_a_vector_or_a_column(later: Any) -> None:
    x = waves(3000, seed=0)[:, 0]
    one, other = (quick().fit(x, X_calibration=later[:, 0].repeat(2)), quick())
    other.fit(x[:, None], X_calibration=later[:, :1].repeat(2, axis=0))
    assert (one.anomaly_score(later[:, 0].tolist()) == other.anomaly_score(later[:, :1])).all()


def test_the_same_seed_gives_the_same_detector(detector: Any, later: Any) -> None:
    again = clone(detector).fit(waves(5000, seed=0))
    assert (again.anomaly_score(later) == detector.anomaly_score(later)).all()
    assert again.promise_ == detector.promise_


@pytest.mark.parametrize("name", ["detector", "fleet"])
def test_what_is_loaded_judges_and_explains_as_before(name: str, request: Any, tmp_path: Path) -> None:
    saved = request.getfixturevalue(name)
    x: Any = waves(400, seed=7) if name == "detector" else table(MACHINES, 400, seed=7)
    x[300:340] = x[300:301] if name == "detector" else x[300:340].assign(a=7000.0)
    loaded = isthmus.load(saved.save(tmp_path / "saved"))
    assert (loaded.anomaly_score(x) == saved.anomaly_score(x)).all()
    assert (loaded.p_value(x) == saved.p_value(x)).all()
    assert loaded.promise_ == saved.promise_
    assert loaded.episodes(x) == saved.episodes(x) and len(loaded.episodes(x)) > 0
    assert loaded.explain(x) == saved.explain(x)
    assert repr(loaded) == repr(saved)
    assert str(saved.promise_) in (tmp_path / "saved" / "README.md").read_text(encoding="utf-8")
    assert set(loaded.abilities()) >= {"episodes", "explain"}
    assert loaded.n_features_in_ == saved.n_features_in_ == 2
    assert list(getattr(loaded, "feature_names_in_", [])) == (["a", "b"] if name == "fleet" else [])


def test_tensors_that_do_not_belong_together_are_refused(detector: Any) -> None:
    config, tensors = detector.to_saved()
    with pytest.raises(CorruptFileError, match="tensor 'calibration_scores' has shape"):
        isthmus.TimeSeriesDetector.from_saved(
            config, {**tensors, "calibration_scores": tensors["calibration_scores"][1:]}
        )


@pytest.mark.parametrize(
    ("params", "error", "match"),
    [
        ({"window": 0}, ParameterError, "window=0: it is a whole number >= 1"),
        ({"stride": 2.5}, ParameterError, "stride=2.5"),
        ({"stride": 21}, ParameterError, "stride=21: .*longer than a window of 20.*Use stride=1"),
        ({"smooth": 0}, ParameterError, "smooth=0"),
        ({"min_duration": 0}, ParameterError, "min_duration=0"),
        ({"cooldown": -1}, ParameterError, "cooldown=-1: it is a whole number >= 0"),
        ({"alpha": 1}, ParameterError, "alpha=1"),
        ({"calibration": 1.0}, ParameterError, "calibration=1.0"),
        ({"model": "autoencodr"}, UnknownNameError, "Did you mean 'autoencoder'"),
        ({"model": 3}, ParameterError, "an unfitted estimator of ours"),
        (
            {"window": 200},
            TooFewRowsError,
            "for training, of 160 rows: it holds 0 windows of 200 rows without a gap, and 2 are needed.*shorter",
        ),
        ({"window": 100}, TooFewRowsError, "a series for calibration, of 0 rows.*Use a shorter window"),
        ({"entity": "machine"}, InputTypeError, "X, a ndarray: 'machine' names a column of it.*pandas.DataFrame"),
    ],
)
def test_parameters_outside_their_domain_are_refused(params: dict[str, Any], error: Any, match: str) -> None:
    with pytest.raises(error, match=match):
        quick(**{"model": "auto", **params}).fit(waves(200, seed=0))


GOOD = table({"one": 0.0}, 60)


@pytest.mark.parametrize(
    ("X", "error", "match"),
    [
        (GOOD.drop(columns="b"), ColumnError, "should match.*\n.*now missing:\n- b. Add the missing columns"),
        (GOOD[["b", "a", "at", "machine"]], ColumnError, "must be in the same order"),
        (GOOD.drop(columns="at"), ColumnError, "the detector reads 'at' from it.*Add 'at', or name another column"),
        (GOOD.assign(b="x"), ColumnError, "column 'b' is categorical: it was numeric in training"),
        (GOOD.assign(machine="three"), UnknownNameError, "entity='three': training had 2, such as 'one', 'two'. Fit"),
        (GOOD.assign(a=GOOD.a.where(GOOD.a < 0.5)), MissingValueError, "column 'a'|columns? .*missing cells"),
        (GOOD.assign(machine=[None, *GOOD.machine[1:]]), MissingValueError, "column 'machine' with 1 missing cells"),
        (GOOD.assign(at=GOOD["at"].astype(str)), ColumnError, "time column 'at' is categorical.*pandas.to_datetime"),
        (GOOD[::-1], InputError, "row 1 of entity 'one' is of 2026-01-01 00:58.*Sort X by entity and time"),
        (pd.concat([GOOD, GOOD[-1:]]), InputError, "row 60 of entity 'one'.*one row for each moment"),
        (GOOD[::5], InputError, "distances of 300 .*100% of them.*usual one of training is 60.*[Rr]esample"),
        (waves(60, 0), InputTypeError, "X, a ndarray: 'machine' names a column"),
        (GOOD[:0], TooFewRowsError, "minimum of 1"),
    ],
)
def test_series_unlike_those_of_training_are_refused(X: Any, error: Any, match: str, fleet: Any) -> None:
    with pytest.raises(error, match=match):
        fleet.anomaly_score(X)


@pytest.mark.parametrize(
    ("X", "error", "match"),
    [
        (
            GOOD.drop(columns=["at"]),
            ColumnError,
            "column 'machine' is categorical.*entity= and time=.*name it there|Name it",
        ),
        (waves(60, 0) + [np.nan, 0], MissingValueError, "column 'x0' without any value"),
        (
            np.where(waves(60, 0) > 101.5, np.nan, waves(60, 0)),
            MissingValueError,
            "channel 'x1' with missing.*[Ii]nterpolate",
        ),
        (waves(60, 0)[None], InputError, "Expected 2D array, got 3D"),
        (GOOD.a, InputError, "to_frame"),
        ([[1, 2], [3]], InputError, "all rows have the same length"),
    ],
)
def test_series_that_cannot_be_learnt_are_refused(X: Any, error: Any, match: str) -> None:
    with pytest.raises(error, match=match):
        quick().fit(X)


def test_rows_at_no_regular_distance_are_refused() -> None:
    at = np.cumsum(np.random.default_rng(0).exponential(size=400))
    frame = pd.DataFrame({"at": at, "x": waves(400, 0)[:, 0]})
    with pytest.raises(InputError, match="of them off by half a step.*[Rr]esample it first"):
        quick(time="at").fit(frame)


def test_a_series_without_any_window_is_refused_to_calibrate_and_scored_as_unknown(detector: Any) -> None:
    assert np.isnan(detector.anomaly_score(waves(WINDOW - 1, seed=1))).all()
    assert detector.episodes(waves(WINDOW - 1, seed=1)) == []
    with pytest.raises(TooFewRowsError, match="a series for calibration, of 19 rows"):
        copy.deepcopy(detector).calibrate(waves(WINDOW - 1, seed=1))
