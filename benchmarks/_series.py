"""The series of TSB-AD that are at hand, as it takes them: a normal prefix to learn from, and all points to be judged.

A NAB file of TSB-AD is NAB's own without its first row, anomalous from behind the start of a labelled window to its
end; which one it is says `tsb_ad_names.csv`. One of SMD or SMAP is a test part that has the length, the anomalous
points, the events and the first anomaly that TSB-AD tells of it. Lengths of prefixes stand in the files' names.
"""

from __future__ import annotations

import csv
import gzip
import json
import os
import re
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from isthmus.metrics.events import runs
from isthmus.tasks.anomaly.series.windows import Windows

ROOT = Path(__file__).resolve().parents[1]
FOLDER = Path(os.environ.get("ISTHMUS_DATA", ROOT.parent / "shared" / "data"))
LENGTH = 100  # of the windows, ours and the controls'
LAGS, SHORTEST, NO_PERIOD = 400, 3, 125  # as TSB-AD looks for a period

Floats = NDArray[np.float64]


class Watched(NamedTuple):
    """One series.

    Args:
        name: Of its file in TSB-AD.
        x: (t, c).
        labels: (t,) true where it is anomalous.
        prefix: Points to learn from.
        published: {method: VUS-PR}.
    """

    name: str
    x: Floats
    labels: NDArray[np.bool_]
    prefix: int
    published: dict[str, float]

    @property
    def period(self) -> int:
        """The window that TSB-AD judges it by: where the autocorrelation of its first channel has its highest peak."""
        x = self.x[:20_000, 0] - self.x[:20_000, 0].mean()
        spectrum = np.fft.rfft(x, 2 * len(x))
        correlation = np.fft.irfft(spectrum * spectrum.conj())[SHORTEST : LAGS + 1]
        peaks = np.flatnonzero((np.diff(correlation)[:-1] > 0) & (np.diff(correlation)[1:] < 0)) + 1
        lag = int(peaks[correlation[peaks].argmax()]) if len(peaks) else 0
        return lag + SHORTEST if SHORTEST <= lag <= 300 else NO_PERIOD


@cache
def published(table: str) -> dict[str, dict[str, str]]:
    """The rows of a table of TSB-AD's results by file, "uni" or "multi"."""
    with gzip.open(FOLDER / "published" / f"tsb_ad_{table}_vus_pr.csv.gz", "rt", encoding="utf-8") as held:
        return {row["file"]: row for row in csv.DictReader(held)}


@cache
def series(name: str) -> list[Watched]:
    """All series of "NAB", "SMD" or "SMAP" that TSB-AD has as well."""
    return list(_nab() if name == "NAB" else _machines(name))


def _watched(file: str, table: str, x: Floats, labels: NDArray[np.bool_]) -> Watched:
    row = published(table)[file]
    scores = {method: float(row[method]) for method in list(row)[1 : list(row).index("ts_len")]}
    return Watched(file, x, labels, _said(file)[0], scores)


def _said(file: str) -> tuple[int, int]:
    """What a name of TSB-AD says: length of the prefix, place of the first anomaly."""
    found = re.search(r"_tr_(\d+)_1st_(\d+)", file)
    assert found, file
    return int(found[1]), int(found[2])


def _nab() -> Iterator[Watched]:
    windows = json.loads((FOLDER / "nab/labels/combined_windows.json").read_text(encoding="utf-8"))
    with (FOLDER / "nab/tsb_ad_names.csv").open(encoding="utf-8") as names:
        for row in csv.DictReader(names):
            with (FOLDER / "nab/data" / row["file"]).open(encoding="utf-8") as held:
                points = list(csv.DictReader(held))[1:]
            stamps = np.array([point["timestamp"] for point in points])
            labels = np.zeros(len(points), dtype=bool)
            for start, end in windows[row["file"]]:
                labels |= (stamps > start[:19]) & (stamps <= end[:19])
            yield _watched(row["tsb_ad_file"], "uni", np.array([[float(point["value"])] for point in points]), labels)


def _machines(name: str) -> Iterator[Watched]:
    folder = FOLDER / {"SMD": "smd", "SMAP": "smap_msl"}[name]
    told = {
        (int(row["ts_len"]), int(row["anomaly_len"]), int(row["num_anomaly"]), _said(file)[1]): file
        for file, row in published("multi").items()
        if f"_{name}_" in file
    }
    for file in sorted(folder.glob("*.npz")):
        with np.load(file) as held:
            x, labels = held["test"].astype(np.float64), held["label"] > 0
        starts, _ = runs(labels)
        key = (len(x), int(labels.sum()), len(starts), int(starts[0]))
        if key in told:
            yield _watched(told[key], "multi", x, labels)


# ------------------------------------------------------------------------------------------- trivial controls


def controls(x: Floats, prefix: int) -> dict[str, Floats]:
    """Scores that anybody has for nothing, (t,) each, from windows on the scale of the prefix."""
    from sklearn.decomposition import PCA

    spread = x[:prefix].std(0)
    scaled = ((x - x[:prefix].mean(0)) / np.where(spread > 0, spread, 1.0)).astype(np.float32)
    windows = Windows(LENGTH, 1, 1)
    learnt = windows.to_learn([scaled[:prefix]]).array
    plane = PCA(4, svd_solver="randomized", random_state=0).fit(learnt.reshape(len(learnt), -1))

    def left(rows: NDArray[np.float32], components: int) -> Floats:
        """Squared length of what the mean window and so many components leave."""
        off, axes = rows.reshape(len(rows), -1) - plane.mean_, plane.components_[:components]
        found: Floats = np.square(off - off @ axes.T @ axes, dtype=np.float64).sum(1)
        return found

    scores: dict[str, Callable[[NDArray[np.float32]], Floats]] = {
        "linear, k = 4": lambda rows: left(rows, 4),
        "mean window, k = 0": lambda rows: left(rows, 0),
        "moving deviation": lambda rows: rows.std(1, dtype=np.float64).mean(1),
    }
    found = {name: windows.served(lambda block, of=of: of(block.array), scaled) for name, of in scores.items()}
    return {**found, "random": np.random.default_rng(0).random(len(x))}
