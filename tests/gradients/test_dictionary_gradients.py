"""A sparse dictionary's step against the same in dense products: the same gradients, latents on trial included."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits
from torch.autograd import gradcheck

from isthmus.core.code import Batch
from isthmus.errors import TrainingError
from isthmus.parts.dictionary import nodes
from isthmus.parts.dictionary.choose import ACTIVATIONS, PRICED, dictionary
from isthmus.parts.dictionary.pattern import Pattern
from isthmus.parts.dictionary.plan import Plan
from isthmus.parts.dictionary.trials import Trials
from isthmus.parts.initialise import initialise

SHARES = (0.125, 0.5, 1.0)
every_activation = pytest.mark.parametrize("activation", ACTIVATIONS)


def digits(rows: int = 60, dtype: torch.dtype = torch.float64) -> torch.Tensor:
    """Digits at a length of 8 on average."""
    pixels = load_digits().data[:rows]
    return torch.from_numpy(pixels / np.sqrt((pixels**2).mean())).to(dtype)


def network(activation: str, dead: bool = True, dtype: torch.dtype = torch.float64, **plan: Any) -> Any:
    """A dictionary of 64 latents that has begun, a quarter of which count as dead."""
    made = dictionary(activation, Plan(64, 64, wanted=5, **plan), shares=SHARES)
    initialise(made, torch.Generator().manual_seed(0))
    made = made.to(dtype).train()
    made.begin(digits(dtype=dtype), digits(dtype=dtype)[:, : plan.get("targets", 64)])
    if dead:
        made.idle[::4] = 1e6
    return made


def gradients(made: Any, batch: Batch, plain: bool = False) -> dict[str, torch.Tensor]:
    """Of every parameter, for terms that weigh differently and rows that do too."""
    made.is_plain = plain
    made.zero_grad()
    passage = made(batch)
    weights = torch.linspace(0.5, 1.5, len(batch.x), dtype=batch.x.dtype)
    terms = (passage.distortion, 1.0), (passage.sparsity, 0.3), (passage.revival, 0.7), (passage.gate, 1.0)
    (weights * sum(price * term for term, price in terms if term is not None)).sum().backward()
    return {name: parameter.grad.clone() for name, parameter in made.named_parameters()}


@every_activation
@pytest.mark.parametrize("plan", [{}, {"tied": True}, {"targets": 10}], ids=["own", "tied", "other targets"])
def test_sparse_gradients_are_those_of_dense_products(activation: str, plan: dict[str, Any]) -> None:
    made = network(activation, **plan)
    batch = Batch(digits(), condition=digits()[:, 20:30] if "targets" in plan else None)
    sparse, dense = gradients(made, batch), gradients(made, batch, plain=True)
    for name, gradient in sparse.items():
        assert torch.allclose(gradient, dense[name], rtol=1e-10, atol=1e-10 * float(dense[name].abs().max())), name


@every_activation
def test_a_latent_below_zero_everywhere_learns_from_its_trial(activation: str) -> None:
    made = network(activation, dead=False)
    with torch.no_grad():
        made.encoder_bias[7] -= 100.0
    batch = Batch(digits())
    assert not gradients(made, batch)["encoder_weight"][7].any()
    made.idle[7] = 1e6
    found = gradients(made, batch)
    assert found["encoder_weight"][7].abs().sum() > 0
    assert found["encoder_bias"][7] != 0
    assert found["decoder_weight"][7].abs().sum() > 0


@every_activation
def test_any_number_of_rows_at_once_gives_the_same_bits(activation: str) -> None:
    batch, found = Batch(digits(1000, torch.float32)), []
    for rows in (1000, 512, 200, 96):
        made = network(activation, dtype=torch.float32)
        made.pass_rows = rows
        found.append(gradients(made, batch))
    for other in found[1:]:
        assert all(torch.equal(gradient, other[name]) for name, gradient in found[0].items())


@every_activation
def test_a_search_in_bfloat16_misses_few_latents_and_measures_in_full(activation: str) -> None:
    x, made = digits(dtype=torch.float32), network(activation, dtype=torch.float32)
    found = []
    for made.is_low in (False, True):
        pattern, values = made.search(x, Trials.of(made.dead(), len(x), made.wanted, 64))
        exact = nodes.plain_read(x, made.shift, made.encoder_weight, made.encoder_bias, pattern)
        assert torch.allclose(values, exact, rtol=1e-4, atol=1e-4)
        found.append(set(zip(pattern.bag.tolist(), pattern.latents.tolist(), strict=True)))
    full, low = found
    assert len(full & low) > 0.97 * len(full | low)


def test_the_nodes_against_finite_differences() -> None:
    draws = torch.Generator().manual_seed(0)
    latents = torch.tensor([[0, 3], [2, 4], [4, 1]], dtype=torch.int32)
    pattern = Pattern.even(latents, width=5)
    x, weight, target = (torch.randn(rows, 3, dtype=torch.float64, generator=draws) for rows in (3, 5, 5))
    shift, bias = torch.randn(3, dtype=torch.float64), torch.randn(5, dtype=torch.float64)
    inputs = [tensor.requires_grad_() for tensor in (x, shift, weight, bias)]

    def read(*given: torch.Tensor) -> torch.Tensor:
        return nodes.read(*given, pattern, nodes.plain_read(*given, pattern).detach())

    assert gradcheck(read, inputs)
    values = torch.randn(6, dtype=torch.float64, generator=draws).requires_grad_()
    assert gradcheck(lambda v, d: nodes.write(v, d, pattern), [values, target.requires_grad_()])


@pytest.mark.parametrize("activation", [*PRICED, "topk"])
def test_a_second_derivative_is_refused(activation: str) -> None:
    made = network(activation)
    cost = made(Batch(digits())).distortion.sum()
    with pytest.raises(TrainingError, match="differentiable once"):
        torch.autograd.grad(cost, made.encoder_weight, create_graph=True)
