"""A few labelled rows beside a detector: what they add, what is promised, what is refused, what comes back."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.ensemble import HistGradientBoostingClassifier

import isthmus
from isthmus.errors import (
    ColumnError,
    CorruptFileError,
    InputError,
    LeakageError,
    ParameterError,
    TooFewRowsError,
    UnknownNameError,
)
from isthmus.tasks.anomaly.calibration import FewCalibrationRowsWarning
from isthmus.tasks.anomaly.few_labels.second_stage import FEATURES, Boosting, Logistic

ALPHA = 0.1
WAYS = [(classifier, features) for classifier in ("boosting", "logistic") for features in FEATURES]
BENIGN, MALIGNANT = slice(0, 240), slice(0, 30)  # rows to learn from; the others judge or are labelled


def labelled(tumours: Any) -> dict[str, Any]:
    """Thirty malignant rows and thirty benign ones that nothing else sees."""
    return {
        "X_labelled": np.concatenate([tumours.malignant[MALIGNANT], tumours.benign[-30:]]),
        "y_labelled": np.arange(60) < 30,
    }


@pytest.fixture(scope="module")
def first(tumours: Any) -> isthmus.AnomalyDetector:
    """An unfitted first stage that trains in a moment."""
    model = isthmus.Autoencoder(epochs=10, batch_size=32, latent_dim=4, hidden_dims=(16,), device="cpu")
    return isthmus.AnomalyDetector(model, alpha=ALPHA, members=1, random_state=0)


@pytest.fixture(scope="module")
def below(first: Any, tumours: Any) -> isthmus.AnomalyDetector:
    """The same, fitted on half of the benign rows."""
    return clone(first).fit(tumours.benign[:120])


def second(below: Any, tumours: Any, *way: str, **options: Any) -> isthmus.FewLabelDetector:
    """A detector with a classifier on a fitted first stage."""
    detector = isthmus.FewLabelDetector(below, *way, random_state=0, **options)
    return detector.fit(tumours.benign[120:240], **labelled(tumours))


@pytest.mark.parametrize("way", WAYS)
def test_labels_add_to_the_score_and_keep_the_budget(way: Any, below: Any, tumours: Any) -> None:
    detector = second(below, tumours, *way)
    new, normal = tumours.malignant[30:], tumours.benign[240:327]
    alone = clone(below).fit(tumours.benign[:120], X_calibration=tumours.benign[120:240])
    assert (detector.predict(new) == -1).mean() > (alone.predict(new) == -1).mean()
    low, high = detector.promise_.band(len(normal))
    assert low <= (detector.predict(normal) == -1).sum() <= high
    assert (detector.promise_.n, detector.promise_.expected) == (120, 12 / 121)


def test_the_verbs_agree(below: Any, tumours: Any) -> None:
    detector, X = second(below, tumours), tumours.malignant
    score, alarms = detector.anomaly_score(X), detector.predict(X) == -1
    assert set(detector.predict(X)) <= {-1, 1}
    assert (alarms == (score > detector.threshold_)).all()
    assert (alarms == (detector.decision_function(X) < 0)).all()
    assert (alarms == (detector.p_value(X) <= ALPHA)).all()
    assert (detector.score_samples(X) == -score).all()
    both, last = detector.both_scores(X), detector.cuts_.pairs(ALPHA) - 1
    assert (alarms == (both > detector.cuts_.values[:, last : last + 1]).any(0)).all()
    assert (both[0] == below.anomaly_score(X)).all()
    odds = detector.probability(X) / (1 - detector.probability(X))
    assert np.allclose(np.log(odds), both[1])
    assert (detector.anomaly_score(X[7:8]) == score[7:8]).all()


def test_an_unfitted_first_stage_is_fitted_on_a_copy(first: Any, tumours: Any) -> None:
    detector = isthmus.FewLabelDetector(first, "logistic", random_state=0)
    detector.fit(tumours.benign[:240], **labelled(tumours))
    assert not hasattr(first, "threshold_") and detector.detector_.alpha == ALPHA
    assert 40 <= detector.promise_.n <= 56
    again = clone(detector).fit(tumours.benign[:240], **labelled(tumours))
    assert (again.anomaly_score(tumours.malignant) == detector.anomaly_score(tumours.malignant)).all()
    given = clone(detector).fit(tumours.benign[:160], X_calibration=tumours.benign[160:240], **labelled(tumours))
    assert given.promise_.n == 80
    assert (detector.predict(tumours.malignant[30:]) == -1).mean() > 0.8


def test_rows_known_as_anomalies_neither_train_nor_calibrate(first: Any, below: Any, tumours: Any) -> None:
    mixed = np.concatenate([tumours.benign[120:240], tumours.malignant[:5]])
    detector = isthmus.FewLabelDetector(below, "logistic").fit(mixed, **labelled(tumours))
    assert detector.promise_.n == 120
    unfitted = isthmus.FewLabelDetector(first, "logistic", random_state=0).fit(mixed, **labelled(tumours))
    assert not np.isin(unfitted.detector_.trained_, unfitted.trained_, invert=True).any()
    assert len(unfitted.detector_.trained_) + unfitted.promise_.n == 120


def test_labelled_rows_that_calibrate_teach_nothing(below: Any, tumours: Any) -> None:
    known = labelled(tumours)
    held = np.concatenate([tumours.benign[120:240], known["X_labelled"][:50]])  # thirty anomalies, twenty normal rows
    detector = isthmus.FewLabelDetector(below).fit(held, **known)
    assert detector.promise_.n == 140
    assert detector.labelled_ == (30, 10, 20)
    with pytest.raises(TooFewRowsError, match="30 anomalies among 30 labelled rows that do not calibrate"):
        isthmus.FewLabelDetector(below).fit(np.concatenate([held, known["X_labelled"][50:]]), **known)


def test_rows_that_trained_or_taught_do_not_calibrate(below: Any, tumours: Any) -> None:
    known = labelled(tumours)
    with pytest.raises(LeakageError, match="training rows"):
        isthmus.FewLabelDetector(below).fit(tumours.benign[:240], **known)
    detector = second(below, tumours)
    with pytest.raises(LeakageError) as raised:
        detector.calibrate(np.concatenate([tumours.benign[250:300], known["X_labelled"][-2:]]))
    assert raised.value.rows == [50, 51]


def test_calibrate_sets_another_budget(below: Any, tumours: Any) -> None:
    detector = second(below, tumours)
    before = detector.probability(tumours.malignant)
    rows = np.concatenate([tumours.benign[240:320], tumours.malignant[40:50]])
    assert detector.calibrate(rows, np.arange(90) >= 80, alpha=0.2) is detector
    assert (detector.promise_.n, detector.promise_.alpha) == (80, 0.2)
    assert (detector.probability(tumours.malignant) == before).all()
    with pytest.raises(TooFewRowsError, match="n=80 calibration rows"):
        detector.calibrate(tumours.benign[240:320], alpha=0.02)


def test_too_few_rows_for_two_thresholds_warn(below: Any, tumours: Any) -> None:
    with pytest.warns(FewCalibrationRowsWarning, match=r"alpha=0\.01 for two thresholds needs 199"):
        detector = second(below, tumours, alpha=0.01)
    assert detector.promise_.expected == 2 / 121


LABELS: dict[str, tuple[Any, type[Exception], str]] = {
    "no anomaly": (np.zeros(60, dtype=bool), TooFewRowsError, "0 anomalies among 60"),
    "only anomalies": (np.ones(60, dtype=bool), TooFewRowsError, "60 anomalies among 60"),
    "another number": (np.zeros(59, dtype=bool), InputError, "(59,)"),
    "another kind": (np.array(["good", "bad"] * 30), InputError, "bad, good"),
    "a gap": (np.array([0.0, 1.0, np.nan] * 20), InputError, "nan"),
    "none": (None, InputError, "()"),
}


@pytest.mark.parametrize("what", LABELS)
def test_labels_that_are_no_use_are_refused(what: str, first: Any, tumours: Any) -> None:
    y, error, came = LABELS[what]
    with pytest.raises(error) as raised:
        isthmus.FewLabelDetector(first).fit(tumours.benign, X_labelled=labelled(tumours)["X_labelled"], y_labelled=y)
    assert came in raised.value.came and raised.value.allowed and raised.value.fix


PARAMETERS: dict[str, tuple[dict[str, Any], type[Exception], str]] = {
    "another detector": ({"detector": isthmus.Autoencoder()}, ParameterError, "detector=Autoencoder"),
    "another classifier": ({"classifier": "forest"}, UnknownNameError, "forest"),
    "other features": ({"features": "codes"}, UnknownNameError, "codes"),
    "no budget": ({"alpha": 0}, ParameterError, "alpha=0"),
}


@pytest.mark.parametrize("what", PARAMETERS)
def test_parameters_outside_their_domain_are_refused(what: str, first: Any, tumours: Any) -> None:
    given, error, came = PARAMETERS[what]
    with pytest.raises(error) as raised:
        isthmus.FewLabelDetector(first).set_params(**given).fit(tumours.benign, **labelled(tumours))
    assert came in raised.value.came and raised.value.allowed and raised.value.fix


def test_rows_of_other_columns_and_rows_shared_out_twice_are_refused(below: Any, tumours: Any) -> None:
    known = labelled(tumours)
    with pytest.raises(ColumnError, match="29"):
        isthmus.FewLabelDetector(below).fit(
            tumours.benign[120:], X_labelled=known["X_labelled"][:, :29], y_labelled=known["y_labelled"]
        )
    for name in ("X_calibration", "groups"):
        with pytest.raises(ParameterError, match=f"{name}= beside a fitted detector"):
            isthmus.FewLabelDetector(below).fit(tumours.benign[120:], **known, **{name: np.zeros(3)})


@pytest.mark.parametrize("way", WAYS[::2])
def test_what_is_loaded_judges_as_before(way: Any, below: Any, tumours: Any, tmp_path: Path) -> None:
    detector = second(below, tumours, *way)
    loaded = isthmus.load(detector.save(tmp_path / "detector"))
    for verb in ("anomaly_score", "p_value", "predict", "probability"):
        assert (getattr(loaded, verb)(tumours.malignant) == getattr(detector, verb)(tumours.malignant)).all()
    assert (loaded.promise_, loaded.threshold_, loaded.labelled_) == (
        detector.promise_,
        detector.threshold_,
        detector.labelled_,
    )
    assert repr(loaded) == repr(detector)
    assert loaded.n_features_in_ == 30
    with pytest.raises(LeakageError):
        loaded.calibrate(labelled(tumours)["X_labelled"])
    assert str(detector.promise_) in (tmp_path / "detector" / "README.md").read_text(encoding="utf-8")


def test_an_unfitted_first_stage_comes_back_unfitted(first: Any, tumours: Any, tmp_path: Path) -> None:
    detector = isthmus.FewLabelDetector(first, "logistic", random_state=0)
    detector.fit(tumours.benign[:240], **labelled(tumours))
    loaded = isthmus.load(detector.save(tmp_path / "detector"))
    assert not hasattr(loaded.detector, "threshold_")
    assert repr(loaded) == repr(detector)


@pytest.mark.parametrize("name", ["cuts", "spread", "classifier.value", "detector.band"])
def test_saved_tensors_that_do_not_belong_together_are_refused(name: str, below: Any, tumours: Any) -> None:
    config, tensors = second(below, tumours).to_saved()
    with pytest.raises(CorruptFileError):
        isthmus.FewLabelDetector.from_saved(config, {key: tensors[key] for key in tensors if key != name})


@pytest.mark.parametrize("rows", [8, 60, 300])
def test_the_trees_are_those_of_scikit_learn(rows: int, tumours: Any) -> None:
    X = np.concatenate([tumours.benign, tumours.malignant])
    anomalous = np.arange(len(X)) >= len(tumours.benign)
    chosen = np.random.default_rng(0).permutation(len(X))[:rows]
    leaf = min(20, max(1, min(anomalous[chosen].sum(), (~anomalous[chosen]).sum()) // 2))
    model = HistGradientBoostingClassifier(
        min_samples_leaf=leaf, max_features=0.3, early_stopping=False, random_state=0
    )
    model.fit(X[chosen], anomalous[chosen])
    trees = Boosting.learnt(X[chosen], anomalous[chosen], 0)
    assert (trees.log_odds(X) == model.decision_function(X)).all()
    assert (trees.log_odds(X[:1]) == trees.log_odds(X)[:1]).all()
    assert trees.log_odds(X[:0]).shape == (0,)


def test_the_line_of_a_row_does_not_depend_on_its_neighbours(tumours: Any) -> None:
    X = np.concatenate([tumours.benign[:30], tumours.malignant[:30]])
    line = Logistic.learnt(X, np.arange(60) >= 30, 0)
    assert all(line.log_odds(X[at : at + 1]) == line.log_odds(X)[at] for at in range(0, 60, 7))


NAMES = ("protocol_type", "service", "flag")


def connections(folder: Path, rows: int) -> pd.DataFrame:
    """Network connections with their categories, and gaps in one column; the last column names the attack."""
    names = [line.split(",")[0] for line in (folder / "Field_Names.csv").read_text(encoding="utf-8").split()]
    with gzip.open(folder / "KDDTrain+_20Percent.txt.gz", "rt") as lines:
        frame = pd.read_csv(lines, header=None, nrows=rows).iloc[:, :42]
    frame.columns = [*names[:41], "attack"]
    for name in NAMES:
        frame[name] = pd.Categorical(frame[name], sorted(frame[name].unique()), ordered=True)
    frame["duration"] = frame["duration"].where(np.arange(len(frame)) % 7 > 0)
    return frame.loc[:, frame.nunique() > 1]


def test_mixed_tables_with_gaps_are_read(first: Any, real_data: Path) -> None:
    frame = connections(real_data / "intrusion", 1500)
    anomalous, table = frame.pop("attack").to_numpy() != "normal", frame
    normal, attacks = np.flatnonzero(~anomalous), np.flatnonzero(anomalous)
    known = np.concatenate([normal[-100:], attacks[:100]])
    model = isthmus.Autoencoder(epochs=5, device="cpu")
    detector = isthmus.FewLabelDetector(clone(first).set_params(model=model), features="both", random_state=0)
    detector.fit(table.iloc[normal[:-100]], X_labelled=table.iloc[known], y_labelled=anomalous[known])
    assert (detector.predict(table.iloc[attacks[100:]]) == -1).mean() > 0.9
    assert np.isfinite(detector.both_scores(table.iloc[attacks[:9]])).all()
