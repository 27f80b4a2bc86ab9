"""Who carries out jobs that know nothing of each other: this process, one after the other, or the workers of Ray."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import Any, TypeVar

from isthmus.errors import MissingExtraError

Job = TypeVar("Job")
Done = TypeVar("Done")

AHEAD = 2  # jobs for each processor that Ray knows of at once; the others wait here, where they cost nothing
STORE_BYTES = 200 << 20  # of a Ray that is started here: jobs and records are small, and containers have little


def local(work: Callable[[Job], Done], jobs: Sequence[Job]) -> Iterator[tuple[Job, Done]]:
    """Each job in turn, in this process.

    Example:
        >>> list(local(abs, [-1, -2]))
        [(-1, 1), (-2, 2)]
    """
    return ((job, work(job)) for job in jobs)


def ray(work: Callable[[Job], Done], jobs: Sequence[Job]) -> Iterator[tuple[Job, Done]]:
    """Each job on some worker of Ray, as it is done; a job whose worker dies goes to another.

    The cluster is the one that this process is connected to, else the one at RAY_ADDRESS, else one that is started
    on this machine and ends with the jobs.

    Args:
        work: What goes to the workers: a function of a module, or an object that pickles.
        jobs: What it is called with.

    Raises:
        MissingExtraError: ray is not installed.
        IsthmusError: what the work raised.
    """
    library = imported("--engine ray")
    with_own = not library.is_initialized()
    if with_own:
        start(library)
    try:
        yield from _dealt_out(library, work, jobs)
    finally:
        if with_own:
            library.shutdown()


def imported(what: str) -> Any:
    """Ray, which takes seconds.

    Raises:
        MissingExtraError: it is not installed.
    """
    try:
        import ray as library
    except ImportError as missing:
        raise MissingExtraError.of(what, "ray", "ray") from missing
    return library


def start(library: Any) -> None:
    """Connect to the cluster at RAY_ADDRESS; without one start a small one here, which tells nobody of itself."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    own = {} if os.environ.get("RAY_ADDRESS") else {"include_dashboard": False, "object_store_memory": STORE_BYTES}
    library.init(log_to_driver=False, logging_level="ERROR", **own)


def _dealt_out(library: Any, work: Callable[[Job], Done], jobs: Sequence[Job]) -> Iterator[tuple[Job, Done]]:
    """Never more than a few jobs for each processor at a time."""
    task, waiting, running = library.remote(work_on), iter(jobs), dict[Any, Job]()
    packed, room = library.put(work), AHEAD * max(1, int(library.cluster_resources().get("CPU", 1)))
    running |= {task.remote(packed, job): job for job in islice(waiting, room)}
    while running:
        (done, *_), _ = library.wait(list(running), num_returns=1)
        job = running.pop(done)
        running |= {task.remote(packed, next_job): next_job for next_job in islice(waiting, 1)}
        try:
            yield job, library.get(done)
        except library.exceptions.RayTaskError as failed:
            raise failed.cause from failed


def work_on(work: Callable[[Job], Done], job: Job) -> Done:
    """What a worker of Ray does."""
    return work(job)


ENGINES: dict[str, Callable[[Callable[[Any], Any], Sequence[Any]], Iterator[tuple[Any, Any]]]] = {
    "local": local,
    "ray": ray,
}
