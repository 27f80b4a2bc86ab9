"""A saved detector on labelled rows, in words and as a page, whichever kind it is."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from isthmus.cli.output import Output
from isthmus.errors import AbilityError, UsageError
from isthmus.tasks.anomaly.evaluation.operation import Operation

if TYPE_CHECKING:
    from isthmus.report import Page


class Labelled(NamedTuple):
    """Rows to judge by.

    Args:
        path: With what is known of each; None for none.
        target: The column that tells.
        anomaly: Which of its values is an anomaly.
        train: The rows that the detector was fitted on, if controls are to learn from them.
    """

    path: Path | None
    target: str | None
    anomaly: str | None
    train: Path | None

    def read(self) -> tuple[Any, Any]:
        """The rows, and which are anomalies.

        Raises:
            UsageError: there are none.
        """
        from isthmus.cli.rows import labelled_rows

        if self.path is None:
            raise UsageError("no labelled rows", "they are what it is judged by", "name their file")
        return labelled_rows(self.path, self.target, self.anomaly)

    def normal(self) -> Any:
        """The rows that the detector was fitted on, or None."""
        from isthmus.cli.rows import rows_in_memory

        return None if self.train is None else rows_in_memory(self.train, self.target)


class Judgement(NamedTuple):
    """What a command answers, and the page that it may write."""

    text: str
    facts: dict[str, Any]
    page: Callable[[], Page]


def answer(judgement: Judgement, report: Path | None, output: Output) -> None:
    """Answer, and write the page where one is asked for."""
    facts = judgement.facts
    if report is not None:
        facts["report"] = str(judgement.page().write(report))
    output.answer(judgement.text, facts)


def evaluation_of(detector: Any, name: str, labels: Labelled, work: Operation, output: Output) -> Judgement:
    """What a detector reaches on labelled rows.

    Args:
        detector: Fitted.
        name: Of its folder.
        labels: The rows.
        work: What it is meant for.
        output: Where it is said.
    """
    from isthmus.tasks.anomaly.evaluation.evaluate import evaluate
    from isthmus.tasks.anomaly.evaluation.page import page
    from isthmus.tasks.anomaly.evaluation.text import grouped, sentences

    if _is_series(detector):
        _, judgement = _of_series(detector, name, labels, work, output)
        return judgement
    rows, y = labels.read()
    output.say(f"judging {name} on {len(y)} rows")
    found = evaluate(detector, rows, y, X_normal=labels.normal(), operation=work)
    return Judgement("\n".join([*sentences(found), *grouped(found)]), found.to_json(), lambda: page(found, name))


def diagnosis_of(detector: Any, name: str, labels: Labelled, output: Output) -> Judgement:
    """Whether a detector is any good, and what to change.

    Args:
        detector: Fitted.
        name: Of its folder.
        labels: Rows to judge by; those of a series need a file.
        output: Where it is said.

    Raises:
        AbilityError: it has no diagnosis, or none without labels.
    """
    from isthmus.report import Page

    if _is_series(detector) and labels.path is not None:
        found, judgement = _of_series(detector, name, labels, Operation(), output)
        return judgement._replace(text="\n".join([found.verdict, *found.levers()]))
    if not hasattr(detector, "diagnose"):
        came = f"{name}, which holds a {type(detector).__name__}"
        if _is_series(detector):
            allowed, fix = "a series is diagnosed by its labelled points alone", "give a file of them, and --target"
        else:
            allowed, fix = "it has no diagnosis", "judge it on labelled rows: isthmus detect evaluate"
        raise AbilityError(came, allowed, fix)
    if labels.path is None:
        diagnosis = detector.diagnose(labels.normal())
    else:
        diagnosis = detector.diagnose(*labels.read(), X_train=labels.normal())
    lead = f"Whether it is any good, beside trivial controls: **{diagnosis.verdict}**."
    title = f"The detector {name}"
    return Judgement(str(diagnosis), diagnosis.as_dict(), lambda: Page(title, lead, diagnosis.blocks()))


def _is_series(detector: Any) -> bool:
    """Whether a detector watches a series."""
    return hasattr(detector, "episodes")


def _of_series(detector: Any, name: str, labels: Labelled, work: Operation, output: Output) -> tuple[Any, Judgement]:
    """A detector of a series on labelled points.

    Raises:
        UsageError: rows for controls to learn from, or prices.
    """
    from isthmus.tasks.anomaly.evaluation.evaluate import evaluate
    from isthmus.tasks.anomaly.series.page import page

    if labels.train is not None or work != Operation():
        came = f"{'--train' if labels.train is not None else 'prices or rows a day'} for a detector of a series"
        raise UsageError(came, "the controls of a series learn nothing, and its episodes have no price", "leave it out")
    rows, y = labels.read()
    output.say(f"judging {name} on {len(y)} points")
    found = evaluate(detector, rows, y)
    return found, Judgement("\n".join(found.sentences()), found.to_json(), lambda: page(found, name))
