"""Callbacks that write a run down where other tools look for it: MLflow, Weights & Biases (and `tensorboard`).

Each writes the figures of the history, one step an epoch, and what the run was begun with. None of them steers: a fit
with them gives the same bits as one without. The libraries are imported when a fit begins, and the run is opened with
its first epoch: by then a checkpoint has said which run it goes on with, wherever in the list of callbacks it stands.
"""

from __future__ import annotations

import importlib
import tempfile
import time
from pathlib import Path
from typing import Any

from isthmus.errors import MissingExtraError, UnknownNameError
from isthmus.training.callbacks import Callback
from isthmus.training.run import Run

MODES = ("offline", "online")


class MLflow(Callback):
    """Keep a run in MLflow: parameters, a metric for each figure of the history, and the saved model.

    MLflow's global state is not touched: a run that the caller has open stays the active one.

    Args:
        tracking_uri: Where MLflow keeps its runs, "sqlite:///mlflow.db" or a server's address; None is MLflow's own
            answer (MLFLOW_TRACKING_URI).
        experiment: Its name; made where there is none.
        name: The run's name; None for the model's class.
        model: Whether the saved model (JSON and safetensors) is kept as the artifact "model".

    Raises:
        MissingExtraError: when a fit begins and mlflow is not installed.

    Example:
        >>> from isthmus import VAE
        >>> model = VAE().set_callbacks(MLflow("sqlite:///mlflow.db", experiment="digits"))  # and then fit
    """

    def __init__(
        self, tracking_uri: str | None = None, experiment: str = "isthmus", name: str | None = None, model: bool = True
    ) -> None:
        self.tracking_uri, self.experiment, self.name, self.model = tracking_uri, experiment, name, model
        self.client: Any = None
        self.run_id, self.known, self.status = "", 0, ""

    def setup(self, estimator: Any, context: Any) -> None:
        """Forget the last run, and open the store."""
        self.client = imported("mlflow", "MLflow", "track").MlflowClient(tracking_uri=self.tracking_uri)
        self.run_id, self.known, self.status = "", 0, ""

    def on_fit_task_begin(self, estimator: Any, context: Any) -> None:
        """With the first epoch: begin a run, or go on with the one that a checkpoint told of."""
        if context.task_name == "fit" or self.status:
            return
        self.status = "FAILED"  # until the fit ends well
        if self.run_id:
            self.client.update_run(self.run_id, status="RUNNING")
            told = self.client.get_metric_history(self.run_id, "loss")
            self.known = max((metric.step for metric in told), default=0)
            return
        found = self.client.get_experiment_by_name(self.experiment)
        experiment = found.experiment_id if found else self.client.create_experiment(self.experiment)
        self.run_id = self.client.create_run(experiment, run_name=self.name or type(estimator).__name__).info.run_id
        for name, value in begun_with(estimator).items():
            self.client.log_param(self.run_id, name, value)

    def epoch_ended(self, run: Run) -> bool:
        """Write the newest epoch, unless it was written before the run was taken up again."""
        line = run.history[-1]
        if line["epoch"] > self.known:
            Metric, now = imported("mlflow.entities", "MLflow", "track").Metric, round(1000 * time.time())
            metrics = [Metric(name, value, now, line["epoch"]) for name, value in figures(line).items()]
            self.client.log_batch(self.run_id, metrics=metrics)
        return False

    def ended(self, run: Run) -> bool:
        """The fit has ended well."""
        self.status = self.status and "FINISHED"
        return False

    def teardown(self, estimator: Any, context: Any) -> None:
        """Keep the model, and close the run."""
        if self.model and self.status == "FINISHED":
            with tempfile.TemporaryDirectory() as folder:
                saved = estimator.save(Path(folder) / "model")
                self.client.log_artifacts(self.run_id, str(saved), "model")
        if self.status:
            self.client.set_terminated(self.run_id, self.status)

    def state(self) -> dict[str, Any]:
        """Which run it is."""
        return {"run_id": self.run_id}

    def restore(self, state: dict[str, Any]) -> None:
        """Take up what `state` gave."""
        self.run_id = state["run_id"]


