"""scikit-learn's own checks, for every member; one exception, which scikit-learn makes for its own kind too.

A conditional member meets, beside these, the checks that ask verbs nothing but X: it says that y is missing.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.datasets import load_iris
from sklearn.model_selection import GridSearchCV, StratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from isthmus import SAE
from tests.contract.cases import RELATIVES, TABLES

REASON = "sample_weight is not equivalent to removing or repeating rows when batches are drawn at random"
EXCUSED = {
    "check_sample_weight_equivalence_on_dense_data": REASON,
    "check_sample_weight_equivalence_on_sparse_data": REASON,
}
UNTOLD = "this check calls a verb without y, which a conditional member cannot answer: it says so"
CALLED_WITHOUT_Y = {
    "check_dict_unchanged",
    "check_dtype_object",
    "check_estimators_dtypes",
    "check_estimators_pickle",
    "check_f_contiguous_array_estimator",
    "check_fit_idempotent",
    "check_methods_sample_order_invariance",
    "check_methods_subset_invariance",
    "check_transformer_data_not_an_array",
    "check_transformer_general",
    "check_transformer_preserve_dtypes",
}
KIN = (*RELATIVES, "adversarial-autoencoder", "regularized-autoencoder", "wasserstein-autoencoder", "vq-vae")
MEMBERS = [cls(epochs=5, batch_size=32) for cls in TABLES.values()]


def model_width(pipeline: Any) -> int:
    """How long the code is: of a code in levels more than `latent_dim`, which is the top one's."""
    return int(np.prod(pipeline[-1].latent_shape_))


def excused(model: Any) -> dict[str, str]:
    """The checks that a member may fail, each with the reason."""
    return EXCUSED | (dict.fromkeys(CALLED_WITHOUT_Y, UNTOLD) if model.is_conditional else {})


@parametrize_with_checks([m for m in MEMBERS if m.name not in KIN], expected_failed_checks=excused)
def test_scikit_learn_accepts(estimator: Any, check: Any) -> None:
    check(estimator)


@pytest.mark.slow
@parametrize_with_checks([m for m in MEMBERS if m.name in KIN], expected_failed_checks=excused)
def test_scikit_learn_accepts_kin(estimator: Any, check: Any) -> None:
    check(estimator)


@pytest.mark.parametrize("name", [name for name, member in TABLES.items() if not member.has_sparse_code])
def test_members_work_in_pipelines_searches_and_frames(name: str) -> None:
    bunch = load_iris(as_frame=True)
    iris, y = bunch.data, bunch.target if TABLES[name].is_conditional else None
    widths = [3, 6] if name == "vq-vae" else [1, 2]  # 512 codes are made of three numbers each
    model = TABLES[name](latent_dim=widths[1], epochs=2, random_state=0)
    pipeline = make_pipeline(StandardScaler(), model).set_output(transform="pandas")
    codes = pipeline.fit_transform(iris, y)
    assert list(codes.columns) == [f"{type(model).__name__.lower()}{i}" for i in range(model_width(pipeline))]
    halves = 2 if y is None else StratifiedKFold(2)  # each with every label
    search = GridSearchCV(model, {"latent_dim": widths}, cv=halves).fit(iris, y)
    assert search.best_params_["latent_dim"] in widths
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()


def test_sparse_codes_work_in_pipelines_and_searches() -> None:
    iris = load_iris().data
    pipeline = make_pipeline(StandardScaler(), SAE(n_latents=12, k=2, epochs=2, random_state=0))
    assert pipeline.fit_transform(iris).shape == (150, 12)
    search = GridSearchCV(SAE(k=2, epochs=2, random_state=0), {"n_latents": [8, 16]}, cv=2).fit(iris)
    assert search.best_params_["n_latents"] in (8, 16)
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()
