"""Every figure near its top on the factors themselves, at chance on noise, and lower on factors that are rotated."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import special_ortho_group

from isthmus.data.drawings import LEVELS
from isthmus.errors import InputError
from isthmus.metrics import DCI, beta_metric, dci, factor_metric, mig, sap

ROWS = 1500
FACTORS = np.stack([np.random.default_rng(k).integers(n, size=ROWS) for k, n in enumerate(LEVELS.values())], axis=1)
CHANCE = 1 / len(LEVELS)


def themselves() -> NDArray[Any]:
    """A unit for each factor, each of variance 1, in another order, turned round, and one that stands still."""
    z = (FACTORS - FACTORS.mean(0)) / FACTORS.std(0)
    return np.column_stack([-z[:, ::-1], 1e-3 * np.random.default_rng(9).normal(size=ROWS)])


CODES: dict[str, NDArray[Any]] = {
    "themselves": themselves(),
    "noise": np.random.default_rng(1).normal(size=(ROWS, 6)),
    "rotated": themselves()[:, :5] @ special_ortho_group.rvs(5, random_state=0),
}


@cache
def forests(codes: str) -> DCI:
    """All three figures of the forests, which take the longest."""
    return dci(CODES[codes], FACTORS)


FIGURES: dict[str, tuple[Callable[[str], float], float]] = {
    "mig": (lambda codes: mig(CODES[codes], FACTORS), 0.0),
    "sap": (lambda codes: sap(CODES[codes], FACTORS), 0.0),
    "disentanglement": (lambda codes: forests(codes).disentanglement, 0.0),
    "completeness": (lambda codes: forests(codes).completeness, 0.0),
    "informativeness": (lambda codes: forests(codes).informativeness, 0.0),
    "factor_metric": (lambda codes: factor_metric(CODES[codes], FACTORS), CHANCE),
    "beta_metric": (lambda codes: beta_metric(CODES[codes], FACTORS), CHANCE),
}
every_figure = pytest.mark.parametrize("name", FIGURES)


@every_figure
def test_it_is_near_one_on_the_factors_themselves(name: str) -> None:
    assert FIGURES[name][0]("themselves") > 0.95


@every_figure
def test_it_is_at_chance_on_noise(name: str) -> None:
    figure, chance = FIGURES[name]
    assert figure("noise") == pytest.approx(chance, abs=0.06)


@every_figure
def test_it_is_lower_on_rotated_factors_where_it_looks_at_single_units(name: str) -> None:
    figure, chance = FIGURES[name]
    found = figure("rotated")
    if name in ("beta_metric", "informativeness"):  # which look at all units together
        assert found > chance + 0.1
    elif name == "factor_metric":  # which asks only whose variance falls the most
        assert found < 0.85
    else:
        assert found < 0.2


def test_mig_is_the_closed_form_of_two_units_that_share_a_factor() -> None:
    factor = np.tile(np.arange(4), 50)[:, None]
    half = factor // 2  # tells one bit of two
    assert mig(np.column_stack([factor, half]), factor) == pytest.approx(0.5)
    assert mig(factor, factor) == pytest.approx(1)


def test_two_units_of_one_factor_are_disentangled_and_not_complete() -> None:
    z, few = themselves()[:, 2:5], FACTORS[:, :3]  # the units of the first three factors
    twice = np.column_stack([z, z + 1e-6 * np.random.default_rng(0).normal(size=z.shape)])
    found = dci(twice, few)
    assert found.disentanglement > 0.95
    assert found.completeness < 0.9
    assert sap(twice, few) < 0.1


def test_other_shapes_and_factors_that_never_vary_are_refused() -> None:
    with pytest.raises(InputError, match=r"codes of shape \(3,\)"):
        mig([1, 2, 3], FACTORS)
    with pytest.raises(InputError, match="factor 1 with one level"):
        beta_metric(np.zeros((8, 2)), np.column_stack([np.arange(8), np.ones(8)]))
