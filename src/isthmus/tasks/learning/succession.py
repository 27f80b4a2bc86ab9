"""The whole way to the next version: learn it, compare it, keep it, and let it serve where the policy says so."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from isthmus.estimator.containers import opened
from isthmus.tasks.anomaly.calibration import Promise
from isthmus.tasks.learning.feedback import Feedback
from isthmus.tasks.learning.gate import PERSON, Comparison, compared, may_promote
from isthmus.tasks.learning.retraining import REFIT, retrain
from isthmus.tasks.learning.versions import Versions


@dataclass(frozen=True)
class Succession:
    """A new version, and what was found of it.

    Args:
        version: Its name.
        serves: Which one serves now.
        rows: That it was made of.
        from_people: The share of them that people called false alarms.
        promise: Of false alarms.
        comparison: With the champion.
    """

    version: str
    serves: str | None
    rows: int
    from_people: float
    promise: Promise
    comparison: Comparison

    def to_json(self) -> dict[str, Any]:
        """Its fields."""
        facts = {"version": self.version, "serves": self.serves, "rows": self.rows, "from_people": self.from_people}
        return {**facts, "promise": self.promise.to_json(), "gate": self.comparison.to_json()}

    def sentences(self) -> list[str]:
        """In words."""
        return [f"version {self.version}: {self.promise}", *self.comparison.sentences(), f"{self.serves} serves"]


def succeed(
    versions: Versions,
    X: Any,
    fresh: Any,
    *,
    by: str,
    way: str = REFIT,
    policy: str = PERSON,
    time: Any = None,
    random_state: int = 0,
) -> Succession:
    """Add the next version, learnt from recent rows and from what people said.

    Args:
        versions: Where one serves.
        X: Rows of the last days in the order of time.
        fresh: Later rows, by which champion and challenger are compared.
        by: Who asks for it.
        way: "refit" or "update", as `retrain` has them.
        policy: "person" leaves it to somebody to promote it, "gate" promotes it where it keeps what it must.
        time: (n,) datetimes of X, which members of spans ask for.
        random_state: Seed of a refit.

    Raises:
        MissingFileError: no version serves.
        TooFewRowsError: too few rows without an alarm.
    """
    champion, feedback = versions.load(), Feedback(versions.feedback_path)
    standing = feedback.standing(len(opened(X)))
    options: dict[str, Any] = {"way": way, "time": time, "random_state": random_state}
    challenger, lesson = retrain(champion, X, standing=standing, false_share=feedback.false_share(), **options)
    anchor = versions.load(versions.served()[0])
    comparison = compared(champion, challenger, fresh, standing.pinned, anchor=anchor)
    told = {"rows": len(lesson.time), "from_people": round(lesson.from_people, 4), "gate": comparison.to_json()}
    name = versions.add(challenger, by=by, why=f"learnt anew: {way}", **told)
    if may_promote(policy, comparison):
        versions.promote(name, by=f"policy {policy}, as {by} asked", why="it keeps what it must")
    return Succession(name, versions.current, len(lesson.time), lesson.from_people, challenger.promise_, comparison)
