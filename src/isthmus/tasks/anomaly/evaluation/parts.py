"""The section about the scores that raise alarms together, each judged alone."""

from __future__ import annotations

from isthmus.report import Block, Section, Table, Text
from isthmus.tasks.anomaly.evaluation.evaluation import Evaluation
from isthmus.tasks.anomaly.evaluation.text import per_cent, span, unbreakable

TEXT = (
    "A row raises an alarm where either score is above its own threshold. Each spends half of the budget, and both "
    "thresholds were frozen before."
)
SHARES = ["anomalies found", "95 % interval", "false alarms", "95 % of those", "ROC-AUC"]


def section(found: Evaluation) -> list[Block]:
    """The section; nothing where there is one score."""
    rows = []
    for part, figures in found.figures_of_parts().items():
        recall, false, area = figures["recall"], figures["false_alarm_rate"], figures["roc_auc"]
        shares = per_cent(recall.value, 0), span(recall, 0), per_cent(false.value, 1), span(false, 1)
        rows.append([part, found.parts[part].threshold, *map(unbreakable, shares), f"{area.value:.3f}"])
    table = Table(["score", "threshold", *SHARES], rows, "Each alone", align=dict.fromkeys(SHARES, "right"))
    return [Section("By which score", [Text(TEXT), table])] if rows else []
