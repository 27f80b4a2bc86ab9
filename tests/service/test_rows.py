"""Rows of every kind of detector over the wire: tables of mixed columns, images, series."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_digits

import isthmus
from isthmus.errors import AbilityError, IsthmusError
from isthmus.service.mlflow import read
from isthmus.service.rows import RowReader
from isthmus.service.served import Question, Served


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    """Rows of every kind of column, some of them with gaps."""
    random = np.random.default_rng(0)
    n = 120
    return pd.DataFrame(
        {
            "speed": random.normal(50, 5, n),
            "mode": random.choice(["idle", "run"], n),
            "level": pd.Series(random.choice([1, 2, 3], n)).astype("category"),
            "open": random.random(n) > 0.5,
            "at": [datetime(2026, 1, 1) + timedelta(hours=i) for i in range(n)],
            "heat": np.where(random.random(n) > 0.9, np.nan, random.normal(size=n)),
        }
    )


@pytest.fixture(scope="module")
def served(table: pd.DataFrame) -> Served:
    """A detector of that table."""
    model = isthmus.Autoencoder(epochs=2, device="cpu", latent_dim=2, hidden_dims=(8,))
    return Served(isthmus.AnomalyDetector(model, alpha=0.1, members=1, random_state=0).fit(table), "t", "v")


def objects(table: pd.DataFrame) -> list[dict[str, Any]]:
    """Rows as JSON has them."""
    rows = [{**row, "at": row["at"].isoformat()} for row in table.to_dict("records")]
    plain = [{name: None if cell != cell else cell for name, cell in row.items()} for row in rows]
    found: list[dict[str, Any]] = json.loads(json.dumps(plain))
    return found


def test_named_columns_of_every_kind_score_as_the_frame_does(served: Served, table: pd.DataFrame) -> None:
    rows = objects(table.head(20))
    expected = served.detector.anomaly_score(table.head(20)).tolist()
    for sent in (rows, [list(row.values()) for row in rows], [dict(reversed(row.items())) for row in rows]):
        found = served.judge(Question(served.reader.from_json(sent), 20, explain=2))
        assert found.scores.tolist() == expected
        json.dumps(found.reasons, allow_nan=False)
    lines = table.head(20).to_csv(index=False)
    assert served.detector.anomaly_score(read(served.reader, "text/csv", lines.encode(), 100)).tolist() == expected
    kept = served.reader.to_json(served.reader.from_json(rows), [3, 5])
    assert served.detector.anomaly_score(served.reader.from_json(kept)).tolist() == [expected[3], expected[5]]


def test_tensors_by_column_score_as_the_frame_does(served: Served, table: pd.DataFrame) -> None:
    head = table.head(9)
    tensors = {name: np.array(head[name].tolist(), dtype=object) for name in ("mode", "level", "open")}
    tensors |= {"speed": head["speed"].to_numpy(), "heat": np.array([None if x != x else x for x in head["heat"]])}
    tensors["at"] = np.array([moment.isoformat() for moment in head["at"]], dtype=object)
    found = served.reader.from_tensors(tensors)
    assert served.detector.anomaly_score(found).tolist() == served.detector.anomaly_score(head).tolist()


@pytest.mark.parametrize(
    ("column", "cell"),
    [("speed", "fast"), ("speed", True), ("mode", 3), ("mode", "sleep"), ("open", 1), ("at", "noon"), ("at", 5)],
)
def test_a_cell_of_another_kind_is_refused_with_its_column(
    served: Served, table: pd.DataFrame, column: str, cell: Any
) -> None:
    (row,) = objects(table.dropna().head(1))
    with pytest.raises(IsthmusError, match=column):
        served.judge(Question(served.reader.from_json([{**row, column: cell}]), 1))
    assert cell not in served.reader.schema()["anyOf"][1]["properties"][column].get("enum", [])


def test_a_gap_is_taken_only_where_training_had_some(served: Served, table: pd.DataFrame) -> None:
    (row,) = objects(table.dropna().head(1))
    assert served.judge(Question(served.reader.from_json([{**row, "heat": None}]), 1)).scores.shape == (1,)
    with pytest.raises(IsthmusError, match="speed"):
        served.judge(Question(served.reader.from_json([{**row, "speed": None}]), 1))


def test_images_come_as_nested_lists() -> None:
    digits = load_digits().images[:80]
    model = isthmus.Autoencoder(epochs=1, device="cpu", latent_dim=4)
    detector = isthmus.AnomalyDetector(model, alpha=0.1, score="distortion", members=1, random_state=0).fit(digits)
    served = Served(detector, "digits", "v")
    assert served.reader.schema()["items"]["minItems"] == 8
    rows = served.reader.from_json(digits[:5].tolist())
    assert served.judge(Question(rows, 5)).scores.tolist() == detector.anomaly_score(digits[:5]).tolist()
    tensor = served.reader.from_tensors({"rows": digits[:5]})
    assert served.judge(Question(tensor, 5)).scores.tolist() == detector.anomaly_score(digits[:5]).tolist()
    for wrong in ([[1.0]], [[[1.0]]], [digits[0].tolist(), digits[0][:7].tolist()], [[["1"] * 8] * 8]):
        with pytest.raises(IsthmusError, match=r"\[8, 8\]"):
            served.reader.from_json(wrong)


def test_a_series_is_scored_as_a_whole() -> None:
    series = np.sin(np.arange(600) / 5)[:, None] * [1.0, 2.0]
    model = isthmus.Autoencoder(epochs=1, device="cpu", latent_dim=2, hidden_dims=())
    detector = isthmus.TimeSeriesDetector(model, window=5, alpha=0.2, random_state=0).fit(series)
    served = Served(detector, "series", "v")
    rows = served.reader.from_json(series[:100].tolist())
    (one, two) = served.judge_all([Question(rows, 100), Question(rows, 100)])
    expected = detector.anomaly_score(series[:100])
    assert not isinstance(one, Exception) and not isinstance(two, Exception)
    assert np.array_equal(one.scores, expected, equal_nan=True)
    assert np.array_equal(two.p_values, detector.p_value(series[:100]), equal_nan=True)
    with pytest.raises(AbilityError, match="explains no single rows"):
        served.judge(Question(rows, 100, explain=1))


def test_a_reader_without_rows_says_so() -> None:
    reader = RowReader(None, ["a", "b"])
    for rows in ([], {}, None, "rows", [[1]], [[1, 2, 3]]):
        with pytest.raises(IsthmusError):
            reader.from_json(rows)
    assert reader.to_json(np.array([[1.0, np.nan]]), [0]) == [[1.0, None]]


@pytest.mark.parametrize("kind", ["float32", "int16", "float64"])
def test_numbers_without_a_type_get_the_one_that_was_learnt(kind: str) -> None:
    rows = (np.random.default_rng(0).normal(size=(60, 3)) * 50).astype(kind)
    model = isthmus.Autoencoder(epochs=1, device="cpu", latent_dim=2, hidden_dims=(8,))
    detector = isthmus.AnomalyDetector(model, alpha=0.1, members=1, score="distortion", random_state=0).fit(rows)
    reader, wide = RowReader(detector.model_.spec_), rows[:1].astype(np.float64)
    columns = {name: wide[:, i] for i, name in enumerate(reader.names)}
    lines = "\n".join([",".join(reader.names), ",".join(map(repr, wide[0].tolist()))])
    found = [reader.from_json(wide.tolist()), reader.from_tensors(columns), reader.from_csv(lines)]
    assert {row.dtype.name for row in found} == {"float64" if kind == "float64" else "float32"}
    assert {float(detector.anomaly_score(row)[0]) for row in found} == {float(detector.anomaly_score(rows[:1])[0])}
    assert reader.from_tensors({"rows": wide}).dtype == wide.dtype


def test_a_number_beyond_the_type_that_was_learnt_is_refused_with_its_column() -> None:
    rows = np.random.default_rng(0).normal(size=(60, 3)).astype(np.float32)
    model = isthmus.Autoencoder(epochs=1, device="cpu", latent_dim=2, hidden_dims=(8,))
    served = Served(isthmus.AnomalyDetector(model, alpha=0.1, members=1, random_state=0).fit(rows), "t", "v")
    with pytest.raises(IsthmusError, match="x1"):
        served.judge(Question(served.reader.from_json([[0.0, 1e39, 0.0]]), 1))
