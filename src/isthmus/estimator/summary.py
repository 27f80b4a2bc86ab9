"""What a row goes through, stage by stage: shapes, parameters, multiply-adds."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from isthmus.core.code import Batch
from isthmus.core.network import Likelihood
from isthmus.parts.backbones.dense import plainly


@dataclass(frozen=True)
class Line:
    """One stage of a network.

    Args:
        stage: Its name within the network.
        shape: Of what it answers for one row.
        parameters: Numbers that it learns.
        multiply_adds: For one row.
    """

    stage: str
    shape: tuple[int, ...]
    parameters: int
    multiply_adds: int


@dataclass(frozen=True)
class Summary:
    """All stages of a network, from a row of data to the parameters of its likelihood; `str` is a table of them.

    Args:
        lines: The stages in order.
        parameters: Numbers that the whole network learns, those of its likelihood too.
        features: Numbers in a row of the data.
        latent: Numbers in its code.
        logs: Columns of the data on a log scale, by name.
    """

    lines: tuple[Line, ...]
    parameters: int
    features: int
    latent: int
    logs: tuple[str, ...] = ()

    @property
    def ratio(self) -> float:
        """How many numbers of a row one number of its code stands for."""
        return self.features / self.latent

    @property
    def multiply_adds(self) -> int:
        """Of one row's whole way."""
        return sum(line.multiply_adds for line in self.lines)

    def __str__(self) -> str:
        """The table, and under it the compression ratio, and what is on a log scale."""
        lines = [(s.stage, "x".join(map(str, s.shape)), s.parameters, s.multiply_adds) for s in self.lines]
        table = [
            ("stage", "output", "parameters", "multiply-adds"),
            *((name, shape, f"{weights:,}", f"{products:,}") for name, shape, weights, products in lines),
            ("total", "", f"{self.parameters:,}", f"{self.multiply_adds:,}"),
        ]
        widths = [max(len(row[i]) for row in table) for i in range(4)]
        rows = ["  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)) for row in table]
        logs = [f"on a log scale: {', '.join(self.logs)}"] if self.logs else []
        return "\n".join([*rows, f"{self.features} numbers cross as {self.latent}: {self.ratio:.4g}x", *logs])


def summarise(estimator: Any) -> Summary:
    """The summary of a fitted estimator's network.

    Example:
        >>> from isthmus import Autoencoder
        >>> model = Autoencoder(latent_dim=8, hidden_dims=(), epochs=1).fit(torch.eye(50))
        >>> told = summarise(model)
        >>> print(told)
        stage                 output  parameters  multiply-adds
        input                     50           0              0
        encoder.linears.0          8         408            400
        code                       8           0              0
        decoder.linears.0         50         450            400
        total                                858            800
        50 numbers cross as 8: 6.25x
        >>> told.ratio
        6.25
    """
    spec, network = estimator.spec_, estimator.network_.eval()
    stages = dict(stages_of(network))
    device = next(network.parameters()).device
    told = (estimator.condition_.spec.shape,) if estimator.is_conditional else ()

    def zeros(rows: int) -> list[Tensor]:
        return [torch.zeros(rows, *shape, device=device) for shape in (spec.shape, *told)]

    first, shapes = counted(network, stages, *zeros(1))
    second, _ = counted(network, stages, *zeros(2))
    # What does not grow with the rows is done once for a batch, whatever its size.
    lines = [
        Line(name, shapes.get(name, ()), size_of(stage), second[name] - first[name]) for name, stage in stages.items()
    ]
    place = next((i for i, line in enumerate(lines) if line.stage.startswith("decoder")), len(lines))
    lines.insert(place, Line("code", estimator.latent_shape_, 0, 0))
    lines.insert(0, Line("input", spec.shape, 0, 0))
    logs = tuple(spec.columns[place].name for place in spec.logs)
    return Summary(tuple(lines), size_of(network), spec.n_features, math.prod(estimator.latent_shape_), logs)


def stages_of(module: nn.Module, path: str = "") -> Iterator[tuple[str, nn.Module]]:
    """The parts of a network that learn something, by name: each entry of its lists, else its children, else itself."""
    for name, child in module.named_children():
        if size_of(child) == 0 or isinstance(child, Likelihood):
            continue
        is_called = type(child).forward is not nn.Module.forward
        if not is_called or any(isinstance(part, nn.ModuleList) for part in child.children()):
            yield from stages_of(child, f"{path}{name}.")
        else:
            yield path + name, child


def size_of(module: nn.Module) -> int:
    """Numbers that a module learns."""
    return sum(parameter.numel() for parameter in module.parameters())


def counted(
    network: Any, stages: dict[str, nn.Module], x: Tensor, *told: Tensor
) -> tuple[dict[str, int], dict[str, tuple[int, ...]]]:
    """Multiply-adds of each stage for these rows, and the shape of its answer for one of them."""
    counts, shapes, before = dict.fromkeys(stages, 0), dict[str, tuple[int, ...]](), dict[str, int]()
    # Fused attention is not counted on a processor; written out it is.
    written_out = sdpa_kernel(SDPBackend.MATH)
    with FlopCounterMode(display=False) as counter, torch.enable_grad(), plainly(network), written_out:

        def begin(name: str) -> None:
            before[name] = counter.get_total_flops()

        def end(name: str, answer: Any) -> None:
            counts[name] += (counter.get_total_flops() - before[name]) // 2
            shapes[name] = tuple(getattr(answer, "z", answer).shape[1:])  # of a bottleneck its code

        hooks = [m.register_forward_pre_hook(lambda *_, n=n: begin(n)) for n, m in stages.items()]
        hooks += [m.register_forward_hook(lambda *called, n=n: end(n, called[-1])) for n, m in stages.items()]
        network.decode(network.encode(Batch(x, condition=next(iter(told), None))).z, *told)
    for hook in hooks:
        hook.remove()
    return counts, shapes
