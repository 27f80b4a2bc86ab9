"""x -> corrupt -> encode -> bottleneck -> decode -> likelihood: the common case, composed from parts.

A variant may bring a small network of its own: what the loop asks is `objective(network, batch)` alone, and what the
estimator asks is `encode`, `decode`, `rebuild`, `mean`, `price` and `prices`; of one with densities `log_weights`; of
one whose code is more than one layer's `latent_shape`, and `from_noise` where the prior is not N(0, I) all through.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol

import torch
from torch import Tensor, nn

from isthmus.core.code import Batch, Code, Trace


class Corruption(Protocol):
    """Part that shows the encoder less than x: noise, masks. It acts in training only."""

    def __call__(self, batch: Batch) -> Tensor:
        """Return the corrupted view of `batch.x`, the same shape."""


class Join(Protocol):
    """Part that lets encoder and decoder see what a conditional member is told beside x."""

    def to_view(self, view: Tensor, condition: Tensor) -> Tensor:
        """The encoder's view, (B, ...), with the condition, (B, ...), joined to it."""

    def to_code(self, z: Tensor, condition: Tensor) -> Tensor:
        """The decoder's code, (B, Z), with the condition joined to it."""


class Bottleneck(nn.Module):
    """The narrow place. It owns its sampling, its integer form and, where it has one, its bitstream.

    Called with the features h and the batch it returns the `Code`: with noise from `batch.generator` in training,
    without any in evaluation, so that the same row gives the same code.
    """

    def features(self, latent_dim: int) -> int:
        """How many numbers the encoder must supply for a code of Z dimensions."""
        return latent_dim

    def forward(self, features: Tensor, batch: Batch) -> Code:
        """The code of each row."""
        raise TypeError(f"{type(self).__name__} is abstract: a bottleneck defines forward(features, batch) -> Code")

    def from_normal(self, noise: Tensor) -> Tensor:
        """Codes as the prior has them, made of as many draws from N(0, 1), (B, ...); those draws, where it is that."""
        return noise

    def draws(self, features: Tensor, batch: Batch) -> Iterator[Code]:
        """The codes over which a score takes its expectation; one where nothing is random."""
        yield self(features, batch)


