"""The demonstration's page: what was found, whether it was worth a network, why, and how the figures were made."""

from __future__ import annotations

import numpy as np

import isthmus
from isthmus.report import Block, Code, Figures, Note, Page, Section, Text, charts
from isthmus.tasks.anomaly.demo.comparison import DETECTOR
from isthmus.tasks.anomaly.demo.demo import ALPHA, Demo, said
from isthmus.tasks.anomaly.page_blocks import HIGHEST, KINDS, compared, contributions, drawn, reasons_table

AGAIN = """
import isthmus
from sklearn.datasets import load_breast_cancer

X, benign = load_breast_cancer(return_X_y=True, as_frame=True)
split = isthmus.split_for_detection(X, benign == 0, random_state=0)

detector = isthmus.AnomalyDetector(alpha=0.05, random_state=0)
detector.fit(X.iloc[split.train], X_calibration=X.iloc[split.calibration])

detector.predict(X.iloc[split.test])   # -1 raises an alarm
detector.explain(X.iloc[split.test])   # which columns made it so
detector.promise_                      # what the calibration rows can promise
"""


def page(demo: Demo) -> Page:
    """The whole page."""
    lead = (
        "A detector learnt what **benign** tumours look like, without seeing a malignant one. It may raise a false "
        f"alarm for {100 * ALPHA:g} % of benign rows. How many malignant ones does it find, and would something "
        "simpler find as many?"
    )
    blocks: list[Block] = [
        headline(demo),
        verdict(demo),
        Section("What it found", [found(demo)]),
        Section("Would something simpler do?", beside(demo)),
        Section("Why these rows?", reasons(demo)),
        Section("How it learnt", learnt(demo)),
        Section("How the figures were made", made(demo)),
    ]
    footer = f"Written by isthmus {isthmus.__version__} in {demo.seconds:.0f} s. The page needs nothing but itself."
    return Page("Anomaly detection on breast-cancer data", lead, blocks, footer)


def headline(demo: Demo) -> Block:
    """The four numbers to remember."""
    figures = demo.comparison.figures()
    ours, control = figures[DETECTOR], demo.comparison.verdict().control
    count = len(demo.comparison.trials)
    return Figures(
        [
            ("Malignant rows found", f"{100 * ours['recall'].value:.0f} %", f"mean of {count} splits of the data"),
            (
                "False alarms",
                f"{100 * ours['false_alarm_rate'].value:.1f} %",
                f"of benign rows; the budget is {100 * ALPHA:g} %",
            ),
            ("ROC-AUC", f"{ours['roc_auc'].value:.3f}", "chance that a malignant row scores above a benign one"),
            ("Best simple control", f"{figures[control]['roc_auc'].value:.3f}", f"ROC-AUC of the {control}"),
        ]
    )


def verdict(demo: Demo) -> Block:
    """Who wins, in words that do not flatter."""
    outcome = demo.comparison.verdict()
    advice = {
        "detector": "On rows like these the network earns its keep.",
        "control": "On rows like these use that control: it needs no training, and orders them better. What the "
        "detector adds is the reasons below. Nothing was tuned to this data.",
        "undecided": "Where two methods cannot be told apart, prefer the simpler one.",
    }
    text = f"{said(*outcome)} {advice[outcome.winner]}"
    return Note(KINDS[outcome.winner], text, title="Verdict")


def found(demo: Demo) -> Block:
    """Scores of the kept detector's test rows."""
    detector = demo.first.detector
    scores, malignant = demo.scores()
    alarms = scores > detector.threshold_
    normals = int((~malignant).sum())
    low, high = detector.promise_.band(normals)
    caption = (
        "Test rows of the first split, none of them seen in training or calibration. "
        f"{int(alarms[malignant].sum())} of {int(malignant.sum())} malignant rows lie above the threshold, and "
        f"{int(alarms[~malignant].sum())} of {normals} benign ones. {detector.promise_.n} calibration rows promise "
        f"{low} to {high} of those, with 95 % confidence."
    )
    return drawn(
        charts.histogram,
        {"benign": scores[~malignant], "malignant": scores[malignant]},
        title="Scores of new rows: the further right, the more anomalous",
        x="anomaly score (standard deviations)",
        threshold=detector.threshold_,
        caption=caption,
    )


