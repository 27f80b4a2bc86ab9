"""`isthmus demo`: a detector trained, calibrated and explained on data that scikit-learn carries."""

from __future__ import annotations

from pathlib import Path

from isthmus.cli.output import PLAIN, Output


def demo(*, out: Path = Path("isthmus-demo"), output: Output = PLAIN) -> None:
    """Train a detector on benign tumours, let it look for malignant ones, and write a page about it.

    The page also says whether a trivial control would have done as well. Takes less than a minute on two cores.

    Args:
        out: The folder for the page, report.html, and the detector, detector/.
        output: How to answer.
    """
    from isthmus.tasks.anomaly.demo.demo import demonstrate, written

    output.say("breast-cancer data: training on benign rows, judging on new benign and malignant ones")
    found = demonstrate(say=output.say)
    path = written(found, out)
    output.say(found.summary())
    output.answer(str(path), {"report": str(path), "detector": str(out / "detector"), **found.to_json()})
