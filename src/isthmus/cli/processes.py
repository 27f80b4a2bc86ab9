"""`isthmus fit --nproc N`: the same command in N processes, which torchrun starts and which train one model."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from isthmus.cli.output import Output
from isthmus.errors import ParameterError, TrainingError

if TYPE_CHECKING:
    from isthmus.training.ranks import Ranks

LAUNCHED = ("RANK", "WORLD_SIZE", "MASTER_ADDR")
"""What torchrun tells each process that it starts."""


def is_rank() -> bool:
    """Whether torchrun started this process as one of several."""
    return all(name in os.environ for name in LAUNCHED)


def check_count(nproc: int | None, trim: object = None) -> None:
    """Refuse a number of processes that is none, and several for what is done by fits of its own.

    Raises:
        ParameterError: fewer than one, or more beside --trim.
    """
    if nproc is not None and nproc > 1 and trim is not None:
        came, fix = f"--nproc {nproc} with --trim {trim}", "leave one of them out"
        raise ParameterError(came, "rows are set aside by fits in one process", fix)
    if nproc is not None and nproc < 1:
        raise ParameterError(f"--nproc {nproc}", "one process trains at least", "leave it out, or use --nproc 2")


@contextmanager
def joined() -> Iterator[Ranks]:
    """The process group of those that torchrun started, for as long as the block lasts."""
    import torch
    from torch import distributed

    from isthmus.training.ranks import Ranks

    has_gpus = torch.cuda.is_available()
    if has_gpus:
        torch.cuda.set_device(int(os.environ.get("LOCAL_RANK", "0")))
    distributed.init_process_group("nccl" if has_gpus else "gloo")
    try:
        yield Ranks.here()
    finally:
        distributed.destroy_process_group()


def launch(out: Path, nproc: int, output: Output) -> None:
    """Go on with a run that has begun in a folder, in several processes of this machine.

    Args:
        out: The folder, which holds the options.
        nproc: How many.
        output: Whether they tell of their progress; the first one does.

    Raises:
        TrainingError: one of them failed, and has said why.
        KeyboardInterrupt: they were interrupted.
    """
    launcher = [sys.executable, "-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={nproc}"]
    command = [*launcher, "--local-ranks-filter=0", "-m", "isthmus", "fit", "--out", str(out), "--resume"]
    environment = {**os.environ, "OMP_NUM_THREADS": str(max(1, (os.cpu_count() or 1) // nproc))}
    output.say(f"training in {nproc} processes")
    command += ["--quiet"] * output.quiet
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, env=environment) as running:  # noqa: S603 -- isthmus
        try:
            code = running.wait()
        except KeyboardInterrupt:
            running.terminate()  # and it ends those that it started
            raise
    if code:
        came = f"--nproc {nproc}, of which one process failed (exit code {code})"
        fix = f"see what it said above; isthmus fit --out {out} --resume goes on from the last epoch"
        raise TrainingError(came, "all of them train one model, so all end with the first that fails", fix)
