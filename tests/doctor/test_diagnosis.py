"""A diagnosis: how it is asked for, what it leaves alone, and how it is shown."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.datasets import load_breast_cancer
from sklearn.exceptions import NotFittedError

import isthmus
from isthmus.data import files
from isthmus.doctor.diagnosis import CHECKS, diagnose
from isthmus.doctor.findings import Diagnosis, NotAsked
from isthmus.errors import ColumnError, InputError, TooFewRowsError
from isthmus.report import Page
from tests.contract.cases import DATA, Case, every_case, take
from tests.doctor.cases import PROVOKED

X = load_breast_cancer().data


@pytest.fixture(scope="module")
def found() -> Diagnosis:
    """A diagnosis with answers of all kinds."""
    model, rows, _ = PROVOKED["identity-mapping: 100 to 95"]()
    told: Diagnosis = model.diagnose(rows)
    assert told.findings and told.sound and told.not_asked
    return told


@every_case
def test_every_member_is_looked_at_on_every_kind_of_data(case: Case) -> None:
    rows, unseen = case.rows(), take(case.rows(), slice(0, 60))
    beside = case.told(rows)
    told = case.fitted(epochs=1).diagnose(rows, (unseen, beside["y"][:60]) if beside else unseen, **beside)
    assert len(told.answers) == len(CHECKS)
    assert json.loads(json.dumps(told.as_dict(), allow_nan=False)) == told.as_dict()


def test_the_verb_and_the_function_are_one() -> None:
    model = isthmus.Autoencoder(epochs=1, random_state=0).fit(X)
    assert model.diagnose(X, X[:50]) == diagnose(model, X, X[:50]) == isthmus.diagnose(model, X, X[:50])
    assert model.abilities()["diagnose"] is True


def test_a_file_a_frame_and_a_saved_model_say_the_same(tmp_path: Any) -> None:
    frame = pd.DataFrame(X, columns=[f"c{i}" for i in range(X.shape[1])])
    files.write(tmp_path / "rows.csv", frame)
    model = isthmus.VAE(epochs=1, random_state=0).fit(frame)
    told = model.diagnose(frame)
    assert model.diagnose(tmp_path / "rows.csv").as_dict() == told.as_dict()
    assert isthmus.load(model.save(tmp_path / "model")).diagnose(frame).as_dict() == told.as_dict()


@pytest.mark.parametrize("architecture", [isthmus.MLP(normalization="batch", dropout=0.2), "conv"])
def test_the_model_stays_as_it_is(architecture: Any) -> None:
    rows = DATA["images"]()
    model = isthmus.VAE(architecture=architecture, likelihood="gaussian-optimal", epochs=1, random_state=0).fit(rows)
    before = {name: tensor.clone() for name, tensor in model.network_.state_dict().items()}
    seen, state = model.score_samples(rows), torch.get_rng_state()
    first = model.diagnose(rows)
    assert model.diagnose(rows) == first
    assert torch.equal(torch.get_rng_state(), state)
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.network_.state_dict().items())
    assert not model.network_.training and all(weight.grad is None for weight in model.network_.parameters())
    assert np.array_equal(model.score_samples(rows), seen)


def test_what_cannot_be_read_is_an_error_and_what_cannot_be_priced_a_finding() -> None:
    model = isthmus.Autoencoder(epochs=1, random_state=0)
    with pytest.raises(NotFittedError):
        model.diagnose(X)
    model.fit(pd.DataFrame(X[:, :2], columns=["a", "b"]))
    with pytest.raises(ColumnError, match="b"):
        model.diagnose(pd.DataFrame(X[:, :2], columns=["a", "c"]))
    with pytest.raises(TooFewRowsError, match="1 row"):
        model.diagnose(pd.DataFrame(X[:1, :2], columns=["a", "b"]))
    with pytest.raises(InputError):
        model.diagnose(X[:0, :2])
    other, rows, _ = PROVOKED["data-range: other units than the likelihood's"]()
    told = other.diagnose(rows)
    assert list(told.findings) == ["data-range"] and len(told.not_asked) == len(CHECKS) - 1
    assert "unreadable rows: 1 finding" in str(told)


def test_rows_that_are_all_alike_are_looked_at() -> None:
    alike = np.ones((30, 4))
    told = isthmus.VAE(latent_dim=2, epochs=1, random_state=0).fit(alike).diagnose(alike, alike)
    assert "rate-collapsed" in told.findings
    json.dumps(told.as_dict(), allow_nan=False)


def test_without_unseen_rows_nothing_is_said_of_them(found: Diagnosis) -> None:
    assert {"holdout-error", "memorisation"} <= found.not_asked.keys()


def test_text_shows_findings_first_and_everything_once(found: Diagnosis) -> None:
    lines = str(found).splitlines()
    assert lines[0] == f"Autoencoder on 500 rows: 1 finding in {len(CHECKS)} checks"
    assert lines[2] == "identity-mapping"
    assert lines[5] == '  do      model.set_params(latent_dim="auto").fit(X)'
    for name in found.answers:
        assert sum(line.strip().partition(":")[0] == name for line in lines) == 1


def test_no_findings_are_said_to_be_none() -> None:
    assert Diagnosis("VAE", 10, 5, {"dead-units": NotAsked("no")}).headline == (
        "VAE on 10 rows and 5 that it had not seen: no findings in 1 checks"
    )


def test_a_diagnosis_is_part_of_a_report(found: Diagnosis) -> None:
    page = Page("Doctor", found.headline, found.blocks()).html()
    assert page.count("<h2") == 1
    assert "model.set_params(latent_dim=&quot;auto&quot;).fit(X)" in page
    assert all(name in page for name in found.answers)
    assert Diagnosis("VAE", 10, 0, {}).blocks() == []
