"""Three protocols against one running server: its answers are the detector's own, bit for bit."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from http.client import HTTPConnection
from typing import Any

import numpy as np
import pytest

import isthmus
from isthmus.cli.main import run as command
from isthmus.data import files
from isthmus.service.store import reading
from isthmus.service.store.store import Store
from tests.service.running import Running
from tests.tasks.conftest import Tumours

ROWS = 40


@pytest.fixture(scope="module")
def rows(tumours: Tumours) -> Any:
    """Malignant and benign rows, (80, 30)."""
    return np.concatenate([tumours.malignant[:ROWS], tumours.benign[:ROWS]])


@pytest.fixture(scope="module")
def triton(running: Running) -> Iterator[Any]:
    """The client that KServe's and Triton's users have."""
    library = pytest.importorskip("tritonclient.http", reason="tritonclient is not installed")
    client = library.InferenceServerClient(running.address, concurrency=4)
    yield client
    client.close()


def test_scores_are_the_detectors_own(running: Running, detector: isthmus.AnomalyDetector, rows: Any) -> None:
    told = running.ask("/api/v1/scores", {"rows": rows.tolist()}).facts
    assert [row["anomaly_score"] for row in told["scores"]] == detector.anomaly_score(rows).tolist()
    assert [row["p_value"] for row in told["scores"]] == detector.p_value(rows).tolist()
    assert [row["is_anomaly"] for row in told["scores"]] == (detector.predict(rows) == -1).tolist()
    assert told["threshold"] == detector.threshold_
    assert (told["model"], told["threshold_version"]) == ("tumours", 1)
    assert len({row["score_id"] for row in told["scores"]}) == len(rows)


def test_scores_are_those_of_the_command_line(running: Running, folder: Any, rows: Any, tmp_path: Any) -> None:
    files.write(tmp_path / "rows.npy", rows)
    words = ["score", str(folder), str(tmp_path / "rows.npy"), "--out", str(tmp_path / "scores.parquet"), "--quiet"]
    assert command(words) == 0
    batch = files.read(tmp_path / "scores.parquet")
    told = running.ask("/api/v1/scores", {"rows": rows.tolist()}).facts["scores"]
    for name in ("anomaly_score", "p_value", "is_anomaly"):
        assert [row[name] for row in told] == batch[name].to_pylist()


def test_an_explanation_is_given_on_request(running: Running, detector: isthmus.AnomalyDetector, rows: Any) -> None:
    (told,) = running.ask("/api/v1/scores", {"rows": rows[:1].tolist(), "explain": 3}).facts["scores"]
    assert [reason["column"] for reason in told["explanation"]] == [
        one.column for one in detector.explain(rows[:1], most=3)
    ]
    assert told["explanation"][0]["seen"] in rows[0]


def test_binary_tensors_by_the_real_client(triton: Any, detector: isthmus.AnomalyDetector, rows: Any) -> None:
    import tritonclient.http as library

    assert triton.is_server_live() and triton.is_server_ready() and triton.is_model_ready("tumours")
    known = triton.get_model_metadata("tumours")
    assert known["inputs"] == [{"name": "rows", "datatype": "FP64", "shape": [-1, 30]}]
    for numbers, datatype in ((rows, "FP64"), (rows.astype(np.float32), "FP32")):
        for is_raw in (True, False):
            given = library.InferInput("rows", list(numbers.shape), datatype)
            given.set_data_from_numpy(numbers, binary_data=is_raw)
            asked = [library.InferRequestedOutput(one["name"], binary_data=is_raw) for one in known["outputs"]]
            told = triton.infer("tumours", [given], outputs=asked, request_id="7", model_version=known["versions"][0])
            assert told.as_numpy("anomaly_score").tolist() == detector.anomaly_score(numbers).tolist()
            assert told.as_numpy("p_value").tolist() == detector.p_value(numbers).tolist()
            assert told.as_numpy("is_anomaly").tolist() == (detector.predict(numbers) == -1).tolist()
            answer = told.get_response()
            assert (answer["id"], answer["model_version"]) == ("7", known["versions"][0])
            assert answer["parameters"]["threshold_version"] == 1


def test_the_real_client_understands_a_refusal(triton: Any, rows: Any) -> None:
    import tritonclient.http as library
    from tritonclient.utils import InferenceServerException

    for name, numbers, said in (
        ("nobody", rows, "nobody"),
        ("tumours", rows[:, :7], "30"),
        ("tumours", rows * np.nan, "x0"),
    ):
        given = library.InferInput("rows", list(numbers.shape), "FP64")
        given.set_data_from_numpy(numbers)
        with pytest.raises(InferenceServerException, match=said):
            triton.infer(name, [given])


def test_every_shape_of_mlflow_gives_the_same(running: Running, detector: isthmus.AnomalyDetector, rows: Any) -> None:
    few, names = rows[:3].tolist(), [f"x{i}" for i in range(30)]
    records = [dict(zip(names, row, strict=True)) for row in few]
    lines = "\n".join([",".join(names), *(",".join(map(repr, row)) for row in few)]) + "\n"
    shapes = [
        {"dataframe_split": {"columns": names, "data": few}},
        {"dataframe_records": records},
        {"instances": few},
        {"inputs": few},
        {"inputs": dict(zip(names, map(list, zip(*few, strict=True)), strict=True))},
    ]
    answers = [running.ask("/invocations", shape) for shape in shapes]
    answers.append(running.ask("/invocations", lines.encode(), "text/csv"))
    for answer in answers:
        assert answer.status == 200, answer.body
        assert [row["anomaly_score"] for row in answer.facts["predictions"]] == detector.anomaly_score(
            rows[:3]
        ).tolist()
    assert running.ask("/ping").body == b"\n"
    assert running.ask("/version").body.decode() == isthmus.__version__


def test_a_row_beyond_all_numbers_raises_an_alarm(running: Running, rows: Any) -> None:
    far = [[1e37] * 30, rows[-1].tolist()]
    one, other = running.ask("/api/v1/scores", {"rows": far, "explain": 1}).facts["scores"]
    assert one["is_anomaly"] and one["anomaly_score"] > 1e300 and one["p_value"] < 0.05
    assert other["anomaly_score"] < 1e3


def test_feedback_finds_its_score_and_is_kept_once(running: Running, rows: Any) -> None:
    (told,) = running.ask("/api/v1/scores", {"rows": rows[:1].tolist()}).facts["scores"]
    word = {"score_id": told["score_id"], "verdict": "confirmed", "by": "doctor", "why": "biopsy"}
    answers = [running.ask("/api/v1/feedback", word, Idempotency_Key="f1") for _ in range(3)]
    assert [answer.status for answer in answers] == [201] * 3
    assert len({answer.body for answer in answers}) == 1
    (kept,) = running.ask("/api/v1/verdicts?most=1").facts["rows"]
    assert (kept["score_id"], kept["given_by"], kept["data"]) == (told["score_id"], "doctor", rows[0].tolist())
    assert running.ask("/api/v1/feedback", {**word, "why": "other"}, Idempotency_Key="f1").status == 409
    nobody = running.ask("/api/v1/feedback", {**word, "score_id": "nobody-1"})
    assert (nobody.status, nobody.facts["error"]) == (404, "UnknownNameError")


def test_a_repeated_request_for_scores_is_told_the_same(running: Running, rows: Any) -> None:
    body = {"rows": rows[:2].tolist()}
    first, again = (running.ask("/api/v1/scores", body, Idempotency_Key="s1") for _ in range(2))
    assert first.body == again.body
    assert running.ask("/api/v1/scores", {"rows": rows[:1].tolist()}, Idempotency_Key="s1").status == 409


def test_lists_show_what_the_store_holds(running: Running, rows: Any) -> None:
    running.ask("/api/v1/scores", {"rows": rows.tolist()})
    assert running.ask("/api/v1/models").facts["rows"][0]["kind"] == "AnomalyDetector"
    (threshold,) = running.ask("/api/v1/thresholds?model=tumours").facts["rows"]
    assert threshold["promise"]["alpha"] == 0.05
    assert running.ask("/api/v1/runs").facts["rows"][0]["kind"] == "serve"
    assert running.ask("/api/v1/drift").facts == {"rows": []}
    assert len(running.ask("/api/v1/alerts?most=5").facts["rows"]) == 5
    assert running.ask("/api/v1/alerts?model=nobody").facts == {"rows": []}


UNUSABLE = [
    (b"{", "application/json", 422, "JSON"),
    (b"[]", "application/json", 422, "rows"),
    (b'{"rows": []}', "application/json", 422, "rows=[]"),
    (b'{"rows": [[1, 2]]}', "application/json", 422, "30 columns"),
    (b'{"rows": [1]}', "application/json", 422, "row 0"),
    (b'{"rows": [{"x0": 1}]}', "application/json", 422, "x1"),
    (json.dumps({"rows": [[float("nan")] * 30]}).encode(), "application/json", 422, "x0"),
    (json.dumps({"rows": [[None] * 30]}).encode(), "application/json", 422, "x0"),
    (json.dumps({"rows": [[0.0] * 29 + [float("inf")]]}).encode(), "application/json", 422, "x29"),
    (json.dumps({"rows": [[0.0] * 29 + [10**400]]}).encode(), "application/json", 422, "too large"),
    (json.dumps({"rows": [[0.0] * 29 + ["1"]]}).encode(), "application/json", 422, "x29"),
    (json.dumps({"rows": [[0.0] * 29 + [True]]}).encode(), "application/json", 422, "x29"),
    (json.dumps({"rows": [[0.0] * 30], "explain": -1}).encode(), "application/json", 422, "explain"),
    (json.dumps({"rows": [[0.0] * 30], "model": "x"}).encode(), "application/json", 422, "model"),
    (json.dumps({"rows": [[0.0] * 30]}).encode(), "text/plain", 415, "application/json"),
]


@pytest.mark.parametrize(("body", "kind", "status", "said"), UNUSABLE)
def test_what_cannot_be_used_is_said_in_three_sentences(
    running: Running, folder: Any, body: bytes, kind: str, status: int, said: str
) -> None:
    told = running.ask("/api/v1/scores", body, kind)
    assert told.status == status, told.body
    assert told.facts.keys() == {"error", "got", "allowed", "try"}
    assert said in told.body.decode()
    assert str(folder) not in told.body.decode() and "Traceback" not in told.body.decode()


@pytest.mark.parametrize("path", ["/api/v1/feedback", "/api/v1/scores"])
def test_a_body_that_is_no_text_is_refused_as_documented(running: Running, path: str) -> None:
    told = running.ask(path, b"^w\xff$ ", "application/json")
    assert told.status == 422, told.body
    assert told.facts.keys() == {"error", "got", "allowed", "try"}


PATHS = [
    "/v2/models/..%2f..%2fetc%2fpasswd",
    "/v2/models/../../etc/passwd/ready",
    "/v2/models/%00",
    "/v2/models/tumours%2f..",
]


@pytest.mark.parametrize("path", [*PATHS, "/v2/models/tumours/versions/..%2f..", "/api/v1/nothing", "/"])
def test_no_name_leads_out_of_what_is_served(running: Running, path: str) -> None:
    told = running.ask(path)
    assert told.status == 404
    assert b"root:" not in told.body
    assert "error" in told.facts


def test_pages_of_other_sites_may_not_ask(running: Running, rows: Any) -> None:
    body = {"rows": rows[:1].tolist()}
    assert running.ask("/api/v1/scores", body, Origin="http://evil.example").status == 403
    assert running.ask("/api/v1/scores", body, Host="evil.example").status == 403
    assert running.ask("/api/v1/scores", body, Origin=running.url).status == 200


def test_the_documents_need_nothing_from_elsewhere(running: Running) -> None:
    document = running.ask("/openapi.json").facts
    row = document["paths"]["/api/v1/scores"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    assert row["properties"]["rows"]["items"]["anyOf"][0]["minItems"] == 30
    page = running.ask("/docs")
    assert page.status == 200 and page.headers["content-type"].startswith("text/html")
    text = page.body.decode()
    assert "POST /api/v1/scores" in text
    assert not re.findall(r"(?:src|href)=[\"']?(?:https?:)?//", text)


def test_counts_are_for_prometheus(running: Running, rows: Any) -> None:
    def count(name: str) -> float:
        lines = running.ask("/metrics").body.decode().splitlines()
        return sum(float(line.split()[-1]) for line in lines if line.startswith(name))

    before = count("isthmus_rows_total{"), count('isthmus_requests_total{route="/api/v1/scores",status="200"}')
    running.ask("/api/v1/scores", {"rows": rows.tolist()})
    after = count("isthmus_rows_total{"), count('isthmus_requests_total{route="/api/v1/scores",status="200"}')
    assert (after[0] - before[0], after[1] - before[1]) == (len(rows), 1)
    assert running.ask("/health/live").facts == {"live": True}
    assert running.ask("/health/ready").facts == {"ready": True}


def announced(server: Running, length: int, headers: dict[str, str]) -> int:
    """The status of a request that says how long its body will be, and sends none of it."""
    connection = HTTPConnection(server.address, timeout=60)
    connection.putrequest("POST", "/api/v1/scores")
    for name, value in {**headers, "Content-Type": "application/json", "Content-Length": str(length)}.items():
        connection.putheader(name, value)
    connection.endheaders()
    status = connection.getresponse().status
    connection.close()
    return status


def test_a_server_ends_by_a_signal_and_its_store_stays_whole(folder: Any, rows: Any, tmp_path: Any) -> None:
    url = f"sqlite:///{tmp_path / 'own.db'}"
    words = ("--keep-rows", "none", "--most-rows", "50", "--name", "other")
    with Running(folder, *words, ISTHMUS_TOKEN="a secret", ISTHMUS_DATABASE_URL=url) as server:  # noqa: S106
        assert server.ask("/health/ready").status == 200
        for header in ("", "Bearer", "Bearer a secre", "Basic a secret"):
            told = server.ask("/api/v1/models", Authorization=header)
            assert (told.status, told.headers["www-authenticate"]) == (401, "Bearer")
        token = {"Authorization": "Bearer a secret"}
        assert server.ask("/api/v1/scores", {"rows": rows[:60].tolist()}, **token).status == 413
        assert announced(server, 17 * 2**20, token) == 413
        told = server.ask("/api/v1/scores", {"rows": rows[:5].tolist()}, **token).facts
        assert told["model"] == "other"
        assert server.stop() == 0
    assert server.errors == ""
    store = Store.open(url)
    assert reading.kept_scores(store)["anomaly_score"].tolist() == [row["anomaly_score"] for row in told["scores"]]
    assert [run["outcome"] for run in reading.known_runs(store)] == ["ended"]
    assert all(alert["data"] is None for alert in reading.known_alerts(store))
    store.close()


def test_an_address_that_others_reach_asks_for_a_token(folder: Any, capsys: Any) -> None:
    assert command(["serve", str(folder), "--host", "0.0.0.0"]) == 2  # noqa: S104
    assert "ISTHMUS_TOKEN" in capsys.readouterr().err
