"""Our own dictionary and a dense one beside it, each in a process of its own, so that memory can be compared."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

import isthmus
from isthmus.bench.worker import most_held, serve
from isthmus.estimator import fitting
from isthmus.estimator.inputs import learn
from isthmus.training.loop import send_back

kept: dict[str, Any] = {}


class Dense(nn.Module):
    """The same dictionary as anyone would write it: whole products, whole codes, gradients by autograd."""

    def __init__(self, start: Any, k: int) -> None:
        super().__init__()
        names = ("encoder_weight", "encoder_bias", "decoder_weight", "decoder_bias")
        self.own = nn.ParameterList([nn.Parameter(getattr(start, name).detach().clone()) for name in names])
        self.k = k

    def forward(self, x: Tensor) -> Tensor:
        """Half the squared error of each row, (B,)."""
        into, bias, out_of, middle = self.own
        h = (x - middle) @ into.T + bias
        values, places = h.topk(self.k, dim=1, sorted=False)
        code = torch.zeros_like(h).scatter(1, places, values.relu())
        return 0.5 * (code @ out_of + middle - x).square().sum(1)


def load(file: str, latents: int, k: int, batch_size: int, rate: float, way: str, seed: int) -> None:
    """Make everything ready for steps, of the loop ("loop") or of the dense twin ("dense")."""
    x = np.load(file)
    model = isthmus.SAE(
        n_latents=latents, k=k, batch_size=batch_size, learning_rate=rate, epochs=1, random_state=seed, scaling="none"
    )
    source = learn(model, x)
    fitting.settle(model, source, seed)
    network = model.network_.train()
    network.begin(*[torch.from_numpy(x[:batch_size])] * 2)
    kept.clear()
    kept["batches"] = [torch.from_numpy(part) for part in np.array_split(x, len(x) // batch_size)]
    kept["next"] = 0
    if way == "dense":
        dense = Dense(network, k)
        kept["step"] = _dense_step(dense, torch.optim.Adam(dense.parameters(), lr=rate, fused=True))
        return
    batches = fitting.batches_of(source, None, model.settings_, seed)
    run = fitting.begin(model, batches, seed)
    kept["laid"] = run.laid()
    kept["step"] = _loop_step(model, run, kept["laid"].__enter__()[0], rate)


def _dense_step(dense: Dense, optimizer: torch.optim.Optimizer) -> Any:
    """Adam on the dense twin, its directions kept at length 1 as ours are."""

    def step(x: Tensor) -> float:
        cost = dense(x).mean()
        optimizer.zero_grad()
        cost.backward()
        with torch.no_grad():
            directions = dense.own[2]
            gradient = directions.grad
            gradient -= (gradient * directions).sum(1, keepdim=True) * directions
            optimizer.step()
            directions /= directions.norm(dim=1, keepdim=True)
        return float(cost.detach())

    return step


def _loop_step(model: Any, run: Any, turn: Any, rate: float) -> Any:
    """What the one loop does for a batch."""
    constant = 0.5 * 1.8378770664093453  # of each number of a row: log 2 pi, halved

    def step(x: Tensor) -> float:
        batch = isthmus.core.code.Batch(x, progress=0.5, generator=run.generator)
        shares = run.shares(batch)
        terms = turn.player.objective(run.network, batch)
        send_back(terms, shares)
        turn.player.before_step(run.network)
        turn.flat.step(rate, 0.0, None, slot=0)
        turn.player.after_step(run.network, batch)
        turn.flat.zero()
        return float(terms["distortion"].detach().mean()) - constant * x.shape[1]

    return step


def train(steps: int) -> list[float]:
    """Take so many steps; half the squared error of a row before each."""
    losses = []
    for _ in range(steps):
        losses.append(kept["step"](kept["batches"][kept["next"] % len(kept["batches"])]))
        kept["next"] += 1
    return losses


serve(load=load, train=train, most_held=most_held)
