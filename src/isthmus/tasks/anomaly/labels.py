"""What a label means: which rows a caller calls anomalous."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from isthmus.errors import InputError


def anomalies_in(y: ArrayLike, n: int) -> NDArray[np.bool_]:
    """Labels as truth, (n,): True for an anomaly.

    Args:
        y: (n,) booleans (True: anomalous), 0 and 1 (1: anomalous), or scikit-learn's +1 and -1 (-1: anomalous).
        n: How many rows they label.

    Raises:
        InputError: another length, other values, or only ones, which mean opposite things in the two conventions.

    Example:
        >>> anomalies_in([1, -1, 1], 3), anomalies_in([0, 1, 0], 3)
        (array([False,  True, False]), array([False,  True, False]))
    """
    labels = np.asarray(y)
    if labels.shape != (n,):
        raise InputError(f"y of shape {labels.shape}", f"it has one label for each of the {n} rows", "reshape it")
    if labels.dtype == bool:
        return labels
    values = set(np.unique(labels).tolist()) if labels.dtype.kind in "iuf" else {str(label) for label in labels}
    if values <= {0, 1} and values != {1}:
        return np.asarray(labels == 1)
    if values <= {-1, 1} and values != {1}:
        return np.asarray(labels == -1)
    shown = ", ".join(sorted(map(str, values))[:6])
    allowed = "True marks an anomaly, and so does 1 beside 0, or -1 beside +1; ones alone could mean either"
    raise InputError(f"y with the values {shown}", allowed, "pass booleans: y == name_of_the_anomalies")


def check_kinds(anomalous: NDArray[np.bool_]) -> None:
    """Refuse rows of one kind, (n,).

    Raises:
        InputError: all are anomalies, or none is.
    """
    if anomalous.all() or not anomalous.any():
        kind = "anomalies" if anomalous.all() else "normal rows"
        allowed = "what is found and what is a false alarm shows on rows of both kinds"
        raise InputError(f"y with {len(anomalous)} {kind} only", allowed, "add rows of the other kind")
