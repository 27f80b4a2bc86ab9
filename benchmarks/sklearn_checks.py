"""How many of scikit-learn's own checks does each model that takes tables pass, and which does it not?"""

from __future__ import annotations

import warnings
from collections import Counter
from pathlib import Path
from typing import Any

from sklearn.utils.estimator_checks import check_estimator

import isthmus
from isthmus.bench.answers import Figure
from isthmus.bench.question import Desk, Question
from isthmus.bench.timing import Interval

ROOT = Path(__file__).resolve().parents[1]
QUESTION = Question(
    "sklearn_checks", "Which of scikit-learn's checks does every model that takes tables pass?", ROOT, (0,)
)

EXCUSED = {
    f"check_sample_weight_equivalence_on_{kind}_data": "weights are not repeated rows where batches are drawn at random"
    for kind in ("dense", "sparse")
}
"""What scikit-learn excuses for its own mini-batch estimators, and nothing else."""


def checked(model: Any) -> Figure:
    """The share of the checks asked that the model passes, the excused ones left out; what failed is named."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        results = check_estimator(model, on_fail=None, on_skip=None, expected_failed_checks=EXCUSED)
    counts = Counter(result["status"] for result in results)
    asked = counts["passed"] + counts["failed"]
    share = counts["passed"] / asked
    failed = [result["check_name"] for result in results if result["status"] == "failed"]
    return Figure(
        Interval(share, share, share), beside={**dict(counts), **({"failed checks": failed} if failed else {})}
    )


def ask(name: str, model: Any) -> None:
    """One line a model: all checks but the two excused ones pass."""

    @QUESTION.line(f"{name}: share of the checks passed, two excused", at_least=1.0, unit="")
    def line(desk: Desk) -> Figure:
        """Ask scikit-learn."""
        return checked(model)


for command_name, member in isthmus.family().items():
    # What takes no table, or asks for y in every verb, meets our own contract tests instead.
    if "table" in member.kinds and not member.is_conditional:
        ask(command_name, member(epochs=5, batch_size=32))
ask("anomaly detector", isthmus.AnomalyDetector(model=isthmus.Autoencoder(epochs=5, batch_size=32), alpha=0.1))

if __name__ == "__main__":
    raise SystemExit(QUESTION.main())
