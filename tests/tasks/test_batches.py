"""`score_batches`: whatever way a table is cut and carried about, its rows have the bits of the whole."""

from __future__ import annotations

import pickle
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from sklearn.datasets import load_breast_cancer

import isthmus
from isthmus.errors import AbilityError, UnknownNameError
from isthmus.tasks.batches.batches import BatchFunction

SCORES = ["row", "anomaly_score", "p_value", "is_anomaly"]
PROGRAM = """
import pickle, sys
import pyarrow as pa
function, table = pickle.loads(sys.stdin.buffer.read())
answers = pa.Table.from_batches(list(function(iter(table.to_batches(max_chunksize=200)))))
sys.stdout.buffer.write(pickle.dumps(answers))
"""


@pytest.fixture(scope="module")
def table() -> pa.Table:
    """Breast cancer with a key beside its columns."""
    frame = load_breast_cancer(as_frame=True).data
    return pa.table({"key": [f"case {i}" for i in range(len(frame))], **{n: frame[n] for n in frame.columns}})


@pytest.fixture(scope="module")
def detector(table: pa.Table, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small detector of all but the key."""
    model = isthmus.VAE(epochs=2, hidden_dims=(16,), random_state=0)
    fitted = isthmus.AnomalyDetector(model, alpha=0.05, random_state=0).fit(table.drop_columns(["key"]))
    return fitted.save(tmp_path_factory.mktemp("batches") / "detector")


def cut(table: pa.Table, sizes: list[int]) -> Iterator[pa.RecordBatch]:
    """A table in batches of these sizes in turn, until it ends."""
    start = 0
    while start < table.num_rows:
        for size in sizes:
            yield from table.slice(start, size).combine_chunks().to_batches() or [empty(table)]
            start += size


def empty(table: pa.Table) -> pa.RecordBatch:
    """A batch without rows."""
    return pa.RecordBatch.from_pylist([], schema=table.schema)


@pytest.mark.parametrize("sizes", [[1, 70, 3], [64], [5000], [0, 300]])
def test_scores_have_the_bits_of_the_whole_table(table: pa.Table, detector: Path, sizes: list[int]) -> None:
    rows, whole = table.drop_columns(["key"]), isthmus.load(detector)
    answers = list(isthmus.score_batches(detector)(cut(rows, sizes)))
    answer = pa.Table.from_batches(answers)
    assert answer.column_names == SCORES
    assert len({str(one.schema) for one in answers}) == 1
    np.testing.assert_array_equal(answer["row"], np.arange(table.num_rows))
    np.testing.assert_array_equal(answer["anomaly_score"], whole.anomaly_score(rows))
    np.testing.assert_array_equal(answer["p_value"], whole.p_value(rows))
    np.testing.assert_array_equal(answer["is_anomaly"], whole.predict(rows) == -1)


def test_only_the_path_travels_and_the_model_is_read_where_it_works(table: pa.Table, detector: Path) -> None:
    function = isthmus.score_batches(detector, keep=["key"])
    sent = pickle.dumps((function, table))
    assert len(pickle.dumps(function)) < 400
    done = subprocess.run([sys.executable, "-c", PROGRAM], input=sent, capture_output=True, check=True)
    there = pickle.loads(done.stdout)
    assert there.column_names == [*SCORES, "key"]
    assert there.equals(function(table))


def test_a_fitted_model_travels_whole(table: pa.Table, detector: Path) -> None:
    rows = table.drop_columns(["key"])
    function: BatchFunction = pickle.loads(pickle.dumps(isthmus.score_batches(isthmus.load(detector))))
    assert function(rows).equals(isthmus.score_batches(detector)(rows))


@pytest.mark.parametrize("verb", ["encode", "reconstruct"])
def test_other_verbs_answer_batch_by_batch(table: pa.Table, detector: Path, verb: str) -> None:
    rows, member = table.drop_columns(["key"]), isthmus.load(detector).model_
    answer = pa.Table.from_batches(list(isthmus.score_batches(detector, verb=verb)(cut(rows, [100, 0, 7]))))
    expected = member.transform(rows) if verb == "encode" else member.reconstruct(rows).to_pandas().to_numpy()
    np.testing.assert_array_equal(answer.to_pandas().to_numpy(), expected)
    codes = [f"z{axis}" for axis in range(member.latent_dim_)]
    assert answer.column_names == (codes if verb == "encode" else rows.column_names)


def test_symbols_are_whole_numbers_in_every_batch(table: pa.Table) -> None:
    rows = table.drop_columns(["key"])
    model = isthmus.VQVAE(codes=16, epochs=1, random_state=0).fit(rows)
    answer = pa.Table.from_batches(list(isthmus.score_batches(model, verb="tokens")(cut(rows, [0, 400]))))
    np.testing.assert_array_equal(answer.to_pandas().to_numpy(), model.tokens(rows))


def test_a_conditional_model_takes_each_rows_own_word(table: pa.Table) -> None:
    told = table.drop_columns(["key"]).append_column("kind", pa.array(["a", "b"] * 284 + ["a"]))
    rows, kind = told.drop_columns(["kind"]), told.select(["kind"])
    model = isthmus.ConditionalVAE(epochs=1, hidden_dims=(8,), random_state=0).fit(rows, kind)
    own, one = isthmus.score_batches(model)(told), isthmus.score_batches(model, y="a")(rows)
    np.testing.assert_array_equal(own["anomaly_score"], model.anomaly_score(rows, y=kind))
    np.testing.assert_array_equal(one["anomaly_score"], model.anomaly_score(rows, y="a"))


def test_a_kept_column_that_was_learnt_is_shown_and_kept(table: pa.Table, detector: Path) -> None:
    rows = table.drop_columns(["key"])
    answer = isthmus.score_batches(detector, keep=["mean radius"])(rows)
    assert answer["mean radius"].equals(rows["mean radius"])
    np.testing.assert_array_equal(answer["anomaly_score"], isthmus.load(detector).anomaly_score(rows))


def test_what_cannot_be_answered_by_the_batch_is_refused(table: pa.Table, detector: Path) -> None:
    with pytest.raises(UnknownNameError, match="verb='scor': known are .*Did you mean 'score'"):
        isthmus.score_batches(detector, verb="scor")
    with pytest.raises(UnknownNameError, match="column='keys'.*Did you mean 'key'"):
        isthmus.score_batches(detector, keep=["keys"])(table)
    series, model = np.sin(np.arange(600.0))[:, None], isthmus.Autoencoder(epochs=1)
    detector_of_series = isthmus.TimeSeriesDetector(model, alpha=0.2, window=8, random_state=0).fit(series)
    with pytest.raises(AbilityError, match="the points around it, which may lie in another batch"):
        isthmus.score_batches(detector_of_series)(table)


def ordered(answer: pd.DataFrame) -> pd.DataFrame:
    """Scores in the order of the cases, without the row, which counts in every part anew."""
    place = answer["key"].str.removeprefix("case ").astype(int)
    return answer.iloc[place.argsort()].drop(columns="row").reset_index(drop=True)


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.filterwarnings("ignore")  # what the engines say of themselves
def test_ray_data_deals_batches_out(table: pa.Table, detector: Path) -> None:
    ray = pytest.importorskip("ray", reason='ray is not installed: pip install "isthmus[ray]"')
    function = isthmus.score_batches(detector, keep=["key"])
    ray.init(num_cpus=2, include_dashboard=False, object_store_memory=200 << 20, log_to_driver=False)
    try:
        rows = ray.data.from_arrow(table).repartition(3)
        answered = rows.map_batches(function, batch_format="pyarrow", batch_size=100)
        answer = pa.concat_tables(ray.get(answered.to_arrow_refs())).to_pandas()  # Ray's own frames keep Arrow's types
    finally:
        ray.shutdown()
    pd.testing.assert_frame_equal(ordered(answer), ordered(function(table).to_pandas()), check_exact=True)


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.filterwarnings("ignore")
def test_spark_maps_partitions(
    table: pa.Table, detector: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sql = pytest.importorskip("pyspark.sql", reason="pyspark is not installed: pip install pyspark")
    if shutil.which("java") is None:
        pytest.skip("Spark runs on Java, which is not installed")
    monkeypatch.setenv("PYSPARK_PYTHON", sys.executable)
    pq.write_table(table, tmp_path / "rows.parquet")
    function = isthmus.score_batches(detector, keep=["key"])
    builder = sql.SparkSession.builder.master("local[1]").config("spark.ui.enabled", "false")
    spark = builder.config("spark.sql.execution.arrow.maxRecordsPerBatch", "100").getOrCreate()
    try:
        rows = spark.read.parquet(str(tmp_path / "rows.parquet")).repartition(3)
        told = "row long, anomaly_score double, p_value double, is_anomaly boolean, key string"
        answer = rows.mapInArrow(function, told).toPandas()
    finally:
        spark.stop()
    pd.testing.assert_frame_equal(ordered(answer), ordered(function(table).to_pandas()), check_exact=True)
