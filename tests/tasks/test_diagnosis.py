"""Verdicts on detectors: planted faults are named, healthy ones are left alone, and what is shown was measured."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from scipy.stats import ttest_ind
from sklearn.base import clone

import isthmus
from isthmus.core.spec import Spec
from isthmus.errors import InputError, TooFewRowsError
from isthmus.estimator.inputs import read
from isthmus.metrics import Interval, roc_auc
from isthmus.tasks.anomaly.diagnosis.diagnosis import Diagnosis
from isthmus.tasks.anomaly.diagnosis.judgement import seen, suspicions, with_labels, without_labels
from isthmus.tasks.anomaly.diagnosis.levers import larger, simpler, smaller
from isthmus.tasks.anomaly.diagnosis.power import DETECTOR, RESIDUAL, Power, Rows, _turns
from isthmus.tasks.anomaly.diagnosis.probes import far_points, mosaics
from isthmus.tasks.anomaly.diagnosis.separation import Separation

TRUTH = np.repeat([False, True], [400, 100])
SCORES = np.random.default_rng(0).normal(size=500)


def power(
    shift: float, rival: float = -9.0, kept: float = 0.1, labelled: bool = True, residual: float = 9.0, far: float = 1.0
) -> Power:
    """What would be measured of a detector and one control whose scores of anomalies are shifted by so much."""
    own = {DETECTOR: SCORES + shift * TRUTH, RESIDUAL: SCORES + residual * TRUTH}
    rivals = {"control": np.roll(SCORES, 7) + rival * TRUTH}
    alarms = own[DETECTOR] > np.quantile(SCORES[~TRUTH], 0.99)
    return Power(TRUTH, labelled, own, rivals, alarms, 0.9, kept, Interval(far, far, far))


@pytest.mark.parametrize(
    ("given", "verdict"),
    [
        ({"shift": 3.0}, "sound"),
        ({"shift": 3.0, "kept": 0.9}, "sound"),  # what is measured counts more than what is feared
        ({"shift": 3.0, "rival": 3.1}, "sound"),  # ahead, but by less than the margin
        ({"shift": 0.5}, "underpowered"),
        ({"shift": 0.5, "kept": 0.9, "residual": 0.5}, "overpowered"),
        ({"shift": 0.5, "kept": 0.9}, "underpowered"),  # much comes out again, and what does not tells all the same
        ({"shift": 2.0, "rival": 6.0}, "use a simpler model"),
        ({"shift": 2.0, "rival": 2.6}, "use a simpler model"),  # ahead by more than the margin
        ({"shift": 0.5, "rival": 0.7, "kept": 0.9, "residual": 0.5}, "use a simpler model"),
        ({"shift": 0.93}, "underpowered"),  # an area of 0.75, but hardly any alarm
    ],
)
def test_labels_decide(given: dict[str, float], verdict: str) -> None:
    assert with_labels(power(**given))[0] == verdict


@pytest.mark.parametrize(
    ("given", "verdict"),
    [
        ({}, "sound"),
        ({"kept": 0.9}, "sound"),  # a wide code, whose residuals tell all the same
        ({"kept": 0.995}, "overpowered"),
        ({"kept": 0.995, "residual": 0.1}, "use a simpler model"),
        ({"kept": 0.8, "residual": 0.1, "rival": 3.0}, "overpowered"),
        ({"far": 0.97}, "overpowered"),
        ({"residual": 0.1, "rival": 3.0}, "underpowered"),
        ({"residual": 0.1}, "use a simpler model"),
        ({"kept": 0.8, "residual": 0.1}, "use a simpler model"),
    ],
)
def test_stand_ins_decide_without_labels(given: dict[str, float], verdict: str) -> None:
    assert without_labels(power(3.0, labelled=False, **given))[0] == verdict


def test_suspicion_is_for_labels_that_part_all_too_well() -> None:
    assert "leakage" in suspicions(power(30.0))[0]
    assert suspicions(power(2.0)) == suspicions(power(30.0, labelled=False)) == []
    assert "100 stand-ins" in seen(power(2.0, labelled=False))


def test_separation_agrees_with_the_formulas() -> None:
    scores = SCORES + TRUTH
    found = Separation.of(TRUTH, scores)
    high, low = scores[TRUTH], scores[~TRUTH]
    assert found.p == ttest_ind(high, low, equal_var=False).pvalue
    assert found.d == pytest.approx((high.mean() - low.mean()) / np.sqrt((high.var() + low.var()) / 2))
    assert found.delta == pytest.approx(np.sign(high[:, None] - low[None]).mean())
    assert set(found.recall) == {0.005, 0.01, 0.05}  # 400 normal rows say nothing of one false alarm in a thousand
    assert found.recall[0.01].value == pytest.approx((high > np.sort(low)[396]).mean())


def test_stand_ins_keep_every_cells_values_and_nothing_else() -> None:
    x = torch.randn(500, 1, 8, 8, generator=torch.Generator().manual_seed(0)).cumsum(3)
    pieced = mosaics(x, Spec("image", (1, 8, 8)))
    assert torch.equal(pieced.sort(0).values, x.sort(0).values)
    flat, was = pieced.flatten(2)[:, 0].T.corrcoef(), x.flatten(2)[:, 0].T.corrcoef()
    assert float((flat[0, 1] - was[0, 1]).abs()) < 1e-5  # within a piece all is as before
    assert float(flat[0, 2].abs()) < 0.2 < float(was[0, 2])  # and across its edge nothing is


def test_far_points_lie_where_rows_point_and_leave_names_alone(tumours: Any) -> None:
    x = torch.randn(200, 5, generator=torch.Generator().manual_seed(0)).double()
    far, centre = far_points(x, Spec("table", (5,))), x.mean(0)
    deviation = (x - centre).norm(dim=1).square().mean().sqrt()
    assert torch.allclose((far - centre).norm(dim=1), 10 * deviation)
    assert torch.allclose(torch.cosine_similarity(far - centre, x - centre), torch.ones(200).double())


def test_controls_learn_from_normal_rows_and_judge_others(detector: Any, tumours: Any) -> None:
    both = np.concatenate([tumours.benign[:100], tumours.malignant[:50]])
    rows = Rows(detector.scorer_, read(detector.model_, both).block(0, 150))
    anomalous = np.arange(150) >= 100
    counted = np.zeros(150)
    for learnt, judged in _turns(rows, anomalous, None):
        counted += judged
        known = {row.tobytes() for row in learnt.numbers}
        assert not known & {row.tobytes() for row in rows.numbers[judged | anomalous]}
    assert (counted == 1).all()


@pytest.fixture(scope="module")
def labelled(detector: Any, tumours: Any) -> Diagnosis:
    """The detector's diagnosis on labelled rows."""
    X = np.concatenate([tumours.benign[::3], tumours.malignant[::2]])
    return detector.diagnose(X, np.repeat([0, 1], [119, 106]))  # type: ignore[no-any-return]


