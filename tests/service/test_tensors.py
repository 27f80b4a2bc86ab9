"""The binary body of an inference request: what it means, and that no bytes break it."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from isthmus.errors import InputError, IsthmusError
from isthmus.service.tensors import TYPES, pack, parse, wanted_raw

MOST = 10_000


def body_of(*inputs: dict[str, Any], raw: bytes = b"") -> tuple[bytes, int]:
    """A request and the length of its JSON."""
    head = json.dumps({"inputs": list(inputs)}).encode()
    return head + raw, len(head)


NUMBERS = st.sampled_from(sorted(TYPES)).flatmap(
    lambda name: arrays(TYPES[name], st.tuples(st.integers(0, 5), st.just(3)))
)


@given(NUMBERS, st.booleans())
def test_tensors_come_back_bit_for_bit(tensor: Any, raw: bool) -> None:
    finite = tensor if tensor.dtype.kind != "f" else np.nan_to_num(tensor, nan=0.0, posinf=1.0, neginf=-1.0)
    content, head = pack({}, {"x": finite}, {"x": raw})
    described = json.loads(content[:head])["outputs"]
    request = json.dumps({"inputs": described}).encode()
    _, found = parse(request + content[head:], len(request), MOST)
    assert found["x"].dtype == finite.dtype
    assert found["x"].tobytes() == finite.tobytes()


@given(st.lists(st.text(), max_size=5), st.booleans())
def test_texts_come_back(texts: list[str], raw: bool) -> None:
    tensor = np.array([*texts, ""], dtype=object)[:-1]
    content, head = pack({}, {"x": tensor}, {"x": raw})
    described = json.loads(content[:head])["outputs"]
    request = json.dumps({"inputs": described}).encode()
    _, found = parse(request + content[head:], len(request), MOST)
    assert found["x"].tolist() == texts


X = {"name": "x", "shape": [2], "datatype": "FP32"}
RAW = {**X, "parameters": {"binary_data_size": 8}}
WRONG = [
    (b"", None),
    (b"[]", None),
    (b"{}", 0),
    (b"{}", 99),
    (b"\xff", None),
    (b"[" * 100_000, None),
    body_of(X),
    body_of({**X, "data": [1]}),
    body_of({**X, "data": [1, 2, 3]}),
    body_of({**X, "data": [1, "2"]}),
    body_of({**X, "data": [1, None]}),
    body_of({**X, "data": [1, True]}),
    body_of({**X, "datatype": "INT8", "data": [1, 1000]}),
    body_of({**X, "datatype": "INT8", "data": [1, 1.5]}),
    body_of({**X, "datatype": "FP33", "data": [1, 2]}),
    body_of({**X, "shape": [-1], "data": []}),
    body_of({**X, "shape": [2.0], "data": [1, 2]}),
    body_of({**X, "shape": [10**4, 10**4], "data": []}),
    body_of({**X, "shape": [1] * 9, "data": [1]}),
    body_of({**X, "shape": [10**30], "data": []}),
    body_of({**X, "data": [1, 2]}, {**X, "data": [1, 2]}),
    body_of(RAW),
    body_of(RAW, raw=b"1234567"),
    body_of(RAW, raw=b"123456789"),
    body_of({**RAW, "data": [1, 2]}, raw=b"12345678"),
    body_of({**X, "parameters": {"binary_data_size": -8}}, raw=b"12345678"),
    body_of({**X, "parameters": {"binary_data_size": True}}, raw=b"1"),
    body_of({**X, "parameters": []}, raw=b"12345678"),
    body_of({**RAW, "shape": [3]}, raw=b"12345678"),
    body_of({**RAW, "datatype": "BYTES"}, raw=b"\xff\xff\xff\xff1234"),
    body_of({**RAW, "datatype": "BYTES", "shape": [1]}, raw=b"\x04\x00\x00\x00\xff\xfe\xfd\xfc"),
]


@pytest.mark.parametrize(("body", "head"), WRONG)
def test_what_does_not_fit_together_is_refused_in_three_sentences(body: bytes, head: int | None) -> None:
    with pytest.raises(IsthmusError) as fault:
        parse(body, head, MOST)
    assert all(fault.value.as_dict().values())
    assert len(str(fault.value)) < 600


@given(st.binary(max_size=300), st.one_of(st.none(), st.integers(-5, 400)))
def test_no_bytes_break_it(body: bytes, head: int | None) -> None:
    try:
        parse(body, head, MOST)
    except IsthmusError as fault:
        assert str(fault)


def test_outputs_are_raw_where_that_is_asked_for() -> None:
    names = ["a", "b"]
    assert wanted_raw({}, names) == {"a": False, "b": False}
    assert wanted_raw({"parameters": {"binary_data_output": True}}, names) == {"a": True, "b": True}
    asked = {"outputs": [{"name": "b", "parameters": {"binary_data": True}}]}
    assert wanted_raw(asked, names) == {"b": True}
    with pytest.raises(InputError, match="there are a, b"):
        wanted_raw({"outputs": [{"name": "c"}]}, names)
