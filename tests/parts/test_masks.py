"""Masks by the byte, and noise from a generator that is handed in."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from isthmus.parts import noise
from isthmus.parts.masks import byte_mask, byte_share


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("p", [0.001, 0.1, 0.5, 0.9, 0.9999])
def test_share_of_a_mask_is_the_rounded_one(p: float) -> None:
    n, share = 2**20, byte_share(p)
    hits = byte_mask((n,), p, seeded(), "cpu").sum().item()
    assert share * 256 == round(share * 256)
    assert abs(share - p) <= 1 / 256
    assert abs(hits - n * share) < 5 * (n * share * (1 - share)) ** 0.5


def test_every_byte_of_a_word_is_used_and_fair() -> None:
    mask = byte_mask((2**17, 8), 0.25, seeded(), "cpu").double()
    assert (mask.mean(0) - 0.25).abs().max() < 0.006
    assert (torch.corrcoef(mask.T) - torch.eye(8)).abs().max() < 0.015


@pytest.mark.parametrize(("p", "value"), [(0.0, False), (1.0, True), (0, False), (1, True)])
def test_none_and_all_are_exact(p: float, value: bool) -> None:
    assert (byte_mask((3, 5), p, seeded(), "cpu") == value).all()


@pytest.mark.parametrize("shape", [(0,), (1,), (3, 5), (2, 3, 4, 5)])
def test_any_shape_is_cut_from_whole_words(shape: tuple[int, ...]) -> None:
    assert byte_mask(shape, 0.5, seeded(), "cpu").shape == shape


def test_a_mask_repeats_with_its_seed_and_leaves_the_global_generator_alone() -> None:
    before = torch.get_rng_state()
    one, two, other = (byte_mask((64,), 0.5, seeded(s), "cpu") for s in (1, 1, 2))
    byte_mask((64,), 0.5, None, "cpu")
    assert torch.equal(one, two)
    assert not torch.equal(one, other)
    assert torch.equal(before, torch.get_rng_state())


@pytest.mark.parametrize("draw", [noise.normal, noise.uniform, noise.exponential])
def test_noise_follows_its_generator_and_never_the_global_one(draw: Callable[..., Tensor]) -> None:
    before, like = torch.get_rng_state(), torch.zeros(4, 5, dtype=torch.float64)
    one, two, free, freer = draw(like, seeded(3)), draw(like, seeded(3)), draw(like), draw(like)
    assert torch.equal(one, two)
    assert not torch.equal(free, freer)
    assert one.dtype == like.dtype
    assert torch.equal(before, torch.get_rng_state())


@pytest.mark.parametrize(
    ("draw", "mean", "variance"),
    [(noise.normal, 0.0, 1.0), (noise.uniform, 0.5, 1 / 12), (noise.exponential, 1.0, 1.0)],
)
def test_noise_has_its_moments(draw: Callable[..., Tensor], mean: float, variance: float) -> None:
    drawn = draw(torch.zeros(200_000, dtype=torch.float64), seeded())
    assert drawn.mean().item() == pytest.approx(mean, abs=0.01)
    assert drawn.var().item() == pytest.approx(variance, rel=0.02)