class Likelihood(nn.Module):
    """p(x | z), given the decoder's answer. Every cost is in nats per sample, summed over the observed cells."""

    params_shape: tuple[int, ...]  # what the decoder must answer for one sample

    def distortion(self, x: Tensor, params: Tensor, observed: Tensor | None = None) -> Tensor:
        """-log p(x | params) in nats per sample, (B,)."""
        raise TypeError(f"{type(self).__name__} is abstract: a likelihood defines distortion(x, params, observed)")

    def cells(self, x: Tensor, params: Tensor, observed: Tensor | None = None) -> Tensor:
        """-log p of each cell in nats, the shape of x, of which the distortion is the sum; 0 where not observed."""
        raise TypeError(f"{type(self).__name__} is abstract: a likelihood defines cells(x, params, observed)")

    def mean(self, params: Tensor) -> Tensor:
        """The expected x (a categorical cell: its likeliest code), (B, ...)."""
        raise TypeError(f"{type(self).__name__} is abstract: a likelihood defines mean(params)")

    def sample(self, params: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """One draw of x, (B, ...)."""
        raise TypeError(f"{type(self).__name__} is abstract: a likelihood defines sample(params, generator)")


class Network(nn.Module):
    """An autoencoder composed from parts.

    Args:
        encoder: view (B, ...) -> features h (B, F).
        bottleneck: (h, batch) -> Code.
        decoder: z (B, Z) -> params (B, ...).
        likelihood: Prices x under the params.
        corruption: batch -> view; None shows x itself.
        join: Joins the condition to the view and to the code; None where nothing is told beside x.
    """

    def __init__(
        self,
        encoder: nn.Module,
        bottleneck: Bottleneck,
        decoder: nn.Module,
        likelihood: Likelihood,
        corruption: Corruption | None = None,
        join: Join | None = None,
    ) -> None:
        super().__init__()
        self.encoder = encoder
        self.bottleneck = bottleneck
        self.decoder = decoder
        self.likelihood = likelihood
        self.corruption = corruption
        self.join = join

    def forward(self, batch: Batch) -> Trace:
        """The whole way of one batch."""
        view = self.corruption(batch) if self.corruption is not None and self.training else batch.x
        features = self.features(view, batch.condition)
        code = self.bottleneck(features, batch)
        params = self.params(code.z, batch.condition)
        distortion = self.likelihood.distortion(batch.x, params, batch.observed)
        return Trace(batch.x, view, features, code, params, distortion)

    def features(self, view: Tensor, condition: Tensor | None = None) -> Tensor:
        """h, what the encoder answers to the view, (B, ...), and to what is told beside it."""
        if self.join is not None and condition is not None:
            view = self.join.to_view(view, condition)
        h: Tensor = self.encoder(view)
        return h

    def params(self, z: Tensor, condition: Tensor | None = None) -> Tensor:
        """What the decoder answers to the code, (B, ...), and to what is told beside it."""
        if self.join is not None and condition is not None:
            z = self.join.to_code(z, condition)
        params: Tensor = self.decoder(z)
        return params

    def encode(self, batch: Batch) -> Code:
        """What crosses for each row; no corruption, and no noise in evaluation."""
        code: Code = self.bottleneck(self.features(batch.x, batch.condition), batch)
        return code

    def decode(self, z: Tensor, condition: Tensor | None = None) -> Tensor:
        """Parameters of p(x | z), (B, ...), for codes from anywhere: skip connections carry nothing of x."""
        bypass = getattr(self.decoder, "bypass", None)
        if bypass is not None:
            bypass.clear()
        return self.params(z, condition)

    def from_noise(self, noise: Tensor) -> Tensor:
        """Codes made of draws from N(0, I), (B, Z) -> (B, Z), where that is the prior."""
        return self.bottleneck.from_normal(noise)

    def rebuild(self, batch: Batch) -> Tensor:
        """The expected x after each row's own way through the network, (B, ...)."""
        return self.likelihood.mean(self.params(self.encode(batch).z, batch.condition))

    def mean(self, params: Tensor) -> Tensor:
        """The expected x under the decoder's answer, (B, ...)."""
        return self.likelihood.mean(params)

    def price(self, batch: Batch) -> tuple[Tensor, Tensor]:
        r"""Expected distortion and rate of each row, (B,) each, over the bottleneck's fixed draws.

        .. math:: E_{q(z|x)}[-\log p(x|z)], \quad R(x)

        Their sum is what a score is made of; beta, capacity and free bits never enter it.
        """
        distortions, rates = zip(*self.prices(batch), strict=True)
        return _mean(distortions), _mean(rates)

    def prices(self, batch: Batch) -> Iterator[tuple[Tensor, Tensor]]:
        """Distortion and rate of each row, (B,) each, for one of the bottleneck's fixed draws after the other."""
        features = self.features(batch.x, batch.condition)
        for code in self.bottleneck.draws(features, batch):
            params = self.params(code.z, batch.condition)
            yield self.likelihood.distortion(batch.x, params, batch.observed), code.rate

    def log_weights(self, batch: Batch, draws: int, generator: torch.Generator) -> Iterator[Tensor]:
        r"""log p(x, z) - log q(z | x) of each row in nats, (B,), for one draw of z after the other.

        Args:
            batch: The rows.
            draws: How many.
            generator: On the CPU; all rows share its noise.
        """
        features, bottleneck = self.features(batch.x, batch.condition), self.bottleneck
        for _ in range(draws):
            z, log_weight = bottleneck.weighed(features, generator)  # type: ignore[operator]
            params = self.params(z, batch.condition)
            yield log_weight - self.likelihood.distortion(batch.x, params, batch.observed)


def _mean(draws: Sequence[Tensor]) -> Tensor:
    """Mean over the draws, (B,); of a single one without touching its bits."""
    return draws[0] if len(draws) == 1 else torch.stack(tuple(draws)).mean(0)
