"""From what was measured to a verdict: the one rule, with labels and without."""

from __future__ import annotations

from typing import TypeAlias

from isthmus.metrics import Interval
from isthmus.tasks.anomaly.diagnosis.power import DETECTOR, RESIDUAL, Power
from isthmus.tasks.anomaly.diagnosis.separation import Separation

LARGE = 0.474  # Cliff's delta from which an effect is called large (Romano et al. 2006)
FOUND = 0.1  # share of the anomalies that must raise an alarm
MARGIN = 0.02  # of the area within which two methods are called equal
MOST, ALL = 0.5, 0.99  # of what makes an anomaly one: a model that rebuilds more of it hides it, or is a copy
SUSPICIOUS = 0.999  # area from which one looks for leakage first

Verdict: TypeAlias = tuple[str, str]
"""The verdict, and what it follows from."""


def with_labels(power: Power) -> Verdict:
    """The verdict on labelled rows, which are all that counts where they are at hand.

    A detector is sound where anomalies score higher by a large effect, a tenth of them raise an alarm, and no control
    is ahead by more than the margin. Where one is, that control does it. Else a cause is looked for: a model that
    rebuilds most of what anomalies are, so that its losses do not tell them, has too much power; any other has too
    little. A verdict is the best guess from the figures; how sure they are is told beside it.
    """
    is_strong = is_large(power.separations[DETECTOR]) and power.recall.value >= FOUND
    if power.lead.value < -MARGIN or (not is_strong and power.lead.value < 0):
        how = "surely better" if power.lead.high < 0 else "better, though not surely,"
        return "use a simpler model", f"{power.rival} is {how} on the same rows"
    if is_strong:
        sure = "surely " * (surely_large(power.separations[DETECTOR]) and power.recall.low >= FOUND)
        return "sound", f"anomalies {sure}score higher by a large effect, and no control is ahead by {MARGIN:g}"
    if power.kept_of_anomalies >= MOST and not is_large(power.separations[RESIDUAL]):
        return "overpowered", "most of what makes an anomaly one comes out again, which hides it"
    return "underpowered", "what an anomaly costs is hardly more than what a normal row does"


def without_labels(power: Power) -> Verdict:
    """The verdict on stand-ins: what the model itself loses of them, for a score can hide what a model lacks.

    Stand-ins vary as much as normal rows do, column by column. Where neither the model's losses nor any control tell
    them from normal rows, there is nothing that a network could learn. A model that rebuilds all of a stand-in is a
    copy. One that surely loses more of them than of normal rows is sound; any other has too much power where it
    rebuilds most of a stand-in, and too little where it loses them and normal rows alike, as the mean would.
    """
    if power.missed:
        return "overpowered", "points 10 standard deviations off raise no alarm: the network extrapolates"
    tells = surely_large(power.separations[RESIDUAL])
    if not tells and not any(map(surely_large, power.controls.values())):
        return "use a simpler model", "no method sees what columns have to do with each other: one at a time will do"
    if power.kept_of_anomalies >= ALL:
        return "overpowered", "a row comes out again whether or not its columns fit each other: the model is a copy"
    if tells:
        return "sound", "the model loses surely more of rows in which nothing fits"
    if power.kept_of_anomalies >= MOST:
        return "overpowered", "most of a row comes out again though nothing in it fits, and no more of one that does"
    return "underpowered", "what is lost is hardly more than the mean would lose, and controls see what could be learnt"


def is_large(found: Separation) -> bool:
    """Whether anomalies score higher by a large effect."""
    return found.delta >= LARGE


def surely_large(found: Separation) -> bool:
    """Whether they do at the low end of the interval too."""
    return 2 * found.roc_auc.low - 1 >= LARGE


def seen(power: Power) -> str:
    """What was measured, in words."""
    found, best = power.separations[DETECTOR], power.controls[power.rival].roc_auc
    n = int(power.anomalous.sum())
    what = "anomalies" if power.labelled else "stand-ins for anomalies"
    alarms = f"{percent(power.recall)} of {n:,} {what} raise an alarm, and {percent(power.false_alarms)}"
    areas = f"ROC-AUC {area(found.roc_auc)}, d {found.d:.2g}; the best control, {power.rival}, reaches {area(best)}"
    kept = f"{share(power.kept)} of its deviation from the mean comes out again, of one of the {what} "
    kept += share(power.kept_of_anomalies)
    return f"{alarms} of {len(power.anomalous) - n:,} normal rows. {areas}. Of a typical normal row {kept}."


def suspicions(power: Power) -> list[str]:
    """What to look into before anything is believed."""
    found = []
    value = power.separations[DETECTOR].roc_auc.value
    if power.labelled and value > SUSPICIOUS:
        causes = "an identifier, a column made from the label, rows of training among these"
        found.append(f"ROC-AUC {value:.4f} is too good to be believed at once: look for leakage ({causes}).")
    if power.missed:
        found.append(f"{share(power.missed)} of points 10 standard deviations off raise no alarm.")
    return found


def area(found: Interval) -> str:
    """An area with its interval.

    Example:
        >>> area(Interval(0.9, 0.85, 0.95))
        '0.900 (0.850 to 0.950)'
    """
    return f"{found.value:.3f} ({found.low:.3f} to {found.high:.3f})"


def percent(found: Interval) -> str:
    """A share with its interval.

    Example:
        >>> percent(Interval(0.9, 0.85, 0.95))
        '90 % (85 to 95 %)'
    """
    return f"{share(found.value)} ({100 * found.low:.0f} to {share(found.high)})"


def share(value: float) -> str:
    """A share in per cent, no sign before nothing.

    Example:
        >>> share(-0.001)
        '0 %'
    """
    return f"{round(100 * value) + 0} %"
