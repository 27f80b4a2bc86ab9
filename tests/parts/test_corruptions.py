"""Corruptions: how much they touch, what they leave alone, and where their noise comes from."""

from __future__ import annotations

import math

import pytest
import torch
from tests.parts.likelihood_cases import TABLE
from torch import Tensor

from isthmus.core.code import Batch
from isthmus.core.spec import Column, Spec
from isthmus.errors import ParameterError, UnknownNameError
from isthmus.parts import corruptions
from isthmus.parts.corruptions import Blocks, Gaussian, Masking, SaltAndPepper, corruption

EACH = [Gaussian(0.5), Masking(0.25), SaltAndPepper(0.25, -9.0, 9.0), Blocks(0.25)]
SHAPES = [(64, 12), (64, 2, 20), (64, 3, 8, 10), (64, 1, 6, 6, 6)]


def batch(*shape: int, seed: int = 0, gaps: bool = False) -> Batch:
    generator = torch.Generator().manual_seed(seed)
    x = torch.rand(shape, generator=torch.Generator().manual_seed(1)) + 1
    observed = torch.rand(shape, generator=torch.Generator().manual_seed(2)) < 0.7 if gaps else None
    x = x.masked_fill(~observed, math.nan) if observed is not None else x
    return Batch(x, observed, generator=generator)


def share(changed: Tensor) -> float:
    return changed.float().mean().item()


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("corrupt", EACH, ids=lambda c: type(c).__name__)
def test_a_view_is_new_repeats_with_its_seed_and_leaves_x_alone(corrupt: Gaussian, shape: tuple[int, ...]) -> None:
    given, before = batch(*shape), torch.get_rng_state()
    kept = given.x.clone()
    view, again, other = corrupt(given), corrupt(batch(*shape)), corrupt(batch(*shape, seed=1))
    assert view.shape == given.x.shape
    assert view.dtype == given.x.dtype
    assert torch.equal(given.x, kept)
    assert torch.equal(view, again)
    assert not torch.equal(view, other)
    assert torch.equal(before, torch.get_rng_state())


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("corrupt", EACH, ids=lambda c: type(c).__name__)
def test_gaps_stay_gaps(corrupt: Gaussian, shape: tuple[int, ...]) -> None:
    given = batch(*shape, gaps=True)
    assert torch.equal(corrupt(given).isnan(), given.x.isnan())


@pytest.mark.parametrize("amount", [0.0, 0.1, 0.5, 0.9])
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("kind", [Masking, SaltAndPepper, Blocks])
def test_the_share_of_cells_is_the_amount(kind: type[Masking], shape: tuple[int, ...], amount: float) -> None:
    given = batch(512, *shape[1:])
    assert share(kind(amount)(given) != given.x) == pytest.approx(amount, abs=0.03)


def test_gaussian_noise_has_its_deviation() -> None:
    given = batch(1000, 50)
    noise = Gaussian(0.3)(given) - given.x
    assert noise.std().item() == pytest.approx(0.3, rel=0.02)
    assert abs(noise.mean().item()) < 0.01


def test_salt_and_pepper_are_equally_frequent() -> None:
    view = SaltAndPepper(0.5, -9.0, 9.0)(batch(1000, 50))
    assert share(view == 9) == pytest.approx(0.25, abs=0.02)
    assert share(view == -9) == pytest.approx(0.25, abs=0.02)


@pytest.mark.parametrize(("shape", "size"), [((200, 2, 24), 6), ((200, 2, 12, 12), 4)])
def test_blocks_hide_whole_blocks_in_all_channels(shape: tuple[int, ...], size: int) -> None:
    hidden = Blocks(0.3, fill=-1.0, size=size)(batch(*shape)) == -1
    assert torch.equal(hidden[:, :1].expand_as(hidden), hidden)
    edges = (hidden[..., 1:] != hidden[..., :-1]).any(0).flatten(0, -2).any(0).nonzero()[:, 0]
    assert len(edges) >= 2
    assert (edges.diff() % size == 0).all()  # the word changes at the cuts only, which stand `size` apart


