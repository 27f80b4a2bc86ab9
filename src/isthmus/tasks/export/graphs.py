"""The whole way of a row as an ONNX graph: from the caller's numbers to the answers that the caller reads."""

from __future__ import annotations

import logging
import math
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from isthmus.core.code import Batch
from isthmus.errors import AbilityError, MissingExtraError
from isthmus.parts.backbones.dense import plainly
from isthmus.tasks.export.subjects import SAVE, Subject

EXAMPLES = 8  # rows that the graph is traced with; a single one would be taken for the only size
THRESHOLD = "threshold"  # the graph's own constant, which is set once its scores are known


class Graph(nn.Module):
    """Rows (B, ...) as the caller has them -> the subject's answers, a tuple of (B, ...).

    Args:
        subject: What is exported.
    """

    center: Tensor
    scale: Tensor
    bent: Tensor
    calibration: Tensor
    threshold: Tensor

    def __init__(self, subject: Subject) -> None:
        super().__init__()
        spec, dtype = subject.spec, getattr(torch, subject.dtype)
        self.spec, self.outputs = spec, subject.outputs
        self.networks = nn.ModuleList(subject.networks)
        is_table, own = spec.kind == "table", torch.tensor
        self.register_buffer("center", (spec.center if is_table else own(spec.offset)).to(dtype))
        self.register_buffer("scale", (spec.scale if is_table else own(spec.factor)).to(dtype))
        self.register_buffer("bent", own([column.log for column in spec.columns], dtype=torch.bool))
        self.register_buffer("calibration", _padded(subject.calibration))
        self.n, self.is_detector = len(subject.calibration), subject.threshold is not None
        self.register_buffer(THRESHOLD, own(subject.threshold or 0.0, dtype=torch.float64))

    def forward(self, rows: Tensor) -> tuple[Tensor, ...]:
        """The answers in order."""
        return tuple(self.answers(rows).values())

    def answers(self, rows: Tensor) -> dict[str, Tensor]:
        """The answers by name."""
        x = self.scaled(rows)
        answers = self.outputs(Batch(x, None if self.spec.is_plain else ~torch.isnan(x)))
        if "reconstruction" in answers:
            answers["reconstruction"] = self.in_units(answers["reconstruction"].to(rows.dtype))
        if self.is_detector:
            score = answers["anomaly_score"]
            answers |= {"p_value": self.p_value(score), "is_anomaly": ~(score <= self.threshold)}
        return answers

    def scaled(self, rows: Tensor) -> Tensor:
        """x, (B, *shape) float32, channels first."""
        if self.spec.kind == "image":
            rows = rows.movedim(-1, 1) if self.spec.layout.endswith("c") else rows[:, None]
        u = (rows - self.center) / self.scale
        if self.spec.logs:
            wide = u.double()
            u = torch.where(self.bent, wide.sign() * wide.abs().log1p(), wide)
        return u.float()

    def in_units(self, x: Tensor) -> Tensor:
        """The caller's numbers and axes."""
        if self.spec.logs:
            x = torch.where(self.bent, x.sign() * x.abs().expm1(), x)
        values = x * self.scale + self.center
        if self.spec.kind == "table":
            return values
        return values.movedim(1, -1) if self.spec.layout.endswith("c") else values[:, 0]

    def p_value(self, score: Tensor) -> Tensor:
        """The share of calibration rows that score as high, the row itself included; by halving, (B,).

        Comparisons are turned round so that what is no number is above everything: the least p-value, and an alarm.
        """
        below = torch.zeros_like(score, dtype=torch.long)
        step = len(self.calibration) // 2
        while step:
            beyond = below + step
            below = torch.where(score <= self.calibration[beyond - 1], below, beyond)
            step //= 2
        return (1.0 + self.n - below.clamp_max(self.n).double()) / (self.n + 1.0)


def _padded(calibration: NDArray[np.float64]) -> Tensor:
    """The scores with infinities behind them, a power of two in all, and more than one."""
    room = 2 ** max(1, math.ceil(math.log2(len(calibration) + 1)))
    return torch.from_numpy(np.concatenate([calibration, np.full(room - len(calibration), np.inf)]))


def traced(subject: Subject, rows: NDArray[Any]) -> Any:
    """The graph, as a protocol buffer of ONNX.

    Args:
        subject: What is exported.
        rows: Some of its rows, (n, ...).

    Raises:
        MissingExtraError: onnx or onnxscript is not installed.
        AbilityError: a part of it cannot be traced.
    """
    graph = Graph(subject).eval()
    given = torch.from_numpy(np.resize(rows, (EXAMPLES, *rows.shape[1:])).astype(subject.dtype))
    with torch.no_grad(), plainly(graph), _silence():
        names = list(graph.answers(given))
        try:
            program: Any = torch.onnx.export(
                graph,
                (given,),
                input_names=["rows"],
                output_names=names,
                dynamic_shapes=({0: "batch"},),
                dynamo=True,
                verbose=False,
            )
        except ImportError as missing:
            raise MissingExtraError.of("isthmus export", str(missing.name), "onnx") from missing
        except Exception as fault:  # whatever a tracer says of a part
            why = (str(fault.__cause__ or fault).strip() or type(fault).__name__).splitlines()[0]
            raise AbilityError(
                f"the ONNX export of this {subject.name}", f"torch cannot trace it ({why})", SAVE
            ) from fault
    return program.model_proto


def set_threshold(model: Any, threshold: float) -> None:
    """Let the graph raise its alarms above another score.

    Args:
        model: What `traced` gave.
        threshold: The score.
    """
    from onnx import numpy_helper

    for constant in model.graph.initializer:
        if constant.name == THRESHOLD:
            constant.CopyFrom(numpy_helper.from_array(np.array(threshold, np.float64), THRESHOLD))


@contextmanager
def _silence() -> Iterator[None]:
    """Nothing of what the tracer says on its way."""
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)
