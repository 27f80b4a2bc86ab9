"""Rows between rows, along one unit of the code, and how likely rows are: against what a linear model has exactly."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest
import torch
from scipy.stats import multivariate_normal
from sklearn.datasets import load_wine

from isthmus import VAE, Autoencoder
from isthmus.errors import AbilityError, InputError, ParameterError, UnknownNameError
from isthmus.estimator.generation import spherical

X = load_wine().data


@pytest.fixture(scope="module")
def model() -> Any:
    """A linear VAE, whose p(x) is a normal distribution that can be written down."""
    return VAE(latent_dim=3, hidden_dims=(), activation="linear", epochs=100, random_state=0).fit(X)


def evidence(model: Any) -> Any:
    """log p(x) of every row: x = W z + b + noise, so N(b, W W' + diag(variances))."""
    layer = model.network_.decoder.linears[0]
    weight, bias = layer.weight.detach().double().numpy(), layer.bias.detach().double().numpy()
    variances = model.network_.likelihood.log_var.detach().double().exp().expand(len(bias)).numpy()
    x = (X - model.spec_.center.numpy()) / model.spec_.scale.numpy()
    return multivariate_normal(bias, weight @ weight.T + np.diag(variances)).logpdf(x)


@pytest.mark.slow
def test_importance_sampling_reaches_the_evidence_and_the_bound_stays_below(model: Any) -> None:
    exact = evidence(model)
    few, many = model.log_likelihood(X, 50), model.log_likelihood(X, 1500)
    assert abs(many.mean() - exact.mean()) < 0.02
    assert abs(many - exact).max() < 1.0
    assert abs(many - exact).mean() < abs(few - exact).mean()
    assert model.elbo(X).mean() < exact.mean() + 0.01
    np.testing.assert_allclose(model.elbo_gap(X, 1500), many - model.elbo(X))


def test_a_row_is_as_likely_whatever_rows_come_with_it(model: Any) -> None:
    whole = model.log_likelihood(X, 20)
    assert np.array_equal(model.log_likelihood(X[5:9], 20), whole[5:9])
    assert np.array_equal(model.log_likelihood(X, 20), whole)


def test_many_draws_are_not_all_kept_to_compare_blocks_by(model: Any) -> None:
    twin, calls = copy.deepcopy(model), 0

    def count(*_: Any) -> None:
        nonlocal calls
        calls += 1

    handle = twin.network_.decoder.register_forward_hook(count)
    twin.log_likelihood(X[:60], 300)
    handle.remove()
    assert 300 <= calls < 400  # one block of all draws, and a few draws that show which blocks will do


def test_a_way_leads_from_the_one_to_the_other(model: Any) -> None:
    way = model.interpolate(X[:2], X[2:4], steps=5)
    assert way.shape == (10, X.shape[1])
    ends = model.reconstruct(X[:4])
    np.testing.assert_allclose(way[[0, 5]], ends[:2], rtol=1e-4)
    np.testing.assert_allclose(way[[4, 9]], ends[2:], rtol=1e-4)
    np.testing.assert_allclose(way[2], (ends[0] + ends[2]) / 2, rtol=1e-4)  # the decoder is linear


def test_a_spherical_way_has_the_same_ends_and_bends_between_them(model: Any) -> None:
    straight, bent = (model.interpolate(X[:2], X[2:4], 5, path=path) for path in ("linear", "spherical"))
    np.testing.assert_allclose(bent[[0, 4, 5, 9]], straight[[0, 4, 5, 9]], rtol=1e-3, atol=1e-3)
    a, b = (torch.from_numpy(model.transform(rows)) for rows in (X[:2], X[2:4]))
    middle = model.inverse_transform(spherical(a, b, torch.tensor([[[0.5]]]))[0].numpy())
    np.testing.assert_allclose(bent[[2, 7]], middle, rtol=1e-3, atol=1e-3)
    assert np.abs(bent[2] - straight[2]).max() > 1e-3


def test_the_arc_keeps_the_length_of_codes() -> None:
    start, end = torch.tensor([[3.0, 0.0, 0.0]]), torch.tensor([[0.0, 0.0, -3.0]])
    arc = spherical(start, end, torch.linspace(0, 1, 7)[:, None, None])
    torch.testing.assert_close(arc.norm(dim=-1), torch.full((7, 1), 3.0))
    assert torch.equal(spherical(start, start, torch.tensor([[[0.5]]])), start[None])


def test_a_traverse_moves_one_unit_and_no_other(model: Any) -> None:
    codes = model.transform(X[:2])
    for axis in range(3):
        same = model.traverse(X[0], axis, [codes[0, axis]])
        np.testing.assert_allclose(same, model.reconstruct(X[:1]), rtol=1e-4)
    moved = model.traverse(X[:2], 1, [-1.0, 0.0, 1.0])
    assert moved.shape == (6, X.shape[1])
    weight = model.network_.decoder.linears[0].weight[:, 1].detach().numpy() * model.spec_.scale.numpy()
    np.testing.assert_allclose(moved[2] - moved[1], weight, rtol=1e-3, atol=1e-3)


def test_wrong_ways_are_refused(model: Any) -> None:
    with pytest.raises(UnknownNameError, match="path='speherical'"):
        model.interpolate(X[:1], X[1:2], path="speherical")
    with pytest.raises(InputError, match="a with 2 rows, b with 1"):
        model.interpolate(X[:2], X[:1])
    with pytest.raises(ParameterError, match="axis=3"):
        model.traverse(X[0], 3, [0.0])
    with pytest.raises(ParameterError, match="steps=1"):
        model.interpolate(X[:1], X[1:2], steps=1)
    plain = Autoencoder(latent_dim=2, epochs=1, random_state=0).fit(X)
    with pytest.raises(AbilityError, match="interpolate"):
        plain.interpolate(X[:1], X[1:2])
