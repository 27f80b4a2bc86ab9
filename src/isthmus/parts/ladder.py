"""An autoencoder whose code has levels: the network, and the grammar that says where each level stands."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn

from isthmus.core.code import Batch, Code, Trace
from isthmus.core.network import Likelihood
from isthmus.core.settings import Settings
from isthmus.core.spec import Spec
from isthmus.errors import ParameterError
from isthmus.parts.backbones.axes import Size, halved
from isthmus.parts.backbones.bypass import connect
from isthmus.parts.backbones.mlp import MLP
from isthmus.parts.bottlenecks.gaussian import DRAWS
from isthmus.parts.bottlenecks.ladder import Normal, Rung, TopDown, normal_of
from isthmus.parts.divergences import kl_between_normals
from isthmus.parts.likelihoods import likelihood
from isthmus.parts.noise import balanced, normal

CHANNELS = 4  # of a rung's code at each place of an image, where nobody says


class Ladder(nn.Module):
    r"""x -> encoder -> answers of its layers; code and answers -> top-down decoder -> params.

    .. math:: R(x) = \textstyle\sum_l E_q\, KL(q(z_l | z_{<l}, x) \,\|\, p(z_l | z_{<l}))

    The flat code holds the levels beside each other, the top one first.

    Args:
        encoder: View (B, ...) -> means and log-variances of the top, (B, 2 Z_1); its hidden layers are kept.
        decoder: The way back, with the rungs.
        likelihood: Prices x under the params.
    """

    noise: Tensor

    def __init__(self, encoder: nn.Module, decoder: TopDown, likelihood: Likelihood) -> None:
        super().__init__()
        self.encoder, self.decoder, self.likelihood = encoder, decoder, likelihood
        self.latent_shape = (sum(map(math.prod, decoder.shapes)),)
        self.register_buffer("noise", torch.zeros(DRAWS, *self.latent_shape))

    def draw(self, generator: torch.Generator) -> None:
        """Fix the noise of the scores, (DRAWS, Z)."""
        self.noise.copy_(balanced(DRAWS, self.latent_shape[0], generator))

    def forward(self, batch: Batch) -> Trace:
        """The whole way of one batch; in training each level is drawn, else it is its mean."""
        features, answers = self.ascend(batch.x)
        code, params = self.follow(features, answers, batch.generator)
        return Trace(batch.x, batch.x, features, code, params, self._lost(batch, params))

    def ascend(self, x: Tensor) -> tuple[Tensor, list[Tensor]]:
        """What the encoder answers at the top, (B, 2 Z_1), and at its hidden layers, deepest first."""
        bypass: Any = self.encoder.bypass
        bypass.clear()
        return self.encoder(x), bypass.taken()

    def follow(
        self, features: Tensor, answers: list[Tensor], generator: torch.Generator | None = None, noise: Any = None
    ) -> tuple[Code, Tensor]:
        """Down the ladder by the posteriors: the code, with the rate of each level among its terms, and the params.

        Args:
            features: As `ascend` gives them.
            answers: As `ascend` gives them.
            generator: Of the noise in training.
            noise: One draw for all rows, (Z,); None is noise of each row's own in training, and none in evaluation.
        """
        codes, rates = list[Tensor](), dict[str, Tensor]()
        parts = None if noise is None else self.decoder.apart(noise)

        def choose(level: int, prior: Normal, posterior: Normal | None) -> Tensor:
            q = posterior or prior
            rates[f"rate_{level + 1}"] = kl_between_normals(*q, *prior)
            if parts is not None:
                codes.append(q.at(parts[level]))
            else:
                codes.append(q.at(normal(q.mean, generator)) if self.training else q.mean)
            return codes[-1]

        params = self.decoder.descend(choose, normal_of(features), answers)
        z = torch.cat([code.flatten(1) for code in codes], 1)  # (B, *shape) each -> (B, Z)
        return Code(z, torch.stack([*rates.values()]).sum(0), terms=rates), params

    def encode(self, batch: Batch) -> Code:
        """What crosses for each row."""
        return self.follow(*self.ascend(batch.x), batch.generator)[0]

    def decode(self, z: Tensor) -> Tensor:
        """Parameters of p(x | z), (B, ...), for codes from anywhere, (B, Z)."""
        params: Tensor = self.decoder(z)
        return params

    def from_noise(self, noise: Tensor) -> Tensor:
        """The codes of the prior that this noise, (B, Z) of N(0, I), stands for, level by level."""
        parts, codes = self.decoder.apart(noise), list[Tensor]()

        def choose(level: int, prior: Normal, posterior: Normal | None) -> Tensor:
            codes.append(prior.at(parts[level]))
            return codes[-1]

        self.decoder.descend(choose)
        return torch.cat([code.flatten(1) for code in codes], 1)

    def rebuild(self, batch: Batch) -> Tensor:
        """The expected x after each row's own way through the network, (B, ...)."""
        return self.likelihood.mean(self.follow(*self.ascend(batch.x), batch.generator)[1])

    def mean(self, params: Tensor) -> Tensor:
        """The expected x under the decoder's answer, (B, ...)."""
        return self.likelihood.mean(params)

    def price(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """Expected distortion and rate of each row, (B,) each, over the fixed draws."""
        distortions, rates = zip(*self.prices(batch), strict=True)
        return torch.stack(distortions).mean(0), torch.stack(rates).mean(0)

    def prices(self, batch: Batch) -> Iterator[tuple[Tensor, Tensor]]:
        """Distortion and rate of each row, (B,) each, for one fixed draw after the other."""
        way = self.ascend(batch.x)
        for noise in self.noise:
            code, params = self.follow(*way, noise=noise)
            yield self._lost(batch, params), code.rate

    def log_weights(self, batch: Batch, draws: int, generator: torch.Generator) -> Iterator[Tensor]:
        """log p(x, z) - log q(z | x) of each row in nats, (B,), for one draw of all levels after the other."""
        features, answers = self.ascend(batch.x)
        for _ in range(draws):
            parts = self.decoder.apart(torch.randn(self.latent_shape, generator=generator).to(batch.x.device))
            weights = list[Tensor]()

            def choose(level: int, prior: Normal, posterior: Normal | None, parts: Any = parts) -> Tensor:
                q = posterior or prior
                z = q.at(parts[level])
                weights.append(prior.log_prob(z) - q.log_prob(z))  # noqa: B023 -- called before the next draw
                return z

            params = self.decoder.descend(choose, normal_of(features), answers)
            yield torch.stack(weights).sum(0) - self._lost(batch, params)

    def _lost(self, batch: Batch, params: Tensor) -> Tensor:
        return self.likelihood.distortion(batch.x, params, batch.observed)


def ladder(spec: Spec, settings: Settings, levels: int | str) -> Ladder:
    """Encoder and decoder of the settings' architecture, with rungs beside the decoder's hidden layers.

    Args:
        spec: What the data is.
        settings: Sizes, backbone and likelihood; `latent_dim` is the top code's.
        levels: See `placed`.

    Raises:
        ParameterError: no such levels, or a backbone that leads x itself around the code.
    """
    backbone, widths = settings.architecture, settings.hidden_dims
    if backbone.skip_connections:
        came, allowed = f"architecture={backbone!r}", "what goes around the code has no price, and the levels have one"
        raise ParameterError(came, allowed, "leave out skip_connections")
    size: Size = () if isinstance(backbone, MLP) else tuple(spec.shape[1:])
    latents = placed(levels, len(widths), CHANNELS if size else settings.latent_dim)
    prices, visited = likelihood(settings.likelihood, spec), replace(backbone, skip_connections=True)
    encoder = visited.encoder(spec, 2 * settings.latent_dim, settings)
    decoder = visited.decoder(spec, prices.params_shape, settings)
    connect(encoder, decoder)
    sizes, rungs, shapes = halved(size, len(widths)), list[list[Rung]](), list[Size]([(settings.latent_dim,)])
    for height, beside in enumerate(latents):
        width = widths[-1 - height]
        rungs.append([Rung(len(size), width, latent, settings.activation) for latent in beside])
        shapes += [(latent, *sizes[-1 - height]) for latent in beside]
    return Ladder(encoder, TopDown(decoder, rungs, shapes), prices)


def placed(levels: int | str, heights: int, latent: int) -> list[list[int]]:
    """How long the codes are that stand beside each of the decoder's hidden layers, deepest first.

    Args:
        levels: How many, the top one included: the rest is spread from the deepest hidden layer on. Or the length of
            each, "16 8x2 4": 16 at the top, two codes of 8 beside the deepest hidden layer, one of 4 beside the next.
        heights: Hidden layers.
        latent: Length of a code whose own nobody says; of an image at each place.

    Raises:
        ParameterError: not such a number or text, or more of them than hidden layers.

    Example:
        >>> placed(3, 2, 5), placed(4, 2, 5), placed("16 8x2 4", 3, 5)
        ([[5], [5]], [[5, 5], [5]], [[8, 8], [4], []])
    """
    if isinstance(levels, str):
        _, *rest = parsed(levels)
        if len(rest) > heights:
            came, allowed = f"levels={levels!r} with {heights} hidden layers", "each level below the top has its own"
            raise ParameterError(came, allowed, f"use hidden_dims with {len(rest)} widths, or 8x2 for two in one place")
        return [[length] * times for length, times in rest] + [[] for _ in range(heights - len(rest))]
    if isinstance(levels, bool) or not hasattr(levels, "__index__") or levels < 1 or (levels > 1 and not heights):
        came = f"levels={levels!r} with {heights} hidden layers"
        raise ParameterError(came, "the top is one level, each other stands beside a hidden layer", "use levels=3")
    return [[latent] * ((levels - 1) // heights + (place < (levels - 1) % heights)) for place in range(heights)]


def parsed(levels: str) -> list[tuple[int, int]]:
    """Length and number of the codes at each place, the top first.

    Raises:
        ParameterError: the text says no such thing.

    Example:
        >>> parsed("16 8x2 4")
        [(16, 1), (8, 2), (4, 1)]
    """
    words = [word.split("x") for word in levels.split()]
    sound = all(len(parts) <= 2 and all(part.isdigit() and int(part) > 0 for part in parts) for parts in words)
    if not words or not sound or len(words[0]) != 1:
        came, allowed = f"levels={levels!r}", "lengths of codes, the top one first and alone, such as '16 8x2 4'"
        raise ParameterError(came, allowed, "use levels=3")
    return [(int(length), int(times[0]) if times else 1) for length, *times in words]
