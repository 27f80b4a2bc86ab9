"""`isthmus tune`: good options found by search, and the model that has them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from isthmus.cli.fit import fit
from isthmus.cli.output import PLAIN, Output
from isthmus.cli.run_folder import RunFolder

if TYPE_CHECKING:
    from isthmus.report import Page
    from isthmus.tasks.latent_curve import LatentCurve
    from isthmus.tasks.tuning import Trial, Tuned

SHOWN = 20  # trials on the page


def tune(
    data: Path,
    *,
    model: str,
    out: Path,
    trials: int = 30,
    minutes: float | None = None,
    validation: float = 0.2,
    target: str | None = None,
    storage: str | None = None,
    random_state: int = 0,
    output: Output = PLAIN,
    **fields: Any,
) -> None:
    """Search for the options with which a model costs least on held-out rows; fit it with them, and save it.

    What is searched are options that are not given. The width of a code that costs nothing is not among them, since
    wider never loses: it is set to the knee of what is lost by width. In the folder stand the model, fitted to all
    rows, tuning.jsonl with every trial, and tuning.html, which shows them.

    Args:
        data: As `isthmus fit` takes it.
        model: Its name; `isthmus models` lists them.
        out: The folder, a new or empty one.
        trials: How many fits to try.
        minutes: When to begin no further trial.
        validation: Share of the rows to hold out; all trials are judged by the same ones.
        target: A column of the table to leave out, such as labels.
        storage: Where Optuna keeps the trials, such as sqlite:///study.db; the same command then goes on.
        random_state: Seed of the search and of each fit.
        output: How to answer.
        **fields: Those of the model; they are kept as given.
    """
    RunFolder(out).has_work({}, False)
    import isthmus
    from isthmus.cli.rows import rows_of
    from isthmus.tasks.tuning import tune as search

    rows = rows_of(data, target)
    estimator: Any = isthmus.family()[model](random_state=random_state, **fields)
    curve = width(estimator, rows, validation, output)
    if curve is not None:
        estimator.set_params(latent_dim=curve.knee)
    seconds = None if minutes is None else 60 * minutes
    found = search(
        estimator,
        rows,
        trials=trials,
        validation=validation,
        seconds=seconds,
        storage=storage,
        tell=lambda trial: output.say(line_of(trial)),
    )
    chosen = fields | ({} if curve is None else {"latent_dim": curve.knee}) | found.params
    fit(data, model=model, out=out, target=target, random_state=random_state, output=output, **chosen)
    lines = [json.dumps(vars(trial)) + "\n" for trial in found.trials]
    (out / "tuning.jsonl").write_text("".join(lines), encoding="utf-8")
    page(model, found, curve).write(out / "tuning.html")


def width(estimator: Any, rows: Any, validation: float, output: Output) -> LatentCurve | None:
    """What is lost by the width of a code that costs nothing; None where the width is given, or is searched."""
    from isthmus.tasks.latent_curve import latent_curve

    if estimator.latent_dim != "auto" or estimator.has_prior or estimator.may_be_wide():
        return None
    curve = latent_curve(
        estimator,
        rows,
        validation=validation,
        tell=lambda dim, lost: output.say(f"latent_dim {dim}: {lost:.4g} nats lost"),
    )
    output.say(f"latent_dim {curve.knee} is the knee")
    return curve


def line_of(trial: Trial) -> str:
    """A trial in one line."""
    cost = "cut short" if trial.validation_loss is None else f"{trial.validation_loss:.4g} nats"
    return f"trial {trial.number}: {cost}  " + "  ".join(
        f"{name}={said(value)}" for name, value in trial.params.items()
    )


def said(value: Any) -> str:
    """A value of an option, a number in three digits."""
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def page(model: str, found: Tuned, curve: LatentCurve | None) -> Page:
    """What was tried, the best first."""
    from isthmus.displays import LatentCurveDisplay
    from isthmus.report import Block, Figures, Page, Section, Table

    whole = sorted((one.validation_loss, one.number, one) for one in found.trials if one.validation_loss is not None)
    rows = [[number, loss, *map(said, one.params.values())] for loss, number, one in whole[:SHOWN]]
    caption = f"The best {len(rows)} of {len(found.trials)} trials, {len(found.trials) - len(whole)} of them cut short"
    best: list[tuple[str, str | float, str]] = [(name, said(value), "") for name, value in found.params.items()]
    best.insert(0, ("Cost on held-out rows", found.validation_loss, "distortion + rate, nats per sample"))
    blocks: list[Block] = [Figures(best)]
    if curve is not None:
        blocks.append(Section("Width of the code", [LatentCurveDisplay(curve).block()]))
    table = Table(["trial", "nats per sample", *found.params], rows, caption)
    lead = f"What `{model}` costs on rows that it did not learn from, by its options."
    return Page("Search for options", lead, [*blocks, Section("Trials", [table])])
