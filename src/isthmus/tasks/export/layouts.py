"""What servers want to find beside a graph: Triton's model repository, and KServe's description of a service."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from isthmus.errors import ParameterError

TYPES = {"FLOAT": "FP32", "DOUBLE": "FP64", "INT64": "INT64", "BOOL": "BOOL"}
"""Element types of ONNX, and what KServe's second protocol calls them."""

GRAPH, CONFIG, SERVICE, METADATA = "model.onnx", "config.pbtxt", "inference-service.yaml", "metadata.json"
NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9_.-]*[A-Za-z0-9])?")
MOST = 63  # letters in a name that a cluster takes


@dataclass(frozen=True)
class Tensor:
    """An input or output of a graph.

    Args:
        name: Its name.
        datatype: As KServe calls it.
        shape: With -1 for the number of rows.
    """

    name: str
    datatype: str
    shape: tuple[int, ...]


def tensors_of(graph: Any) -> tuple[list[Tensor], list[Tensor]]:
    """Inputs and outputs of a graph of ONNX."""
    from onnx import TensorProto

    def told(value: Any) -> Tensor:
        kind = value.type.tensor_type
        shape = tuple(axis.dim_value if axis.HasField("dim_value") else -1 for axis in kind.shape.dim)
        return Tensor(value.name, TYPES[TensorProto.DataType.Name(kind.elem_type)], shape)

    return [told(value) for value in graph.input], [told(value) for value in graph.output]


def check_name(name: str) -> str:
    """A folder's name that servers and file systems take as it is.

    Raises:
        ParameterError: it is none.

    Example:
        >>> check_name("pump-3")
        'pump-3'
    """
    if not NAME.fullmatch(name) or len(name) > MOST:
        allowed = f"a server calls the model so: up to {MOST} letters, digits, dots, dashes and underscores"
        raise ParameterError(f"a folder called {name!r}", allowed, "name it like 'models/pump'")
    return name


def write_triton(folder: Path, name: str, model: Any) -> str:
    """One model of a repository: `config.pbtxt`, and the graph as version 1.

    Args:
        folder: Where to.
        name: Of the model, which is that of its folder in the repository.
        model: The protocol buffer of ONNX.

    Returns:
        The graph's path in the folder.
    """
    inputs, outputs = tensors_of(model.graph)
    text = f'name: "{name}"\nbackend: "onnxruntime"\nmax_batch_size: 0\n{_fields("input", inputs)}'
    text += f"{_fields('output', outputs)}version_policy: {{ latest: {{ num_versions: 1 }} }}\n"
    (folder / "1").mkdir(parents=True)
    (folder / CONFIG).write_text(text, encoding="utf-8")
    (folder / "1" / GRAPH).write_bytes(model.SerializeToString())
    return f"1/{GRAPH}"


def write_kserve(folder: Path, name: str, model: Any) -> str:
    """A repository with the one model, the service that reads it, and the metadata that it will tell.

    Args:
        folder: Where to.
        name: Of the model.
        model: The protocol buffer of ONNX.

    Returns:
        The graph's path in the folder.
    """
    graph = write_triton(folder / "models" / name, name, model)
    inputs, outputs = tensors_of(model.graph)
    told: dict[str, Any] = {"name": name, "versions": ["1"], "platform": "onnxruntime_onnx"}
    told |= {side: [vars(tensor) for tensor in own] for side, own in (("inputs", inputs), ("outputs", outputs))}
    (folder / METADATA).write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")
    (folder / SERVICE).write_text(_service(name), encoding="utf-8")
    return f"models/{name}/{graph}"


def _fields(side: str, tensors: list[Tensor]) -> str:
    """Inputs or outputs as Triton's configuration has them; the number of rows is an axis like any other."""
    lines = (
        f'  {{ name: "{each.name}" data_type: TYPE_{each.datatype} dims: [ {", ".join(map(str, each.shape))} ] }}'
        for each in tensors
    )
    return f"{side} [\n" + ",\n".join(lines) + "\n]\n"


def _service(name: str) -> str:
    """The description of a service in a cluster, where the address of the models is to be filled in."""
    words = name.lower().replace("_", "-").replace(".", "-")
    return f"""apiVersion: serving.kserve.io/v1beta1
kind: InferenceService
metadata:
  name: {words}
spec:
  predictor:
    model:
      modelFormat:
        name: onnx
      protocolVersion: v2
      runtime: kserve-tritonserver
      storageUri: pvc://models/{name}/models  # where the folder "models" beside this file lies
"""
