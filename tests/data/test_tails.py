"""Columns with a heavy tail go on a log scale by a rule of the training rows alone, and come back as they were."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sklearn.datasets import load_breast_cancer, load_iris

import isthmus
from isthmus.core.spec import Spec
from isthmus.data.files import write
from isthmus.data.memory import ArraySource
from isthmus.data.scanning import scan
from isthmus.data.streams import Stream
from isthmus.data.tables import decode_table, encode_table, learn_table
from isthmus.data.tails import LONGEST, bent, straightened

RANDOM = np.random.default_rng(0)
DRAWS: dict[str, Any] = {
    "normal": RANDOM.normal(size=5000),
    "uniform": RANDOM.random(5000),
    "exponential": RANDOM.exponential(size=5000),
    "two values": (RANDOM.random(5000) < 0.1).astype(float),
    "constant": np.full(5000, 3.0),
    "lognormal": RANDOM.lognormal(0.0, 1.5, 5000),
    "cauchy": RANDOM.standard_cauchy(5000),
    "mostly zero": np.where(RANDOM.random(5000) < 0.9, 0.0, RANDOM.lognormal(3.0, 2.0, 5000)),
}
HEAVY = {"lognormal", "cauchy", "mostly zero"}
TABLE = np.stack(list(DRAWS.values()), axis=1)


@given(st.lists(st.floats(-1e200, 1e200), min_size=1, max_size=20))
def test_the_log_scale_leads_back(values: list[float]) -> None:
    given_values = np.array(values)
    np.testing.assert_allclose(straightened(bent(given_values)), given_values, rtol=1e-12 * 500, atol=1e-300)
    np.testing.assert_array_equal(np.sign(bent(given_values)), np.sign(given_values))


def test_the_log_scale_is_the_identity_near_zero_and_the_logarithm_far_out() -> None:
    np.testing.assert_allclose(bent([1e-9, -1e-9]), [1e-9, -1e-9], rtol=1e-8)
    np.testing.assert_allclose(bent([1e12, -1e12]), [np.log(1e12), -np.log(1e12)], rtol=1e-12)


@pytest.mark.parametrize("name", DRAWS)
def test_the_rule_takes_heavy_tails_alone(name: str) -> None:
    assert learn_table(DRAWS[name][:, None], "log").columns[0].log == (name in HEAVY)


def test_columns_without_a_heavy_tail_are_scaled_as_usual() -> None:
    usual, logged = learn_table(TABLE), learn_table(TABLE, "log")
    assert logged.logs == tuple(place for place, name in enumerate(DRAWS) if name in HEAVY)
    for ours, theirs, name in zip(logged.columns, usual.columns, DRAWS, strict=True):
        assert (ours == theirs) == (name not in HEAVY)
    assert load_iris().data.shape[1] and learn_table(load_iris().data, "log") == learn_table(load_iris().data)


def test_a_few_wild_rows_do_not_make_a_tail() -> None:
    rows = DRAWS["normal"][:, None].copy()
    rows[:20] = 1e6
    assert not learn_table(rows, "log").columns[0].log


def test_real_columns_with_a_heavy_tail_are_found() -> None:
    data = load_breast_cancer()
    found = [data.feature_names[place] for place in learn_table(data.data, "log").logs]
    assert "area error" in found and "mean smoothness" not in found


@pytest.mark.parametrize(("dtype", "rtol"), [("float64", 3e-6), ("float32", 5e-6)])
def test_rows_come_back_to_float_precision(dtype: str, rtol: float) -> None:
    rows = TABLE.astype(dtype)
    spec = learn_table(rows, "log")
    back = decode_table(encode_table(rows, spec), spec)
    assert back.dtype == dtype
    for place, column in enumerate(spec.columns):
        room = rtol * np.maximum(np.abs(rows[:, place] - column.center), column.scale)  # x is float32
        assert (np.abs(back[:, place] - rows[:, place]) <= room + 1e-6 * np.abs(rows[:, place])).all(), column


def test_whole_numbers_of_a_frame_come_back_exactly() -> None:
    counts = RANDOM.lognormal(3.0, 2.0, 3000).astype("int64")
    frame = pd.DataFrame({"count": counts, "other": DRAWS["normal"][:3000]})
    spec = learn_table(frame, "log")
    assert spec.columns[0].log
    back = decode_table(encode_table(frame, spec), spec)
    assert back["count"].dtype == "int64"
    np.testing.assert_array_equal(back["count"], frame["count"])


def test_gaps_stay_and_a_row_has_the_same_bits_alone() -> None:
    rows = TABLE.copy()
    rows[::7, 5] = np.nan
    spec = learn_table(rows, "log")
    x = encode_table(rows, spec)
    assert torch.equal(x[:, 5].isnan(), torch.from_numpy(np.isnan(rows[:, 5])))
    alone = torch.cat([encode_table(rows[i : i + 1], spec) for i in range(200)])
    assert alone.equal(x[:200]) or torch.equal(alone.nan_to_num(), x[:200].nan_to_num())
    assert torch.equal(ArraySource(rows, spec).block(5, 90).nan_to_num(), x[5:90].nan_to_num())


def test_what_a_network_makes_up_is_finite() -> None:
    spec = learn_table(TABLE, "log")
    assert np.isfinite(decode_table(torch.full((1, len(DRAWS)), 1e30), spec)).all()
    assert LONGEST < np.log(np.finfo(float).max)


def test_the_value_range_and_the_way_through_json() -> None:
    spec = learn_table(TABLE, "log")
    assert Spec.from_json(spec.to_json()) == spec
    x = encode_table(TABLE, spec)
    assert spec.value_range == (pytest.approx(float(x.min()), rel=1e-6), pytest.approx(float(x.max()), rel=1e-6))


@pytest.mark.parametrize("ending", [".parquet", ".csv", ".npy"])
def test_a_stream_learns_what_memory_does(ending: str, tmp_path: Path) -> None:
    path = tmp_path / f"rows{ending}"
    write(path, TABLE if ending == ".npy" else pd.DataFrame(TABLE, columns=list(DRAWS)))
    stream = scan(path)
    assert isinstance(stream, Stream)
    learnt, whole = stream.learn("log"), learn_table(TABLE, "log")
    assert learnt.spec.logs == whole.logs
    assert torch.allclose(learnt.spec.scale, whole.scale, rtol=1e-9)
    assert torch.allclose(learnt.block(0, 5000), encode_table(TABLE, whole), rtol=1e-5, atol=1e-5)


def test_a_model_gives_back_the_callers_units_and_says_what_is_logged(tmp_path: Path) -> None:
    frame = pd.DataFrame(TABLE, columns=list(DRAWS))[["normal", "lognormal", "exponential"]]
    frame["again"] = frame["lognormal"] ** 0.9
    model = isthmus.Autoencoder(latent_dim=3, scaling="log", epochs=8, random_state=0).fit(frame)
    assert str(model.summary()).endswith("on a log scale: lognormal, again")
    model.save(tmp_path / "model")
    loaded = isthmus.load(tmp_path / "model")
    rebuilt = loaded.reconstruct(frame)
    pd.testing.assert_frame_equal(rebuilt, model.reconstruct(frame))
    ratio = rebuilt["lognormal"] / frame["lognormal"]
    assert ratio[frame["lognormal"] > 3].between(0.5, 2).mean() > 0.95
    np.testing.assert_array_equal(loaded.score_samples(frame), model.score_samples(frame))
