"""Every finding is provoked, is told with its figures, and goes with its remedy; healthy models have none."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer, load_digits

import isthmus
from isthmus.doctor.diagnosis import CHECKS, name_of
from tests.doctor.cases import PROVOKED, curved

WIDE = [
    isthmus.DenoisingAutoencoder(),
    isthmus.DenoisingAutoencoder(corruption="masking"),
    isthmus.SparseAutoencoder(),
    isthmus.SparseAutoencoder(sparsity="l1"),
    isthmus.SparseAutoencoder(sparsity="kl"),
    isthmus.ContractiveAutoencoder(),
    isthmus.VAE(),
]
HEALTHY = ("autoencoder", "denoising-autoencoder", "contractive-autoencoder", "ordered-autoencoder", "vae")


NAMES = [case.partition(":")[0] for case in PROVOKED]
FIRST = [
    pytest.param(case, marks=[pytest.mark.slow] * (name in NAMES[:i]))
    for i, (case, name) in enumerate(zip(PROVOKED, NAMES, strict=True))
]  # the usual run has one case of each check


@pytest.mark.parametrize("case", FIRST)
def test_each_finding_is_provoked_and_its_remedy_works(case: str) -> None:
    name, (model, X, X_held) = case.partition(":")[0], PROVOKED[case]()
    finding = model.diagnose(X, X_held).findings[name]
    assert finding.seen.endswith(".") and finding.why.endswith(".")
    assert all(map(math.isfinite, finding.figures.values()))
    again = eval(finding.remedy, {"model": model, "X": X, "isthmus": isthmus}).diagnose(X, X_held)
    assert name not in again.findings, again


def test_every_check_has_a_case_that_provokes_it() -> None:
    assert {case.partition(":")[0] for case in PROVOKED} == set(map(name_of, CHECKS))


@pytest.mark.parametrize("latent_dim", [95, 100])
@pytest.mark.parametrize("member", WIDE, ids=repr)
def test_no_identity_where_more_than_the_width_is_in_the_way(member: Any, latent_dim: int) -> None:
    model = clone(member).set_params(latent_dim=latent_dim, epochs=4, random_state=0).fit(curved())
    assert "identity-mapping" in model.diagnose(curved()).sound


@pytest.mark.parametrize(
    ("member", "load"), [*((member, load_breast_cancer) for member in HEALTHY), ("autoencoder", load_digits)]
)
def test_healthy_models_have_no_findings(member: str, load: Callable[[], Any]) -> None:
    X = load().data[np.random.default_rng(0).permutation(569)]
    model = isthmus.family()[member](epochs=60, random_state=0).fit(X[:400])
    diagnosis = model.diagnose(X[:400], X[400:])
    assert not diagnosis.findings, diagnosis
    assert len(diagnosis.answers) == len(CHECKS)


def test_a_healthy_model_of_real_rows_has_no_findings(real_data: Any) -> None:
    held = np.load(real_data / "adbench" / "28_pendigits.npz")
    X = held["X"][held["y"] == 0][:2500]
    model = isthmus.Autoencoder(epochs=30, random_state=0).fit(X[:2000])
    assert not model.diagnose(X[:2000], X[2000:]).findings


def test_a_series_with_one_loud_channel_is_told_to_be_scaled() -> None:
    time = np.arange(16)[None, :, None] / 2 + np.random.default_rng(0).uniform(0, 6, (120, 1, 3))
    X = np.sin(time) * [1.0, 1.0, 300.0]
    model = isthmus.Autoencoder(latent_dim=3, epochs=2, random_state=0).fit(X)
    finding = model.diagnose(X).findings["unscaled-data"]
    assert finding.seen.startswith("Channel 2 spreads")
    again = eval(finding.remedy, {"model": model, "X": X})
    assert "unscaled-data" in again.diagnose((X - X.mean((0, 1))) / X.std((0, 1))).sound


def test_outliers_and_heavy_tails_are_not_taken_for_units() -> None:
    X = np.random.default_rng(0).standard_t(1.0, (2000, 6))  # no variance at all
    model = isthmus.Autoencoder(epochs=2, random_state=0).fit(X)
    assert "unscaled-data" in model.diagnose(X).sound
    X[:20, 0] = 1e6
    assert "unscaled-data" in model.diagnose(X).sound


def test_unseen_rows_that_are_rows_of_training_accuse_nobody() -> None:
    X = load_breast_cancer().data
    model = isthmus.Autoencoder(epochs=20, random_state=0).fit(X)
    assert "memorisation" not in model.diagnose(X, X).findings
    assert "memorisation" in model.diagnose(X, X[:30]).not_asked
