"""Does an exported detector answer as the original, and what does one row take by NumPy alone?

Parity: scikit-learn's tables and ADBench's, the normal rows halved: one half trains and calibrates, the other is
replayed, beside rows made up of its cells. Then all anomalies are asked about, which the proof has not seen. Time: one
row of scikit-learn's tumours, 30 columns, through networks of the usual size.
"""

from __future__ import annotations

import math
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from _detection import FOLDER, whole
from numpy.typing import NDArray
from sklearn.datasets import load_breast_cancer, load_digits, load_wine

import isthmus
from isthmus.bench.answers import Figure
from isthmus.bench.machine import one_core
from isthmus.bench.question import Desk, Question
from isthmus.bench.timing import latency
from isthmus.errors import ParityError
from isthmus.metrics.intervals import Interval
from isthmus.tasks.export import row_scorer
from isthmus.tasks.export.subjects import subject_of

ROOT = Path(__file__).resolve().parents[1]
QUESTION = Question("export", "Does an exported detector answer as the original, and how fast?", ROOT, seeds=(0,))
ALPHA, MOST = 0.05, 4000  # the budget of false alarms, and normal rows of a set at most
BUNDLED = {"tumours": (load_breast_cancer, 1), "wine": (load_wine, 0), "digits": (load_digits, 0)}
PUBLISHED = ("45_wine", "42_WBC", "4_breastw", "40_vowels", "2_annthyroid", "6_cardio", "38_thyroid", "19_landsat")


@cache
def rows(name: str) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Normal rows of a set in a random order, and its anomalies."""
    if name in BUNDLED:
        read, normal = BUNDLED[name]
        X, y = read(return_X_y=True)
        anomalous = y != normal
    else:
        X, anomalous = whole(name)
    return np.random.default_rng(0).permutation(X[~anomalous])[:MOST], X[anomalous]


def sets() -> list[str]:
    """The sets at hand."""
    return [*BUNDLED, *(name for name in PUBLISHED if (FOLDER / f"{name}.npz").is_file())]


def some() -> list[str]:
    """A few of them, for what takes longer or says the same once more."""
    return [name for name in sets() if name in (*BUNDLED, "40_vowels", "2_annthyroid")]


def fusion() -> Any:
    """The default: two members whose terms are fused."""
    return isthmus.AnomalyDetector(isthmus.Autoencoder(epochs=20), alpha=ALPHA, random_state=0)


def single(score: str, model: type[Any] = isthmus.Autoencoder, **params: Any) -> Callable[[], Any]:
    """One network."""
    made = {"alpha": ALPHA, "random_state": 0, "members": 1, "score": score}
    return lambda: isthmus.AnomalyDetector(model(**{"epochs": 20, **params}), **made)


def replayed(name: str, ready: Callable[[], Any], format: str) -> dict[str, Any]:
    """Flipped verdicts and the largest difference of one export on one set."""
    normal, anomalies = rows(name)
    half = len(normal) // 2
    detector = ready().fit(normal[:half])
    with tempfile.TemporaryDirectory() as folder:
        try:
            exported = isthmus.load_exported(detector.export(f"{folder}/{name}", normal[half:], format=format))
        except ParityError as refused:
            return {"flipped": 1, "rows": 0, "off": math.inf, "refused": str(refused)}
        found, verdicts = exported.anomaly_score(anomalies), exported.predict(anomalies) == -1
    expected = subject_of(detector).answers(anomalies)
    off = np.abs(found - expected["anomaly_score"]) / (1 + np.abs(expected["anomaly_score"]))
    flipped = exported.proof["flipped"] + int((verdicts != expected["is_anomaly"]).sum())
    count = sum(exported.proof["rows"].values()) + len(anomalies)
    return {"flipped": flipped, "rows": count, "off": max(exported.proof["largest_difference"], float(off.max()))}


def parity(key: str, ready: Callable[[], Any], format: str, names: Callable[[], list[str]] = sets) -> Any:
    """A line's measure: verdicts that flipped on all sets."""

    def measure(desk: Desk) -> Figure:
        found = {
            name: desk.cache.get(lambda n=name: replayed(n, ready, format), set=name, export=format, scored=key)
            for name in names()
        }
        flipped = float(sum(one["flipped"] for one in found.values()))
        beside = {"sets": list(found), "rows": sum(one["rows"] for one in found.values())}
        beside["largest difference, share of 1 + |score|"] = {
            name: float(f"{one['off']:.2g}") for name, one in found.items()
        }
        return Figure(Interval(flipped, flipped, flipped), beside=beside)

    return measure


