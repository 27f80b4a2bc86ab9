"""The pictures on the page about a model: those that need no data, and with `--data` those that do."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from isthmus.errors import InputError

if TYPE_CHECKING:
    from isthmus.displays.display import Display
    from isthmus.report import Block

LARGEST = 3 * 64 * 64  # numbers in an image of which a page may hold a hundred


def pictures(loaded: Any, rows: Any = None, y: Any = None) -> Block | None:
    """A section of pictures; nothing where none can be drawn.

    Args:
        loaded: A fitted model or detector.
        rows: Rows like those of training, or None.
        y: What is known of each row, (n,), or None.
    """
    from isthmus.report import Section

    drawn = [display.block() for display in displays_of(loaded, rows, y)]
    return Section("Pictures", drawn) if drawn else None


def displays_of(loaded: Any, rows: Any, y: Any) -> Iterator[Display]:
    """What can be shown of a model or detector, with rows or without."""
    from isthmus import displays

    member = getattr(loaded, "model_", loaded)
    is_detector = hasattr(loaded, "threshold_")
    truth = truth_in(y) if is_detector else None
    if rows is not None:
        yield displays.ReconstructionDisplay.of(member, rows)
        yield displays.LatentDisplay.of(member, rows, y)
    if rows is not None or hasattr(loaded, "calibration_scores_"):
        yield displays.ScoreDisplay.of(loaded, rows, truth)
    if truth is not None:
        yield displays.RocDisplay.of(loaded, rows, truth)
        yield displays.PrecisionRecallDisplay.of(loaded, rows, truth)
    if member.spec_.kind in ("image", "volume") and member.spec_.n_features <= LARGEST:
        if member.abilities()["traverse"] is True:
            yield displays.TraversalDisplay.of(member)
        yield displays.AtomDisplay.of(member, rows)


def truth_in(y: Any) -> Any:
    """Which rows are anomalies, (n,); None where y names classes of another kind, or one class only."""
    from isthmus.tasks.anomaly.labels import anomalies_in

    if y is None:
        return None
    try:
        truth = anomalies_in(y, len(y))
    except InputError:
        return None
    return truth if truth.any() and not truth.all() else None


def rows_and_labels(path: Path | None, target: str | None) -> tuple[Any, Any]:
    """Rows to show, and what is known of each: the column `target`, or what a data set at hand knows."""
    from isthmus.cli.rows import rows_of
    from isthmus.data.datasets import is_at_hand, load
    from isthmus.data.files import read_labelled

    if path is None:
        return None, None
    if is_at_hand(path):
        return rows_of(path), load(str(path)).y
    return read_labelled(path, target=target) if target is not None else (rows_of(path), None)
