"""One of two processes: epochs of our loop and of torch's own wrapper in turns, over the same rows and network.

torchrun starts it; the first rank prints {name: rows per second, one figure a round}, and how busy others were.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable

import torch
from _rows import rows
from torch import nn
from torch.distributed import all_gather_object, barrier, destroy_process_group, init_process_group
from torch.nn.parallel import DistributedDataParallel

import isthmus
from isthmus.bench.load import Load
from isthmus.data.memory import TensorSource
from isthmus.data.resident import Resident
from isthmus.estimator import fitting
from isthmus.estimator.inputs import learn
from isthmus.training.loop import train
from isthmus.training.ranks import Ranks

COLUMNS, HIDDEN, CODE = 30, 64, 32
RATE = 1e-3


def wrapped(batches: Resident, ranks: Ranks) -> Callable[[], None]:
    """An epoch by torch's wrapper, its fused optimizer and autograd."""
    widths = (COLUMNS, HIDDEN, CODE, HIDDEN, COLUMNS)
    layers = [part for i in range(4) for part in (nn.Linear(widths[i], widths[i + 1]), nn.ReLU())][:-1]
    network = DistributedDataParallel(nn.Sequential(*layers))
    optimizer = torch.optim.AdamW(network.parameters(), lr=RATE, fused=True)

    def epoch() -> None:
        for batch in batches.epoch(0):
            x = ranks.part(batch).x
            loss = 0.5 * (network(x) - x).square().sum(1).mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()

    return epoch


def ours(source: TensorSource, batches: Resident, batch_size: int) -> Callable[[], None]:
    """An epoch by our loop, as a fit inside a process group runs it."""
    model = isthmus.Autoencoder(
        hidden_dims=(HIDDEN,), latent_dim=CODE, allow_overcomplete=True, batch_size=batch_size, epochs=1, device="cpu"
    )
    fitting.settle(model, source, 0)

    def epoch() -> None:
        run = fitting.begin(model, batches, 0)
        run.ranks = Ranks.here()
        with fitting.working(model, run):
            train(run)

    return epoch


def main(n: int, per_rank: int, rounds: int) -> None:
    """Time both in turns, and print what the first rank saw."""
    init_process_group("gloo")
    ranks = Ranks.here()
    x, batch_size = torch.from_numpy(rows(n, COLUMNS, seed=0)[0]), per_rank * ranks.count
    source = learn(isthmus.Autoencoder(), x.numpy())
    batches = Resident(source.block(0, n), batch_size=batch_size, seed=0)
    held = TensorSource(batches.rows.x, source.spec)
    things = {"ours": ours(held, batches, batch_size), "torch": wrapped(batches, ranks)}
    found: dict[str, list[float]] = {name: [] for name in (*things, "others")}
    load = watched(ranks)
    for turn in range(rounds + 1):
        before = load.read()
        for name in list(things)[:: 1 if turn % 2 else -1]:
            found[name].append(n / seconds_of(things[name]))
        found["others"].append(load.read().others_since(before))
    if ranks.is_first:
        print(json.dumps({name: figures[1:] for name, figures in found.items()}), flush=True)  # the first one warms up
    destroy_process_group()


def watched(ranks: Ranks) -> Load:
    """The load of others, whom the ranks do not count among each other."""
    found, load = [0] * ranks.count, Load()
    all_gather_object(found, os.getpid())
    load.friends |= {*found} - {os.getpid()}
    return load


def seconds_of(thing: Callable[[], None]) -> float:
    """From when all ranks begin to when all are done."""
    barrier()
    start = time.perf_counter()
    thing()
    barrier()
    return time.perf_counter() - start


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
