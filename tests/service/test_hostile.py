"""What comes from strangers: bodies, folders, requests that a machine makes up from our own document."""

from __future__ import annotations

import ast
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.architecture.sources import PACKAGE
from tests.service.running import Running

HERE = Path(__file__).parent
LIMITS = ("-seed=1", "-max_total_time=30", "-rss_limit_mb=4096", "-timeout=60")


def fuzz(script: str, folder: Path, *words: object) -> None:
    """Run a fuzzer in a process of its own, which leaves what it finds in a folder."""
    pytest.importorskip("atheris", reason="atheris is not installed (Linux alone has it)")
    command = [sys.executable, str(HERE / script), *map(str, words), *LIMITS]
    environment = {**os.environ, "PYTHONPATH": str(PACKAGE.parent)}
    done = subprocess.run(command, capture_output=True, text=True, cwd=folder, env=environment)
    assert done.returncode == 0, done.stderr[-3000:]


def test_no_body_breaks_the_binary_protocol(tmp_path: Path) -> None:
    head = json.dumps(
        {"inputs": [{"name": "x", "shape": [1], "datatype": "FP32", "parameters": {"binary_data_size": 4}}]}
    )
    text = json.dumps({"inputs": [{"name": "x", "shape": [2, 1], "datatype": "BYTES", "data": [["a"], ["b"]]}]})
    (tmp_path / "raw").write_bytes(len(head).to_bytes(2, "little") + head.encode() + b"\0\0\x80?")
    (tmp_path / "text").write_bytes(b"\xff\xff" + text.encode())
    fuzz("fuzz_tensors.py", tmp_path, tmp_path)


def test_no_folder_breaks_the_loader(folder: Path, tmp_path: Path) -> None:
    fuzz("fuzz_folder.py", tmp_path, folder)


FOREIGN = """
[[operations]]
include-path-regex = "^/(v2|invocations)"
checks.positive_data_acceptance.enabled = false
checks.negative_data_rejection.enabled = false
"""
"""Lengths of tensors must fit their shapes there, which a schema cannot say: what fits it may be refused."""


BRIEF = pytest.param(2, "examples,fuzzing", id="brief")
THOROUGH = pytest.param(100, "examples,coverage,fuzzing", id="thorough", marks=pytest.mark.slow)


@pytest.mark.parametrize(("most", "phases"), [BRIEF, THOROUGH])
def test_requests_made_up_from_our_document_find_no_fault(
    running: Running, most: int, phases: str, tmp_path: Path
) -> None:
    pytest.importorskip("schemathesis", reason="schemathesis is not installed")
    (tmp_path / "schemathesis.toml").write_text(FOREIGN)
    program = "from schemathesis.cli import schemathesis; schemathesis()"
    words = ["--config-file", "schemathesis.toml", "run", f"{running.url}/openapi.json", "-n", str(most), "--seed", "7"]
    words += ["--phases", phases, "--no-color"]
    done = subprocess.run([sys.executable, "-c", program, *words], capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    assert (made := re.search(r"(\d+) generated", done.stdout)) and int(made[1]) > most


def test_nothing_that_is_loaded_may_bring_code() -> None:
    found = []
    for file in PACKAGE.rglob("*.py"):
        text = file.read_text(encoding="utf-8")
        if not re.search(r"pickle|dill|marshal|shelve|load\(|eval\(|exec\(", text):
            continue
        for node in ast.walk(ast.parse(text)):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            found += [
                (file.name, name) for name in names if name.split(".")[0] in ("pickle", "dill", "marshal", "shelve")
            ]
            if isinstance(node, ast.Call) and ast.unparse(node.func) in ("torch.load", "joblib.load", "eval", "exec"):
                safe = any(word.arg == "weights_only" and ast.unparse(word.value) == "True" for word in node.keywords)
                found += [] if safe else [(file.name, ast.unparse(node.func))]
    assert found == []
