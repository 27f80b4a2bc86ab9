"""Priors against what is known of them: scikit-learn's mixtures, explicit sums, integrals, inverses."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.datasets import load_iris
from sklearn.mixture import GaussianMixture
from torch import Tensor, nn
from torch.distributions import MultivariateNormal, Normal

from isthmus.core.code import Batch
from isthmus.errors import ParameterError, TooFewRowsError, UnknownNameError
from isthmus.parts.bottlenecks.gaussian import Gaussian
from isthmus.parts.initialise import initialise
from isthmus.parts.priors.choose import PRIORS, build
from isthmus.parts.priors.diffusion import Diffusion

FLOWERS = torch.from_numpy(load_iris().data).float()
SIZES: dict[str, dict[str, Any]] = {
    "normal": {"shape": (4,)},
    "mixture": {"shape": (4,), "components": 3},
    "vamp": {"shape": (5,), "pseudo_inputs": 4},
    "flow": {"shape": (4,), "hidden": 16},
    "autoregressive": {"places": 3, "codes": 4, "width": 8, "heads": 2, "blocks": 1},
    "diffusion": {"shape": (4,), "width": 16, "steps": 5},
}


def rng(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def made(kind: str, seed: int = 0, **options: Any) -> Any:
    """A prior with first weights, and a posterior to follow where it needs one."""
    prior = build(kind, **{**SIZES[kind], **options})
    initialise(prior, rng(seed))
    if kind == "vamp":
        encoder = nn.Linear(5, 8)
        initialise(encoder, rng(seed))
        prior.follow(encoder, Gaussian(4))
        prior.begin(torch.randn(20, 5, generator=rng(1)), rng(2))
    return prior


def shaken(prior: Any, by: float = 0.3) -> Any:
    """The prior with every weight moved, so that nothing is tested where it starts."""
    with torch.no_grad():
        for parameter in prior.parameters():
            parameter.add_(by * torch.randn(parameter.shape, generator=rng(9)))
    return prior


def codes(kind: str, rows: int = 6) -> Tensor:
    if PRIORS[kind].of_symbols:
        return torch.randint(4, (rows, 3), generator=rng(3))
    return FLOWERS[:: len(FLOWERS) // rows][:rows]


def steps(prior: Any, z: Tensor, count: int, rate: float = 5e-3, condition: Tensor | None = None) -> None:
    """So many steps of Adam on all rows."""
    optimizer, generator = torch.optim.Adam([p for p in prior.parameters() if p.requires_grad], rate), rng(4)
    for done in range(count):
        optimizer.param_groups[0]["lr"] = rate * 0.5 * (1 + math.cos(math.pi * done / count))
        loss = sum(prior.objective(Batch(z, condition=condition, generator=generator)).values()).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        prior.after_step()


@pytest.mark.parametrize("kind", PRIORS)
def test_an_objective_is_one_number_a_row_and_reaches_every_weight(kind: str) -> None:
    prior = shaken(made(kind))
    before = torch.get_rng_state()
    terms = prior.objective(Batch(codes(kind).float(), generator=rng()))
    assert torch.equal(torch.get_rng_state(), before)
    assert all(term.shape == (6,) for term in terms.values())
    sum(terms.values()).sum().backward()
    learnt = {name: p for name, p in prior.named_parameters() if p.requires_grad}
    assert not [name for name, p in learnt.items() if p.grad is None or not p.grad.abs().sum() > 0]


@pytest.mark.parametrize("kind", PRIORS)
def test_draws_follow_the_generator_and_have_the_shape_of_codes(kind: str) -> None:
    prior = shaken(made(kind)).eval()
    with torch.no_grad():
        one, again, other = (prior.sample(7, rng(seed)) for seed in (1, 1, 2))
        near = prior.around(codes(kind), 0.0, rng())
    assert one.shape == (7, *codes(kind).shape[1:])
    assert torch.equal(one, again)
    assert not torch.equal(one, other)
    torch.testing.assert_close(near, codes(kind), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("kind", [kind for kind, prior in PRIORS.items() if prior.has_density])
def test_a_density_looks_at_rows_one_by_one(kind: str) -> None:
    prior, z = shaken(made(kind)).eval(), codes(kind)
    with torch.no_grad():
        torch.testing.assert_close(prior.log_prob(z)[2:4], prior.log_prob(z[2:4]))


def test_a_fitted_normal_has_the_moments_of_the_codes() -> None:
    prior = made("normal")
    prior.fit(FLOWERS, rng())
    expected = MultivariateNormal(FLOWERS.double().mean(0), torch.cov(FLOWERS.double().T, correction=0))
    with torch.no_grad():
        found = prior.log_prob(FLOWERS).double()
        drawn = prior.sample(40_000, rng())
    torch.testing.assert_close(found, expected.log_prob(FLOWERS.double()), rtol=1e-3, atol=1e-3)
    torch.testing.assert_close(torch.cov(drawn.T), torch.cov(FLOWERS.T), rtol=0.05, atol=0.02)


def test_the_normal_prior_costs_the_closed_divergence_in_expectation() -> None:
    own, general = Gaussian(3), Gaussian(3)
    general.prior = build("normal", shape=(3,))
    h = torch.randn(5, 6, generator=rng(1))
    many = h.repeat(6000, 1)
    with torch.no_grad():
        paid = general(many, Batch(many, generator=rng(2))).rate.view(6000, 5)
        closed = own(h, Batch(h, generator=rng(2))).rate
    error = (paid.mean(0) - closed).abs() / (paid.std(0) / len(paid) ** 0.5)
    assert error.max() < 4.5


@pytest.mark.parametrize("covariance", ["full", "diagonal"])
def test_a_mixture_is_that_of_scikit_learn(covariance: str) -> None:
    prior = made("mixture", covariance=covariance)
    prior.fit(FLOWERS, rng())
    seed = int(torch.randint(2**31 - 1, (), generator=rng()))
    peer = GaussianMixture(3, covariance_type=covariance[:4], random_state=seed, max_iter=250).fit(FLOWERS.double())
    with torch.no_grad():
        found = prior.log_prob(FLOWERS)
        drawn = prior.sample(20_000, rng())
    np.testing.assert_allclose(found, peer.score_samples(FLOWERS.double()), atol=2e-3)
    other = torch.from_numpy(peer.sample(20_000)[0]).float()
    torch.testing.assert_close(torch.cov(drawn.T), torch.cov(other.T), rtol=0.05, atol=0.03)


def test_the_vamp_prior_is_the_mean_of_its_posteriors() -> None:
    prior = shaken(made("vamp"))
    z = codes("vamp")
    with torch.no_grad():
        mean, log_var = prior.followed[1].posterior(prior.followed[0](prior.inputs))
        each = [Normal(m, (v / 2).exp()).log_prob(z).sum(1).exp() for m, v in zip(mean, log_var, strict=True)]
        torch.testing.assert_close(prior.log_prob(z).exp(), torch.stack(each).mean(0), rtol=1e-4, atol=1e-12)
    assert all(not name.startswith("followed") for name in prior.state_dict())


def test_pseudo_inputs_start_at_rows_once_and_apart() -> None:
    prior = build("vamp", shape=(5,), pseudo_inputs=6)
    rows = torch.randn(4, 5, generator=rng())
    prior.begin(rows, rng(1))
    gaps = torch.cdist(prior.inputs.detach(), rows).min(1).values
    assert (gaps < 0.1).all()
    assert (gaps == 0).sum() == 4
    assert prior.inputs.detach().unique(dim=0).shape == (6, 5)
    before = prior.inputs.detach().clone()
    prior.begin(rows + 1, rng(2))
    assert torch.equal(prior.inputs, before)


@pytest.mark.parametrize("width", [1, 2, 5])
def test_a_flow_comes_back_to_where_it_was(width: int) -> None:
    flow, z = shaken(made("flow", shape=(width,)), 0.1), 2 * torch.randn(200, width, generator=rng(5))
    with torch.no_grad():
        torch.testing.assert_close(flow.back(flow.there(z)[0]), z, rtol=1e-5, atol=1e-5)
    jacobian: Any = torch.autograd.functional.jacobian(lambda row: flow.there(row)[0][0], z[:1])
    volume = torch.linalg.slogdet(jacobian[:, 0])[1]
    torch.testing.assert_close(flow.there(z[:1])[1][0], volume, rtol=1e-4, atol=1e-4)


def test_the_density_of_a_flow_integrates_to_one() -> None:
    flow = shaken(made("flow", shape=(2,)))
    with torch.no_grad():
        reach = float(flow.sample(2000, rng()).abs().max()) * 1.5
        axis = torch.linspace(-reach, reach, 400)
        whole = flow.log_prob(torch.cartesian_prod(axis, axis)).double().exp().sum() * float(axis[1] - axis[0]) ** 2
    assert float(whole) == pytest.approx(1.0, abs=0.01)


def test_a_flow_learns_a_crescent() -> None:
    x = torch.randn(250, generator=rng(1))
    z = torch.stack([x, x.square() + 0.3 * torch.randn(250, generator=rng(2))], dim=1)
    flow, plain = made("flow", shape=(2,), couplings=4), made("normal", shape=(2,))
    flow.fit(z, rng())
    plain.fit(z, rng())
    steps(flow, z, 50, 1e-2)
    with torch.no_grad():
        assert flow.log_prob(z).mean() > plain.log_prob(z).mean() + 0.5


@pytest.mark.parametrize("condition", [None, 1])
def test_the_chances_of_all_sequences_add_up_to_one(condition: int | None) -> None:
    prior = shaken(made("autoregressive", classes=2))
    every = torch.tensor(list(itertools.product(range(4), repeat=3)))
    told = None if condition is None else torch.full((len(every),), condition)
    with torch.no_grad():
        chances = prior.log_prob(every, told).double().exp()
        drawn = prior.sample(4000, rng(), None if condition is None else torch.full((4000,), condition))
    assert float(chances.sum()) == pytest.approx(1.0, abs=1e-5)
    found = torch.bincount((drawn * torch.tensor([16, 4, 1])).sum(1), minlength=64) / 4000
    assert (found - chances).abs().max() < 4.5 * (chances.max() / 4000) ** 0.5


@pytest.mark.parametrize("temperature", [0.5, 2.0])
def test_temperature_raises_each_chance_to_its_inverse(temperature: float) -> None:
    prior = shaken(made("autoregressive", temperature=temperature))
    every = torch.tensor(list(itertools.product(range(4), repeat=3)))
    with torch.no_grad():
        chances = prior.log_prob(every).double().exp()
        drawn = prior.sample(4000, rng())
    first = chances.view(4, 16).sum(1)  # p of the first symbol: temperature is for draws, not for densities
    asked = first ** (1 / temperature) / (first ** (1 / temperature)).sum()
    assert float(chances.sum()) == pytest.approx(1.0, abs=1e-5)
    assert (asked - first).abs().max() > 0.05
    found = torch.bincount(drawn[:, 0], minlength=4) / 4000
    assert (found - asked).abs().max() < 4.5 * (asked.max() / 4000) ** 0.5


def test_places_may_have_alphabets_of_their_own() -> None:
    prior = shaken(made("autoregressive", codes=(4, 2, 3)))
    every = torch.cartesian_prod(torch.arange(4), torch.arange(2), torch.arange(3))
    with torch.no_grad():
        assert float(prior.log_prob(every).double().exp().sum()) == pytest.approx(1.0, abs=1e-5)
        assert (prior.sample(500, rng()).max(0).values < torch.tensor([4, 2, 3])).all()


def test_symbols_that_are_known_stay_and_the_likeliest_are_drawn() -> None:
    prior = shaken(made("autoregressive", top_k=1))
    known, mask = torch.tensor([[3, 0, 2]]).repeat(5, 1), torch.tensor([[True, False, True]]).repeat(5, 1)
    with torch.no_grad():
        drawn = prior.sample(5, rng(), known=known, mask=mask)
        assert torch.equal(drawn[mask], known[mask])
        assert prior.sample(50, rng()).unique(dim=0).shape[0] == 1


def test_the_autoregressive_prior_learns_what_follows_what() -> None:
    first = torch.randint(4, (64,), generator=rng(1))
    z = torch.stack([first, (first + 1) % 4, (first + 2) % 4], dim=1)
    prior = made("autoregressive")
    steps(prior, z.float(), 60, 2e-2)
    with torch.no_grad():
        assert float(-prior.log_prob(z).mean()) == pytest.approx(math.log(4), abs=0.1)


@pytest.fixture(scope="module")
def carried() -> tuple[Diffusion, Tensor, Tensor]:
    """A diffusion of two far normals, told which is which."""
    which = torch.arange(2000) % 2
    centres = torch.tensor([[3.0, -1.0], [-1.0, 2.0]])
    spread = torch.tensor([[[0.5, 0.0], [0.4, 0.3]], [[1.0, 0.0], [0.0, 0.2]]])
    noise = torch.randn(2000, 2, generator=rng(1))
    z = centres[which] + torch.einsum("bij,bj->bi", spread[which], noise)
    prior: Any = Diffusion((2,), classes=2, width=48, steps=25, guidance=1.0, blocks=1)
    initialise(prior, rng())
    prior.fit(z, rng())
    generator = rng(6)
    optimizer = torch.optim.Adam([p for p in prior.parameters() if p.requires_grad], 1e-2)
    for done in range(250):
        optimizer.param_groups[0]["lr"] = 1e-2 * 0.5 * (1 + math.cos(math.pi * done / 250))
        rows = torch.randint(2000, (200,), generator=generator)
        loss = prior.objective(Batch(z[rows], condition=which[rows], generator=generator))["velocity"].mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        prior.after_step()
    return prior.eval(), z, which


def test_rectified_flow_has_the_moments_of_a_mixture(carried: tuple[Diffusion, Tensor, Tensor]) -> None:
    prior, z, which = carried
    with torch.no_grad():
        drawn = prior.sample(4000, rng())
        of_class = prior.sample(2000, rng(), torch.ones(2000, dtype=torch.int64))
    torch.testing.assert_close(drawn.mean(0), z.mean(0), rtol=0, atol=0.15)
    torch.testing.assert_close(torch.cov(drawn.T), torch.cov(z.T), rtol=0.1, atol=0.2)
    torch.testing.assert_close(of_class.mean(0), z[which == 1].mean(0), rtol=0, atol=0.15)
    torch.testing.assert_close(of_class.std(0), z[which == 1].std(0), rtol=0.25, atol=0.05)


def test_noise_that_the_blocks_cannot_carry_does_not_stay_in_draws() -> None:
    loading = torch.randn(1, 60, generator=rng(1)).sign()
    z = torch.randn(500, 1, generator=rng(2)) @ loading  # sixty numbers that are one, and eight units to say so
    prior: Any = Diffusion((60,), width=8, steps=20, blocks=1)
    initialise(prior, rng())
    prior.fit(z, rng())
    generator, optimizer = rng(6), torch.optim.Adam([p for p in prior.parameters() if p.requires_grad], 1e-2)
    for _ in range(400):
        loss = prior.objective(Batch(z, generator=generator))["velocity"].mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        prior.after_step()
    with torch.no_grad():
        drawn = prior.sample(1000, rng())
    along = drawn @ loading.T / 60
    assert along.std().item() == pytest.approx(1, abs=0.25)
    assert (drawn - along @ loading).std() < 0.3


def test_guidance_leads_away_from_what_all_classes_share(carried: tuple[Diffusion, Tensor, Tensor]) -> None:
    prior, z, which = carried
    told = torch.ones(2000, dtype=torch.int64)
    at, drawn = torch.randn(2000, 2, generator=rng(3)), {}
    try:
        with torch.no_grad():
            free, plain = prior.velocity(at, 0.5), prior.velocity(at, 0.5, told)
            for prior.guidance in (1.0, 3.0):
                drawn[prior.guidance] = prior.sample(2000, rng(), told)
            torch.testing.assert_close(prior.velocity(at, 0.5, told), free + 3 * (plain - free))
    finally:
        prior.guidance = 1.0
    lead = z[which == 1].mean(0) - z[which == 0].mean(0)
    along = {guidance: (found @ (lead / lead.norm())).mean() for guidance, found in drawn.items()}
    assert along[3.0] > along[1.0] + 0.1


def test_what_is_known_stays_and_the_rest_follows_it(carried: tuple[Diffusion, Tensor, Tensor]) -> None:
    prior, z, which = carried
    known, mask = z[:400].clone(), torch.tensor([True, False])
    known[:, 1] = 0
    with torch.no_grad():
        filled = prior.sample(400, rng(), known=known, mask=mask)
        near = prior.around(z[:400], 0.3, rng())
    torch.testing.assert_close(filled[:, 0], known[:, 0], rtol=1e-4, atol=1e-4)
    assert np.corrcoef(filled[:, 1], z[:400, 1])[0, 1] > 0.7
    far = (near - z[:400]).norm(dim=1).median()
    assert 0 < far < (z[:400] - z[400:800].flip(0)).norm(dim=1).median()


@pytest.mark.parametrize("shape", [(2, 9), (3, 7, 7), (1, 3, 4, 4)])
def test_maps_have_a_field_of_their_own(shape: tuple[int, ...]) -> None:
    prior: Any = Diffusion(shape, width=8, blocks=1, steps=2)
    initialise(prior, rng())
    z = torch.randn(20, *shape, generator=rng(1)) * 3 + 1
    prior.fit(z, rng())
    start = float(prior.objective(Batch(z, generator=rng()))["velocity"].mean().detach())
    steps(prior, z, 12)
    assert float(prior.objective(Batch(z, generator=rng()))["velocity"].mean().detach()) < start
    with torch.no_grad():
        assert prior.sample(2, rng()).shape == (2, *shape)


def test_what_cannot_be_is_refused() -> None:
    with pytest.raises(UnknownNameError, match="kind='mixtures'"):
        build("mixtures", shape=(2,))
    with pytest.raises(ParameterError, match=r"steps=3: a mixture prior has the options: components, covariance"):
        build("mixture", shape=(2,), steps=3)
    with pytest.raises(UnknownNameError, match="covariance='round'"):
        build("mixture", shape=(2,), covariance="round")
    with pytest.raises(ParameterError, match="Use covariance='diagonal'"):
        build("mixture", shape=(2000,))
    with pytest.raises(TooFewRowsError, match="3 codes for 10 components"):
        build("mixture", shape=(2,)).fit(torch.zeros(3, 2), rng())
    for kind, wrong in [
        ("mixture", {"components": 0}),
        ("vamp", {"pseudo_inputs": 0}),
        ("flow", {"couplings": 0}),
        ("autoregressive", {"heads": 3}),
        ("autoregressive", {"temperature": 0}),
        ("diffusion", {"steps": 0}),
    ]:
        with pytest.raises(ParameterError):
            build(kind, **{**SIZES[kind], **wrong})
