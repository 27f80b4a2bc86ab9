"""What a conditional member is told: learnt from training rows, read for later ones, else refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
import torch

from isthmus import Images
from isthmus.core.spec import Spec
from isthmus.data.conditions import Condition
from isthmus.errors import ColumnError, InputError, InputTypeError, IsthmusError, MissingValueError, UnknownNameError

TABLE, PICTURE = Spec("table", (4,)), Spec("image", (3, 5, 6), layout="hwc")
LABELS: dict[str, Any] = {
    "text": ["b", "a", "b"],
    "whole": np.array([7, 3, 7]),
    "booleans": np.array([True, False, True]),
    "objects": np.array(["b", 2, "b"], dtype=object),
    "pandas": pd.Series(["b", "a", "b"], dtype="category", name="kind"),
    "polars": pl.Series("kind", ["b", "a", "b"]),
    "tensor": torch.tensor([1, 0, 1]),
    "column": pd.DataFrame({"kind": ["b", "a", "b"]}),
}


def read(condition: Condition, y: Any, n: int) -> list[Any]:
    """y of n rows as numbers."""
    told: list[Any] = condition.read(y, n).block(0, n).tolist()
    return told


@pytest.mark.parametrize("y", LABELS.values(), ids=LABELS)
def test_labels_of_any_type_are_places_in_a_vocabulary(y: Any) -> None:
    condition = Condition.learn(y, TABLE)
    assert condition.is_label
    assert len(condition.spec.columns[0].categories) == 2
    places = read(condition, y, 3)
    assert places[0] == places[2] != places[1]


def test_one_label_stands_for_all_rows_and_words_are_understood() -> None:
    condition = Condition.learn([10, 20, 10], TABLE)
    assert read(condition, 20, 3) == [[1.0]] * 3
    assert condition.written("20") == 20
    with pytest.raises(UnknownNameError, match="y='21'.*Did you mean '20'"):
        condition.written("21")


def test_numbers_are_standardised_and_a_row_stands_for_all() -> None:
    one = Condition.learn(np.array([0.0, 2.0, 4.0]), TABLE)
    assert read(one, [2.0, 2.0], 2) == [[0.0], [0.0]]
    assert read(one, 2.0, 2) == [[0.0], [0.0]]
    two = Condition.learn(np.array([[0.0, 5.0], [2.0, 7.0]]), TABLE)
    assert read(two, [1.0, 6.0], 3) == [[0.0, 0.0]] * 3
    assert read(two, two.written("2, 5"), 1) == [[1.0, -1.0]]
    frame = pd.DataFrame({"age": [1.0, 3.0], "sex": ["f", "m"]})
    assert read(Condition.learn(frame, TABLE), frame, 2) == [[-1.0, 0.0], [1.0, 1.0]]


def test_pictures_stand_beside_pictures_of_the_same_places() -> None:
    grey = np.full((2, 5, 6, 1), 51, dtype=np.uint8)
    condition = Condition.learn(grey, PICTURE)
    assert condition.spec.shape == (1, 5, 6)
    assert condition.read(grey[0], 4).block(0, 4).shape == (4, 1, 5, 6)
    assert condition.read(grey, 2).block(1, 2).unique().tolist() == pytest.approx([0.2])
    assert Condition.learn(Images(grey[..., 0]), PICTURE).spec.shape == (1, 5, 6)
    with pytest.raises(InputError, match=r"\(4, 6\) places beside X with \(5, 6\)"):
        Condition.learn(grey[:, :4], PICTURE)
    with pytest.raises(InputError, match="beside a table"):
        Condition.learn(grey, TABLE)


def test_a_condition_comes_back_from_its_spec() -> None:
    for y in (["b", "a"], np.eye(2)):
        condition = Condition.learn(y, TABLE)
        assert Condition(Spec.from_json(condition.spec.to_json())) == condition


WRONG: dict[str, tuple[Any, Any, type[IsthmusError]]] = {
    "unseen": (["red", "white"], ["read", "white"], UnknownNameError),
    "missing": (["red", "white"], None, InputError),
    "too few": (["red", "white", "red"], ["red", "white"], InputError),
    "a list of one": (["red", "white"], ["red"], InputError),
    "two axes": (["red", "white"], [["red", "red"], ["white", "red"]], InputError),
    "no label": (["red", "white"], ["red", None], MissingValueError),
    "a date": ([1, 2], [pd.Timestamp(0), 2], InputTypeError),
    "text for numbers": ([1.5, 2.5], ["a", "b"], InputTypeError),
    "columns": (np.eye(2), np.eye(3)[:2], IsthmusError),
    "unseen in a frame": (
        pd.DataFrame({"a": ["x", "y"], "b": [1.0, 2.0]}),
        pd.DataFrame({"a": ["x", "z"], "b": [1.0, 2.0]}),
        ColumnError,
    ),
    "ragged": ([1, 2], [[1], [1, 2]], InputError),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_was_not_learnt_is_refused_in_three_parts(name: str) -> None:
    learnt, came, kind = WRONG[name]
    condition = Condition.learn(learnt, TABLE)
    with pytest.raises(kind) as caught:
        condition.read(came, len(learnt))
    assert caught.value.came
    assert caught.value.allowed
    assert caught.value.fix
