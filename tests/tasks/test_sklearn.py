"""scikit-learn's own checks; none is excused, since a detector takes no weights."""

from __future__ import annotations

from typing import Any

import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

import isthmus

MODEL = isthmus.Autoencoder(epochs=3, batch_size=64)


@parametrize_with_checks([isthmus.AnomalyDetector(MODEL)])
@pytest.mark.filterwarnings("ignore::isthmus.tasks.anomaly.calibration.FewCalibrationRowsWarning")
def test_scikit_learn_accepts(estimator: Any, check: Any) -> None:
    check(estimator)
