"""`fit_on_ray`: a fit by many workers of Ray Train, each with its share of every batch."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import isthmus
from isthmus.errors import ParameterError
from isthmus.tasks.batches.engines import imported, start
from isthmus.training.ranks import Ranks


def fit_on_ray(
    estimator: Any, X: Any, out: str | Path, *, workers: int = 2, cpus: float = 1.0, gpu: bool = False, **options: Any
) -> Any:
    """Fit an estimator by several workers of Ray Train, and save it.

    Each worker reads X and moves on with the sum of all gradients, as `fit` does inside a process group. The cluster
    is the one that this process is connected to, else the one at RAY_ADDRESS, else one that is started here. Models
    with costs or statistics of a whole batch are refused, as there.

    Args:
        estimator: Unfitted, with a `random_state` of its own.
        X: Rows; best a path that every worker reads, for rows in memory are sent to each of them.
        out: The folder in which the model is saved, which the first worker writes and this process reads.
        workers: How many.
        cpus: Processors that each worker takes of Ray's; together they should leave one for Ray.
        gpu: Whether each worker takes a GPU.
        options: Those of the estimator's `fit`.

    Returns:
        The fitted model.

    Raises:
        MissingExtraError: ray is not installed.
        ParameterError: fewer than one worker.

    Example:
        >>> from isthmus import Autoencoder
        >>> fit_on_ray(Autoencoder(random_state=0), "rows.parquet", "model", workers=0)
        Traceback (most recent call last):
            ...
        isthmus.errors.ParameterError: workers=0: one worker trains at least. Use workers=2.
    """
    if workers < 1:
        raise ParameterError(f"workers={workers}", "one worker trains at least", "use workers=2")
    library = imported("fit_on_ray")
    from ray.train import ScalingConfig
    from ray.train.torch import TorchTrainer

    with_own = not library.is_initialized()
    if with_own:
        start(library)
    told = {"estimator": estimator, "X": X, "out": str(Path(out).absolute()), "options": options}
    scaling = ScalingConfig(num_workers=workers, use_gpu=gpu, resources_per_worker={"CPU": cpus, "GPU": int(gpu)})
    try:
        TorchTrainer(fit_in_worker, train_loop_config=told, scaling_config=scaling).fit()
    finally:
        if with_own:
            library.shutdown()
    return isthmus.load(out)


def fit_in_worker(told: dict[str, Any]) -> None:
    """What each worker does, inside the process group that Ray Train has made."""
    fitted = told["estimator"].fit(told["X"], **told["options"])
    if Ranks.here().is_first:
        fitted.save(told["out"])
