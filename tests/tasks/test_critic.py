"""A critic beside the model: what it learns, what it leaves alone, and that its word is one term of three."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.base import clone
from sklearn.datasets import load_digits

import isthmus
from isthmus.core.code import Batch
from isthmus.core.spec import Column, Spec
from isthmus.errors import CorruptFileError, ParameterError
from isthmus.estimator.inputs import read
from isthmus.parts.critics import Critic, disturbed
from isthmus.parts.initialise import initialise
from isthmus.tasks.anomaly.pairing import paired


@pytest.fixture(scope="module")
def with_critic(tumours: Any, quick: Any) -> Any:
    """A fitted detector with critics, which no test changes."""
    return isthmus.AnomalyDetector(quick, alpha=0.05, critic=True, random_state=0).fit(tumours.benign)


def test_a_critic_learns_the_ratio_of_two_densities() -> None:
    # reals from N(0, 1), others from N(0, 2): ln q/p = x^2 / 4 - ln(2) / 2
    generator = torch.Generator().manual_seed(0)
    spec = Spec("table", (1,))
    critic = Critic(spec, "gaussian")
    initialise(critic, generator)
    optimizer = torch.optim.Adam(critic.parameters(), 1e-2)
    for _ in range(150):
        real = torch.randn(1024, 1, generator=generator)
        optimizer.zero_grad()
        critic.cost(real, disturbed(Batch(real, generator=generator), spec)).mean().backward()
        optimizer.step()
    x = torch.linspace(-2, 2, 9)[:, None]
    truth = x[:, 0].square() / 4 - np.log(2) / 2
    assert (critic.eval()(x).detach() - truth).abs().max() < 0.3


def test_rows_are_disturbed_without_new_names_or_filled_gaps() -> None:
    columns = (Column("size", gaps=True), Column("kind", "categorical", categories=("a", "b", "c")))
    x = torch.tensor([[0.0, 2.0], [torch.nan, 1.0], [1.0, 1.0], [2.0, 0.0]])
    moved = disturbed(Batch(x, generator=torch.Generator().manual_seed(0)), Spec("table", (2,), columns))
    assert sorted(moved[:, 1].tolist()) == [0.0, 1.0, 1.0, 2.0]
    assert moved[:, 0].isnan().tolist() == [False, True, False, False]
    assert (moved[[0, 2, 3], 0] != x[[0, 2, 3], 0]).all()


@pytest.mark.parametrize("member", ["vae", "stacked-autoencoder"])
def test_the_model_is_what_it_would_be_without_a_critic(member: str, tumours: Any) -> None:
    made = isthmus.family()[member](epochs=4, latent_dim=3, hidden_dims=(8,), random_state=0, device="cpu")
    alone, beside = clone(made).fit(tumours.benign), clone(made)
    paired(beside, tumours.benign)
    assert (alone.anomaly_score(tumours.malignant) == beside.anomaly_score(tumours.malignant)).all()
    assert [line["loss"] for line in alone.history_] == [line["loss"] for line in beside.history_]
    assert "critic/loss" in beside.history_[-1]


def test_its_word_is_one_term_of_three(with_critic: Any, detector: Any, tumours: Any) -> None:
    X, scorer = tumours.malignant, with_critic.scorer_
    terms = scorer.terms(X)
    assert terms.shape == (len(X), 3)
    assert torch.equal(terms[:, :2], detector.scorer_.terms(X))
    source = read(scorer.model, X)
    with torch.no_grad():
        said = [member.critic(source.block(0, len(X))).double() for member in scorer.members]
    torch.testing.assert_close(terms[:, 2], sum(said) / len(said))
    standard = (terms - scorer.scale.middle) / scorer.scale.spread
    np.testing.assert_allclose(with_critic.anomaly_score(X), standard.mean(1).numpy())
    assert terms[:, 2].mean() > scorer.terms(tumours.benign)[:, 2].mean()


def test_a_row_has_the_same_bits_whatever_comes_with_it(with_critic: Any, tumours: Any) -> None:
    whole = with_critic.anomaly_score(tumours.benign)
    assert (whole[:20] == [with_critic.anomaly_score(tumours.benign[row : row + 1])[0] for row in range(20)]).all()
    assert (with_critic.anomaly_score(np.concatenate([tumours.benign] * 15)).reshape(15, -1) == whole).all()


def test_what_is_loaded_or_fitted_again_judges_the_same(with_critic: Any, tumours: Any, tmp_path: Path) -> None:
    expected = with_critic.anomaly_score(tumours.malignant)
    loaded = isthmus.load(with_critic.save(tmp_path / "detector"))
    assert loaded.critic is True
    for other in (loaded, pickle.loads(pickle.dumps(with_critic)), clone(with_critic).fit(tumours.benign)):
        assert (other.anomaly_score(tumours.malignant) == expected).all()
    assert with_critic.explain(tumours.malignant[:2]) == loaded.explain(tumours.malignant[:2])


def test_a_critic_of_another_shape_is_refused(with_critic: Any) -> None:
    config, tensors = with_critic.to_saved()
    name = "0.critic.stack.linears.0.weight"
    with pytest.raises(CorruptFileError, match=r"linears\.0\.weight"):
        isthmus.AnomalyDetector.from_saved(config, {**tensors, name: tensors[name][:, :5]})


def test_mixed_tables_have_critics_too(quick: Any) -> None:
    random = np.random.default_rng(0)
    frame = pd.DataFrame({"size": random.normal(size=200), "kind": random.choice(["a", "b", "c"], 200)})
    frame.loc[::20, "size"] = np.nan
    model = clone(quick).set_params(epochs=2, latent_dim=2)
    detector = isthmus.AnomalyDetector(model, alpha=0.1, critic=True, random_state=0).fit(frame)
    assert np.isfinite(detector.anomaly_score(frame)).all()


def test_a_critic_without_a_fusion_is_refused(tumours: Any, quick: Any) -> None:
    with pytest.raises(ParameterError, match=r"critic=True with score='latent'.*a term of the fusion alone"):
        isthmus.AnomalyDetector(quick, score="latent", critic=True).fit(tumours.benign)


def test_images_have_critics_too() -> None:
    digits = load_digits()
    images = (digits.images[:, :, :, None] / 16).astype(np.float32)
    model = isthmus.Autoencoder(epochs=1, latent_dim=4, hidden_dims=(16,), device="cpu")
    detector = isthmus.AnomalyDetector(model, alpha=0.1, critic=True, random_state=0).fit(images[:300])
    said = detector.scorer_.terms(images[:300])[:, 2]
    noise = np.random.default_rng(0).random(images[:300].shape).astype(np.float32)
    assert detector.scorer_.terms(noise)[:, 2].mean() > said.mean()
