"""Normal rows to show beside an alarm: the nearest by an exhaustive search, as the caller had them, and not many."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
import torch
from sklearn.neighbors import NearestNeighbors

import isthmus
from isthmus.errors import AbilityError, CorruptFileError
from isthmus.estimator.inputs import learn, read
from isthmus.tasks.anomaly import neighbours
from isthmus.tasks.anomaly.explanation import examples
from isthmus.tasks.anomaly.explanation.examples import Examples
from isthmus.tasks.anomaly.neighbours import Neighbours


def test_the_nearest_row_is_that_of_an_exhaustive_search(detector: Any, tumours: Any) -> None:
    near = detector.nearest_normal(tumours.malignant)
    rows = np.array([row for row in tumours.benign if is_near(row, detector.scorer_.examples.x, detector)])
    assert len(rows) == len(detector.scorer_.examples.x) == 286
    member = detector.scorer_.members[0]
    known, asked = (member.run(read(member.model, X), member.code).numpy() for X in (rows, tumours.malignant))
    found = NearestNeighbors(n_neighbors=1).fit(known).kneighbors(asked)[1][:, 0]
    np.testing.assert_allclose(near, rows[found], rtol=1e-5, atol=1e-6)
    assert len({row.tobytes() for row in near}) > 5


def is_near(row: Any, kept: Any, detector: Any) -> bool:
    """Whether a row is one of those that are kept."""
    x = read(detector.model_, row[None]).block(0, 1)
    return bool((kept == x).all(1).any())


def test_a_row_of_training_is_nearest_to_itself_wherever_it_stands(detector: Any, tumours: Any) -> None:
    near = detector.nearest_normal(tumours.benign)
    own = np.array([is_near(row, detector.scorer_.examples.x, detector) for row in tumours.benign])
    np.testing.assert_allclose(near[own], tumours.benign[own], rtol=1e-5, atol=1e-6)
    alone = np.concatenate([detector.nearest_normal(tumours.benign[row : row + 1]) for row in range(20)])
    assert (alone == near[:20]).all()


def mixed() -> Any:
    """Numbers, categories, booleans, dates and gaps."""
    random = np.random.default_rng(0)
    kind = random.choice(["small", "large"], 200)
    day = pd.Timestamp("2024-01-01") + pd.to_timedelta(random.integers(0, 300, 200), "D")
    size = np.where(kind == "large", 10, 1) + random.integers(0, 3, 200)
    frame = pd.DataFrame({"kind": kind, "big": kind == "large", "size": size, "weight": 0.5 * size, "day": day})
    frame.loc[::5, "weight"] = np.nan
    return frame


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_it_has_the_callers_columns_types_and_units(library: str, tmp_path: Path) -> None:
    frame = mixed() if library == "pandas" else pl.from_pandas(mixed())
    model = isthmus.Autoencoder(latent_dim=2, epochs=10, device="cpu")
    detector = isthmus.AnomalyDetector(model, alpha=0.05, score="latent", random_state=0).fit(frame)
    some = frame[50:60]
    near = detector.nearest_normal(some)
    assert type(near) is type(frame) and list(near.columns) == list(frame.columns)
    as_pandas = near if library == "pandas" else near.to_pandas()
    assert set(as_pandas["kind"]) <= {"small", "large"} and set(as_pandas["size"]) <= set(range(1, 13))
    assert (as_pandas["big"] == (as_pandas["kind"] == "large")).all()
    if library == "pandas":
        assert (near.index == some.index).all() and (near.dtypes == frame.dtypes).all()
    loaded = isthmus.load(detector.save(tmp_path / "detector"))
    assert loaded.nearest_normal(some).equals(near)


@pytest.mark.parametrize(("rows", "cells"), [(25, 10**6), (25, 12), (7, 10**6), (9000, 300)])
def test_what_is_kept_is_bounded_and_stands_beside_its_code(
    rows: int, cells: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(neighbours, "MOST", 10)
    monkeypatch.setattr(examples, "MOST_CELLS", cells)
    X = np.stack([np.arange(rows), -np.arange(rows), np.ones(rows)], 1).astype(float)
    source = learn(isthmus.Autoencoder(scaling="none"), X)
    kept = Examples.of(Neighbours.of(torch.from_numpy(X[:, :1])), source)
    assert kept.x.numel() <= max(cells, 3) and len(kept.x) <= 10
    assert torch.equal(kept.x[:, :1].double(), kept.near.codes)
    assert torch.equal(kept.nearest(kept.near.codes + 0.1), kept.x)


def test_a_saved_detector_says_that_it_holds_rows_and_refuses_others(detector: Any, tmp_path: Path) -> None:
    card = (detector.save(tmp_path / "detector") / "README.md").read_text(encoding="utf-8")
    assert "holds 286 of its training rows" in card
    config, tensors = detector.to_saved()
    assert tensors["examples"].shape == (286, 30)
    with pytest.raises(CorruptFileError, match="tensor 'examples' has shape"):
        isthmus.AnomalyDetector.from_saved(config, {**tensors, "examples": torch.zeros(3, 30)})
    older = isthmus.AnomalyDetector.from_saved(
        config, {name: tensor for name, tensor in tensors.items() if name != "examples"}
    )
    assert "keeps no training rows" in older.abilities()["nearest_normal"]


def test_a_score_without_codes_keeps_no_rows(tumours: Any, quick: Any) -> None:
    detector = isthmus.AnomalyDetector(quick, alpha=0.05, score="distortion", random_state=0).fit(tumours.benign)
    with pytest.raises(AbilityError, match="nearest_normal.*keeps no training rows: fit with score='fusion'"):
        detector.nearest_normal(tumours.malignant)
    assert detector.abilities()["explain"] is True
    assert "training rows" not in (detector._states.card(detector))
