"""Whether a detector is any good: a verdict with its evidence, beside controls on the same rows, and what to change."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from numpy.typing import ArrayLike
from sklearn.utils.validation import check_is_fitted

import isthmus
from isthmus.report.blocks import Block, Code, Note, Section
from isthmus.report.table import Table
from isthmus.tasks.anomaly.diagnosis.judgement import area, seen, suspicions, with_labels, without_labels
from isthmus.tasks.anomaly.diagnosis.levers import Lever, larger, simpler, smaller
from isthmus.tasks.anomaly.diagnosis.power import DETECTOR, Power, measured
from isthmus.tasks.anomaly.diagnosis.separation import Separation

LEVERS = {"underpowered": larger, "overpowered": smaller, "use a simpler model": simpler}


@dataclass(frozen=True, eq=False)
class Diagnosis:
    """A verdict on a detector, and what it rests on.

    Args:
        verdict: "underpowered", "sound", "overpowered" or "use a simpler model".
        seen: What was measured, in words.
        why: What the verdict follows from.
        levers: What to change, the most promising first; none where it is sound.
        suspicions: What to look into before anything is believed: figures too good, blind spots, and what the doctor
            (`isthmus.diagnose`) finds wrong with the model.
        power: Every score of every method, and what the model rebuilds.
    """

    verdict: str
    seen: str
    why: str
    levers: list[Lever]
    suspicions: list[str]
    power: Power

    @property
    def detector(self) -> Separation:
        """How far the detector's scores of anomalies and normal rows lie apart."""
        return self.power.separations[DETECTOR]

    @property
    def controls(self) -> dict[str, Separation]:
        """The same for each control."""
        return self.power.controls

    def as_dict(self) -> dict[str, Any]:
        """Everything but the scores as plain JSON values."""
        power = self.power
        intervals = {"recall": power.recall, "false_alarms": power.false_alarms, "lead": power.lead}
        return {
            "verdict": self.verdict,
            "seen": self.seen,
            "why": self.why,
            "levers": [lever._asdict() for lever in self.levers],
            "suspicions": self.suspicions,
            "labelled": power.labelled,
            "kept": power.kept,
            "kept_of_anomalies": power.kept_of_anomalies,
            "far_points_missed": power.missed,
            "rival": power.rival,
            **{name: interval._asdict() for name, interval in intervals.items()},
            "detector": {name: found.as_dict() for name, found in power.separations.items()},
            "controls": {name: found.as_dict() for name, found in power.controls.items()},
        }

    def blocks(self) -> list[Block]:
        """Everything as blocks of a report."""
        kind = "good" if self.verdict == "sound" else "warning"
        told: list[Block] = [Note(kind, f"**{self.verdict}**: {self.seen}\n\n{self.why}")]
        told += [Note("warning", suspicion) for suspicion in self.suspicions]
        told += [
            Section(lever.name, [Code(lever.do, "What to do"), Note("note", lever.changes)]) for lever in self.levers
        ]
        return [*told, Table(["method", "ROC-AUC", "d", "Cliff's delta"], list(self._rows()), "On the same rows")]

    def __str__(self) -> str:
        """Everything as text for people."""
        return "\n".join(self._lines())

    def _rows(self) -> Iterator[list[object]]:
        for name, found in {**self.power.separations, **self.controls}.items():
            yield [name, area(found.roc_auc), found.d, found.delta]

    def _lines(self) -> Iterator[str]:
        yield from (self.verdict, f"  seen    {self.seen}", f"  because {self.why}")
        yield from (f"  suspect {suspicion}" for suspicion in self.suspicions)
        for lever in self.levers:
            yield from ("", lever.name, f"  do      {lever.do}", f"  changes {lever.changes}")
        width = max(map(len, {**self.power.separations, **self.controls}))
        yield from ("", f"{'on the same rows':{width + 2}}  ROC-AUC")
        yield from (f"  {name:{width}}  {area}" for name, area, *_ in self._rows())


class Diagnosed:
    """The verb of a detector that can be judged."""

    def diagnose(self, X: Any = None, y: ArrayLike | None = None, *, X_train: Any = None) -> Diagnosis:
        """Whether this detector is any good, beside controls on the same rows, and what to change if it is not.

        With labels the verdict is about the anomalies in X. Without, stand-ins take their place: rows pieced together
        from normal ones, in which every column is as usual and nothing fits; and points 10 standard deviations off.
        What it says then holds for anomalies that break what columns have to do with each other.

        Args:
            X: With y: rows that the detector was not fitted on. Without: normal rows, those of training or others.
                None draws rows from what the detector knows of normal ones.
            y: (n,) labels as in `split_for_detection`.
            X_train: Normal rows, as a rule those of `fit`, for the controls to learn from and the doctor to look at;
                without them the controls learn from the normal rows of X, each judged by those that did not see it.

        Returns:
            A `Diagnosis`: `verdict`, `levers`, `controls`, and all that they rest on; print it.

        Raises:
            InputError: y without X, labels of one kind alone, or no rows and no covariances to draw them from.
            TooFewRowsError: fewer than 10 normal rows, or fewer than 2 anomalies.

        Example:
            >>> import isthmus
            >>> made = isthmus.data.load("factors", rows=400)
            >>> normal, model = made.X[made.y == 0], isthmus.Autoencoder(epochs=40)
            >>> detector = isthmus.AnomalyDetector(model, alpha=0.05, random_state=0).fit(normal)
            >>> detector.diagnose(normal).verdict
            'sound'
        """
        check_is_fitted(self)
        power = measured(self, X, y, X_train)
        verdict, why = with_labels(power) if power.labelled else without_labels(power)
        levers = LEVERS[verdict](self, power) if verdict in LEVERS else []
        doubts = suspicions(power) + found_by_doctor(self, X if y is None else X_train)
        return Diagnosis(verdict, seen(power), why, levers, doubts, power)


def found_by_doctor(detector: Any, X: Any) -> list[str]:
    """What the doctor finds wrong with the model on normal rows, who stands above and is reached by the public name."""
    findings = {} if X is None else isthmus.diagnose(detector.model_, X).findings
    return [f"{name}: {finding.seen} {finding.why}" for name, finding in findings.items()]