class WeightsAndBiases(Callback):
    """Keep a run in Weights & Biases; offline unless told otherwise, so that nothing leaves the machine.

    `wandb sync PATH/wandb/offline-run-...` sends an offline run later. A run that is taken up again from a checkpoint
    keeps its id.

    Args:
        project: Its name there.
        path: The folder under which `wandb/` is written.
        name: The run's name; None for the model's class.
        mode: "offline" or "online".

    Raises:
        UnknownNameError: another mode.
        MissingExtraError: when a fit begins and wandb is not installed.

    Example:
        >>> from isthmus import VAE
        >>> model = VAE().set_callbacks(WeightsAndBiases("digits", "runs"))  # and then fit
    """

    def __init__(
        self, project: str = "isthmus", path: str | Path = ".", name: str | None = None, mode: str = "offline"
    ) -> None:
        if mode not in MODES:
            raise UnknownNameError.among("mode", mode, MODES)
        self.project, self.path, self.name, self.mode = project, Path(path), name, mode
        self.run: Any = None
        self.run_id, self.exit_code = "", 1

    def setup(self, estimator: Any, context: Any) -> None:
        """Forget the last run, and make sure that the library is there."""
        imported("wandb", "WeightsAndBiases", "wandb")
        self.run, self.run_id, self.exit_code = None, "", 1

    def on_fit_task_begin(self, estimator: Any, context: Any) -> None:
        """With the first epoch: begin a run, under the id that a checkpoint told of."""
        if context.task_name == "fit" or self.run is not None:
            return
        library = imported("wandb", "WeightsAndBiases", "wandb")
        self.path.mkdir(parents=True, exist_ok=True)
        self.run = library.init(
            project=self.project,
            dir=str(self.path),
            name=self.name or type(estimator).__name__,
            mode=self.mode,
            id=self.run_id or None,
            resume="allow" if self.run_id and self.mode == "online" else None,
            reinit="create_new",  # a run that the caller has open stays as it is
            config=begun_with(estimator),
            settings=library.Settings(silent=True, console="off", x_disable_stats=True, x_disable_meta=True),
        )
        self.run_id = self.run.id

    def epoch_ended(self, run: Run) -> bool:
        """Write the newest epoch."""
        self.run.log(figures(run.history[-1]), step=run.history[-1]["epoch"])
        return False

    def ended(self, run: Run) -> bool:
        """The fit has ended well."""
        self.exit_code = 0
        return False

    def teardown(self, estimator: Any, context: Any) -> None:
        """Close the run."""
        if self.run is not None:
            self.run.finish(exit_code=self.exit_code)
        self.run = None

    def state(self) -> dict[str, Any]:
        """Which run it is."""
        return {"run_id": self.run_id}

    def restore(self, state: dict[str, Any]) -> None:
        """Take up what `state` gave."""
        self.run_id = state["run_id"]


def figures(line: dict[str, Any]) -> dict[str, float]:
    """The numbers of one line of the history, without those that say where in the run it stands.

    Example:
        >>> figures({"epoch": 3, "stage": 0, "loss": 1.5, "steps": 8})
        {'loss': 1.5, 'steps': 8.0}
    """
    return {name: float(value) for name, value in line.items() if name not in ("epoch", "stage")}


def begun_with(estimator: Any) -> dict[str, str]:
    """The parameters of a model, what was left "auto" as it was derived."""
    settings = estimator.settings_
    return {name: str(getattr(settings, name, value)) for name, value in estimator.get_params(deep=False).items()}


def imported(module: str, callback: str, extra: str) -> Any:
    """A module of an optional library.

    Raises:
        MissingExtraError: it is not installed.
    """
    try:
        return importlib.import_module(module)
    except ImportError as missing:
        library = {"track": "mlflow-skinny"}.get(extra, extra)
        raise MissingExtraError.of(f"the callback {callback}", library, extra) from missing