def beside(demo: Demo) -> list[Block]:
    """The controls beside the detector."""
    figures = demo.comparison.figures()
    text = (
        "Every method learnt from the same benign rows, took its threshold from the same calibration rows and was "
        "judged on the same test rows. The *distance from the mean* is the length of the standardised row: one line, "
        "nothing to train. *PCA* keeps as many components as the detector's code has dimensions. *Nearest neighbours* "
        "is the distance to the fifth nearest training row."
    )
    splits = len(demo.comparison.trials)
    caption = f"Mean over {splits} splits, with its 95 % interval; at a budget of {100 * ALPHA:g} %"
    return [Text(text), *compared(figures, "over the splits", caption)]


def reasons(demo: Demo) -> list[Block]:
    """The rows that scored highest, and the columns that made them so."""
    kinds = "benign", "malignant"
    return [Text(HIGHEST), contributions(demo.anomalies[0]), reasons_table(demo.anomalies, kinds)]


def learnt(demo: Demo) -> list[Block]:
    """The training curve, and how far the model carries to new rows."""
    model = demo.first.detector.model_
    history = model.history_
    curve = [line["epoch"] for line in history], [line["loss"] for line in history]
    seen, new = (float(np.mean(model.anomaly_score(demo.rows(part)))) for part in ("train", "calibration"))
    text = (
        f"An autoencoder of {model.spec_.n_features} columns with a code of {model.latent_dim_} numbers, "
        f"{model.n_iter_} passes over {len(demo.first.split.train)} benign rows. At the end a training row costs "
        f"{seen:.1f} nats and a new benign row {new:.1f}: the gap is what it learnt by heart, and the reason why a "
        "threshold must come from rows that training never saw."
    )
    title = "Cost of a row while training"
    return [Text(text), drawn(charts.curves, {"training rows": curve}, title=title, x="epoch", y="nats per row")]


def made(demo: Demo) -> list[Block]:
    """The protocol, and the lines that make the detector again."""
    split, detector = demo.first.split, demo.first.detector
    test = demo.data.anomalous[split.test]
    text = (
        f"- **Data**: scikit-learn's breast-cancer set, {len(demo.data.X)} rows of {len(demo.data.columns)} "
        "measurements. Benign rows are the normal ones.\n"
        f"- **Splits**: {len(split.train)} benign rows train, {len(split.calibration)} calibrate, "
        f"{int((~test).sum())} benign and all {int(test.sum())} malignant rows judge. Equal rows never part. "
        f"{len(demo.comparison.trials)} such splits, seeds 0 to {len(demo.comparison.trials) - 1}.\n"
        f"- **Threshold**: the {place_of(detector)} smallest score of the calibration rows. The promise for new benign "
        f"rows: {detector.promise_}.\n"
        "- **Score**: what the row loses, by the covariance of what training rows lose, and how far its code lies from "
        "theirs, both in standard deviations from what is usual for calibration rows; the mean of two networks. No "
        "label was used, and every setting is the default.\n"
        "- **Intervals**: over the splits, widened because splits share rows (Nadeau & Bengio 2003).\n"
        "- **Best control**: the one with the highest mean ROC-AUC on the test rows; the choice favours the controls."
    )
    return [Text(text), Code(AGAIN, "The detector of the first split, again; `isthmus.load` reads the saved one.")]


def place_of(detector: isthmus.AnomalyDetector) -> str:
    """The threshold's place among the calibration scores, in words."""
    place = int(np.searchsorted(detector.calibration_scores_, detector.threshold_, side="right"))
    ending = "th" if 10 < place % 100 < 14 else {1: "st", 2: "nd", 3: "rd"}.get(place % 10, "th")
    return f"{place}{ending}"
