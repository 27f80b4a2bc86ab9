"""The bound of several draws: a VAE's with one, rising with their number, the evidence in the end; and its gradient."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits, load_wine

from isthmus import IWAE, VAE
from isthmus.core.code import Batch
from isthmus.errors import ParameterError
from isthmus.estimator.inputs import read
from isthmus.parts.backbones.dense import plainly

X = load_wine().data
SHAPE: dict[str, Any] = {"latent_dim": 3, "hidden_dims": (16,), "learning_rate": 0.01, "random_state": 0}


@pytest.fixture(scope="module")
def model() -> Any:
    return IWAE(epochs=15, **SHAPE).fit(X)


def rows(model: Any, seed: int = 0, take: int = 178) -> Batch:
    return Batch(read(model, X).block(0, take), generator=torch.Generator().manual_seed(seed))


def bound(model: Any, samples: int, seed: int = 0) -> torch.Tensor:
    """Minus the bound of the training objective, (B,)."""
    twin = IWAE(samples=samples)
    network, batch = model.network_.train(), rows(model, seed)
    paid: torch.Tensor = twin.objective(network, batch)["bound"].detach()
    network.eval()
    return paid


def test_one_draw_is_the_vaes_bound_with_a_drawn_rate(model: Any) -> None:
    network, batch = model.network_, rows(model)
    with torch.no_grad():
        mean, log_var = network.bottleneck.posterior(network.encoder(batch.x))
        posterior = torch.distributions.Normal(mean, (log_var / 2).exp())
        z = posterior.loc + posterior.scale * torch.randn(mean.shape, generator=torch.Generator().manual_seed(0))
        drawn_rate = (posterior.log_prob(z) - torch.distributions.Normal(0.0, 1.0).log_prob(z)).sum(1)
        distortion = network.likelihood.distortion(batch.x, network.decode(z))
    torch.testing.assert_close(bound(model, 1), distortion + drawn_rate, rtol=1e-4, atol=1e-4)
    many = np.mean([bound(model, 1, seed).mean() for seed in range(200)])
    assert -many == pytest.approx(model.score(X), abs=0.1)


def test_the_bound_rises_with_the_draws_up_to_the_evidence(model: Any) -> None:
    bounds = [-np.mean([bound(model, samples, seed).mean() for seed in range(20)]) for samples in (1, 4, 16, 64)]
    assert bounds == sorted(bounds)
    assert bounds[-1] > bounds[0] + 0.1


def test_on_a_linear_model_it_tends_to_the_exact_evidence() -> None:
    linear = IWAE(latent_dim=2, hidden_dims=(), activation="linear", epochs=60, learning_rate=0.02, random_state=0)
    linear.fit(X)
    weight, shift = (p.detach().double() for p in linear.network_.decoder.linears[0].parameters())
    noise = linear.network_.likelihood.log_var.detach().double().exp()
    evidence = torch.distributions.MultivariateNormal(shift, weight @ weight.T + torch.diag(noise))
    exact = evidence.log_prob(read(linear, X).block(0, len(X)).double()).mean().item()
    bounds = [-np.mean([bound(linear, samples, seed).mean() for seed in range(20)]) for samples in (1, 10, 300)]
    assert bounds == sorted(bounds)
    assert bounds[-1] == pytest.approx(exact, abs=0.03)
    assert linear.elbo(X).mean() < exact + 1e-3


def test_the_encoders_gradient_is_the_doubly_reparameterised_one(model: Any) -> None:
    network, batch, samples = model.network_, rows(model, seed=5, take=4), 6
    network.zero_grad()
    IWAE(samples=samples).objective(network.train(), batch)["bound"].sum().backward()
    network.eval()
    found = [p.grad.clone() for p in network.parameters()]
    with plainly(network):
        expected = doubly_reparameterised(network, batch, samples, seed=5)
    for own, by_hand in zip(found, expected, strict=True):
        torch.testing.assert_close(own, by_hand, rtol=1e-3, atol=1e-4)


def doubly_reparameterised(network: Any, batch: Batch, samples: int, seed: int) -> list[torch.Tensor]:
    """From the definition: the derivative of log w at z with q held fixed, each weighed by the square of its share."""
    x = batch.x.repeat(samples, 1)
    mean, log_var = network.bottleneck.posterior(network.encoder(x))
    z = mean + (log_var / 2).exp() * torch.randn(mean.shape, generator=torch.Generator().manual_seed(seed))
    held = torch.distributions.Normal(mean.detach(), (log_var / 2).exp().detach())
    log_prior = torch.distributions.Normal(0.0, 1.0).log_prob(z).sum(1)
    log_w = log_prior - network.likelihood.distortion(x, network.decode(z)) - held.log_prob(z).sum(1)
    share = log_w.detach().view(samples, -1).softmax(0).flatten()
    encoder = list(network.encoder.parameters())
    rest = [p for p in network.parameters() if all(p is not own for own in encoder)]
    (to_z,) = torch.autograd.grad(log_w.sum(), z, retain_graph=True)
    to_encoder = torch.autograd.grad(z, encoder, -share[:, None].square() * to_z, retain_graph=True)
    gradient = dict(zip(encoder, to_encoder, strict=True))
    gradient |= dict(zip(rest, torch.autograd.grad(-(share * log_w).sum(), rest), strict=True))
    return [gradient[p] for p in network.parameters()]


@pytest.mark.slow
def test_more_draws_give_digits_a_higher_likelihood_and_more_active_units() -> None:
    digits = (load_digits().data / 16).astype(np.float32)
    shape = {"latent_dim": 20, "hidden_dims": (128,), "likelihood": "bernoulli", "random_state": 0, "epochs": 100}
    one, many = VAE(**shape).fit(digits[:1400]), IWAE(samples=20, **shape).fit(digits[:1400])
    found = [model.log_likelihood(digits[1400:], 500).mean() for model in (one, many)]
    active = [(model.transform(digits).var(0) > 0.01).sum() for model in (one, many)]
    assert found[1] > found[0]
    assert active[1] >= active[0]


@pytest.mark.parametrize("samples", [0, 2.5, True])
def test_draws_are_a_whole_number(samples: Any) -> None:
    with pytest.raises(ParameterError, match="samples"):
        IWAE(samples=samples, latent_dim=2, epochs=1).fit(X)
