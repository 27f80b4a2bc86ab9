"""The pre-bias: what rows have in common, taken off before the encoder and put back after the decoder."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from isthmus.core.network import Network
from isthmus.core.spec import Spec
from isthmus.errors import ParameterError

AROUND_MEANS = ("gaussian", "laplace")  # likelihoods whose params are expected values of x, so that a shift is one of x


class Centre(nn.Module):
    """x - b, with b the mean of the first batch in training, and learnt from there.

    Started at zero instead it would not arrive in time: units that carry the mean through a sparse code die meanwhile.

    Args:
        shape: Of one row.
    """

    begun: Tensor

    def __init__(self, shape: tuple[int, ...]) -> None:
        super().__init__()
        self.bias = nn.Parameter(torch.zeros(shape))
        self.register_buffer("begun", torch.zeros(()))
        self.waits: bool | None = None  # for its first batch; None where nobody has asked the buffer yet

    def forward(self, x: Tensor) -> Tensor:
        """What is special about each row, (B, ...)."""
        if self.training and self.waits is None:
            self.waits = not bool(self.begun)
        if self.training and self.waits:
            with torch.no_grad():
                self.bias.copy_(x.mean(0))
                self.begun.fill_(1)
            self.waits = False
        return x - self.bias


class Raised(nn.Module):
    """A decoder whose answer is around b.

    Args:
        decoder: z -> params (B, ...).
        centre: Has b; it stays the encoder's.
    """

    def __init__(self, decoder: nn.Module, centre: Centre) -> None:
        super().__init__()
        self.decoder = decoder
        self.centres = (centre,)  # in a tuple, so that b is not counted as this one's too

    @property
    def bypass(self) -> Any:
        """The decoder's own."""
        return getattr(self.decoder, "bypass", None)

    def forward(self, z: Tensor) -> Tensor:
        """The decoder's answer plus b."""
        params: Tensor = self.decoder(z) + self.centres[0].bias
        return params


def can_centre(spec: Spec, likelihood: str) -> bool:
    """Whether b means the same before the encoder and after the decoder.

    Example:
        >>> can_centre(Spec("image", (1, 8, 8)), "gaussian"), can_centre(Spec("image", (1, 8, 8)), "bernoulli")
        (True, False)
    """
    return spec.is_plain and likelihood.startswith(AROUND_MEANS)


def centre(network: Network, spec: Spec, likelihood: str) -> None:
    """Put a pre-bias before the encoder and after the decoder of a network.

    Raises:
        ParameterError: the decoder answers with something else than expected values of x.
    """
    if not can_centre(spec, likelihood):
        came = f"pre_bias=True for a {spec.kind} under likelihood={likelihood!r}"
        allowed = "it is added to expected numbers, which logits, rates and categories are not"
        raise ParameterError(came, allowed, "use pre_bias=False or likelihood='gaussian'")
    own, encoder = Centre(spec.shape), network.encoder
    opening = getattr(encoder, "opening", None)
    encoder.opening = own if opening is None else nn.Sequential(own, opening)
    network.decoder = Raised(network.decoder, own)
