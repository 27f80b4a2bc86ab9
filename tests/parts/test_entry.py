"""The entry of a flat encoder: what each kind of cell becomes, present or missing."""

from __future__ import annotations

import math

import pytest
import torch
from tests.parts.likelihood_cases import TABLE
from torch import nn

from isthmus.core.spec import Column, Spec
from isthmus.parts.entry import Entry, flat_entry

# colour, age, member, city, since, size, weight
FULL = [2.0, 0.5, 1.0, 4.0, -1.5, 0.0, 3.0]
ENTERED = [0.5, -1.5, 3.0, 1.0, *[0, 0, 1], *[0, 0, 0, 0, 1], *[1, 0, 0], 0.0]


def test_each_kind_of_cell_becomes_its_numbers() -> None:
    entry = Entry(TABLE)
    assert entry(torch.tensor([FULL])).tolist() == [ENTERED]
    assert entry.width == len(ENTERED)


def test_missing_cells_are_nought_and_flagged_where_training_had_gaps() -> None:
    entered = Entry(TABLE)(torch.full((1, 7), math.nan))
    assert entered.tolist() == [[*[0.0] * 15, 1.0]]


def test_flags_can_be_left_out() -> None:
    entry = Entry(TABLE, flags=False)
    assert entry(torch.tensor([FULL])).tolist() == [ENTERED[:-1]]
    assert entry.width == len(ENTERED) - 1


@pytest.mark.parametrize("missing", range(7))
def test_one_gap_changes_its_own_numbers_only(missing: int) -> None:
    gappy = list(FULL)
    gappy[missing] = math.nan
    full, other = Entry(TABLE)(torch.tensor([FULL, gappy]))
    owners = [1, 4, 6, 2, *[0] * 3, *[3] * 5, *[5] * 3, 6]  # the column that each number comes from
    changed = {owner for owner, a, b in zip(owners, full, other, strict=True) if a != b}
    assert changed == {missing}


def test_counts_enter_on_a_log_scale() -> None:
    entry = Entry(Spec("table", (3,)), log=True)
    entered = entry(torch.tensor([[0.0, 9.0, -1.0]]))  # a corrupted view may be below zero
    torch.testing.assert_close(entered, torch.tensor([[0.0, math.log(10), 0.0]]))


def test_gradients_pass_through_numbers_and_stay_finite_beside_gaps() -> None:
    x = torch.tensor([FULL, [math.nan] * 7]).requires_grad_()
    Entry(TABLE)(x).sum().backward()
    assert x.grad.tolist() == [[0, 1, 2, 0, 1, 0, 1], [0] * 7]


def test_the_view_is_left_alone_and_nothing_is_saved() -> None:
    x, entry = torch.tensor([FULL]), Entry(TABLE)
    entry(x)
    assert x.tolist() == [FULL]
    assert not entry.state_dict()


@pytest.mark.parametrize(
    ("spec", "likelihood", "kind", "width"),
    [
        (Spec("table", (3,), (Column("a"), Column("b"), Column("c"))), "gaussian", type(None), 3),
        (Spec("table", (3,), (Column("a"), Column("b"), Column("c"))), "poisson", Entry, 3),
        (TABLE, "mixed", Entry, 16),
        (Spec("image", (2, 4, 4)), "bernoulli", nn.Flatten, 32),
        (Spec("image", (2, 4, 4)), "multinomial", nn.Sequential, 32),
    ],
)
def test_a_flat_encoder_gets_the_least_that_it_needs(spec: Spec, likelihood: str, kind: type, width: int) -> None:
    opening, told = flat_entry(spec, likelihood)
    assert isinstance(opening, kind)
    assert told == width
    if opening is not None:
        assert opening(torch.ones(2, *spec.shape)).shape == (2, width)
