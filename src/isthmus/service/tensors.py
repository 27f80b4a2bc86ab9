"""The body of an inference request of the KServe protocol, version 2: JSON, and raw little-endian tensors behind it.

    Inference-Header-Content-Length: n
    the first n bytes: {"inputs": [{"name", "datatype", "shape", "parameters": {"binary_data_size": m}}]}
    then m bytes for each such tensor, in order

Every length is checked before a byte is read as a number: what comes is anybody's.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from isthmus.errors import InputError, InputTypeError
from isthmus.service.refusals import read_json

TYPES = {
    "BOOL": np.dtype("?"),
    **{f"UINT{8 * size}": np.dtype(f"<u{size}") for size in (1, 2, 4, 8)},
    **{f"INT{8 * size}": np.dtype(f"<i{size}") for size in (1, 2, 4, 8)},
    **{f"FP{8 * size}": np.dtype(f"<f{size}") for size in (2, 4, 8)},
}
TEXT = "BYTES"  # each element is a 4-byte length and so many bytes
MOST_AXES = 8
Tensors: TypeAlias = dict[str, NDArray[Any]]


def parse(body: bytes, head: int | None, most: int) -> tuple[dict[str, Any], Tensors]:
    """The JSON of a request, and its tensors by name.

    Args:
        body: All of it.
        head: Length of the JSON in bytes, as the header says; None where there is nothing behind it.
        most: Numbers in a tensor, at the most.

    Raises:
        InputError: lengths, shapes and contents that do not fit together.
        InputTypeError: another structure or type than the protocol's.

    Example:
        >>> request = {"inputs": [{"name": "rows", "shape": [1, 2], "datatype": "FP32", "data": [1, 2.5]}]}
        >>> parse(json.dumps(request).encode(), None, most=100)[1]
        {'rows': array([[1. , 2.5]], dtype=float32)}
    """
    if head is not None and not 0 < head <= len(body):
        came = f"Inference-Header-Content-Length {head} of {len(body)} bytes"
        raise InputError(came, "it is the length of the JSON at the beginning of the body", "count its bytes")
    request = read_json(body[:head])
    inputs = request.get("inputs") if isinstance(request, dict) else None
    if not isinstance(inputs, list) or not inputs or not all(isinstance(one, dict) for one in inputs):
        raise _wrong("a request without inputs", 'it is {"inputs": [{"name", "shape", "datatype", "data"}]}')
    tensors: Tensors = {}
    at = len(body) if head is None else head
    for one in inputs:
        name, shape = _name(one, tensors), _shape(one, most)
        size = _size(one, head is not None)
        if size is None:
            tensors[name] = _listed(one, shape, name)
            continue
        if size > len(body) - at:
            came = f"input {name!r} with binary_data_size={size}, where {len(body) - at} bytes are left"
            raise InputError(came, "the body holds every tensor whole", "send all bytes, or correct the size")
        tensors[name] = _raw(body[at : at + size], one.get("datatype"), shape, name)
        at += size
    if at != len(body):
        came = f"{len(body) - at} bytes behind the last tensor"
        raise InputError(came, "the sizes of the tensors fill the body", "correct binary_data_size")
    return request, tensors


def pack(answer: dict[str, Any], tensors: Mapping[str, NDArray[Any]], raw: Mapping[str, bool]) -> tuple[bytes, int]:
    """The body of an answer, and the length of its JSON.

    Args:
        answer: All but the outputs.
        tensors: Outputs by name: numbers, booleans, or objects that are text.
        raw: Which of them go behind the JSON; the others stand in it.

    Example:
        >>> body, head = pack({"model_name": "m"}, {"p": np.array([0.5])}, {"p": True})
        >>> len(body) - head, np.frombuffer(body[head:])
        (8, array([0.5]))
    """
    outputs, parts = [], []
    for name, tensor in tensors.items():
        described: dict[str, Any] = {"name": name, "datatype": _type(tensor), "shape": list(tensor.shape)}
        if raw[name]:
            parts.append(_bytes(tensor))
            described["parameters"] = {"binary_data_size": len(parts[-1])}
        else:
            described["data"] = tensor.ravel().tolist()
        outputs.append(described)
    head = json.dumps({**answer, "outputs": outputs}, allow_nan=False).encode()
    return b"".join([head, *parts]), len(head)


def wanted_raw(request: dict[str, Any], names: list[str]) -> dict[str, bool]:
    """Which outputs are asked for, and whether each is to be raw.

    Args:
        request: The JSON.
        names: Of all outputs.

    Raises:
        InputError: an output that there isn't.
        InputTypeError: another structure than the protocol's.
    """
    asked = request.get("outputs")
    usual = _parameters(request).get("binary_data_output") is True
    if asked is None or asked == []:
        return dict.fromkeys(names, usual)
    if not isinstance(asked, list) or not all(isinstance(one, dict) for one in asked):
        raise _wrong("outputs that are no list of objects", 'they are [{"name": "anomaly_score"}]')
    unknown = [one.get("name") for one in asked if one.get("name") not in names]
    if unknown:
        came = f"output {str(unknown[0])[:80]!r}"
        raise InputError(came, f"there are {', '.join(names)}", "ask for those, or leave outputs out")
    return {one["name"]: _parameters(one).get("binary_data", usual) is True for one in asked}


def _parameters(holder: dict[str, Any]) -> dict[str, Any]:
    """The parameters of a request, an input or an output."""
    found = holder.get("parameters", {})
    if not isinstance(found, dict):
        raise _wrong("parameters that are no object", "they are {name: value}")
    return found


def _name(one: dict[str, Any], known: Tensors) -> str:
    """The name of an input, which no other one has."""
    name = one.get("name")
    if not isinstance(name, str) or name in known:
        raise _wrong(f"an input named {str(name)[:80]!r}", "each input has a name of its own, which is text")
    return name


def _shape(one: dict[str, Any], most: int) -> tuple[int, ...]:
    """The shape of an input, of a size that can be taken."""
    shape = one.get("shape")
    is_list = isinstance(shape, list) and 0 < len(shape) <= MOST_AXES
    if not is_list or not all(type(axis) is int and 0 <= axis <= most for axis in shape or ()):
        raise _wrong(f"shape={str(shape)[:80]}", f"a shape is a list of one to {MOST_AXES} lengths up to {most}")
    found = tuple(shape or ())
    if math.prod(found) > most:
        came = f"shape={list(found)}, which is {math.prod(found)} numbers"
        raise InputError(came, f"a tensor has {most} at the most", "send it in parts")
    return found


def _size(one: dict[str, Any], may_be_raw: bool) -> int | None:
    """Bytes of a raw input; None where it stands in the JSON."""
    size = _parameters(one).get("binary_data_size")
    if size is None:
        return None
    if type(size) is not int or size < 0 or "data" in one or not may_be_raw:
        came = f"binary_data_size={str(size)[:80]}"
        allowed = "it counts the bytes of a tensor that has no data in the JSON, and needs the header with its length"
        raise _wrong(came, allowed)
    return size


def _raw(content: bytes, datatype: Any, shape: tuple[int, ...], name: str) -> NDArray[Any]:
    """A tensor from its bytes."""
    if datatype == TEXT:
        return np.array(_texts(content, math.prod(shape), name), dtype=object).reshape(shape)
    kind = _kind(datatype)
    if len(content) != kind.itemsize * math.prod(shape):
        came = f"input {name!r} of {len(content)} bytes"
        raise InputError(
            came, f"{datatype} of shape {list(shape)} has {kind.itemsize * math.prod(shape)}", "send those"
        )
    if kind.kind == "b":
        flags: NDArray[Any] = np.frombuffer(content, np.uint8) != 0
        return flags.reshape(shape)
    return np.frombuffer(content, kind).reshape(shape)


def _texts(content: bytes, count: int, name: str) -> list[str]:
    """So many texts, each behind its length."""
    found, at = list[str](), 0
    while at < len(content) and len(found) < count:
        length = int.from_bytes(content[at : at + 4], "little")
        if at + 4 + length > len(content):
            break
        try:
            found.append(content[at + 4 : at + 4 + length].decode())
        except UnicodeDecodeError as fault:
            raise InputError(f"text {len(found)} of input {name!r}", "text is UTF-8", "encode it so") from fault
        at += 4 + length
    if len(found) != count or at != len(content):
        came = f"input {name!r} of {len(content)} bytes with {len(found)} texts"
        raise InputError(came, f"its shape asks for {count} texts, each behind its length in 4 bytes", "send those")
    return found


def _listed(one: dict[str, Any], shape: tuple[int, ...], name: str) -> NDArray[Any]:
    """A tensor from the numbers or texts that stand in the JSON, flat or nested."""
    datatype, flat = one.get("datatype"), list[Any]()
    _flatten(one.get("data"), flat, math.prod(shape))
    if len(flat) != math.prod(shape):
        came = f"input {name!r} with {len(flat)} elements or more"
        raise InputError(came, f"shape {list(shape)} has {math.prod(shape)}", "send those")
    kind = np.dtype(object) if datatype == TEXT else _kind(datatype)
    types = {"O": (str,), "b": (bool,), "f": (int, float)}.get(kind.kind, (int,))
    wrong = next((cell for cell in flat if type(cell) not in types), None)
    if wrong is not None or (None in flat):
        raise _wrong(f"input {name!r} with {str(wrong)[:80]!r}", f"its datatype is {datatype}")
    try:
        with np.errstate(over="ignore"):
            found: NDArray[Any] = np.array(flat, dtype=kind).reshape(shape)
            return found
    except (OverflowError, ValueError) as fault:
        came = f"input {name!r} with a number out of range"
        raise InputError(came, f"its datatype is {datatype}", "send it as FP64") from fault


def _flatten(data: Any, flat: list[Any], most: int) -> None:
    """Append the leaves of nested lists, until there are more than can be used."""
    if not isinstance(data, list):
        raise _wrong("an input without data", "data is a list, or the body has the tensor behind the JSON")
    left = [iter(data)]
    while left and len(flat) <= most:
        cell = next(left[-1], left)
        if cell is left:
            left.pop()
        elif isinstance(cell, list):
            left.append(iter(cell))
        else:
            flat.append(cell)


def _kind(datatype: Any) -> np.dtype[Any]:
    """The type of the numbers of a datatype."""
    if not isinstance(datatype, str) or datatype not in TYPES:
        raise _wrong(f"datatype {str(datatype)[:80]!r}", f"there are {', '.join([*TYPES, TEXT])}")
    return TYPES[datatype]


def _type(tensor: NDArray[Any]) -> str:
    """The datatype of an output."""
    return next((name for name, kind in TYPES.items() if kind == tensor.dtype), TEXT)


def _bytes(tensor: NDArray[Any]) -> bytes:
    """An output behind the JSON."""
    if _type(tensor) != TEXT:
        return np.ascontiguousarray(tensor).tobytes()
    texts = [str(cell).encode() for cell in tensor.ravel()]
    return b"".join(len(text).to_bytes(4, "little") + text for text in texts)


def _wrong(came: str, allowed: str) -> InputTypeError:
    """Another structure than the protocol's."""
    return InputTypeError(came, allowed, "see the KServe protocol, version 2")