def hot_images(desk: Desk) -> Figure:
    """Phantoms with lesions, scored by the hottest pixel."""
    good, ill = isthmus.data.phantoms(120, 0, size=32)[0], isthmus.data.phantoms(40, 1, size=32, lesions=1)[0]
    model = isthmus.Autoencoder(architecture="mlp", epochs=20)
    detector = isthmus.ImageDetector(model, alpha=ALPHA, random_state=0).fit(good[:80])
    with tempfile.TemporaryDirectory() as folder:
        proof = isthmus.load_exported(detector.export(f"{folder}/phantoms", np.concatenate([good[80:], ill]))).proof
    beside = {"rows": sum(proof["rows"].values()), "largest difference": float(f"{proof['largest_difference']:.2g}")}
    return Figure(Interval(*[float(proof["flipped"])] * 3), beside=beside)


def one_row(ready: Callable[[], Any], format: str = "numpy") -> Any:
    """A line's measure: microseconds of one row of 30 columns in process, on one core."""

    def measure(desk: Desk) -> Figure:
        normal, _ = rows("tumours")
        detector = ready().fit(normal[:200])
        with tempfile.TemporaryDirectory() as folder:
            home = detector.export(f"{folder}/tumours", normal[200:], format=format)
            score = row_scorer.load(home) if format == "numpy" else isthmus.load_exported(home).anomaly_score
        row = np.ascontiguousarray(normal[250] if format == "numpy" else normal[250:251])
        with one_core():
            times = latency(lambda: score(row), desk.load, calls=3000)
        middle, slow = (times.time(name) for name in ("p50", "p99"))
        beside = {"99th percentile": round(1e6 * slow.value, 1)}
        return Figure(Interval(*(1e6 * value for value in middle)), is_noisy=times.is_noisy, beside=beside)

    return measure


ONE = "one row of 30 columns"
SINGLE = "a single network, NumPy alone: median"
QUESTION.line(f"{ONE}, {SINGLE}", at_most=12.0, unit="us")(one_row(single("distortion", epochs=1)))
FUSED = "a single network with fusion, NumPy alone: median"
QUESTION.line(f"{ONE}, {FUSED}", unit="us")(one_row(single("fusion", epochs=1)))
QUESTION.line(f"{ONE}, the default fusion of two, NumPy alone: median", unit="us")(one_row(fusion))

NONE: dict[str, Any] = {"at_most": 0.0, "unit": "verdicts"}
QUESTION.line("flipped verdicts, fusion of two, NumPy alone", **NONE)(parity("fusion", fusion, "numpy"))
QUESTION.line("flipped verdicts, fusion of two, a graph", **NONE)(parity("fusion", fusion, "onnx", some))
for kind in ("distortion", "mahalanobis", "latent", "density"):
    title = f"flipped verdicts, a single network by {kind}, NumPy alone"
    QUESTION.line(title, **NONE)(parity(kind, single(kind), "numpy", some))
for kind in ("distortion", "reconstruction-probability"):
    title, ready = f"flipped verdicts, a VAE by {kind}, a graph", single(kind, isthmus.VAE)
    QUESTION.line(title, **NONE)(parity(f"VAE, {kind}", ready, "onnx", lambda: ["tumours"]))
QUESTION.line("flipped verdicts, hot images, a graph", **NONE)(hot_images)
QUESTION.line(f"{ONE}, the default fusion of two, a graph: median", unit="us")(one_row(fusion, "onnx"))


if __name__ == "__main__":
    raise SystemExit(QUESTION.main())
