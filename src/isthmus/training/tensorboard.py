"""The callback for TensorBoard: curves, reconstructions, and the codes for its projector."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from isthmus.errors import ParameterError
from isthmus.training.callbacks import Callback
from isthmus.training.run import Run
from isthmus.training.samples import Samples
from isthmus.training.tracking import figures, imported

OF_THE_RUN = ("learning_rate", "seconds", "skipped_steps", "steps")


class TensorBoard(Callback):
    """Write curves, reconstructions and codes for TensorBoard: `tensorboard --logdir PATH` shows them.

    Curves come each epoch, under "train", "validation" and "run". Reconstructions (original, reconstruction and
    residual below each other) and, at the end, the codes for TensorBoard's projector are those of an even sample of
    the training rows; of images the projector has thumbnails, and where `fit` was given y each code has its label.

    Args:
        path: The folder of this run; TensorBoard is started with it or with a folder above it.
        rows: Codes in the projector; 0 for neither codes nor reconstructions. Rows that stay in their files are not
            sampled.
        pictures: How often in a run reconstructions are written.

    Raises:
        MissingExtraError: when a fit begins and tensorboard is not installed.

    Example:
        >>> from isthmus import VAE
        >>> model = VAE().set_callbacks(TensorBoard("runs/vae"))  # and then fit
    """

    def __init__(self, path: str | Path, rows: int = 500, pictures: int = 10) -> None:
        if rows < 0 or pictures < 1:
            came = f"rows={rows!r}, pictures={pictures!r}"
            raise ParameterError(came, "rows counts from 0, pictures from 1", "use rows=500, pictures=10")
        self.path, self.rows, self.pictures = Path(path), rows, pictures
        self.samples: Samples | None = None
        self.writer: Any = None

    def setup(self, estimator: Any, context: Any) -> None:
        """Make sure that the library is there."""
        imported("torch.utils.tensorboard", "TensorBoard", "tensorboard")

    def on_fit_task_begin(self, estimator: Any, context: Any, *, X: Any = None, y: Any = None) -> None:
        """With the first epoch, when every callback is ready: open the file, and choose the rows that are shown."""
        if context.task_name == "fit" or self.writer is not None:
            return
        run: Run = estimator.run_
        library = imported("torch.utils.tensorboard", "TensorBoard", "tensorboard")
        # What a killed run wrote after the checkpoint from which this one goes on is to be forgotten.
        purged = len(run.history) + 1 if run.history else None
        self.writer = library.SummaryWriter(str(self.path), purge_step=purged)
        self.writer.add_text("model", f"    {estimator!r}", len(run.history))
        # A conditional model would have to be told a y for each row that is looked at.
        shown = 0 if estimator.is_conditional else self.rows
        self.samples = Samples.of(X, None if y is X else y, shown, estimator.spec_.kind)

    def on_fit_task_end(self, estimator: Any, context: Any) -> bool:
        """Write the newest epoch; after the last one the codes."""
        if self.writer is None:
            return False
        run: Run = estimator.run_
        line = run.history[-1]
        if context.task_name == "fit":
            self._codes(estimator, run)
            return False
        for name, value in figures(line).items():
            self.writer.add_scalar(grouped(name), value, line["epoch"])
        if line["epoch"] % max(1, run.total_epochs // self.pictures) == 0:
            self._reconstructions(estimator, run)
        return False

    def teardown(self, estimator: Any, context: Any) -> None:
        """Close the file."""
        if self.writer is not None:
            self.writer.close()
        self.writer = self.samples = None

    def _reconstructions(self, estimator: Any, run: Run) -> None:
        """What comes out for a few rows, as one picture."""
        if self.samples is not None:
            with judging(run):
                picture = self.samples.picture(estimator.reconstruct(self.samples.few))
            self.writer.add_image("reconstructions", picture, len(run.history), dataformats="HWC")

    def _codes(self, estimator: Any, run: Run) -> None:
        """Where the rows lie, for the projector."""
        if self.samples is not None:
            with judging(run):
                codes = estimator.transform(self.samples.rows)
            beside = self.samples.labels, self.samples.thumbnails()
            self.writer.add_embedding(codes, *beside, len(run.history), tag="codes")


def grouped(name: str) -> str:
    """A figure's name below the group that TensorBoard shows it in.

    Example:
        >>> grouped("critic/loss"), grouped("validation_rate"), grouped("seconds")
        ('train/critic/loss', 'validation/rate', 'run/seconds')
    """
    if name.startswith("validation_"):
        return f"validation/{name.removeprefix('validation_')}"
    return f"run/{name}" if name in OF_THE_RUN else f"train/{name}"


@contextmanager
def judging(run: Run) -> Iterator[None]:
    """While a model in training is asked: no corruption, no dropout, no noise of the run's own."""
    was_training = run.network.training
    run.network.eval()
    try:
        yield
    finally:
        run.network.train(was_training)
