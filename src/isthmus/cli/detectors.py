"""Detectors as the options of `isthmus detect fit` say: of rows, of rows with a few labels, of a series."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from cyclopts import Group, Parameter

from isthmus.cli.members import AUTO, member
from isthmus.errors import UsageError


@Parameter(name="*", group=Group("A series, whose rows follow each other in time", sort_key=1))
@dataclass(frozen=True)
class Watch:
    """How a series is watched; with a window the rows are one.

    Args:
        window: Points in a window, longer than what an anomaly lasts or a pattern takes.
        stride: From the start of one window to the next one's.
        entity: The column that says whose row it is.
        time: The column that says when it was, in rising order for each entity.
        smooth: Points of the rolling mean of the scores.
        min_duration: Points in a row that must be under alarm for an episode.
        cooldown: What begins at most so many points after an episode belongs to it.
    """

    window: int | None = None
    stride: int = 1
    entity: str | None = None
    time: str | None = None
    smooth: int = 1
    min_duration: int = 1
    cooldown: int = 0


@Parameter(name="*", group=Group("A few labelled rows", sort_key=1))
@dataclass(frozen=True)
class Labels:
    """Rows that somebody has looked at, for a classifier beside the score.

    Args:
        labelled: Their file; `--target` is the column that tells.
        anomaly: Which of its values is an anomaly, as for `isthmus detect evaluate`.
        classifier: What learns from them.
    """

    labelled: Path | None = None
    anomaly: str | None = None
    classifier: Literal["boosting", "logistic"] = "boosting"


@dataclass(frozen=True)
class Settings:
    """What a detector of any kind is told, and what one of rows alone is."""

    alpha: float
    calibration: float
    random_state: int
    score: str = "fusion"
    members: int = 2
    critic: bool = False
    trim: float | Literal["auto"] | None = None


ALL_ROWS, NO_LABELS = Watch(), Labels()


def check_options(watch: Watch, labels: Labels, settings: Settings) -> None:
    """Refuse options of one kind of detector beside those of another.

    Raises:
        UsageError: options of a series without a window, or of rows beside one; of labels without a file; or rows to
            be set aside beside labelled ones.
    """
    if watch.window is None and watch != ALL_ROWS:
        came = f"--{_first(watch, ALL_ROWS)} without --window"
        raise UsageError(came, "a window says that the rows are a series", "add --window 100, or leave it out")
    if labels.labelled is None and labels != NO_LABELS:
        came = f"--{_first(labels, NO_LABELS)} without --labelled"
        raise UsageError(came, "it speaks of labelled rows", "add --labelled FILE, or leave it out")
    if watch.window is not None and (of_rows := _first(settings, _plain(settings))):
        fix = "leave one of the two out"
        raise UsageError(f"--{of_rows} beside --window", "a series is scored by one model's own cost", fix)
    if labels.labelled is not None and (settings.trim is not None or watch.window is not None):
        came = f"--labelled beside --{'trim' if settings.trim is not None else 'window'}"
        allowed = "a classifier learns from single rows, and the normal rows beside them are taken as they are"
        raise UsageError(came, allowed, "leave one of the two out")


def _first(options: Any, usual: Any) -> str:
    """The first option that is not as usual, as the command line has it; "" where all are."""
    names = (name for name, value in vars(options).items() if value != getattr(usual, name))
    return next(names, "").replace("_", "-")


def _plain(settings: Settings) -> Settings:
    """The same, with nothing that one of rows alone is told."""
    return Settings(settings.alpha, settings.calibration, settings.random_state)


def unfitted(model: str, fields: dict[str, Any], rows: Any, watch: Watch, settings: Settings) -> Any:
    """An unfitted detector around a model, of single rows or of a series.

    Args:
        model: Its name; "auto" of a series is the detector's own choice, but for fields that are told otherwise.
        fields: All of its fields.
        rows: What it will be fitted to.
        watch: How a series is watched.
        settings: What the detector is told.
    """
    import isthmus

    cls: Any = isthmus.family()[member(model).name]
    told = {name: value for name, value in vars(settings).items() if name != "trim"}
    if watch.window is None:
        return isthmus.AnomalyDetector(cls(**fields), **told)
    if model == AUTO:
        fields = {**fields, **_linear(vars(cls()), fields, rows, watch.window, watch)}
    told = {name: told[name] for name in ("alpha", "calibration", "random_state")}
    return isthmus.TimeSeriesDetector(cls(**fields), **vars(watch), **told)


def _linear(usual: dict[str, Any], fields: dict[str, Any], rows: Any, window: int, watch: Watch) -> dict[str, Any]:
    """What a linear model of so many channels is told, but for fields that are told otherwise."""
    from isthmus.tasks.anomaly.series.workhorse import linear

    named = sum(name is not None for name in (watch.entity, watch.time))
    channels = 1 if len(rows.shape) == 1 else max(1, rows.shape[1] - named)
    chosen = linear(window, channels)
    return {name: value for name, value in chosen.items() if fields.get(name, usual[name]) == usual[name]}


def fitted(detector: Any, rows: Any, held: Any, labels: Labels, target: str | None, settings: Settings) -> Any:
    """The detector, once it has learnt; with labelled rows a classifier beside it.

    Args:
        detector: Unfitted.
        rows: Normal ones.
        held: Others that set the threshold, or None.
        labels: Of a few rows.
        target: The column that tells.
        settings: How many rows to set aside.
    """
    import isthmus
    from isthmus.cli.rows import labelled_rows

    if labels.labelled is not None:
        X, y = labelled_rows(labels.labelled, target, labels.anomaly)
        both = isthmus.FewLabelDetector(detector, labels.classifier, random_state=settings.random_state)
        return both.fit(rows, X_calibration=held, X_labelled=X, y_labelled=y)
    return detector.fit(rows, X_calibration=held, **({} if settings.trim is None else {"trim": settings.trim}))
