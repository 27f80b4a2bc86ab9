"""Rows that stand in for anomalies where nobody has labelled any, and rows drawn where none are given."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from isthmus.core.spec import Spec
from isthmus.errors import InputError
from isthmus.parts.likelihoods.choose import domain
from isthmus.tasks.anomaly.neighbours import Neighbours
from isthmus.tasks.anomaly.scorer import Scorer

PIECES = 4  # along each side of an image, series or volume
FAR = 10.0  # standard deviations
DRAWN = 1024  # rows where none are given


def mosaics(x: Tensor, spec: Spec, seed: int = 0) -> Tensor:
    """Rows pieced together from others: every piece from a row of its own, all of them at their own place, (n, ...).

    A piece is a column of a table, or a sixteenth of an image. So each cell has the values that normal rows have there,
    as often as they have them, and only what the pieces have to do with each other is gone.

    Args:
        x: Normal rows, (n, *spec.shape).
        spec: What they are.
        seed: Of the order in which each piece is dealt out.

    Example:
        >>> x = torch.arange(6.0).view(3, 2)
        >>> pieced = mosaics(x, Spec("table", (2,)))
        >>> torch.equal(pieced.sort(0).values, x), torch.equal(pieced, x)
        (True, False)
    """
    places = _pieces(spec)
    order = torch.rand(len(x), int(places.max()) + 1, generator=torch.Generator().manual_seed(seed)).argsort(0)
    return x.flatten(1).gather(0, order[:, places]).view_as(x)


def far_points(x: Tensor, spec: Spec) -> Tensor:
    """Rows moved straight away from the mean until they are 10 standard deviations off, (n, ...).

    They go where normal rows point to, along which a network extrapolates best. Only numbers are moved; a row without
    any is left where it is.

    Args:
        x: Normal rows, (n, *spec.shape).
        spec: What they are.

    Paper:
        Bouman & Heskes 2025, arXiv 2501.13864: networks rebuild points far off the data without loss.

    Example:
        >>> x = torch.tensor([[1.0, 0.0], [-1.0, 0.0], [0.0, 1.0], [0.0, -1.0]])
        >>> far_points(x, Spec("table", (2,))).norm(dim=1)
        tensor([10., 10., 10., 10.])
    """
    flat = x.flatten(1)
    numbers = list(spec.indices("numeric", "datetime")) if spec.columns else list(range(flat.shape[1]))
    centre = flat[:, numbers].nanmean(0)
    ways = flat[:, numbers] - centre
    lengths = ways.nan_to_num().norm(dim=1, keepdim=True)
    moved = flat.clone()
    moved[:, numbers] = centre + FAR * lengths.square().mean().sqrt() * ways / lengths.clamp_min(1e-12)
    return moved.view_as(x)


def drawn(scorer: Scorer) -> Tensor:
    """Rows that a fitted scorer takes for normal, (n, ...): codes like those of training, and losses like those.

        x = E[x | z] + r,   z one of theirs,   r ~ N(0, S)

    Args:
        scorer: A fusion, which knows codes of training rows and the covariance of what they lose.

    Raises:
        InputError: its score is another one.
    """
    first = scorer.members[0]
    if first.lost is None or not isinstance(first.crossed, Neighbours):
        allowed = "without rows they are drawn from the codes and losses that score='fusion' keeps, not another score"
        raise InputError("diagnose() without X", allowed, "give the rows that it was fitted on: diagnose(X)")
    network, spec = first.model.network_, first.model.spec_
    generator = torch.Generator().manual_seed(0)
    kept = first.crossed.codes
    codes = kept[torch.randint(len(kept), (DRAWN,), generator=generator)].float()
    with torch.inference_mode():
        z = codes.view(DRAWN, *first.model.latent_shape_).to(first.blocks.device)
        expected: Tensor = network.mean(network.decoder(z)).cpu().flatten(1)
    lost = first.lost.drawn(DRAWN, generator).float()
    lost[:, list(spec.indices("categorical", "boolean"))] = 0.0
    low, high, _ = domain(first.model.settings_.likelihood)
    return (expected + lost).clamp(low, high).view(DRAWN, *spec.shape)


def _pieces(spec: Spec) -> Tensor:
    """The number of the piece that each cell belongs to, (D,): channels of one place share it."""
    if spec.kind == "table":
        return torch.arange(spec.n_features)
    extents = spec.shape[1:]
    along = [torch.arange(extent) * min(PIECES, extent) // extent for extent in extents]
    sides = [int(places.max()) + 1 for places in along]
    whole = torch.zeros(extents, dtype=torch.int64)
    for axis, places in enumerate(along):
        shape = [1] * len(extents)
        shape[axis] = -1
        whole += math.prod(sides[axis + 1 :]) * places.view(shape)
    return whole.expand(spec.shape).flatten()
