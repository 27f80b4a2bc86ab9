"""Where a prior leads beyond plain draws: around an item, into regions without rows, into the holes of an image."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from isthmus.data.memory import TensorSource
from isthmus.estimator.classes import condition_of
from isthmus.estimator.defaults import seed_of, share, whole
from isthmus.estimator.generation import codes_of, shown, single, told_of
from isthmus.estimator.inputs import give_back, read
from isthmus.estimator.restoration import known_cells
from isthmus.parts.priors.choose import prior_of
from isthmus.parts.priors.prior import Prior

TRIED = 4096  # draws among which empty places are looked for, at least, and for each that is wanted
TRIED_EACH = 64


def variations(estimator: Any, x: Any, n: int, spread: float, random_state: Any, y: Any = None) -> Any:
    """n rows around each of these; see `FitsPriors.variations`."""
    whole("n", n)
    share("spread", spread)
    prior = prior_of(estimator.network_)
    generator = source_of_noise(estimator, random_state)
    if prior is not None and prior.recipe["on"] == "data":
        source = read(estimator, single(estimator, x))
        z = source.block(0, len(source))
    elif prior is not None and prior.of_symbols:
        z = estimator._blocks().run(read(estimator, single(estimator, x)), estimator._symbols)
    else:
        z = codes_of(estimator, x, y).view(-1, *estimator.latent_shape_)
    told = tuple(each.repeat_interleave(n, 0) for each in told_of(estimator, y, len(z)))
    z = z.repeat_interleave(n, 0).to(generator.device)
    with torch.inference_mode():
        if prior is not None:
            z = prior.around(z, spread, generator)
        else:
            noise = torch.randn(z.shape, generator=generator, device=generator.device)
            z = (1 - spread**2) ** 0.5 * z + spread * noise
    return give_back(estimator, shown(estimator, z, told=told))


def gaps(estimator: Any, n: int, random_state: Any, y: Any = None) -> Any:
    """n rows from where the prior expects some and training had none; see `FitsPriors.gaps`."""
    prior: Any = prior_of(estimator.network_)
    generator = source_of_noise(estimator, random_state)
    with torch.inference_mode():
        z = prior.sample(max(TRIED, TRIED_EACH * whole("n", n)), generator)
        chances = prior.log_prob(z)
        z = z[chances >= torch.minimum(prior.log_prob(prior.seen).median(), chances.topk(n).values[-1])]
        found = emptiest(z, prior, n)
        return give_back(estimator, shown(estimator, found, told=told_of(estimator, y, len(found))))


def emptiest(z: Tensor, prior: Prior, n: int) -> Tensor:
    """The n of these codes that lie farthest from codes of training rows, and from each other, (n, ...)."""
    scale = prior.seen.flatten(1).std(0).clamp_min(1e-6)
    places = z.flatten(1) / scale
    room = torch.cdist(places, prior.seen.flatten(1) / scale).min(1).values
    chosen: list[int] = []
    for _ in range(min(n, len(z))):
        chosen.append(int(room.argmax()))
        room = torch.minimum(room, torch.cdist(places, places[chosen[-1:]])[:, 0])
    return z[chosen]


def inpaint(estimator: Any, X: Any, mask: Any, y: Any, random_state: Any) -> Any:
    """X with its hidden cells drawn to go with the known ones; see `FitsPriors.inpaint`."""
    source = read(estimator, X, gaps=True)
    x = source.block(0, len(source))
    known = ~torch.isnan(x) if mask is None else ~torch.isnan(x) & known_cells(mask, len(x), source.spec)
    prior: Any = prior_of(estimator.network_)
    generator = source_of_noise(estimator, random_state)
    condition = condition_of(prior, y, len(x))
    seen = torch.where(known, x, source.spec.hidden_value)
    with torch.inference_mode():
        if prior.recipe["on"] == "data":
            at = known.to(generator.device)
            drawn = prior.sample(len(x), generator, condition, known=seen.to(generator.device), mask=at)
            return give_back(estimator, torch.where(known, x, drawn.cpu()), like=X)
        codes = (
            estimator._blocks()
            .run(TensorSource(seen, source.spec), estimator._codes)
            .view(-1, *estimator.latent_shape_)
        )
        whole_cells = cells_known(known, estimator.latent_shape_).to(generator.device)
        z = prior.sample(len(x), generator, condition, known=codes.to(generator.device), mask=whole_cells)
        return give_back(estimator, torch.where(known, x, shown(estimator, z)), like=X)


def cells_known(known: Tensor, shape: tuple[int, ...]) -> Tensor:
    """Where a map of codes says only what known pixels say, (n, 1, *size): no hidden one in the cell or beside it.

    Example:
        >>> known = torch.ones(1, 1, 8, 8, dtype=torch.bool)
        >>> known[..., :2] = False
        >>> cells_known(known, (3, 4, 4))[0, 0, 0]
        tensor([False, False,  True,  True])
    """
    axes = len(shape) - 1
    pool = (functional.adaptive_max_pool1d, functional.adaptive_max_pool2d, functional.adaptive_max_pool3d)[axes - 1]
    widen = (functional.max_pool1d, functional.max_pool2d, functional.max_pool3d)[axes - 1]
    hidden: Tensor = pool((~known.all(1, keepdim=True)).float(), shape[1:])
    return widen(hidden, 3, stride=1, padding=1) == 0


def source_of_noise(estimator: Any, random_state: Any) -> torch.Generator:
    """A generator on the network's device."""
    return torch.Generator(estimator.settings_.device).manual_seed(seed_of(random_state))