def test_groups_of_columns_are_shuffled_for_each_batch() -> None:
    corrupt, given = Blocks(0.5, fill=-1.0, size=3), batch(400, 9)
    partners = []
    for _ in range(5):
        hidden = (corrupt(given) == -1).float()
        alike = (hidden[:, :, None] == hidden[:, None]).all(0)  # columns that are always hidden together
        assert sorted(alike.sum(1).tolist()) in ([3] * 9, [1, *[2] * 2, *[3] * 6], [1, 2, 2, *[3] * 6])
        partners.append(alike)
    assert not all(torch.equal(partners[0], other) for other in partners)


def test_nothing_given_is_nothing_drawn_from_the_global_generator() -> None:
    before = torch.get_rng_state()
    given = Batch(torch.ones(8, 8))
    for corrupt in EACH:
        corrupt(given)
    assert torch.equal(before, torch.get_rng_state())


def mixed(rows: int) -> Batch:
    x = torch.tensor([2.0, 0.5, 1.0, 4.0, -1.5, 0.0, 3.0]).repeat(rows, 1)
    x[::2, 6] = math.nan
    return Batch(x, ~x.isnan(), generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize(
    ("name", "touched"),
    [("gaussian", {1, 4, 6}), ("salt-and-pepper", {1, 2, 4, 6}), ("masking", set(range(7))), ("blocks", set(range(7)))],
)
def test_a_mixed_table_is_touched_where_it_makes_sense(name: str, touched: set[int]) -> None:
    columns = tuple(
        Column(c.name, c.kind, categories=c.categories, low=-7.0, high=7.0, gaps=c.gaps) for c in TABLE.columns
    )
    given = mixed(200)
    view = corruption(name, 0.5, Spec("table", (7,), columns))(given)
    changed = (view != given.x) & given.observed
    assert {index for index in range(7) if changed[:, index].any()} == touched
    assert torch.isnan(view[changed]).all() == (name in ("masking", "blocks"))
    assert view[~given.observed].isnan().all()


def test_salt_and_pepper_takes_each_columns_own_extremes() -> None:
    columns = (Column("a", center=1.0, scale=2.0, low=-1.0, high=5.0), Column("b", low=-3.0, high=3.0))
    view = corruption("salt-and-pepper", 0.9, Spec("table", (2,), columns))(Batch(torch.full((300, 2), 0.5)))
    assert [sorted(set(column.tolist())) for column in view.T] == [[-1.0, 0.5, 2.0], [-3.0, 0.5, 3.0]]


def test_salt_and_pepper_of_an_image_takes_its_range() -> None:
    assert corruption("salt-and-pepper", 0.1, Spec("image", (1, 4, 4), value_range=(-1.0, 1.0))) == SaltAndPepper(
        0.1, -1.0, 1.0
    )


def test_an_unknown_corruption_is_refused_with_the_nearest() -> None:
    with pytest.raises(UnknownNameError, match=r"corruption='mask'.*Did you mean 'masking'"):
        corruption("mask", 0.1, TABLE)


@pytest.mark.parametrize("name", corruptions.CORRUPTIONS)
@pytest.mark.parametrize("amount", [-0.1, math.nan, math.inf])
def test_an_amount_outside_its_domain_is_refused(name: str, amount: float) -> None:
    with pytest.raises(ParameterError, match=f"amount={amount!r} for corruption='{name}'"):
        corruption(name, amount, Spec("table", (3,)))


def test_only_noise_may_be_as_large_as_one() -> None:
    assert corruption("gaussian", 1.5, Spec("table", (3,))) == Gaussian(1.5)
    with pytest.raises(ParameterError, match=r"amount=1\.0 .*\[0, 1\)"):
        corruption("masking", 1.0, Spec("table", (3,)))


@pytest.mark.parametrize("name", ["gaussian", "salt-and-pepper"])
def test_a_corruption_that_would_touch_nothing_is_refused(name: str) -> None:
    names = Spec("table", (1,), (Column("city", "categorical", categories=("a", "b")),))
    with pytest.raises(ParameterError, match=rf"corruption='{name}' on a table without numeric.*masking"):
        corruption(name, 0.2, names)
