"""What flows through an autoencoder, in five words: batch, view, code, trace, terms.

An autoencoder sends data through a narrow place. Three quantities say everything about it:

- what crosses: the code `z` (and its integer form, `symbols`, where it has one);
- what crossing costs: the rate, in nats per sample;
- what is lost: the distortion, in nats per sample, -log p(x | z).

Every variant is one way of setting the price.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeAlias

import torch
from torch import Tensor

Terms: TypeAlias = dict[str, Tensor]
"""Named costs, (B,) each, in nats per sample: what an objective returns and the loop adds up."""


@dataclass(slots=True)
class Batch:
    """The rows of one step.

    Args:
        x: One float32 tensor, (B, ...). A table holds scaled numbers and category codes, NaN where a cell is missing.
        observed: True where a cell is known, the shape of `x`; None when all are.
        condition: What a conditional member is told beside x, (B, ...), or None.
        weight: Weight of each row in the loss, (B,), or None for equal ones.
        progress: How far the whole run is, 0 to 1. Every schedule is a function of it.
        generator: The fit's own source of noise; None outside training.
    """

    x: Tensor
    observed: Tensor | None = None
    condition: Tensor | None = None
    weight: Tensor | None = None
    progress: float = 1.0
    generator: torch.Generator | None = None


@dataclass(slots=True)
class Code:
    """What crosses the isthmus, and what crossing costs.

    Args:
        z: The code the decoder receives, (B, ...).
        rate: Its price in nats per sample, (B,): a KL divergence, log K per symbol, -log p(symbols), or 0.
        symbols: The same code as integers, (B, N) int64, where it has that form.
        terms: Costs that the bottleneck itself asks for (commitment, say), (B,) each.
    """

    z: Tensor
    rate: Tensor
    symbols: Tensor | None = None
    terms: Terms = field(default_factory=dict)


@dataclass(slots=True)
class SparseCode:
    """A code of which only the few numbers that are not zero are kept: the z of a sparse dictionary.

    Args:
        values: What is on, (B, K); rows with fewer have zeros at their end.
        indices: Which latents these are, (B, K) int32; of a zero it may be any.
        width: n, how many latents there are.

    Example:
        >>> SparseCode(torch.tensor([[2.0, 0.0]]), torch.tensor([[1, 0]], dtype=torch.int32), width=3).dense()
        tensor([[0., 2., 0.]])
    """

    values: Tensor
    indices: Tensor
    width: int

    def dense(self) -> Tensor:
        """The whole code with its zeros, (B, n)."""
        z = self.values.new_zeros(len(self.values), self.width)
        return z.scatter_add_(1, self.indices.long(), self.values)


def written_out(z: Tensor | SparseCode) -> Tensor:
    """A code as one tensor, (B, ...), with its zeros where it was kept without them.

    Example:
        >>> written_out(torch.zeros(2, 3)).shape
        torch.Size([2, 3])
    """
    return z.dense() if isinstance(z, SparseCode) else z


@dataclass(slots=True)
class Trace:
    """One batch's whole way through a network.

    Args:
        x: What was to be rebuilt, (B, ...).
        view: What the encoder saw of it: x, corrupted in training, (B, ...).
        features: h, the encoder's answer, (B, ...).
        code: What crossed.
        params: The decoder's answer, the parameters of the likelihood p(x | z), (B, ...).
        distortion: -log p(x | z) in nats per sample, (B,), over the observed cells.
    """

    x: Tensor
    view: Tensor
    features: Tensor
    code: Code
    params: Tensor
    distortion: Tensor
