"""A classifier beside a detector of rows in the order of time, or of rows that stay in their files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.base import clone

import isthmus
from isthmus.data.files import write
from isthmus.data.scanning import scan
from isthmus.errors import InputError, InputTypeError, LeakageError, ParameterError
from isthmus.tasks.anomaly.few_labels import detector as few_labels

ALPHA = 0.1


@pytest.fixture(scope="module")
def first(tumours: Any) -> isthmus.AnomalyDetector:
    """An unfitted first stage that trains in a moment, and can learn from a stream."""
    model = isthmus.Autoencoder(epochs=4, batch_size=32, latent_dim=4, hidden_dims=(16,), device="cpu")
    return isthmus.AnomalyDetector(model, alpha=ALPHA, members=1, score="distortion", random_state=0)


@pytest.fixture(scope="module")
def labels(tumours: Any) -> dict[str, Any]:
    """Thirty rows of either kind."""
    return {
        "X_labelled": np.concatenate([tumours.malignant[:30], tumours.benign[-30:]]),
        "y_labelled": np.arange(60) < 30,
    }


def file_of(rows: Any, path: Path) -> Any:
    """The rows as a stream from a file."""
    return scan(write(path, rows))


def test_the_last_rows_calibrate(first: Any, labels: Any, tumours: Any) -> None:
    rows, time = tumours.benign[:240], np.random.default_rng(0).permutation(240)
    timed = isthmus.FewLabelDetector(first, "logistic", random_state=0).fit(rows, time=time, **labels)
    ranks = np.argsort(time)
    parted = isthmus.FewLabelDetector(first, "logistic", random_state=0)
    parted.fit(rows[np.sort(ranks[:192])], X_calibration=rows[np.sort(ranks[192:])], **labels)
    assert timed.promise_.n == 48 == parted.promise_.n
    np.testing.assert_array_equal(timed.both_scores(tumours.malignant), parted.both_scores(tumours.malignant))
    assert timed.threshold_ == parted.threshold_


def test_spans_of_members_are_measured_by_it(first: Any, labels: Any, tumours: Any) -> None:
    time = np.datetime64("2026-01-01") + np.arange(240).astype("timedelta64[h]")
    spanned = clone(first).set_params(members=("day", 1))
    detector = isthmus.FewLabelDetector(spanned, "logistic", random_state=0)
    detector.fit(tumours.benign[:240], time=time, **labels)
    assert len(detector.detector_.scorer_.members) == 2
    with pytest.raises(ParameterError, match="without time="):
        detector.fit(tumours.benign[:240], **labels)


def test_rows_in_files_are_judged_as_rows_in_memory(
    first: Any, labels: Any, tumours: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    learnt, held = tumours.benign[:180], tumours.benign[180:240]
    whole = isthmus.FewLabelDetector(first, random_state=0).fit(learnt, X_calibration=held, **labels)
    monkeypatch.setattr(few_labels, "PIECE", 64)
    files = {name: file_of(rows, tmp_path / f"{name}.npy") for name, rows in (("learnt", learnt), ("held", held))}
    stream = isthmus.FewLabelDetector(first, random_state=0).fit(files["learnt"], X_calibration=files["held"], **labels)
    assert stream.promise_ == whole.promise_
    test = file_of(tumours.malignant, tmp_path / "test.npy")
    np.testing.assert_array_equal(stream.both_scores(test), stream.both_scores(tumours.malignant))
    np.testing.assert_array_equal(whole.both_scores(test), whole.both_scores(tumours.malignant))  # piece by piece
    assert (stream.predict(test) == -1).mean() > 0.5


def test_a_fitted_detector_calibrates_on_a_file(first: Any, labels: Any, tumours: Any, tmp_path: Path) -> None:
    below, rows = clone(first).fit(tumours.benign[:120]), tumours.benign[120:240]
    whole = isthmus.FewLabelDetector(below, random_state=0).fit(rows, **labels)
    file = file_of(rows, tmp_path / "rows.npy")
    stream = isthmus.FewLabelDetector(below, random_state=0).fit(file, **labels)
    np.testing.assert_array_equal(stream.cuts_.values, whole.cuts_.values)
    assert stream.threshold_ == whole.threshold_
    again = stream.calibrate(file_of(tumours.benign[240:300], tmp_path / "later.npy"), alpha=0.2)
    assert again.promise_.n == 60


def test_what_cannot_be_shared_out_is_refused(first: Any, labels: Any, tumours: Any, tmp_path: Path) -> None:
    fresh, rows = isthmus.FewLabelDetector(first, random_state=0), tumours.benign[:180]
    file, held = file_of(rows, tmp_path / "rows.npy"), tumours.benign[180:240]
    with pytest.raises(InputTypeError, match="without X_calibration="):
        fresh.fit(file, **labels)
    with pytest.raises(LeakageError, match="labelled anomalous"):
        dirty = file_of(np.concatenate([rows, tumours.malignant[:1]]), tmp_path / "dirty.npy")
        fresh.fit(dirty, X_calibration=held, **labels)
    with pytest.raises(InputTypeError, match="X_labelled, a stream of 180 rows"):
        fresh.fit(rows, X_labelled=file, y_labelled=np.arange(180) < 3)
    with pytest.raises(ParameterError, match="time= beside X_calibration="):
        fresh.fit(rows, X_calibration=held, time=np.arange(180), **labels)
    with pytest.raises(InputError, match="one entry for each of the 180 rows"):
        fresh.fit(rows, time=np.arange(7), **labels)
    below = clone(first).fit(tumours.benign[:120])
    with pytest.raises(ParameterError, match="time= beside a fitted detector"):
        isthmus.FewLabelDetector(below).fit(tumours.benign[120:240], time=np.arange(120), **labels)
