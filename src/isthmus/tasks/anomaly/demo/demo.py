"""The demonstration: a detector on scikit-learn's breast-cancer data, beside the trivial controls."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import narwhals as nw
import numpy as np
from numpy.typing import NDArray

from isthmus.tasks.anomaly.controls import Floats
from isthmus.tasks.anomaly.demo.comparison import DETECTOR, Comparison, Trial, trial
from isthmus.tasks.anomaly.evaluation.anomalies import Anomaly, highest
from isthmus.tasks.anomaly.explanation.columns import Reason

ALPHA = 0.05
SPLITS = 8
SHOWN = 3  # anomalies that are explained
LIBRARIES = ("pandas", "polars", "pyarrow")


@dataclass(frozen=True)
class Data:
    """The breast-cancer data: 569 rows of 30 measurements; benign rows are the normal ones.

    Args:
        X: (569, 30).
        anomalous: (569,) True for malignant.
        columns: Names of the measurements.
    """

    X: Floats
    anomalous: NDArray[np.bool_]
    columns: list[str]

    @classmethod
    def loaded(cls) -> Data:
        """Read it from scikit-learn, which carries it."""
        from sklearn.datasets import load_breast_cancer

        bunch = load_breast_cancer()
        return cls(bunch.data, bunch.target == 0, [str(name) for name in bunch.feature_names])

    def framed(self, rows: Floats) -> Any:
        """Rows as a frame with names, where a library for frames is installed; else the array itself."""
        library: Any = next((name for name in LIBRARIES if find_spec(name)), None)
        if library is None:
            return rows
        return nw.from_dict(dict(zip(self.columns, rows.T, strict=True)), backend=library).to_native()


@dataclass(frozen=True)
class Demo:
    """What the demonstration found.

    Args:
        data: The rows.
        comparison: Every split; the detector that is kept is the first one's.
        anomalies: The test rows that scored highest, and why.
        seconds: What all of it took.
    """

    data: Data
    comparison: Comparison
    anomalies: list[Anomaly]
    seconds: float

    @property
    def first(self) -> Trial:
        """The split whose detector is kept."""
        return self.comparison.trials[0]

    def rows(self, part: str) -> Any:
        """The first split's rows of one part, "train", "calibration" or "test", as the detector reads them."""
        return self.data.framed(self.data.X[getattr(self.first.split, part)])

    def scores(self) -> tuple[Floats, NDArray[np.bool_]]:
        """The kept detector's scores of its test rows, and which of those are malignant."""
        return self.first.detector.anomaly_score(self.rows("test")), self.data.anomalous[self.first.split.test]

    def summary(self) -> str:
        """The outcome in a paragraph."""
        ours, verdict = self.comparison.figures()[DETECTOR], self.comparison.verdict()
        return (
            f"Over {len(self.comparison.trials)} splits the detector found {100 * ours['recall'].value:.0f} % of the "
            f"malignant rows at {100 * ours['false_alarm_rate'].value:.1f} % false alarms (budget {100 * ALPHA:g} %). "
            f"ROC-AUC {ours['roc_auc'].value:.3f}. {said(verdict.winner, verdict.control, verdict.lead)}"
        )

    def to_json(self) -> dict[str, Any]:
        """Every figure as plain JSON: by method, then by figure, the mean with the ends of its interval."""
        verdict = self.comparison.verdict()
        return {
            "alpha": ALPHA,
            "splits": len(self.comparison.trials),
            "promise": self.first.detector.promise_.to_json(),
            "figures": {
                method: {name: interval._asdict() for name, interval in figures.items()}
                for method, figures in self.comparison.figures().items()
            },
            "verdict": {**verdict._asdict(), "lead": verdict.lead._asdict()},
            "seconds": round(self.seconds, 1),
        }


def said(winner: str, control: str, lead: Any, of: str = "splits") -> str:
    """The verdict in words; `of` is what it was reached on.

    Example:
        >>> from isthmus.metrics import Interval
        >>> said("control", "PCA", Interval(-0.02, -0.03, -0.01))
        'A trivial control wins here: PCA is ahead by 0.020 ROC-AUC (95 % interval 0.010 to 0.030).'
    """
    gap = f"{abs(lead.value):.3f} ROC-AUC (95 % interval {{:.3f}} to {{:.3f}})"
    if winner == "detector":
        return f"The detector wins: it is ahead of the best control, {control}, by {gap.format(lead.low, lead.high)}."
    if winner == "control":
        return f"A trivial control wins here: {control} is ahead by {gap.format(-lead.high, -lead.low)}."
    between = f"{lead.low:+.3f} to {lead.high:+.3f}"
    return (
        f"No winner: the detector's ROC-AUC minus that of the best control, {control}, is {lead.value:+.3f} "
        f"(95 % interval {between}), and equal is what these {of} cannot rule out."
    )


def demonstrate(splits: int = SPLITS, say: Callable[[str], None] = lambda _: None) -> Demo:
    """Train, calibrate and judge a detector and the controls on several splits.

    Args:
        splits: How many, at least 2.
        say: Told how far it is.
    """
    started = time.perf_counter()
    data = Data.loaded()
    trials = []
    for seed in range(splits):
        trials.append(trial(data.X, data.anomalous, ALPHA, seed, data.framed))
        result = trials[-1].results[DETECTOR]
        say(f"split {seed + 1} of {splits}: ROC-AUC {result.roc_auc:.3f}, {100 * result.recall:.0f} % found")
    return Demo(data, Comparison(trials), explained(data, trials[0]), time.perf_counter() - started)


def explained(data: Data, of: Trial) -> list[Anomaly]:
    """The test rows with the highest scores, and why, by their places in the data."""
    test = of.split.test
    rows = data.framed(data.X[test])
    scores = of.detector.anomaly_score(rows)
    return [
        one._replace(
            row=int(test[one.row]),
            reasons=[named(reason, data.columns) for reason in one.reasons],
            nearest=dict(zip(data.columns, one.nearest.values(), strict=True)),
        )
        for one in highest(of.detector, rows, scores, data.anomalous[test], SHOWN)
    ]


def named(reason: Reason, columns: list[str]) -> Reason:
    """A reason with its column's own name where the rows came without names."""
    numbered = {f"x{at}": name for at, name in enumerate(columns)}
    return reason._replace(column=numbered.get(reason.column, reason.column))


def written(demo: Demo, out: Path) -> Path:
    """Write the page and the kept detector to a folder.

    Args:
        demo: What to write.
        out: The folder; it is made where it is missing.

    Returns:
        The page.
    """
    from isthmus.tasks.anomaly.demo.page import page

    demo.first.detector.save(out / "detector")
    return page(demo).write(out / "report.html")
