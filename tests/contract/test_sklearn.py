"""scikit-learn's own checks, for every member; one exception, which scikit-learn makes for its own kind too."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.datasets import load_iris
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from tests.contract.cases import TABLES

REASON = "sample_weight is not equivalent to removing or repeating rows when batches are drawn at random"
EXCUSED = {
    "check_sample_weight_equivalence_on_dense_data": REASON,
    "check_sample_weight_equivalence_on_sparse_data": REASON,
}
MEMBERS = [cls(epochs=5, batch_size=32) for cls in TABLES.values()]


@parametrize_with_checks(MEMBERS, expected_failed_checks=lambda model: EXCUSED)
def test_scikit_learn_accepts(estimator: Any, check: Any) -> None:
    check(estimator)


@pytest.mark.parametrize("name", TABLES)
def test_members_work_in_pipelines_searches_and_frames(name: str) -> None:
    iris = load_iris(as_frame=True).data
    model = TABLES[name](latent_dim=2, epochs=2, random_state=0)
    pipeline = make_pipeline(StandardScaler(), model).set_output(transform="pandas")
    codes = pipeline.fit_transform(iris)
    assert list(codes.columns) == [f"{type(model).__name__.lower()}{i}" for i in range(2)]
    search = GridSearchCV(model, {"latent_dim": [1, 2]}, cv=2).fit(iris)
    assert search.best_params_["latent_dim"] in (1, 2)
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()
