"""The first k units are the best k; linear ones are the principal components in their order."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
import torch
from sklearn.datasets import load_wine
from sklearn.decomposition import PCA
from sklearn.preprocessing import StandardScaler

from isthmus import OrderedAutoencoder
from isthmus.core.code import Batch
from tests.models.rows import digits, error


def test_the_first_k_units_are_the_best_k() -> None:
    train, held_out = digits()
    model = OrderedAutoencoder(
        latent_dim=5, hidden_dims=(64,), scaling="none", epochs=60, learning_rate=3e-3, random_state=0
    ).fit(train)
    network, codes = model.network_, torch.from_numpy(model.transform(held_out))

    def lost(units: tuple[int, ...]) -> float:
        kept = torch.zeros_like(codes)
        kept[:, units] = codes[:, units]
        with torch.no_grad():
            return error(held_out, network.mean(network.decoder(kept)).numpy())

    for k in range(1, 6):
        first = error(held_out, model.reconstruct(held_out, keep=k))
        assert first == pytest.approx(lost(tuple(range(k))), rel=1e-4)
        assert all(first <= lost(units) + 1e-6 for units in combinations(range(5), k))
    errors = [error(held_out, model.reconstruct(held_out, keep=k)) for k in range(6)]
    assert errors == sorted(errors, reverse=True)


def test_linear_units_are_the_principal_components_in_their_order() -> None:
    rows = StandardScaler().fit_transform(load_wine().data).astype(np.float32)
    shape = {"latent_dim": 3, "hidden_dims": (), "activation": "linear", "scaling": "none"}
    model = OrderedAutoencoder(**shape, epochs=250, learning_rate=1e-2, random_state=0).fit(rows)
    pca = PCA(3).fit(rows)
    for k in (1, 2, 3):
        best = rows - pca.mean_ - (pca.transform(rows)[:, :k] @ pca.components_[:k])
        assert ((model.reconstruct(rows, keep=k) - rows) ** 2).sum() < 1.02 * (best**2).sum()
    atoms = model.network_.decoder.linears[0].weight.detach().numpy().T
    along = np.abs((atoms * pca.components_).sum(1)) / np.linalg.norm(atoms, axis=1)
    assert along.min() > 0.97


def test_every_prefix_is_as_likely_in_training() -> None:
    bottleneck = OrderedAutoencoder(latent_dim=4, epochs=1).fit(load_wine().data).network_.bottleneck.train()
    z = bottleneck(torch.ones(8000, 4), Batch(torch.ones(8000, 1), generator=torch.Generator().manual_seed(0))).z
    lengths = torch.bincount(z.sum(1).long(), minlength=5)
    assert lengths[0] == 0
    assert lengths[1:].tolist() == pytest.approx([2000] * 4, abs=150)
    assert bool((z.diff(dim=1) <= 0).all())
