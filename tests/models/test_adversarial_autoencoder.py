"""Codes that a test cannot tell from the prior, and labels that unlabelled rows make more of."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits, load_wine
from torch import Tensor

import isthmus
from isthmus import AdversarialAutoencoder, Autoencoder
from isthmus.errors import AbilityError, InputError, ParameterError
from isthmus.parts.divergences import mmd
from tests.models.rows import digits, error

SHAPE: dict[str, Any] = {"latent_dim": 4, "hidden_dims": (64,), "scaling": "none", "epochs": 40, "random_state": 0}
FEW = 60  # codes in a two-sample test


def two_samples(codes: Any) -> tuple[float, float]:
    """Discrepancy of codes and draws from N(0, I), and its p-value among 200 ways to mix both."""
    generator = torch.Generator().manual_seed(0)
    z = torch.from_numpy(np.asarray(codes, dtype=np.float32))
    both = torch.cat([z, torch.randn(z.shape, generator=generator)])

    def apart(order: Tensor) -> float:
        return float(mmd(both[order[: len(z)]], both[order[len(z) :]])[0])

    found = apart(torch.arange(len(both)))
    mixed = [apart(torch.randperm(len(both), generator=generator)) for _ in range(200)]
    return found, (1 + sum(value >= found for value in mixed)) / 201


@pytest.mark.slow
def test_a_test_tells_the_codes_of_a_plain_autoencoder_from_the_prior_and_not_these() -> None:
    train, held_out = digits()
    model, plain = AdversarialAutoencoder(**SHAPE).fit(train), Autoencoder(**SHAPE).fit(train)
    (ours, p), (theirs, p_plain) = (two_samples(one.transform(held_out)[:FEW]) for one in (model, plain))
    assert p > 0.02
    assert p_plain < 0.01
    assert ours < 0.1 * theirs
    assert error(held_out, model.reconstruct(held_out)) < error(held_out, plain.reconstruct(held_out)) + 0.05


@pytest.mark.slow
def test_unlabelled_rows_make_more_of_a_few_labels() -> None:
    x, y = (load_digits().data / 16).astype(np.float32), load_digits().target
    lead = []
    for seed in range(3):
        order = np.random.default_rng(seed).permutation(len(x))
        train, rest = order[:1400], order[1400:]
        labelled = np.concatenate([train[y[train] == digit][:5] for digit in range(10)])
        known = np.full(len(x), -1)
        known[labelled] = y[labelled]
        params = {**SHAPE, "latent_dim": 16, "hidden_dims": (128,), "random_state": seed}
        right = {
            name: float((model.predict(x[rest]) == y[rest]).mean())
            for name, model in {
                "50 labels and 1350 rows without": AdversarialAutoencoder(**params).fit(x[train], known[train]),
                "50 labels": AdversarialAutoencoder(**{**params, "epochs": 200}).fit(x[labelled], y[labelled]),
            }.items()
        }
        print(seed, right)
        lead.append(right["50 labels and 1350 rows without"] - right["50 labels"])
    assert np.mean(lead) > 0


@pytest.mark.parametrize("kind", ["whole numbers", "text", "fractions", "booleans"])
def test_labels_of_any_kind_may_be_unknown(kind: str, tmp_path: Any) -> None:
    x, y = load_wine(return_X_y=True)
    labels: dict[str, Any] = {
        "whole numbers": np.where(np.arange(len(y)) % 2, y, -1),
        "text": [None if i % 2 else "abc"[label] for i, label in enumerate(y)],
        "fractions": np.where(np.arange(len(y)) % 2, y, np.nan),
        "booleans": y > 0,
    }
    model = AdversarialAutoencoder(latent_dim=6, hidden_dims=(16,), epochs=30, learning_rate=0.01, random_state=0)
    model.fit(x, labels[kind])
    assert model.abilities()["predict"] is True
    assert len(model.classes_) == (2 if kind == "booleans" else 3)
    truth = {"text": np.array(list("abc"))[y], "booleans": y > 0}.get(kind, y)
    assert (model.predict(x) == truth).mean() > 0.9
    np.testing.assert_allclose(model.predict_proba(x).sum(1), 1, atol=1e-5)
    twin = isthmus.load(model.save(tmp_path / "model"))
    assert np.array_equal(twin.predict(x), model.predict(x))
    assert twin.classes_.dtype == model.classes_.dtype
    assert model.partial_fit(x, labels[kind]).n_iter_ == 31
    with pytest.raises(InputError, match="the first fit saw"):
        model.partial_fit(x, ["zebra"] * len(x) if kind == "text" else [17] * len(x))


def test_samples_name_every_class_as_often() -> None:
    x, y = load_wine(return_X_y=True)
    model = AdversarialAutoencoder(latent_dim=5, hidden_dims=(8,), epochs=1, random_state=0).fit(x, y, validation=0.2)
    noise = torch.randn(3000, 5, generator=torch.Generator().manual_seed(0))
    z = model.network_.bottleneck.from_normal(noise)
    assert set(z[:, :3].unique().tolist()) == {0.0, 1.0}
    assert abs(z[:, :3].mean(0) - 1 / 3).max() < 0.04
    assert torch.equal(z[:, 3:], noise[:, 3:])
    assert model.sample(4, random_state=0).shape == (4, 13)


def test_without_labels_nothing_is_predicted() -> None:
    x, y = load_wine(return_X_y=True)
    for labels in (None, np.full(len(y), -1)):
        model = AdversarialAutoencoder(latent_dim=2, hidden_dims=(4,), epochs=1).fit(x, labels)
        with pytest.raises(AbilityError, match="no label came"):
            model.predict(x)


def test_labels_that_cannot_be_used_are_refused() -> None:
    x, y = load_wine(return_X_y=True)
    model = AdversarialAutoencoder(latent_dim=4, hidden_dims=(4,), epochs=1)
    with pytest.raises(InputError, match="one label for each of the 178 rows"):
        model.fit(x, y[:9])
    with pytest.raises(InputError, match="a label names a class"):
        model.fit(x, y + 0.5)
    with pytest.raises(ParameterError, match="the first 3 numbers of the code"):
        model.set_params(latent_dim=2).fit(x, y)
