"""Critics: networks that tell real rows from others, and what each side pays."""

from __future__ import annotations

from torch import Tensor, nn

from isthmus.core.code import Batch
from isthmus.core.spec import Spec
from isthmus.parts.adversarial import judged
from isthmus.parts.backbones.dense import Dense
from isthmus.parts.entry import flat_entry
from isthmus.parts.noise import normal, uniform

HIDDEN = (64, 64)


class Critic(nn.Module):
    r"""The log odds that a row is no real one.

    .. math:: D(x) \approx \ln \frac{q(x)}{p(x)}

    p is the density of real rows and q that of the others it learnt with, shown as often.

    Args:
        spec: What the rows are.
        likelihood: Of the model beside it; counts enter on a log scale.

    Paper:
        Gutmann & Hyvarinen 2010, AISTATS, section 2.2 (a classifier learns the ratio of two densities).

    Example:
        >>> import torch
        >>> Critic(Spec("table", (3,)), "gaussian")(torch.zeros(5, 3)).shape
        torch.Size([5])
    """

    def __init__(self, spec: Spec, likelihood: str) -> None:
        super().__init__()
        opening, width = flat_entry(spec, likelihood)
        self.stack = Dense((width, *HIDDEN, 1), "leaky-relu")
        self.stack.opening = opening

    def forward(self, x: Tensor) -> Tensor:
        """D, (B, ...) -> (B,)."""
        answer: Tensor = self.stack(x)
        return answer[:, 0]

    def cost(self, real: Tensor, other: Tensor) -> Tensor:
        r"""What it pays for a real row and another, (B,) each -> (B,): the logistic loss of both.

        .. math:: \ln(1 + e^{D(x)}) + \ln(1 + e^{-D(x')})
        """
        return judged(self(real), self(other))


def disturbed(batch: Batch, spec: Spec, amount: float = 1.0) -> Tensor:
    r"""Rows near the real ones that are none, (B, ...): numbers get noise, names and booleans those of another row.

    .. math:: x' = x + a \varepsilon, \quad \varepsilon \sim N(0, I)

    Args:
        batch: Real rows; the noise comes from its generator. A gap stays a gap.
        spec: What they are.
        amount: a, in the units of x.

    Example:
        >>> import torch
        >>> batch = Batch(torch.zeros(4, 3), generator=torch.Generator().manual_seed(0))
        >>> disturbed(batch, Spec("table", (3,))).shape
        torch.Size([4, 3])
    """
    moved = batch.x + amount * normal(batch.x, batch.generator)
    names = list(spec.indices("categorical", "boolean"))
    if names:
        own = batch.x[:, names]
        moved[:, names] = own.gather(0, uniform(own, batch.generator).argsort(0))
    return moved
