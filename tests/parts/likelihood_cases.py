"""Every likelihood with params, an x that it can price, and the same density from torch.distributions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, distributions

from isthmus.core.network import Likelihood
from isthmus.core.spec import Column, Spec
from isthmus.parts import likelihoods as parts

ROWS = 6
TABLE = Spec(
    "table",
    (7,),
    (
        Column("colour", "categorical", categories=("red", "green", "blue")),
        Column("age"),
        Column("member", "boolean"),
        Column("city", "categorical", categories=("a", "b", "c", "d", "e")),
        Column("since", "datetime"),
        Column("size", "categorical", categories=("s", "m", "l")),
        Column("weight", gaps=True),
    ),
)


@dataclass
class Case:
    """A likelihood in float64, params and x for it, and log p(x | params) of each row by another hand."""

    likelihood: Likelihood
    params: Tensor
    x: Tensor
    log_p: Callable[[Tensor, Tensor], Tensor]  # (x, params) -> (B,)


def numbers(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(ROWS, *shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def whole(high: int, *shape: int, seed: int = 1) -> Tensor:
    drawn = torch.randint(high, (ROWS, *shape), generator=torch.Generator().manual_seed(seed))
    return drawn.double()


def rows(cells: Tensor) -> Tensor:
    return cells.flatten(1).sum(1)


def gaussian(variance: parts.gaussian.Variance) -> Case:
    own = parts.Gaussian((2, 3), variance, shared=False)
    with torch.no_grad():
        spread = own.raw_log_var if variance == "learned" else own.spread
        if variance != "fixed":
            spread.copy_(torch.linspace(0.1, 2.0, 6).view(2, 3))
    own = own.double().eval()
    std = (own.log_var / 2).exp().detach()
    return Case(own, numbers(2, 3), numbers(2, 3, seed=1), lambda x, p: rows(distributions.Normal(p, std).log_prob(x)))


def laplace() -> Case:
    own = parts.Laplace((4,), "learned", shared=False).double()
    own.raw_log_scale.data.copy_(torch.linspace(-1, 1, 4))
    scale = own.log_scale(torch.ones(1, dtype=torch.float64)).exp().detach()
    return Case(own, numbers(4), numbers(4, seed=1), lambda x, p: rows(distributions.Laplace(p, scale).log_prob(x)))


def categorical() -> Case:
    def log_p(x: Tensor, params: Tensor) -> Tensor:
        logits = params.view(ROWS, 2, 4, 3, 3).movedim(2, -1)
        return rows(distributions.Categorical(logits=logits).log_prob(x))

    return Case(parts.Categorical((2, 3, 3), 4).double(), numbers(8, 3, 3), whole(4, 2, 3, 3), log_p)


def negative_binomial() -> Case:
    own = parts.NegativeBinomial((4,)).double()
    own.log_r.data.copy_(torch.tensor([-2.0, 0.5, 2.7, 4.0]))  # both sides of the switch to Stirling's series
    r = own.log_r.exp().detach()

    def log_p(x: Tensor, params: Tensor) -> Tensor:
        return rows(distributions.NegativeBinomial(r, logits=params - r.log()).log_prob(x))

    return Case(own, numbers(4), whole(30, 4), log_p)


def multinomial() -> Case:
    def log_p(x: Tensor, params: Tensor) -> Tensor:
        pairs = zip(x, params, strict=True)
        return torch.stack(
            [distributions.Multinomial(int(row.sum()), logits=logits).log_prob(row) for row, logits in pairs]
        )

    return Case(parts.Multinomial((5,)).double(), numbers(5), whole(9, 5), log_p)


def mixed() -> Case:
    def log_p(x: Tensor, params: Tensor) -> Tensor:
        normal = distributions.Normal(params[:, :3], 1.0).log_prob(x[:, [1, 4, 6]]).sum(1)
        coin = distributions.Bernoulli(logits=params[:, 3]).log_prob(x[:, 2])
        threes = distributions.Categorical(logits=params[:, 4:10].view(ROWS, 2, 3)).log_prob(x[:, [0, 5]]).sum(1)
        return normal + coin + threes + distributions.Categorical(logits=params[:, 10:]).log_prob(x[:, 3])

    x = torch.stack([whole(3), numbers(), whole(2), whole(5), numbers(seed=3), whole(3, seed=4), numbers(seed=5)], 1)
    return Case(parts.Mixed(TABLE).double(), numbers(15), x, log_p)


def plain(own: Likelihood, x: Tensor, of: Callable[[Tensor], distributions.Distribution]) -> Case:
    params = numbers(*own.params_shape)
    return Case(own.double(), params, x, lambda x, params: rows(of(params).log_prob(x)))


CASES: dict[str, Callable[[], Case]] = {
    "gaussian": lambda: gaussian("fixed"),
    "gaussian-learned": lambda: gaussian("learned"),
    "gaussian-optimal": lambda: gaussian("optimal"),
    "laplace": lambda: plain(parts.Laplace((4,)), numbers(4, seed=1), lambda p: distributions.Laplace(p, 1.0)),
    "laplace-learned": laplace,
    "bernoulli": lambda: plain(parts.Bernoulli((4,)), whole(2, 4), lambda p: distributions.Bernoulli(logits=p)),
    "categorical": categorical,
    "poisson": lambda: plain(parts.Poisson((4,)), whole(9, 4), lambda p: distributions.Poisson(p.exp())),
    "negative-binomial": negative_binomial,
    "multinomial": multinomial,
    "mixed": mixed,
}
