"""What a detector knows of a row beside its score: what was lost, what each member says, whether it was learnt."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from isthmus.estimator.inputs import read
from isthmus.tasks.anomaly.digests import digests, digests_of
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


def learnt(detector: Any, X: Any) -> NDArray[np.bool_] | None:
    """Whether each row is one of those that the detector learnt from and keeps, (n,); None where it keeps none.

    Such a row lies no way from itself, so a score that looks at neighbours is lower than that of a new row, unless the
    detector remembers what the row had before it was learnt.

    Args:
        detector: A fitted detector.
        X: Rows.
    """
    scorer = getattr(detector, "scorer_", None)
    if not isinstance(scorer, Scorer) or scorer.examples is None or scorer.known is not None:
        return None
    found: NDArray[np.bool_] = np.isin(digests(read(scorer.model, X)), digests_of(scorer.examples.x))
    return found


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
