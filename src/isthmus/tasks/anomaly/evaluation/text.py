"""An evaluation in words that do not flatter."""

from __future__ import annotations

from isthmus.metrics import Interval
from isthmus.tasks.anomaly.demo.demo import said
from isthmus.tasks.anomaly.evaluation.evaluation import Evaluation
from isthmus.tasks.anomaly.explanation.incidents import Incident


def sentences(found: Evaluation) -> list[str]:
    """What came, what was promised, and what to do."""
    return [realised(found), *by_part(found), promised(found), recommended(found)]


def realised(found: Evaluation) -> str:
    """What the detector found, and at what price."""
    confusion = found.confusion()
    model, recall, false = type(found.detector.model_).__name__, confusion.recall, confusion.false_alarm_rate
    precision = confusion.precision
    right = "no alarm" if precision is None else f"{per_cent(precision.value, 0)} of the alarms here right"
    return (
        f"{model}: {per_cent(recall.value, 0)} of the anomalies found ({span(recall, 0)}) at "
        f"{per_cent(false.value, 1)} false alarms ({span(false, 1)}), {right}."
    )


def by_part(found: Evaluation) -> list[str]:
    """What each of the scores that raise alarms together finds alone; nothing where there is one."""
    said_of = [
        f"the {part} alone finds {per_cent(figures['recall'].value, 0)} ({span(figures['recall'], 0)}) at "
        f"{per_cent(figures['false_alarm_rate'].value, 1)} false alarms"
        for part, figures in found.figures_of_parts().items()
    ]
    return [f"Either score raises an alarm: {', '.join(said_of)}."] if said_of else []


def promised(found: Evaluation) -> str:
    """What the calibration rows promised."""
    promise, confusion, (low, high) = found.detector.promise_, found.confusion(), found.band()
    kept = "within" if found.kept else "outside"
    return (
        f"Promised: {100 * promise.low:.1f} to {100 * promise.high:.1f} % by {promise.n:,} calibration rows; "
        f"{confusion.false_positives:,} false alarms are {kept} the promised {low:,} to {high:,}."
    )


def recommended(found: Evaluation) -> str:
    """Who wins, and what to do about it."""
    outcome = found.verdict()
    if outcome is None:
        return "No control was asked whether something simpler finds as many."
    recall = found.confusion(outcome.control).recall
    other = f"That control finds {per_cent(recall.value, 0)} ({span(recall, 0)}) at the same budget."
    advice = {
        "detector": "Use the detector.",
        "control": f"Use {outcome.control}, or look for what the model lacks.",
        "undecided": "Where two methods cannot be told apart, prefer the simpler one, or judge on more rows.",
    }
    return f"{said(*outcome, of='rows')} {other} {advice[outcome.winner]}"


def grouped(found: Evaluation) -> list[str]:
    """How many incidents the alarms are, and what the largest is about; nothing where there are none."""
    if not found.incidents:
        return []
    largest, alarms = found.incidents[0], found.confusion().alarms
    count = "one incident" if len(found.incidents) == 1 else f"{len(found.incidents):,} incidents, by their columns"
    return [f"Incidents: {alarms:,} alarms are {count}. The largest has {largest.size:,}: {about(largest)}."]


def about(incident: Incident) -> str:
    """The columns that made an incident, with their shares.

    Example:
        >>> about(Incident(1, 2, {"area": 0.412, "radius": 0.2}, 1, 3, 1, [1, 3]))
        'area 41 %, radius 20 %'
    """
    columns = (f"{name} {per_cent(share, 0)}" for name, share in incident.columns.items())
    return ", ".join(columns) or "no column, but the code"


def unbreakable(text: str) -> str:
    """The same with every per cent sign on the line of its number."""
    return text.replace(" %", "\u00a0%")


def per_cent(share: float, digits: int) -> str:
    """A share in per cent.

    Example:
        >>> per_cent(0.4137, 0), per_cent(0.0112, 1)
        ('41 %', '1.1 %')
    """
    return f"{100 * share:.{digits}f} %"


def span(interval: Interval, digits: int) -> str:
    """Both ends of a share in per cent.

    Example:
        >>> span(Interval(0.41, 0.352, 0.471), 0)
        '35 to 47 %'
    """
    return f"{100 * interval.low:.{digits}f} to {100 * interval.high:.{digits}f} %"
