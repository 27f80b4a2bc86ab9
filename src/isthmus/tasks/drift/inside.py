"""What a detector knows of a row beside its score: what its model lost of it, and what each member says."""

from __future__ import annotations

from typing import Any

from isthmus.tasks.anomaly.scorer import Scorer
from isthmus.tasks.anomaly.spans import spans_of
from isthmus.tasks.drift.bins import Floats


def lost(detector: Any, X: Any) -> Floats | None:
    """What the models lost of each row, (n,); None for a detector that is made in another way.

    Drift of the score may come from codes that moved; this is the part that reconstruction has in it.

    Args:
        detector: A fitted detector.
        X: Rows.
    """
    scorer = getattr(detector, "scorer_", None)
    return None if not isinstance(scorer, Scorer) else scorer.terms(X)[:, 0].numpy()


def scores_of_members(detector: Any, X: Any) -> dict[str, Floats]:
    """{span: the scores of the member that learnt from it}, empty where all learnt from the same rows.

    Args:
        detector: A fitted detector.
        X: Rows.
    """
    scorer = getattr(detector, "scorer_", None)
    if not isinstance(scorer, Scorer):
        return {}
    spans = spans_of(detector.get_params(deep=False)["members"])
    if not any(spans):
        return {}
    named = dict(zip(spans, scorer.members, strict=True))
    return {span or "all": Scorer([member], scorer.scale).scores(X) for span, member in named.items()}
