"""A dense autoencoder taken apart into pairs, each an autoencoder or an RBM of the layer below it.

    x -> [W1 -> a -> W2 -> a -> W3] -> z -> [V3 -> a -> V2 -> a -> V1] -> params

Pair i is (W_i, V_i): the i-th layer of the encoder and the layer of the decoder that answers it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import linear, softplus

from isthmus.core.code import Batch
from isthmus.parts import noise
from isthmus.parts.likelihoods import unit_cost
from isthmus.parts.masks import byte_mask

BOUNDED = ("sigmoid", "tanh")


@dataclass(frozen=True)
class Pair:
    """One layer up and the layer that leads back.

    Args:
        network: An autoencoder whose encoder and decoder are dense stacks of equal depth.
        depth: Which pair, 0 next to the data.
    """

    network: Any
    depth: int

    @property
    def up(self) -> Any:
        """W, from the layer below."""
        return self.network.encoder.linears[self.depth]

    @property
    def down(self) -> Any:
        """V, back to it."""
        return self.network.decoder.linears[-1 - self.depth]

    @property
    def is_last(self) -> bool:
        """Whether its answer is the code, which has no non-linearity."""
        return self.depth == len(self.network.encoder.linears) - 1

    def below(self, view: Tensor) -> Tensor:
        """What the layer below answers to a view, (B, F); at depth 0 the view as the stack takes it."""
        encoder = self.network.encoder
        with torch.no_grad():
            h: Tensor = view if encoder.opening is None else encoder.opening(view)
            for layer in encoder.linears[: self.depth]:
                h = encoder.activation(layer(h))
        return h

    def weaken(self, h: Tensor, amount: float, generator: torch.Generator | None) -> Tensor:
        """h with a share of its units at zero, drawn for each row anew."""
        return h.masked_fill(byte_mask(h.shape, amount, generator, h.device), 0.0)

    def answer(self, h: Tensor) -> Tensor:
        """Up to the next layer and back, (B, F) -> (B, F)."""
        encoder = self.network.encoder
        above = self.up(h)
        back: Tensor = self.down(above if self.is_last else encoder.activation(above))
        # A rectifier would pass no gradient back where it answers zero, so what it reads is compared instead.
        return encoder.activation(back) if self.depth > 0 and encoder.activation_name in BOUNDED else back

    def distortion(self, batch: Batch, h: Tensor, seen: Tensor) -> Tensor:
        """What is lost of the layer below on the way up and back, in nats per sample, (B,).

        Args:
            batch: Its x is what depth 0 must answer, under the network's likelihood.
            h: What the layer below answers to x; deeper pairs must answer that, within a standard deviation of 1.
            seen: h as the pair is shown it.
        """
        answer, likelihood = self.answer(seen), self.network.likelihood
        if self.depth > 0:
            return unit_cost(h, answer)
        params = answer.unflatten(1, likelihood.params_shape)
        cost: Tensor = likelihood.distortion(batch.x, params, batch.observed)
        return cost

    def contrast(self, batch: Batch, h: Tensor, real: bool) -> Tensor:
        r"""How much deeper the layer below lies in the machine's energy than where one step takes it, in nats, (B,).

        .. math:: F(h) - F(h'), \quad h' \sim p(h' | \text{above}), \; \text{above} \sim p(\text{above} | h)

        Its gradient is that of contrastive divergence, since h' is taken as it is. The machine has the weight W both
        ways, and the biases of W and V.

        Args:
            batch: Lends its generator.
            h: What the layer below answers to x, (B, F).
            real: Whether the layer below holds real numbers, with a standard deviation of 1, or shares of 1.

        Paper:
            Hinton 2002, Neural Computation 14, eq. 5; linear units above: Hinton & Salakhutdinov 2006, Science 313.
        """
        with torch.no_grad():
            above = self.up(h)
            if self.is_last:
                sent = above + noise.normal(above, batch.generator)
            else:
                sent = (noise.uniform(above, batch.generator) < above.sigmoid()).to(h.dtype)
            back = linear(sent, self.up.weight.T, self.down.bias)
            back = back if real else back.sigmoid()
        return self.energy(h, real) - self.energy(back, real)

    def energy(self, h: Tensor, real: bool) -> Tensor:
        r"""Free energy of the layer below, -log of its unnormalised probability in nats, (B,).

        .. math:: F(h) = -a^T h - \textstyle\sum_j \log(1 + e^{b_j + w_j^T h}), \quad
                  \text{real: } \tfrac12 \lVert h - a \rVert^2 \text{ for } -a^T h, \quad
                  \text{linear above: } \tfrac12 (b_j + w_j^T h)^2 \text{ for the logarithm}
        """
        above, bias = self.up(h), self.down.bias
        below: Tensor = 0.5 * (h - bias).square().sum(1) if real else -(h * bias).sum(1)
        return below - (0.5 * above.square() if self.is_last else softplus(above)).sum(1)

    @torch.no_grad()
    def mirror(self, *_: Any) -> None:
        """Give V the transpose of W, as the machine has it."""
        self.down.weight.copy_(self.up.weight.T)
