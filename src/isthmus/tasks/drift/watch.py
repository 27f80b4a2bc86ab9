"""`watch`: what became of a detector since its quiet time, window by window."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np

from isthmus.errors import ParameterError, TooFewRowsError
from isthmus.tasks.drift.alerts import Alert, Cause, explained
from isthmus.tasks.drift.classifier import told_apart
from isthmus.tasks.drift.distances import psi, unit_change, unseen, wasserstein
from isthmus.tasks.drift.history import History, Window
from isthmus.tasks.drift.known import drift_of_members, horizon, recall, separation
from isthmus.tasks.drift.textbook import bare_rule, ks_rule
from isthmus.tasks.drift.threshold import MOST_MOVED
from isthmus.tasks.drift.watched import Seen, Watched
from isthmus.tasks.drift.watcher import FEWEST, FLOOR, INPUTS, THRESHOLD, Step, Watcher

CONTROLS = 8  # quiet windows that a classifier is asked to tell from the others
LEARNT = 0.05  # of quiet time that a detector may have learnt from, beyond what it has learnt of later rows


class LearntQuietWarning(UserWarning):
    """Quiet time holds rows that the detector learnt from, whose scores are not those of new rows."""


def watch(
    history: History,
    threshold: float,
    alpha: float,
    *,
    window: str | int = "week",
    quiet: Any = None,
    run_length: float = 52.0,
    floor: float = FLOOR,
    causes: Sequence[Cause] = (),
) -> Watched:
    r"""Compare every window after quiet time with that, and say where more than chance has changed.

    What comes in, the scores, the share of alarms and the threshold are watched. A stream counts where its distance D
    from quiet time is beyond a limit in two of three windows; limits are those under which quiet windows, drawn again
    in blocks of the quiet time itself, raise one alarm in `run_length` of them, everything together.

    .. math:: D = \max_k |F_k - G_k|, \quad \ell = \max(\text{floor}, \kappa q)

    Args:
        history: Scored rows with a time.
        threshold: Above which a row raised an alarm.
        alpha: The budget that it keeps.
        window: "hour", "day", "week", "month" (30 days), or a number of rows.
        quiet: How many windows from the first on are quiet time, or the datetime at which it ended; None for the first
            half. Nothing may have changed in it.
        run_length: Windows in which chance may raise one alarm.
        floor: Distances below this are of no interest, however sure they are.
        causes: What people know of stretches of time; alerts there are noted, and call nobody.

    Warns:
        LearntQuietWarning: quiet time holds rows that the detector learnt from.

    Raises:
        TooFewRowsError: a quiet time of fewer than six windows, or nothing after it.
        ParameterError: windows of time without a time.

    Example:
        >>> random = np.random.default_rng(0)
        >>> scores = np.concatenate([random.normal(size=6000), random.normal(1, 1, 2000)])
        >>> found = watch(History(scores), 2.33, 0.01, window=200, quiet=30)
        >>> found.windows[1].alerts[0].stream
        'anomaly score'
    """
    every = history.windows(window)
    past = _past(every, quiet)
    known = history.taken(slice(0, past[-1].stop))
    _check_learnt(history, past[-1].stop)
    usual = int(np.median([one.rows for one in past]))
    watcher = Watcher.of(known, usual, threshold, alpha, run_length=run_length, floor=floor)
    later = [one for one in every[len(past) :] if one.rows >= FEWEST]
    if not later:
        raise TooFewRowsError(
            f"{len(every)} windows, all of them quiet time", "watched are those after it", "set quiet= lower"
        )
    control = max((_apart(known, history.within(one)) or 0.5 for one in past[-CONTROLS:]), default=None)
    seen = [_seen(watcher, history.within(one), one, causes) for one in later]
    limits = {
        stream.name: float(limit)
        for group in watcher.groups
        for stream, limit in zip(group.streams, group.limits, strict=True)
    }
    left_out = len(every) - len(past) - len(later)
    return Watched(seen, len(past), run_length, limits, threshold, left_out, control if known.columns else None)


def _check_learnt(history: History, stop: int) -> None:
    """Warn where quiet time is time of training; rows that come again and again are found in later time as well."""
    if history.learnt is None or stop == len(history.scores):
        return
    share, later = float(history.learnt[:stop].mean()), float(history.learnt[stop:].mean())
    if share > later + LEARNT:
        warnings.warn(
            f"{100 * share:.0f} % of quiet time are rows that the detector learnt from ({100 * later:.0f} % later on), "
            "whose scores may be lower than those of new rows: begin the history after training, or give rows with the "
            "anomaly_score that they had when they were new",
            LearntQuietWarning,
            stacklevel=3,
        )


def _past(every: Sequence[Window], quiet: Any) -> list[Window]:
    """The windows of quiet time."""
    if quiet is None:
        count = max(1, len(every) // 2)
    elif isinstance(quiet, int):
        count = quiet
    else:
        count = _ended(every, quiet)
    if not 0 < count <= len(every):
        raise ParameterError(f"quiet={quiet!r}", f"there are {len(every)} windows", "name a part of them")
    return list(every[:count])


def _ended(every: Sequence[Window], quiet: Any) -> int:
    """How many windows end by a date."""
    try:
        end = np.datetime64(quiet).astype("datetime64[us]")
        return sum(bool(one.last <= end) for one in every)
    except (ValueError, TypeError) as odd:
        allowed = "quiet time ends with a number of windows, or at a datetime where rows have one"
        raise ParameterError(f"quiet={quiet!r}", allowed, "use quiet=20 or quiet='2026-06-01'") from odd


def _seen(watcher: Watcher, rows: History, window: Window, causes: Sequence[Cause]) -> Seen:
    """Everything about one window."""
    steps, moved, quiet = watcher.look(rows), watcher.moved(rows), watcher.quiet
    apart = drift_of_members(quiet, rows)
    term = horizon(apart)
    alerts = [_alert(step, window, _note(step, quiet, rows, term)) for step in steps if step.raised]
    if moved.moved:
        note = (
            f"{moved.value:.4g} instead of {watcher.threshold:.4g}, band of chance {moved.low:.4g} to {moved.high:.4g}"
        )
        alerts.append(Alert(THRESHOLD, "threshold", window.name, str(window.last), abs(moved.share), MOST_MOVED, note))
    return Seen(
        window,
        steps,
        moved,
        float((rows.scores > watcher.threshold).mean()),
        recall(rows, watcher.threshold),
        separation(rows),
        ks_rule(quiet.scores, rows.scores),
        bare_rule(quiet.scores, rows.scores, watcher.alpha),
        apart,
        term,
        _apart(quiet, rows),
        [explained(alert, window, causes) for alert in alerts],
    )


def _apart(quiet: History, rows: History) -> float | None:
    """How well a classifier tells a window's inputs from those of quiet time; None where there are none."""
    inputs = [name for name, column in quiet.columns.items() if column.dtype.kind != "M"]
    if not inputs:
        return None
    return told_apart(*({name: part.columns[name] for name in inputs} for part in (quiet, rows)))


def _alert(step: Step, window: Window, note: str) -> Alert:
    return Alert(step.kind, step.stream, window.name, str(window.last), step.distance, step.limit, note)


def _note(step: Step, quiet: History, rows: History, term: str) -> str:
    """What else an alert should say."""
    if step.kind != INPUTS:
        return f"{term} drift by its members" if term else ""
    before, after = quiet.columns[step.stream], rows.columns[step.stream]
    said = [f"PSI {psi(before, after):.2f}"]
    if before.dtype.kind in "OUS":
        new = unseen(before, after)
        return "; ".join([*said, *([f"never seen before: {', '.join(new)}"] if new else [])])
    said.append(f"moved by {wasserstein(before, after):.2f} standard deviations")
    factor = unit_change(before, after)
    return "; ".join([*said, *([f"as if multiplied by {factor:.3g}: another unit?"] if factor else [])])
