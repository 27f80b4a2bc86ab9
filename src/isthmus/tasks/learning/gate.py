"""Champion against challenger, on rows that neither learnt from: who may serve."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from isthmus.errors import UnknownNameError
from isthmus.estimator.containers import opened
from isthmus.tasks.learning.feedback import Item
from isthmus.tasks.learning.rows import joined, named, some

PERSON, GATE = "person", "gate"
POLICIES = (PERSON, GATE)
HIDDEN = 0.2  # of the alarms of the first version that may be silent in a challenger before a person has to look


@dataclass(frozen=True)
class Comparison:
    """What both say of the same rows.

    Args:
        pinned: Confirmed anomalies that both were asked.
        champion_found: Of those.
        challenger_found: Of those.
        lost: Of those that the champion found and the challenger does not.
        normals: Fresh rows, no known anomaly among them.
        champion_alarms: On those.
        challenger_alarms: On those.
        most: Alarms that the challenger's own promise allows on them, with 95 % confidence.
        agreement: The share of the fresh rows on which both say the same.
        anchored: Fresh rows that the first version would raise an alarm for.
        hidden: Of those, how many the challenger passes over.
    """

    pinned: int
    champion_found: int
    challenger_found: int
    lost: int
    normals: int
    champion_alarms: int
    challenger_alarms: int
    most: int
    agreement: float
    anchored: int
    hidden: int

    @property
    def reasons(self) -> list[str]:
        """Why the challenger may not serve; empty where it may."""
        found = []
        if self.lost or self.challenger_found < self.champion_found:
            found.append(f"it loses {self.lost} of {self.champion_found} pinned anomalies that the champion finds")
        if self.challenger_alarms > self.most:
            promise = f"its promise allows {self.most} at most"
            found.append(f"it raises {self.challenger_alarms} alarms on {self.normals} fresh rows, and {promise}")
        return found

    @property
    def passes(self) -> bool:
        """Whether it keeps what it must keep."""
        return not self.reasons

    @property
    def looks_boiled(self) -> bool:
        """Whether much of what the first version would have called has become normal: a person has to look at it."""
        return self.hidden > max(2, HIDDEN * max(self.anchored, 1), 2 * self.most)

    def to_json(self) -> dict[str, Any]:
        """Its fields, and what follows."""
        return {**asdict(self), "passes": self.passes, "reasons": self.reasons, "looks_boiled": self.looks_boiled}

    def sentences(self) -> list[str]:
        """In words."""
        told = [
            f"pinned anomalies: the champion finds {self.champion_found} of {self.pinned}, "
            f"the challenger {self.challenger_found}",
            f"fresh rows: {self.champion_alarms} alarms before, {self.challenger_alarms} now, "
            f"of {self.normals} ({self.most} at most are promised); they agree on {100 * self.agreement:.1f} %",
            f"the first version would call {self.anchored} of them, {self.hidden} of which the challenger passes over",
        ]
        if self.looks_boiled:
            told.append("look at those before it serves: a slow change looks like this, and so does a slow attack")
        return [*told, *(f"may not serve: {reason}" for reason in self.reasons)]


def compared(champion: Any, challenger: Any, X: Any, pinned: Sequence[Item] = (), *, anchor: Any = None) -> Comparison:
    """Ask both.

    Args:
        champion: The detector that serves.
        challenger: The one that would.
        X: Fresh rows, which neither learnt from; rows that are pinned are left out.
        pinned: Confirmed anomalies.
        anchor: The first version, which no later row has taught; None for the champion.
    """
    fresh = some(X, ~named(X, [item.name for item in pinned]))
    first, second = (one.anomaly_score(fresh) > one.threshold_ for one in (champion, challenger))
    anchored = first if anchor is None else anchor.anomaly_score(fresh) > anchor.threshold_
    found = [_found(one, X, pinned) for one in (champion, challenger)]
    return Comparison(
        len(pinned),
        int(found[0].sum()),
        int(found[1].sum()),
        int((found[0] & ~found[1]).sum()),
        len(first),
        int(first.sum()),
        int(second.sum()),
        challenger.promise_.band(len(second))[1],
        float((first == second).mean()),
        int(anchored.sum()),
        int((anchored & ~second).sum()),
    )


def _found(detector: Any, X: Any, pinned: Sequence[Item]) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """Which of the pinned anomalies a detector finds; one that it cannot read it does not find."""
    if not pinned:
        return np.zeros(0, dtype=bool)
    n = len(opened(X))
    whole = joined(X, [item.row for item in pinned])
    rows = some(whole, np.arange(n + len(pinned)) >= n)
    return np.asarray(detector.anomaly_score(rows) > detector.threshold_)


def may_promote(policy: str, comparison: Comparison) -> bool:
    """Whether a policy that was stated promotes the challenger by itself.

    Args:
        policy: "person": never; "gate": where it keeps what it must, and nothing looks like a slow attack.
        comparison: What was found.

    Raises:
        UnknownNameError: another policy.
    """
    if policy not in POLICIES:
        raise UnknownNameError.among("policy", policy, POLICIES)
    return policy == GATE and comparison.passes and not comparison.looks_boiled