def test_a_detector_stands_beside_all_controls(labelled: Diagnosis, detector: Any, tumours: Any) -> None:
    names = ["random", "distance from the mean", "PCA", "nearest neighbours", "isolation forest", "untrained network"]
    assert list(labelled.controls) == names
    assert labelled.controls["random"].roc_auc.value == pytest.approx(0.5, abs=0.12)
    served = detector.anomaly_score(np.concatenate([tumours.benign[::3], tumours.malignant[::2]]))
    assert labelled.detector.roc_auc.value == roc_auc(labelled.power.anomalous, served)
    assert labelled.power.recall.value == (served[119:] > detector.threshold_).mean()
    assert labelled.verdict == with_labels(labelled.power)[0]


def test_a_diagnosis_is_told_as_text_json_and_blocks(labelled: Diagnosis) -> None:
    told = json.loads(json.dumps(labelled.as_dict()))
    assert told["verdict"] == labelled.verdict == str(labelled).split("\n")[0]
    assert "nearest neighbours" in str(labelled) and labelled.seen in str(labelled)
    assert len(labelled.blocks()) >= 2


def test_rows_to_learn_from_may_be_given(detector: Any, tumours: Any) -> None:
    X = np.concatenate([tumours.benign[250:], tumours.malignant[:40]])
    given = detector.diagnose(X, np.arange(len(X)) >= 107, X_train=tumours.benign[:250])
    z = (X - tumours.benign[:250].mean(0)) / tumours.benign[:250].std(0)
    expected = roc_auc(np.arange(len(X)) >= 107, np.linalg.norm(z, axis=1))
    assert given.controls["distance from the mean"].roc_auc.value == pytest.approx(expected, abs=1e-3)


def plane(n: int) -> Any:
    """Rows of twelve columns on a plane of three dimensions, and a little off it."""
    random = np.random.default_rng(0)
    return random.normal(size=(n, 3)) @ random.normal(size=(3, 12)) + 0.1 * random.normal(size=(n, 12))


