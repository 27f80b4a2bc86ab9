"""The page about a detector on labelled rows: whether to use it, and every figure behind that."""

from __future__ import annotations

import numpy as np

import isthmus
from isthmus.metrics import Interval
from isthmus.report import Block, Figures, Note, Page, Section, Table, Text, charts
from isthmus.report.numerals import numeral
from isthmus.tasks.anomaly.demo.comparison import DETECTOR
from isthmus.tasks.anomaly.evaluation import incidents as incidents_page
from isthmus.tasks.anomaly.evaluation import parts as parts_page
from isthmus.tasks.anomaly.evaluation.evaluation import MOST_FOUND, Evaluation, Line
from isthmus.tasks.anomaly.evaluation.text import per_cent, sentences, span, unbreakable
from isthmus.tasks.anomaly.page_blocks import HIGHEST, KINDS, NAMES, compared, contributions, drawn, reasons_table

DIAGONAL = np.linspace(0, 1, 50)  # as many points as a line without dots has
TAIL = 20.0  # times the median: scores that reach so far are drawn on a logarithmic axis


def page(found: Evaluation, name: str) -> Page:
    """The whole page.

    Args:
        found: What was evaluated.
        name: Of the detector's folder.
    """
    count = int(found.anomalous.sum())
    lead = (
        f"A detector around a `{type(found.detector.model_).__name__}`, judged on {len(found.anomalous):,} labelled "
        f"rows, {count:,} of them anomalies. Its threshold was frozen before: no figure below moved it."
    )
    blocks: list[Block] = [
        headline(found),
        verdict(found),
        *warnings(found),
        Section("What the threshold makes of these rows", outcome(found)),
        *parts_page.section(found),
        Section("How the scores order the rows", order(found)),
        Section("Other thresholds", thresholds(found)),
        Section("What it means for a day's work", work(found)),
        Section("Would something simpler do?", beside(found)),
        Section("Why these rows?", reasons(found)),
        *incidents_page.section(found),
        Section("What was promised, and how the figures were made", made(found)),
    ]
    return Page(f"The detector {name} on labelled rows", lead, blocks, f"Written by isthmus {isthmus.__version__}.")


def headline(found: Evaluation) -> Block:
    """The four numbers to remember."""
    confusion, promise, alerts = found.confusion(), found.detector.promise_, found.alerts()
    area = found.figures()[DETECTOR]["roc_auc"]
    rows = f"of {found.operation.rows_per_day:,.0f} rows, {100 * found.share:.3g} % of them anomalies"
    items = [
        ("Anomalies found", per_cent(confusion.recall.value, 0), f"95 % interval {span(confusion.recall, 0)}"),
        (
            "False alarms",
            per_cent(confusion.false_alarm_rate.value, 1),
            f"of normal rows, {span(confusion.false_alarm_rate, 1)}; the budget is {100 * promise.alpha:g} %",
        ),
        ("ROC-AUC", f"{area.value:.3f}", f"{area.low:.3f} to {area.high:.3f}; chance that an anomaly scores higher"),
        ("Alerts a day", numeral(alerts.value, 3), f"{numeral(alerts.low, 3)} to {numeral(alerts.high, 3)}, {rows}"),
    ]
    return Figures([(label, value, unbreakable(note)) for label, value, note in items])


def verdict(found: Evaluation) -> Block:
    """Whether to use it."""
    outcome = found.verdict()
    text = unbreakable("\n\n".join(sentences(found)))
    return Note("note" if outcome is None else KINDS[outcome.winner], text, title="Verdict")


def warnings(found: Evaluation) -> list[Block]:
    """What makes the figures less than they seem."""
    notes: list[Block] = []
    if found.seen:
        text = f"{found.seen:,} normal rows equal rows that the detector was fitted on, which flatters every method."
        notes.append(Note("warning", text, title="Rows seen before"))
    if not found.kept:
        low, high = found.band()
        came = f"{found.confusion().false_positives:,} false alarms came, and {low:,} to {high:,} were promised"
        text = (
            f"{came}: normal rows here are not like the calibration rows. Look for drift or for anomalies labelled "
            "normal, or calibrate anew."
        )
        notes.append(Note("warning", text, title="The promise was not kept"))
    return notes


