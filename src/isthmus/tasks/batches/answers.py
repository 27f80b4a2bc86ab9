"""What a verb answers for some rows, as columns: the same whether the rows came at once or batch by batch."""

from __future__ import annotations

from typing import Any

import numpy as np

from isthmus.tasks.anomaly.calibration import p_values
from isthmus.tasks.anomaly.verdicts import Verdicts

Columns = dict[str, Any]
VERBS = ("score", "encode", "tokens", "reconstruct")


def scores(scorer: Any, rows: Any, incidents: bool = False, **told: Any) -> Columns:
    """How anomalous each row is, (n,) each: row, anomaly_score, of a detector p_value and is_anomaly as well.

    Args:
        scorer: A model or a detector.
        rows: What it reads.
        incidents: Whether alarms that are alike share a number, in the column incident.
        told: y, where the model is conditional.
    """
    anomaly_score = scorer.anomaly_score(rows, **told)
    columns = {"row": np.arange(len(anomaly_score)), "anomaly_score": anomaly_score}
    if not hasattr(scorer, "threshold_"):
        return columns
    columns |= {"p_value": _p_values(scorer, rows, anomaly_score), "is_anomaly": anomaly_score > scorer.threshold_}
    if hasattr(scorer, "episode_numbers"):
        columns["episode"] = scorer.episode_numbers(rows)
    if incidents:
        from isthmus.tasks.anomaly.explanation.incidents import numbered

        columns["incident"] = numbered(scorer.incidents(rows), len(anomaly_score))
    return columns


def _p_values(scorer: Any, rows: Any, anomaly_score: Any) -> Any:
    """The p-value of each row; most detectors read it off the score that is there already."""
    if isinstance(scorer, Verdicts):
        return p_values(anomaly_score, scorer.calibration_scores_)
    return scorer.p_value(rows)


def numbered_columns(codes: Any, letter: str = "z") -> Columns:
    """Codes (n, Z) as columns z0, z1, ..., (n,) each.

    Example:
        >>> numbered_columns(np.array([[1, 2], [3, 4]]), "t")
        {'t0': array([1, 3]), 't1': array([2, 4])}
    """
    return {f"{letter}{axis}": codes[:, axis] for axis in range(codes.shape[1])}


def condition_column(model: Any) -> str:
    """The column that a conditional model was told."""
    columns = model.condition_.spec.columns
    return str(columns[0].name) if columns else "y"


def answered(verb: str, model: Any, rows: Any, **told: Any) -> Any:
    """What a verb answers for rows: columns by name, or a table.

    Args:
        verb: One of `VERBS`.
        model: A model; a detector lends its own to every verb but "score".
        rows: A table.
        told: y, where the model is conditional.
    """
    if verb == "score":
        return scores(model, rows, **told)
    member = getattr(model, "model_", model)
    if verb == "encode":
        return numbered_columns(member.transform(rows, **told))
    if verb == "tokens":
        return numbered_columns(member.tokens(rows, **told), "t")
    return member.reconstruct(rows, **told)


def unanswered(verb: str, model: Any, rows: Any) -> Any:
    """The answer to a table without rows, which no verb is asked for: the columns that it would have, empty."""
    if verb == "reconstruct":
        return rows
    if verb == "score":
        columns: Columns = {"row": np.empty(0, np.int64), "anomaly_score": np.empty(0)}
        judged = {"p_value": np.empty(0), "is_anomaly": np.empty(0, np.bool_)}
        return columns | (judged if hasattr(model, "threshold_") else {})
    member = getattr(model, "model_", model)
    codes = np.zeros((1, int(np.prod(member.latent_shape_))))
    if verb == "encode":
        return numbered_columns(codes[:0])
    return numbered_columns(member.tokens(member.inverse_transform(codes))[:0], "t")
