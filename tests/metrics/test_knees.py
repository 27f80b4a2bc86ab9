"""Where falling curves bend, on curves whose bend is known."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.datasets import load_wine

from isthmus.data import factors
from isthmus.errors import InputError
from isthmus.metrics import knee, linear_knee


@pytest.mark.parametrize("bend", [1, 3, 7])
def test_the_knee_of_two_lines_is_where_they_meet(bend: int) -> None:
    x = np.arange(10)
    y = np.where(x < bend, 100 - 10 * x, 100 - 10 * bend - 0.5 * (x - bend))
    assert knee(x, y) == bend
    assert knee(3 * x + 7, 0.01 * y - 5) == bend  # units do not matter


def test_what_rises_again_counts_as_no_better() -> None:
    assert knee([1, 2, 3, 4, 5], [9.0, 4.0, 2.0, 6.0, 8.0]) == 2
    assert knee([1, 2, 3], [1.0, 2.0, 3.0]) == 0


@pytest.mark.parametrize("rank", [2, 5])
def test_a_table_is_worth_its_factors(rank: int) -> None:
    assert linear_knee(factors(800, columns=15, rank=rank, noise=0.2, random_state=1).X) == rank
    noise = np.random.default_rng(0).normal(size=(50, 200))
    assert 1 <= linear_knee(noise) <= 50


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: knee([1], [2.0]), r"x of shape \(1,\)"),
        (lambda: knee([1, 1, 2], [3.0, 2.0, 1.0]), "whose x rises"),
        (lambda: knee([1, 2], [1.0, np.nan]), "finite"),
        (lambda: linear_knee(load_wine().data[0]), r"X of shape \(13,\)"),
        (lambda: linear_knee([[1.0, np.nan], [2.0, 3.0]]), "finite"),
    ],
)
def test_what_has_no_knee_is_refused(call: object, words: str) -> None:
    with pytest.raises(InputError, match=words):
        call()  # type: ignore[operator]
