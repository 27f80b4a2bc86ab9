"""Does the series detector rank anomalous points above normal ones, and keep its budget of false alarms?

Series and protocol are TSB-AD's: learn from a prefix that has no anomaly, score all points, VUS-PR; so its published
figures stand beside ours for the same series. Nothing was chosen by these results: the detector has its own defaults.
Alarms are another matter: a threshold set on the later part of the prefix meets the points behind it.
An interval is Student's over the series.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from _series import LENGTH, Watched, controls, series
from _tables import over_seeds

from isthmus.bench.answers import Absent, Figure
from isthmus.bench.question import Desk, Question
from isthmus.metrics import affiliation, event_f1, false_alarm_rate, point_adjusted_f1, vus_pr
from isthmus.tasks.anomaly.calibration import FewCalibrationRowsWarning
from isthmus.tasks.anomaly.series.detector import TimeSeriesDetector

ROOT = Path(__file__).resolve().parents[1]
QUESTION = Question(
    "detection_series", "Does the series detector rank anomalies high, and keep its budget of false alarms?", ROOT
)
HELD = 0.4  # of a prefix sets the threshold, so that the shortest one, of 500 points, has a window left for it
SETS = {"NAB": (0, 1, 2), "SMD": (0,), "SMAP": (0,)}  # and their seeds: the larger sets have one, for time
SHOWN = {
    "NAB": ("AutoEncoder", "USAD", "Donut", "OmniAnomaly", "Sub-PCA", "KShapeAD", "POLY", "MOMENT (FT)"),
    "SMD": ("AutoEncoder", "USAD", "Donut", "OmniAnomaly", "PCA", "CNN", "LSTMAD"),
}
SHOWN["SMAP"] = SHOWN["SMD"]
OURS, PUBLISHED = "detector", "published: "

Found = dict[str, Any]


def watched(one: Watched, seeds: tuple[int, ...]) -> Found:
    """What a series gives: VUS-PR by method, and what the alarms behind the prefix are worth."""
    scores = {f"{OURS}, seed {seed}": _whole(seed, one).anomaly_score(one.x) for seed in seeds}
    volumes = {name: vus_pr(one.labels, of, one.period) for name, of in (scores | controls(one.x, one.prefix)).items()}
    mean = float(np.mean([volumes[name] for name in scores]))
    return {"volumes": volumes | {OURS: mean}, "alarms": _alarms(one), "name": one.name}


def _whole(seed: int, one: Watched) -> TimeSeriesDetector:
    """A detector of the whole prefix, as the protocol has it; its threshold is not used."""
    prefix = one.x[: one.prefix]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FewCalibrationRowsWarning)
        return TimeSeriesDetector(window=LENGTH, random_state=seed).fit(prefix, X_calibration=prefix)


def _alarms(one: Watched) -> Found:
    """Events and alarms behind the prefix, by a threshold that was set within it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FewCalibrationRowsWarning)
        detector = TimeSeriesDetector(window=LENGTH, calibration=HELD, random_state=0).fit(one.x[: one.prefix])
    truth, alarms = one.labels[one.prefix :], detector.predict(one.x)[one.prefix :] == -1
    events, near, adjusted = event_f1(truth, alarms), affiliation(truth, alarms), point_adjusted_f1(truth, alarms)
    return {
        "event F1": events.f1,
        "event precision": events.precision,
        "event recall": events.recall,
        "affiliation F1": near.f1,
        "point-adjusted F1 (inflated)": adjusted.f1,
        "point-adjusted F1 of as many alarms at random": adjusted.at_random,
        "normal points under alarm": false_alarm_rate(truth, alarms),
        "promised at most": detector.promise_.high,
        "calibration scores that the points are worth": detector.promise_.n,
    }


def line(name: str, read: Callable[[str, list[Watched], list[Found]], Figure], of: str, **bounds: Any) -> None:
    """Add a line that reads its figure off all series of a set."""

    def measure(desk: Desk) -> Figure | Absent:
        try:
            all_of = series(of)
        except FileNotFoundError as fault:
            return Absent(f"no {fault.filename}: ISTHMUS_DATA names the folder that holds it", is_due=True)
        seeds = SETS[of]
        found = [
            desk.cache.get(partial(watched, one, seeds), what="watched", of=one.name, seeds=seeds) for one in all_of
        ]
        return read(of, all_of, found)

    QUESTION.line(f"{of}: {name}", unit="", **bounds)(measure)


def volume(of: str, all_of: list[Watched], found: list[Found], beyond: str | None = None) -> Figure:
    """VUS-PR of the detector, or by how much it is above another's."""
    every = [one["volumes"] | {PUBLISHED + name: value for name, value in at.published.items()}
             for one, at in zip(found, all_of, strict=True)]  # fmt: skip
    means = {name: round(float(np.mean([one[name] for one in every])), 4) for name in every[0]}
    shown = {
        name: mean for name, mean in means.items() if name.removeprefix(PUBLISHED) in SHOWN[of] or PUBLISHED not in name
    }
    best = max((name for name in means if PUBLISHED in name), key=means.__getitem__)
    values = [one[OURS] - (one[beyond] if beyond else 0.0) for one in every]
    beside = {"means": shown, f"best of the published: {best.removeprefix(PUBLISHED)}": means[best]}
    if beyond is None:
        beside["series"] = {one["name"]: round(one["volumes"][OURS], 4) for one in found}
    return Figure(over_seeds(values), note=f"{len(found)} series", beside=beside)


def alarmed(of: str, all_of: list[Watched], found: list[Found]) -> Figure:
    """Event F1 at the threshold that was set within the prefix."""
    alarms = [one["alarms"] for one in found]
    beside = {name: round(float(np.mean([one[name] for one in alarms])), 4) for name in alarms[0]}
    beside["series"] = {one["name"]: round(one["alarms"]["event F1"], 4) for one in found}
    return Figure(
        over_seeds(one["event F1"] for one in alarms), note=f"{len(found)} series, alpha = 0.01", beside=beside
    )


def kept(of: str, all_of: list[Watched], found: list[Found]) -> Figure:
    """Share of the series whose normal points are under alarm no more often than promised."""
    alarms = [one["alarms"] for one in found]
    held = [one["normal points under alarm"] <= one["promised at most"] for one in alarms]
    rates = {
        one["name"]: [round(one["alarms"][name], 4) for name in ("normal points under alarm", "promised at most")]
        for one in found
    }
    note = "the upper end of a 95 % interval, for a series that goes on as its prefix did"
    return Figure(over_seeds(map(float, held)), note=note, beside={"rate and promise": rates})


for of in SETS:
    line("VUS-PR", volume, of)
    line(
        "VUS-PR beyond the published AutoEncoder's", partial(volume, beyond=f"{PUBLISHED}AutoEncoder"), of, at_least=0.0
    )
    line("VUS-PR beyond four principal components of the window", partial(volume, beyond="linear, k = 4"), of)
    line(
        "VUS-PR beyond the distance from the mean window",
        partial(volume, beyond="mean window, k = 0"),
        of,
        at_least=0.0,
    )
    line("VUS-PR beyond the moving deviation", partial(volume, beyond="moving deviation"), of, at_least=0.0)
    line("event F1 at the calibrated threshold", alarmed, of)
    line("share of the series that keep the promise", kept, of, at_least=0.9)

if __name__ == "__main__":
    raise SystemExit(QUESTION.main())