def verdict(X: Any, seen: Any = None, **options: Any) -> str:
    """Of a detector with such a model, without labels, on rows like its own or on those seen."""
    model = isthmus.Autoencoder(**{"epochs": 40, "batch_size": 32, "device": "cpu", **options})
    detector = isthmus.AnomalyDetector(model, alpha=0.05, random_state=0).fit(X[::2], X_calibration=X[1::2])
    rows = X if seen is None else seen
    found: str = detector.diagnose(rows[1::2], X_train=rows[::2]).verdict
    return found


def test_planted_faults_are_named_without_labels() -> None:
    X = plane(800)
    assert verdict(X, latent_dim=3, hidden_dims=()) == "sound"
    noise = np.random.default_rng(0).normal(size=(800, 12))  # which a code of twelve numbers can only copy
    copies = {"latent_dim": 12, "hidden_dims": (), "activation": "linear", "allow_overcomplete": True}
    assert verdict(noise, X / X.std(0), **copies, epochs=60, learning_rate=1e-2) == "overpowered"
    assert verdict(X, latent_dim=3, epochs=1, learning_rate=1e-5) == "underpowered"


def test_columns_that_have_nothing_to_do_with_each_other_need_no_network() -> None:
    assert verdict(np.random.default_rng(0).normal(size=(800, 10)), latent_dim=2) == "use a simpler model"


def test_without_rows_they_are_drawn_from_what_the_detector_knows(detector: Any, tumours: Any) -> None:
    blind, shown = (detector.diagnose(rows, X_train=tumours.benign) for rows in (None, tumours.benign))
    assert blind.verdict == shown.verdict
    assert blind.power.kept == pytest.approx(shown.power.kept, abs=0.2)


def test_other_data_than_numbers_can_be_diagnosed() -> None:
    random = np.random.default_rng(0)
    a, b = random.normal(size=(2, 300))
    frame = pd.DataFrame({"a": a, "b": a + 0.1 * b, "c": np.where(a > 0, "x", "y"), "d": a > 0.5})
    frame.loc[::17, "b"] = np.nan
    model = isthmus.Autoencoder(epochs=20, latent_dim=1, device="cpu")
    found = isthmus.AnomalyDetector(model, alpha=0.05, random_state=0).fit(frame).diagnose(frame)
    assert 0 < found.power.kept < 1


def test_what_cannot_be_judged_is_refused(detector: Any, tumours: Any) -> None:
    with pytest.raises(InputError, match=r"with y and without X: .* Use diagnose\(X, y\)"):
        detector.diagnose(y=[0, 1])
    with pytest.raises(TooFewRowsError, match="1 anomaly"):
        detector.diagnose(tumours.benign[:50], np.arange(50) == 3)
    with pytest.raises(TooFewRowsError, match="5 normal rows"):
        detector.diagnose(tumours.benign[:10], np.arange(10) > 4)
    plain = isthmus.AnomalyDetector(detector.model, alpha=0.05, score="distortion", random_state=0)
    with pytest.raises(InputError, match="score='fusion'"):
        plain.fit(tumours.benign).diagnose()


def test_a_diagnosis_changes_nothing_and_repeats_itself(detector: Any, tumours: Any) -> None:
    before = detector.anomaly_score(tumours.malignant)
    first, second = (detector.diagnose(tumours.benign, X_train=tumours.benign).as_dict() for _ in range(2))
    assert first == second
    assert (detector.anomaly_score(tumours.malignant) == before).all()


@pytest.mark.slow
def test_levers_are_calls_that_run() -> None:
    X = plane(300)
    model = isthmus.Autoencoder(latent_dim=12, hidden_dims=(16,), allow_overcomplete=True, epochs=8, device="cpu")
    detector = isthmus.AnomalyDetector(model, alpha=0.05, score="distortion", random_state=0)
    detector.fit(X[:200], X_calibration=X[200:])
    names = {"clone": clone, "isthmus": isthmus, "detector": detector, "X": X}
    told = detector.diagnose(X, X_train=X).power
    found = [*smaller(detector, told), *larger(detector, told), *simpler(detector, told)[1:]]
    assert {"smaller code", "dropout in the encoder", "stopping early", "longer training"} <= {
        one.name for one in found
    }
    for lever in found:
        assert eval(lever.do, dict(names)) is detector