def outcome(found: Evaluation) -> list[Block]:
    """The scores on both sides of the threshold, the four counts, and the shares."""
    confusion, scores = found.confusion(), found.scores
    groups = {"normal": scores[~found.anomalous], "anomaly": scores[found.anomalous]}
    histogram = drawn(
        charts.histogram,
        groups,
        title="Scores: the further right, the more anomalous",
        x="anomaly score",
        threshold=found.detector.threshold_,
        log_values=bool(scores.min() > 0 and scores.max() > TAIL * float(np.median(scores))),
        log_counts=len(groups["normal"]) > 20 * len(groups["anomaly"]),
    )
    counts = [
        ["anomaly", confusion.true_positives, confusion.false_negatives],
        ["normal", confusion.false_positives, confusion.true_negatives],
    ]
    shares = [
        ["recall", "anomalies that raised an alarm", *_shown(confusion.recall)],
        ["precision", "alarms that are right, among these rows", *_shown(confusion.precision)],
        ["F1", "harmonic mean of the two", *_shown(confusion.f1)],
        ["false-alarm rate", "normal rows that raised an alarm", *_shown(confusion.false_alarm_rate)],
    ]
    return [
        histogram,
        Table(["row is", "alarm", "no alarm"], counts, "Confusion at the threshold in use"),
        Table(
            ["figure", "share of", "%", "95 % interval"],
            shares,
            "Shares",
            align={"%": "right", "95 % interval": "right"},
        ),
    ]


def _shown(share: Interval | None) -> list[str | None]:
    """A share and its interval in per cent."""
    return [None, None] if share is None else [f"{100 * share.value:.1f}", span(share, 1).removesuffix(" %")]


def order(found: Evaluation) -> list[Block]:
    """Receiver operating characteristic, and precision over recall, beside the best control."""
    from sklearn.metrics import precision_recall_curve, roc_curve

    figures, rates, curves = found.figures(), {}, {}
    for method in _shown_methods(found):
        scores, name = found.methods[method].scores, NAMES.get(method, method)
        rates[name] = roc_curve(found.anomalous, scores)[:2]
        precision, recall, _ = precision_recall_curve(found.anomalous, scores)
        curves[name] = recall[::-1], precision[::-1]
    confusion, share = found.confusion(), float(found.anomalous.mean())
    curves["coin"] = DIAGONAL, np.full_like(DIAGONAL, share)
    operating = confusion.false_alarm_rate.value, confusion.recall.value
    areas, means = (
        "; ".join(f"{NAMES.get(one, one)} {_area(figures[one][figure])}" for one in _shown_methods(found))
        for figure in ("roc_auc", "average_precision")
    )
    return [
        drawn(charts.roc, rates, title="What is found at what price", operating=operating, caption=f"Area: {areas}."),
        drawn(
            charts.curves,
            curves,
            title="How many alarms are right",
            x="recall (share of anomalies found)",
            y="precision (share of alarms that are right)",
            mark=confusion.recall.value,
            mark_name="threshold in use, recall",
            caption=f"Average precision: {means}.",
        ),
    ]


def _shown_methods(found: Evaluation) -> list[str]:
    """The detector, and the best control where there is one."""
    outcome = found.verdict()
    return [DETECTOR] if outcome is None else [DETECTOR, outcome.control]


def _area(interval: Interval) -> str:
    """An area with its interval."""
    return f"{interval.value:.3f} ({interval.low:.3f} to {interval.high:.3f})"


def thresholds(found: Evaluation) -> list[Block]:
    """What other budgets would have come to."""
    text = (
        "Each threshold comes from the calibration scores alone, so each could have been chosen before these labels "
        "were known: `detector.calibrate(X, alpha=...)` does. Where too few rows calibrate, the largest score is the "
        "threshold. The last line could not: it is the highest F1 that any "
        "threshold reaches here, an **upper bound that needs these labels**."
    )
    lines = found.thresholds()
    priced = lines[0].cost is not None
    head = ["budget", "threshold", "alarms", "precision", "recall", "F1", "false alarms", *["cost a day"] * priced]
    shares = dict.fromkeys(("precision", "recall", "F1", "false alarms"), ".1%")
    caption = f"On {len(found.anomalous):,} labelled rows"
    return [Text(text), Table(head, [_cells(line, priced) for line in lines], caption, shares)]


