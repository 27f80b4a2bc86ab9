"""Networks that see a part of each row and answer for the rest of it.

    x -> hide some places -> encode what is left -> decode -> params of p(x_hidden | x_visible)

A place is a patch of an image or series, or a cell of a table. In training the hidden places are drawn anew for each
row and step; a score takes a fixed set of masks, the same for every row; a code is that of the whole row.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace

import torch
from torch import Tensor, nn

from isthmus.core.code import Batch, Code
from isthmus.core.settings import Settings
from isthmus.core.spec import Spec
from isthmus.errors import AbilityError, ParameterError
from isthmus.parts import noise
from isthmus.parts.backbones.patches import cut, join
from isthmus.parts.bottlenecks.plain import Plain
from isthmus.parts.compose import autoencoder
from isthmus.parts.likelihoods import likelihood

MASKS = 8  # over which a score takes its expectation, where there are as many places
LEAST_VARIANCE = 1e-6  # added to a patch's variance before its root divides


class Masked(nn.Module):
    r"""What is hidden is priced, what is visible is not.

    .. math:: L = -\log p(x_{hidden} | x_{visible}), \quad
              D(x) = \textstyle\sum_d \mathrm{mean}_{masks\ that\ hide\ d}\, [-\log p(x_d | x_{visible})]

    Args:
        spec: What the data is.
        settings: Sizes, backbone and likelihood.
        ratio: Share of the places that is hidden, in (0, 1).
        places: N, what can be hidden.
    """

    masks: Tensor
    hidden_value = math.nan  # what x holds where `fill` is to answer

    def __init__(self, spec: Spec, settings: Settings, ratio: float, places: int) -> None:
        super().__init__()
        self.shape, self.places = spec.shape, places
        self.hidden = min(max(round(ratio * places), 1), max(places - 1, 1))
        self.likelihood = likelihood(settings.likelihood, spec)
        count = max(min(MASKS, places), -(-places // self.hidden))
        self.register_buffer("masks", torch.zeros(count, places, dtype=torch.bool))

    def draw(self, generator: torch.Generator) -> None:
        """Fix the masks of the scores, (M, N): windows of one random order, so that all places are hidden as often."""
        order = torch.randperm(self.places, generator=generator)
        starts = torch.arange(len(self.masks)) * self.places // len(self.masks)
        windows = (starts[:, None] + torch.arange(self.hidden)) % self.places
        self.masks.zero_().scatter_(1, order[windows], value=True)

    def answer(self, batch: Batch, hidden: Tensor) -> Tensor:
        """The params of p(x | what is visible), (B, *params_shape), with as many places of each row hidden, (B, N)."""
        raise TypeError(f"{type(self).__name__} is abstract: a masked network defines answer(batch, hidden)")

    def encode(self, batch: Batch) -> Code:
        """The code of each row with nothing hidden but its gaps."""
        raise TypeError(f"{type(self).__name__} is abstract: a masked network defines encode(batch)")

    def decode(self, z: Tensor) -> Tensor:
        """The params that belong to such codes, (B, *params_shape)."""
        raise TypeError(f"{type(self).__name__} is abstract: a masked network defines decode(z)")

    def as_x(self, places: Tensor) -> Tensor:
        """What is said of places said of each cell, (B, N) -> (B, ...)."""
        return places

    def target(self, x: Tensor) -> Tensor:
        """What is priced, the shape of x."""
        return x

    def mean(self, params: Tensor) -> Tensor:
        """The expected x under the decoder's answer, (B, ...)."""
        return self.likelihood.mean(params)

    def expected(self, batch: Batch, params: Tensor) -> Tensor:
        """The same where x is at hand, which may lend what the target lacks."""
        return self.mean(params)

    def pooled(self, z: Tensor) -> Tensor:
        """What a head on the encoder reads of a code, (B, F)."""
        return z.flatten(1)

    def forward(self, batch: Batch) -> Tensor:
        """L of each row, (B,): masks drawn in training; the expectation D over the fixed ones otherwise."""
        if not self.training:
            return self.price(batch)[0]
        order = noise.uniform(batch.x.new_empty(len(batch.x), self.places), batch.generator).argsort(1)
        hidden = torch.zeros_like(order, dtype=torch.bool).scatter_(1, order[:, : self.hidden], value=True)
        return self.likelihood.distortion(self.target(batch.x), self.answer(batch, hidden), self.priced(batch, hidden))

    def price(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """D of each row, and the rate, which is 0, (B,) each."""
        distortion = torch.stack([cost for cost, _ in self.prices(batch)]).mean(0)
        return distortion, torch.zeros_like(distortion)

    def prices(self, batch: Batch) -> Iterator[tuple[Tensor, Tensor]]:
        """Distortion and rate of each row, (B,) each, for one of the fixed masks after the other.

        A cell counts M times over the number of masks that hide it, so that the mean over the masks is D.
        """
        weight = self.as_x(len(self.masks) / self.masks.sum(0, keepdim=True).clamp_min(1))
        for mask in self.masks:
            hidden = mask.expand(len(batch.x), -1)
            params, target = self.answer(batch, hidden), self.target(batch.x)
            cost = (weight * self.likelihood.cells(target, params, self.priced(batch, hidden))).flatten(1).sum(1)
            yield cost, torch.zeros_like(cost)

    def rebuild(self, batch: Batch) -> Tensor:
        """Each cell as it is expected from others alone, by the first of the fixed masks that hides it, (B, ...).

        A gap is hidden by all masks, so its answer is that of the first one too.
        """
        rebuilt, done = torch.zeros_like(batch.x), torch.zeros_like(self.masks[0])
        for mask in self.masks:
            hidden = mask.expand(len(batch.x), -1)
            expected = self.expected(batch, self.answer(batch, hidden))
            rebuilt = torch.where(self.as_x((mask & ~done)[None]), expected, rebuilt)
            done = done | mask
        return rebuilt

    def filled(self, batch: Batch) -> Tensor:
        """The expected x given all that is known of each row, (B, ...): what stands in for its gaps."""
        return self.mean(self.decode(self.encode(batch).z))

    def priced(self, batch: Batch, hidden: Tensor) -> Tensor:
        """True for the cells that are hidden and known, the shape of x."""
        cells = self.as_x(hidden).expand(batch.x.shape)
        return cells if batch.observed is None else cells & batch.observed


class MaskedCells(Masked):
    """A table's row with cells hidden: they look like missing ones, and the encoder is told which are.

    Args:
        spec: The table.
        settings: Sizes, backbone and likelihood.
        ratio: Share of the cells that is hidden.
    """

    def __init__(self, spec: Spec, settings: Settings, ratio: float) -> None:
        super().__init__(spec, settings, ratio, spec.n_features)
        gappy = replace(spec, columns=tuple(replace(column, gaps=True) for column in spec.columns))
        inner = autoencoder(gappy, settings, Plain())
        self.encoder, self.decoder = inner.encoder, inner.decoder

    def answer(self, batch: Batch, hidden: Tensor) -> Tensor:
        """The params of every column."""
        params: Tensor = self.decoder(self.encoder(torch.where(hidden, math.nan, batch.x)))
        return params

    def encode(self, batch: Batch) -> Code:
        """The code of what is known of each row."""
        z = self.encoder(batch.x)
        return Code(z, z.new_zeros(len(z)))

    def decode(self, z: Tensor) -> Tensor:
        """The params of every column."""
        params: Tensor = self.decoder(z)
        return params


class MaskedPatches(Masked):
    r"""An image or series with patches hidden, which the encoder never sees and which cost it nothing.

    Args:
        spec: What the data is.
        settings: Sizes, backbone and likelihood.
        ratio: Share of the patches that is hidden.
        normalize: Whether each patch is priced at mean 0 and variance 1, so that contrast does not count.

    Raises:
        ParameterError: `normalize` with a likelihood of other values than real numbers.
    """

    def __init__(self, spec: Spec, settings: Settings, ratio: float, normalize: bool) -> None:
        backbone = settings.architecture
        self.grid, self.patch = backbone.grid(spec), backbone.side(spec)
        super().__init__(spec, settings, ratio, math.prod(self.grid))
        if normalize and not settings.likelihood.startswith(("gaussian", "laplace")):
            came = f"normalize_targets=True with likelihood={settings.likelihood!r}"
            raise ParameterError(came, "a patch at mean 0 has cells below 0", "use likelihood='gaussian'")
        self.normalize = normalize
        self.encoder = backbone.encoder(spec, settings.latent_dim, settings)
        self.decoder = backbone.decoder(spec, self.likelihood.params_shape, settings)

    def answer(self, batch: Batch, hidden: Tensor) -> Tensor:
        """The params of every patch; a visible patch is one with no gap in it that is not hidden."""
        gappy = self.gappy(batch)
        if gappy is not None:
            seen = ~(hidden | gappy)
            params: Tensor = self.decoder(self.encoder(_whole(batch.x), seen=seen), seen=seen)
            return params
        kept = hidden.logical_not().nonzero()[:, 1].view(len(hidden), -1)  # (B, N) -> (B, K)
        params = self.decoder(self.encoder(batch.x, kept), kept)
        return params

    def encode(self, batch: Batch) -> Code:
        """The tokens of all patches, (B, 1 + N, W)."""
        gappy = self.gappy(batch)
        z = self.encoder(batch.x) if gappy is None else self.encoder(_whole(batch.x), seen=~gappy)
        return Code(z, z.new_zeros(len(z)))

    def decode(self, z: Tensor) -> Tensor:
        """The params of every patch from the tokens of all; training never asked for them."""
        params: Tensor = self.decoder(z)
        return params

    def filled(self, batch: Batch) -> Tensor:
        """The expected x given the patches without a gap, (B, ...)."""
        known = Batch(batch.x, ~batch.x.isnan())
        return self.mean(self.answer(known, batch.x.new_zeros(len(batch.x), self.places, dtype=torch.bool)))

    def gappy(self, batch: Batch) -> Tensor | None:
        """True for patches with a missing cell, (B, N); None where there is none."""
        return cut(batch.x, self.patch).isnan().any(2) if batch.observed is not None else None

    def as_x(self, places: Tensor) -> Tensor:
        """What is said of patches said of each cell in one channel, (B, N) -> (B, 1, *size)."""
        cells = places[:, :, None].expand(-1, -1, self.patch ** len(self.grid))
        return join(cells, self.grid, self.patch)

    def target(self, x: Tensor) -> Tensor:
        """X, with every patch at mean 0 and variance 1 where that was asked for."""
        return self.leveled(x)[0] if self.normalize else x

    def expected(self, batch: Batch, params: Tensor) -> Tensor:
        """The expected x with each patch's own mean and contrast."""
        if not self.normalize:
            return self.mean(params)
        _, mean, deviation = self.leveled(batch.x)
        return self.likelihood.mean(params) * deviation + mean

    def mean(self, params: Tensor) -> Tensor:
        """The expected x.

        Raises:
            AbilityError: the decoder answers patches without their mean and contrast.
        """
        if self.normalize:
            came = "a decoder that learnt with normalize_targets=True"
            allowed = "it answers patches without their mean and contrast, which rows alone can lend"
            raise AbilityError(came, allowed, "use reconstruct(X), or fit with normalize_targets=False")
        return self.likelihood.mean(params)

    def leveled(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """X with each patch at mean 0 and variance 1; the means and deviations taken out, the shape of x."""
        patches = cut(x, self.patch)
        mean = patches.mean(2, keepdim=True)
        deviation = (patches.var(2, keepdim=True) + LEAST_VARIANCE).sqrt()
        parts = ((patches - mean) / deviation, mean.expand_as(patches), deviation.expand_as(patches))
        level, middle, spread = (join(part, self.grid, self.patch) for part in parts)
        return level, middle, spread

    def pooled(self, z: Tensor) -> Tensor:
        """The mean of the patches' tokens, (B, W)."""
        return z[:, 1:].mean(1)


def _whole(x: Tensor) -> Tensor:
    """X with 0 in its gaps."""
    return torch.where(x.isnan(), 0.0, x)
