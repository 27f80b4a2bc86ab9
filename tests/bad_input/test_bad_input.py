"""Every bad input raises its own error, and each of its three parts says what it must."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.bad_input import files, later_data, parameters, training_data
from tests.bad_input.case import Case, model

GROUPS: dict[str, list[Case]] = {
    "training": training_data.CASES,
    "later": later_data.CASES,
    "parameter": parameters.CASES,
    "file": files.CASES,
}
CASES = [pytest.param(case, id=f"{group}-{case.name}") for group, cases in GROUPS.items() for case in cases]


@pytest.mark.parametrize("case", CASES)
def test_it_is_refused_in_three_parts(case: Case, tmp_path: Path) -> None:
    with pytest.raises(case.error) as raised:
        case.call(tmp_path)
    error = raised.value
    assert type(error) is case.error
    assert case.came in error.came
    assert case.allowed in error.allowed
    assert case.fix in error.fix
    assert all(part in str(error) for part in (error.came, error.allowed, error.fix[1:]))


def test_every_case_has_its_own_name() -> None:
    names = [case.id for case in CASES]
    assert len(names) == len(set(names)) >= 40


@pytest.mark.parametrize(
    "X",
    [
        np.full((20, 3), 7.5),
        np.hstack([np.random.default_rng(0).normal(size=(20, 2)), np.full((20, 2), [0.0, 1e12])]),
        np.zeros((20, 3), dtype=bool),
        np.full((6, 8, 8), 3, dtype=np.uint8),
    ],
    ids=["all constant", "some constant", "all false", "one grey"],
)
def test_constant_columns_are_no_bad_input(X: Any) -> None:
    fitted = model(latent_dim=1).fit(X)
    assert np.isfinite(fitted.score_samples(X)).all()
    assert np.isfinite(fitted.reconstruct(X)).all()
