"""`isthmus report`: one page about a saved model."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from isthmus.cli.output import PLAIN, Output
from isthmus.cli.report_pictures import pictures, rows_and_labels
from isthmus.errors import UsageError

if TYPE_CHECKING:
    from isthmus.report import Block, Page

MOST_COLUMNS = 100
CHARTS = {"What was paid": "loss", "Distortion": "distortion", "Rate": "rate"}
"""By title, the figure of the history that each shows."""
ROWS = {"training rows": "", "held-out rows": "validation_"}
"""Whose costs a figure tells, by what stands before its name."""


def report(
    model: Path,
    /,
    *,
    data: Path | None = None,
    target: str | None = None,
    out: Path | None = None,
    output: Output = PLAIN,
) -> None:
    """Write a page about a saved model: what it is, its data, its training, pictures, its parameters.

    Args:
        model: The folder of a saved model or detector.
        data: Rows like those of training, or the name of a data set at hand. The page then shows what comes out for
            them, where their codes lie and how anomalous they are.
        target: A column of the data that the model was fitted without; it colours the codes. Of a detector's rows it
            may tell the anomalies: 1 beside 0, or -1 beside 1.
        out: The page, one HTML file that needs nothing beside it; report.html in that folder unless told otherwise.
        output: How to answer.
    """
    import isthmus

    loaded = isthmus.load(model)
    if data is not None and hasattr(loaded, "episodes"):
        came, allowed = f"--data {data} with {model}", "a detector of a series sees windows, and the page shows rows"
        raise UsageError(came, allowed, "leave out --data, or use isthmus detect evaluate DIR LABELLED --report PAGE")
    path = page_of(loaded, model.name, *rows_and_labels(data, target)).write(out or model / "report.html")
    output.answer(str(path), {"report": str(path)})


def page_of(loaded: Any, name: str, rows: Any = None, y: Any = None) -> Page:
    """The page about a fitted model or detector.

    Args:
        loaded: The model or detector.
        name: Of its folder.
        rows: Rows to show it with, or None.
        y: What is known of each row, (n,), or None.
    """
    import isthmus
    from isthmus.report import Page

    member = getattr(loaded, "model_", loaded)
    inside = "" if member is loaded else f", a detector around a `{type(member).__name__}`"
    shown = pictures(loaded, rows, y)
    blocks = [promise(loaded), about(member), training(member.history_), shown, spec_of(member), parameters(loaded)]
    return Page(
        f"{type(loaded).__name__} {name}",
        f"A saved model in the folder `{name}`{inside}. All costs are in nats per sample.",
        [block for block in blocks if block is not None],
        f"Written by isthmus {isthmus.__version__}.",
    )


def promise(loaded: Any) -> Block | None:
    """A detector's threshold, and what that can promise; nothing for a model."""
    from isthmus.report import Figures, Section

    if not hasattr(loaded, "promise_"):
        return None
    promised = loaded.promise_
    ends = f"95 % interval {100 * promised.low:.1f} to {100 * promised.high:.1f} %"
    figures = Figures(
        [
            ("Threshold", loaded.threshold_, "a row that scores more raises an alarm"),
            ("False alarms", f"{100 * promised.expected:.1f} %", f"of new normal rows are to be expected; {ends}"),
            ("Calibration rows", promised.n, f"set the threshold, for a budget of {100 * promised.alpha:g} %"),
        ]
    )
    return Section("What is promised", [figures])


def about(member: Any) -> Block:
    """What the model is, and how large."""
    from isthmus.report import Code, Figures, Section, Text

    sentence = " ".join((type(member).__doc__ or "").partition("\n\n")[0].split())
    weights = sum(weight.numel() for weight in member.network_.parameters())
    figures = Figures(
        [
            ("Code", member.latent_dim_, f"numbers for a row of {member.spec_.n_features}"),
            ("Weights", weights, "numbers that were learnt"),
            ("Epochs", member.n_iter_, "passes over the rows"),
        ]
    )
    return Section(
        "Model", [Text(f"{sentence} Paper: {member.paper}."), figures, Code(repr(member), "As it was fitted")]
    )


def spec_of(member: Any) -> Block:
    """What the model was fitted on: the kind of data and, for a table, its columns."""
    from isthmus.report import Section, Table, Text

    spec = member.spec_
    shape = " x ".join(map(str, spec.shape))
    if not spec.columns:
        said = f"Each row is one {spec.kind} of shape {shape} (channels first), scaled as (value - offset) / factor "
        said += f"with offset {spec.offset:g} and factor {spec.factor:g}."
        return Section("Data", [Text(said)])
    shown = spec.columns[:MOST_COLUMNS]
    rows = [[one.name, one.kind, one.center, one.scale, "log" if one.log else "", one.low, one.high] for one in shown]
    count = f"The first {len(shown)} of {len(spec.columns)}" if len(shown) < len(spec.columns) else f"{len(shown)}"
    caption = f"{count} columns; a number is scaled as (value - center) / scale"
    caption += ", and log(1 + |that|) with its sign where it says so" if spec.logs else ""
    heads = ["column", "kind", "center", "scale", "then", "lowest", "highest"]
    return Section("Data", [Table(heads, rows, caption)])


def training(history: list[dict[str, Any]]) -> Block | None:
    """What each epoch cost; nothing where there is no history, and one chart where nothing but distortion was paid."""
    from isthmus.report import Section, charts

    drawn: list[Block] = []
    for title, figure in CHARTS.items():
        curves = {
            "training rows": curve_of(history, figure),
            "held-out rows": curve_of(history, f"validation_{figure}"),
        }
        series = {name: curve for name, curve in curves.items() if curve[0]}
        if series:
            drawn.append(charts.curves(series, title=title, x="epoch", y="nats per sample"))
    return Section("Training", drawn[:1] if len(drawn) < len(CHARTS) else drawn) if drawn else None


def curve_of(history: list[dict[str, Any]], figure: str) -> tuple[list[int], list[float]]:
    """The epochs that have a figure, and the figure.

    Example:
        >>> curve_of([{"epoch": 1, "loss": 2.5}, {"epoch": 2, "loss": 1.5}], "loss")
        ([1, 2], [2.5, 1.5])
    """
    found = [line for line in history if figure in line]
    return [line["epoch"] for line in found], [line[figure] for line in found]


def parameters(loaded: Any) -> Block:
    """What was set, and what it became."""
    from isthmus.report import Section, Table

    given, settings = loaded.get_params(False), getattr(loaded, "settings_", None)
    rows = [[name, repr(value), repr(getattr(settings, name, value))] for name, value in given.items()]
    return Section("Parameters", [Table(["parameter", "given", "used"], rows, "Every parameter")])
