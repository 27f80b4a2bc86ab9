"""Three steps of every member, number by number: whoever changes one sees it in a file, and says why in the commit.

The numbers come from `fit` itself, in float32, because a network's parameters are float32 by law wherever they are laid
flat. Between machines they differ by rounding, some 1e-6 of a number; a real change (a formula, a default, a draw more
or less) moves them by a thousandth at least. The tolerance lies between.

    REGOLD=1 python -m pytest tests/golden        # write the files anew; then look at their diff
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.datasets import load_digits, load_wine
from tests.contract.cases import PLACED, dense

import isthmus

HERE = Path(__file__).parent
ROWS = {
    "table": lambda: load_wine().data,
    "image": lambda: (load_digits().images[:120, :, :, None] / 16).astype(np.float32),
}
OPTIONS = {
    "latent_dim": 3,
    "n_latents": 16,
    "l0": 3,
    "hidden_dims": (8,),
    "epochs": 3,
    "batch_size": 10_000,
    "learning_rate": 0.01,
    "random_state": 0,
    "device": "cpu",
}
LABELS = load_wine().target  # what conditional members are told beside a table
TOLERANCE = 2e-5
DIGITS = 7


def fitted(name: str) -> tuple[Any, Any]:
    """The member after three steps, each on all rows; and the rows."""
    member = isthmus.family()[name]
    kind = next(kind for kind in ROWS if kind in member.kinds)
    own = {key for key in member().get_params() if key != "latent_dim" or name not in PLACED}
    asked = {key: value for key, value in OPTIONS.items() if key in own}
    rows = ROWS[kind]()
    y = LABELS if member.is_conditional else None
    return member(**asked).fit(rows, y), rows


def numbers(name: str) -> dict[str, Any]:
    """What a golden holds."""
    model, rows = fitted(name)
    told = [{"y": LABELS[:rows]} if model.is_conditional else {} for rows in (3, 2)]
    skip = ("epoch", "seconds", "skipped_steps", "stage", "steps")
    return {
        "model": repr(model),
        "epochs": [{k: short(v) for k, v in line.items() if k not in skip} for line in model.history_],
        "scores": short(model.score_samples(rows[:3], **told[0])),
        "codes": short(dense(model.transform(rows[:2], **told[1]))),
        "norms": {key: short(t.double().norm().item()) for key, t in model.network_.state_dict().items()},
    }


def short(value: Any) -> Any:
    """Floats in seven digits, so that a diff shows changes and no noise."""
    if isinstance(value, np.ndarray):
        return [short(item) for item in value.tolist()]
    if isinstance(value, list):
        return [short(item) for item in value]
    return float(f"{value:.{DIGITS}g}") if isinstance(value, float) else value


def leaves(value: Any, place: str = "") -> dict[str, Any]:
    """Every number of a golden by its place in it."""
    if isinstance(value, dict):
        return {k: v for key, item in value.items() for k, v in leaves(item, f"{place}/{key}").items()}
    if isinstance(value, list):
        return {k: v for i, item in enumerate(value) for k, v in leaves(item, f"{place}/{i}").items()}
    return {place: value}


@pytest.mark.parametrize("name", isthmus.family())
def test_three_steps_give_the_golden_numbers(name: str) -> None:
    path = HERE / f"{name.replace('-', '_')}.json"
    found = numbers(name)
    if os.environ.get("REGOLD"):
        path.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    how = f"make it with REGOLD=1 python -m pytest tests/golden -k {name}, look at it, and commit it"
    assert path.is_file(), f"{name} has no golden: {how}"
    golden = json.loads(path.read_text(encoding="utf-8"))
    assert found.pop("model") == golden.pop("model"), f"if it is meant, {how}"
    assert leaves(found) == pytest.approx(leaves(golden), rel=TOLERANCE, abs=TOLERANCE), f"if it is meant, {how}"


def test_every_golden_has_its_member() -> None:
    assert {path.stem.replace("_", "-") for path in HERE.glob("*.json")} <= isthmus.family().keys()
