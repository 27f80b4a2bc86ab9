"""One row through a plain dense network: the bits that a block of rows gives, without what stands between its products.

A row that comes alone pays for modules, contexts and new tensors ten times what its products cost. Here they are laid
out once: the row is scaled into a block that is kept, each product writes into memory that is kept, and the block has
the size that `Blocks` takes for one row, so that the products are the same. Nothing is taken on trust: rows made up
must have the same bits both ways, or there is no such short way.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from threading import Lock
from typing import Any, NamedTuple, Self, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from isthmus.core.network import Network
from isthmus.data.memory import ArraySource
from isthmus.parts.backbones.activations import IN_PLACE
from isthmus.parts.backbones.dense import Dense
from isthmus.parts.bottlenecks.plain import Plain
from isthmus.parts.likelihoods.cells import LOG_2PI
from isthmus.parts.likelihoods.gaussian import Gaussian
from isthmus.training.devices import threads_for

HALF = np.float32(0.5)
PROOFS = 32  # rows made up that must have the same bits both ways
State: TypeAlias = list[tuple[int, int]]


class SingleRow:
    r"""What a network with a plain code and cells of unit variance pays for one row.

    .. math:: \tfrac12 \lVert \mu(x) - x \rVert^2 + \tfrac{D}{2} \log 2\pi

    Args:
        model: A fitted estimator that `is_plain` holds for.
        size: Rows of the block, those behind the first being zeros.
    """

    def __init__(self, model: Any, size: int) -> None:
        network, spec = model.network_, model.spec_
        self.network, self.stacks = network, (network.encoder, network.decoder)
        self.weights = [p for stack in self.stacks for p in stack.parameters()]
        self.state = self._state()
        self.center, self.scale = (np.asarray(each.numpy(), np.float32) for each in (spec.center, spec.scale))
        self.block = torch.zeros(size, spec.n_features)
        self.row: NDArray[np.float32] = self.block.numpy()[:1]
        self.residual, self.norm = torch.zeros_like(self.block), torch.zeros(size)
        self.lost: NDArray[np.float32] = self.residual.numpy()[:1]
        self.length: NDArray[np.float32] = self.norm.numpy()
        self.constant = np.float32(0.5 * LOG_2PI * spec.n_features)
        self.steps = [step for stack in self.stacks for step in _steps(stack, size)]
        self.rebuilt: NDArray[np.float32] = self.steps[-1].read.numpy()[:1]
        self.lock = Lock()

    @classmethod
    def of(cls, model: Any, blocks: Any, function: Any) -> Self | None:
        """The short way of a model; None where there is none, or where its bits would be others.

        Args:
            model: A fitted estimator.
            blocks: Its `Blocks`.
            function: The terms of a batch, as the blocks are asked for them.
        """
        if not is_plain(model):
            return None
        random = np.random.default_rng(0).normal(size=(PROOFS, model.spec_.n_features))
        rows = (random * model.spec_.scale.numpy() + model.spec_.center.numpy()).astype(np.float32)
        sources = [ArraySource(rows[i : i + 1], model.spec_) for i in range(PROOFS)]
        found = cls(model, blocks.size_of_one(sources[0], function))
        usual = [float(blocks.run(source, function).sum(1)) for source in sources]
        return found if [found.cost(rows[i : i + 1]) for i in range(PROOFS)] == usual else None

    @property
    def is_current(self) -> bool:
        """Whether the weights are those that it was made of, and nobody trains them."""
        encoder, decoder = self.stacks
        trains = self.network.training or encoder.laid is not None or decoder.laid is not None
        return not trains and self.state == self._state()

    def cost(self, X: NDArray[np.float32]) -> float | None:
        """Distortion in nats of one row, (1, D) float32 and finite; None while another thread is at it."""
        if not self.lock.acquire(blocking=False):
            return None
        try:
            np.subtract(X, self.center, out=self.row)
            np.divide(self.row, self.scale, out=self.row)
            if torch.get_num_threads() == 1:  # to set what is set already takes as long as the products
                return self._paid()
            with threads_for(work=0.0):
                return self._paid()
        finally:
            self.lock.release()

    def _paid(self) -> float:
        """The cost of the block's first row."""
        h = self.block
        for bias, matrix, out, read, activate in self.steps:
            torch.addmm(bias, h, matrix, out=out)
            h = read
            if activate is not None:
                activate()
        np.subtract(self.rebuilt, self.row, out=self.lost)
        torch.linalg.vector_norm(self.residual, dim=1, out=self.norm)
        length = self.length[0]
        return float(length * length * HALF + self.constant)

    def _state(self) -> State:
        """Where each weight lies, and how often it was written to."""
        return [(weight.data_ptr(), weight._version) for weight in self.weights]


def is_plain(model: Any) -> bool:
    """Whether a model is two dense stacks with a plain code, and prices numbers by their squared error.

    Args:
        model: A fitted estimator.
    """
    network, spec = model.network_, model.spec_
    if type(network) is not Network or not (spec.kind == "table" and spec.is_plain and not spec.logs):
        return False
    priced = type(network.likelihood) is Gaussian and network.likelihood.variance == "fixed"
    stacks = all(is_bare(stack) for stack in (network.encoder, network.decoder))
    return priced and stacks and type(network.bottleneck) is Plain


def is_bare(stack: Any) -> bool:
    """Whether a part is a dense stack of flat rows in float32 on the CPU, with nothing beside it.

    Args:
        stack: A part of a network.
    """
    if not (type(stack) is Dense and stack.has_node and not stack.low and stack.opening is None):
        return False
    return len(stack.shape) == 1 and all(p.device.type == "cpu" for p in stack.parameters())


class Step(NamedTuple):
    """Bias, matrix, memory, what is read of it, and the activation of a layer; None behind the last of a stack."""

    bias: Tensor
    matrix: Tensor
    out: Tensor
    read: Tensor
    activate: Callable[[], object] | None


def _steps(stack: Dense, size: int) -> list[Step]:
    """The layers of a stack.

    One whose product has columns of zeros beside its own is read as a view; `Dense` copies a code that is one.
    """
    widths = [linear.out_features for linear in stack.linears]
    steps = []
    for (bias, matrix), width in zip(stack.layers().widened().products, widths, strict=True):
        out = torch.zeros(size, matrix.shape[1])
        read = out[:, :width]
        steps.append(Step(bias.detach().clone(), matrix.detach(), out, read, _activation(stack.activation_name, read)))
    return [*steps[:-1], steps[-1]._replace(activate=None)]


def _activation(name: str, h: Tensor) -> Callable[[], object]:
    """The activation, in place; NumPy begins on so few numbers in a third of torch's time."""
    if name == "relu":
        numbers = h.numpy()[:1]  # the others stand for no row
        return partial(np.maximum, numbers, np.float32(0), out=numbers)
    activate, _ = IN_PLACE[name]
    return partial(activate, h)
