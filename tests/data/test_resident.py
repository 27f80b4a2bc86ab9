"""Batches from memory: every row once an epoch, any step of any epoch again, gaps and companions in step."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.utils.data import DataLoader, TensorDataset

from isthmus.data import resident
from isthmus.data.resident import Resident, SharedRows, batch_sizes, seeded
from isthmus.errors import InputError, ParameterError, TooFewRowsError


def rows(n: int, *shape: int) -> Tensor:
    """Rows that can be told apart: row i holds i in its first cell."""
    x = torch.rand(n, *(shape or (3,)), generator=torch.Generator().manual_seed(0))
    x.flatten(1)[:, 0] = torch.arange(n)
    return x


def epoch_of(batches: Resident, number: int, start: int = 0) -> list[Tensor]:
    """Copies of an epoch's x, for a batch handed out does not outlive its chunk."""
    return [batch.x.clone() for batch in batches.epoch(number, start)]


@pytest.mark.parametrize("shape", [(3,), (1, 4, 4), ()])
@pytest.mark.parametrize("batch_size", [1, 7, 64, 1000])
def test_every_row_is_seen_once_an_epoch(shape: tuple[int, ...], batch_size: int, monkeypatch: Any) -> None:
    monkeypatch.setattr(resident, "CHUNK_BYTES", 4096)  # several chunks even of a few rows
    x = rows(203, *shape)
    batches = Resident(x, batch_size=batch_size, seed=5)
    seen = epoch_of(batches, 0)
    together = torch.cat(seen)
    order = together.flatten(1)[:, 0].long()
    assert len(seen) == batches.steps == -(-203 // batch_size)
    assert torch.equal(order.sort().values, torch.arange(203))
    assert torch.equal(together, x[order])
    assert batch_size == 1000 or not torch.equal(order, torch.arange(203))


def test_batches_are_equal_to_within_one_row() -> None:
    for n, batch_size in [(1, 1), (10, 4), (1025, 1024), (999, 10), (5, 100)]:
        sizes = batch_sizes(n, batch_size)
        assert sum(sizes) == n
        assert max(sizes) - min(sizes) <= 1
        assert max(sizes) <= batch_size


@pytest.mark.parametrize("start", [0, 1, 13, 28, 29])
def test_an_epoch_is_entered_again_at_any_step(start: int, monkeypatch: Any) -> None:
    monkeypatch.setattr(resident, "CHUNK_BYTES", 400)
    first, again = (Resident(rows(203), batch_size=7, seed=1) for _ in range(2))
    whole = epoch_of(first, 3)
    rest = epoch_of(again, 3, start)
    assert len(rest) == len(whole) - start
    assert all(torch.equal(a, b) for a, b in zip(whole[start:], rest, strict=True))


def test_epochs_and_seeds_differ_and_move_no_global_generator() -> None:
    before = torch.get_rng_state()
    places = [(seed, number) for seed in (0, 1) for number in (0, 1)]
    orders = [epoch_of(Resident(rows(50), batch_size=50, seed=seed), number)[0] for seed, number in places]
    distinct = {tuple(x[:, 0].tolist()) for x in orders}
    assert len(distinct) == len(orders)
    assert torch.equal(torch.get_rng_state(), before)


def test_every_place_has_a_generator_of_its_own() -> None:
    places = [(0,), (1,), (0, 0), (0, 1), (1, 0), (0, 0, 0), (0, 1, 0)]
    assert len({seeded(*place).initial_seed() for place in places}) == len(places)


def test_companions_stay_beside_their_rows() -> None:
    x = rows(100)
    x[3, 1] = torch.nan
    number = torch.arange(100.0)
    batches = Resident(x, condition=number[:, None] * 2, weight=number, batch_size=9, seed=0)
    for batch in batches.epoch(0):
        assert batch.weight is not None and batch.condition is not None and batch.observed is not None
        assert torch.equal(batch.weight, batch.x[:, 0])
        assert torch.equal(batch.condition[:, 0], 2 * batch.x[:, 0])
        assert torch.equal(batch.observed, ~batch.x.isnan())
        assert batch.observed.all() == (3 not in batch.weight)


def test_what_is_observed_is_none_without_gaps_and_as_given_otherwise() -> None:
    assert next(Resident(rows(10), batch_size=5, seed=0).epoch(0)).observed is None
    given = rows(10) > 4
    batch = next(Resident(rows(10), observed=given, batch_size=10, seed=0).epoch(0))
    assert batch.observed is not None
    assert torch.equal(batch.observed, given[batch.x[:, 0].long()])


def test_two_epochs_at_once_do_not_disturb_each_other() -> None:
    batches = Resident(rows(40), batch_size=8, seed=0)
    alone = epoch_of(batches, 0)
    together = [(a.x.clone(), b.x.clone()) for a, b in zip(batches.epoch(0), batches.epoch(1), strict=True)]
    assert all(torch.equal(x, a) for x, (a, _) in zip(alone, together, strict=True))


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"batch_size": 0}, ParameterError, "batch_size=0.*at least one row.*batch_size=1024"),
        ({"x": rows(3)[:0]}, TooFewRowsError, "x with 0 rows"),
        ({"weight": torch.ones(2)}, InputError, "weight with 2 rows beside x with 3.*give weight 3 rows"),
    ],
)
def test_what_cannot_be_handed_out_is_refused(options: dict[str, Any], error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=f"(?i){words}"):
        Resident(**{"x": rows(3), "batch_size": 2, "seed": 0, **options})


def seconds(work: Callable[[], Any]) -> float:
    """The least time of three."""
    times = []
    for _ in range(3):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return min(times)


@pytest.mark.parametrize("batch_size", [32, 1024])
def test_it_leaves_a_data_loader_far_behind(batch_size: int) -> None:
    """The goal, 20 times, is benchmarked on a quiet machine with a million rows; here a third of it must hold."""
    x = torch.rand(60_000, 30)
    batches, loader = Resident(x, batch_size=batch_size, seed=0), DataLoader(TensorDataset(x), batch_size, shuffle=True)
    assert seconds(lambda: [None for _ in loader]) > 7 * seconds(lambda: [None for _ in batches.epoch(0)])


@pytest.mark.parametrize("start", [0, 5])
def test_members_see_what_rows_of_their_own_seed_would_show_them(start: int, monkeypatch: Any) -> None:
    monkeypatch.setattr(resident, "CHUNK_BYTES", 400)
    x = rows(203)
    x[3, 1] = torch.nan
    alone = [Resident(x, batch_size=7, seed=seed) for seed in (4, 9)]
    shared = SharedRows(alone[0], (4, 9))
    expected = zip(*(epoch_of(batches, 2, start) for batches in alone), strict=True)
    seen = [(batch.x.clone(), batch.observed) for batch in shared.epoch(2, start)]
    assert len(seen) == shared.steps - start
    for (ours, observed), pair in zip(seen, expected, strict=True):
        assert torch.equal(ours.nan_to_num(-1), torch.cat(pair).nan_to_num(-1))
        assert observed is not None
        assert torch.equal(observed, ~ours.isnan())