def _cells(line: Line, priced: bool) -> list[object]:
    """One threshold as a line of the table."""
    confusion = line.confusion
    precision = confusion.precision and confusion.precision.value
    rates = precision, confusion.recall.value, confusion.f1.value, confusion.false_alarm_rate.value
    name = f"{line.name}, upper bound" if line.name == "best F1" else line.name
    return [name, line.threshold, confusion.alarms, *rates, *[line.cost] * priced]


def work(found: Evaluation) -> list[Block]:
    """Alerts, the reviewing that an order by score saves, and money."""
    alerts, confusion = found.alerts(), found.confusion()
    right = found.operation.rows_per_day * found.share * confusion.recall.value
    text = (
        f"Of {found.operation.rows_per_day:,.0f} rows a day, {100 * found.share:.3g} % of them anomalies, "
        f"{numeral(alerts.value, 3)} raise an alert ({numeral(alerts.low, 3)} to {numeral(alerts.high, 3)}); "
        f"{numeral(right, 3)} of those are right. "
        f"Whoever reviews rows in the order of their scores has found {100 * MOST_FOUND:g} % of the anomalies here "
        f"after {per_cent(found.reviewed(), 1)} of the rows; at random after {100 * MOST_FOUND:g} %."
    )
    lines = {NAMES.get(method, method): found.work(method) for method in _shown_methods(found)}
    curves = drawn(
        charts.curves,
        {**lines, "at random": (DIAGONAL, DIAGONAL)},
        title="Work saved",
        x="rows reviewed, the most anomalous first (share)",
        y="anomalies found (share)",
    )
    return [Text(text), curves, *money(found)]


def money(found: Evaluation) -> list[Block]:
    """A year's saving, where outcomes have prices."""
    saving = found.saving()
    if saving is None:
        return []
    way, without = found.operation.without(found.share)
    prices = found.operation
    text = (
        f"At {prices.miss:,g} for a miss, {prices.false_alarm:,g} for a false alarm and {prices.review:,g} for a "
        f"review, a day without the detector costs {without:,.0f} ({way}). A year with it saves "
        f"**{saving.value:,.0f}** ({saving.low:,.0f} to {saving.high:,.0f}, over the intervals of recall and "
        "false-alarm rate)."
    )
    return [Note("good" if saving.low > 0 else "warning", text, title="A year in money")]


def beside(found: Evaluation) -> list[Block]:
    """The controls, on the same rows."""
    if found.verdict() is None:
        fix = "`--train FILE`, or `X_normal=` in Python, names the rows that the detector was fitted on"
        return [Text(f"Not asked. {fix}: trivial controls then learn from them and are judged on these rows.")]
    alpha = found.detector.promise_.alpha
    text = (
        "Every control learnt from four fifths of the rows that the detector was fitted on, took its threshold from "
        "the other fifth at the same budget, and was judged on these rows."
    )
    caption = f"With 95 % intervals over these rows; at a budget of {100 * alpha:g} %"
    return [Text(text), *compared(found.figures(), "over these rows", caption)]


def reasons(found: Evaluation) -> list[Block]:
    """The rows with the highest scores, and why."""
    kinds = "normal", "anomaly"
    if found.top[0].reasons:
        return [Text(HIGHEST), contributions(found.top[0]), reasons_table(found.top, kinds)]
    rows = [[one.row, kinds[one.anomalous], one.score] for one in found.top]
    return [Table(["row", "row is", "anomaly score"], rows, "The rows with the highest scores, from 0")]


def made(found: Evaluation) -> list[Block]:
    """The promise beside what came, and the protocol."""
    low, high = found.band()
    false, normal = found.confusion().false_positives, int((~found.anomalous).sum())
    text = (
        f"- **Promise**: {found.detector.promise_}. For {normal:,} normal rows that is {low:,} to {high:,} false "
        f"alarms with 95 % confidence (Beta-binomial); {false:,} came.\n"
        f"- **Threshold**: {found.detector.threshold_:.6g}, set by calibration rows before these rows were read.\n"
        "- **Intervals**: shares by Wilson 1927, ROC-AUC by Newcombe 2006 (method 5), average precision as a share of "
        "the anomalies, the lead over a control by DeLong 1988 with Student's t. They are of these rows, not of other "
        "fits.\n"
        "- **Best control**: the one with the highest ROC-AUC on these rows; the choice favours the controls."
    )
    return [Text(text)]
