"""Autoencoders of more and less power on some sets: what they detect, and what is said of them."""

from __future__ import annotations

import copy
import dataclasses
import io
import os
import warnings
import zipfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from _tables import Found
from numpy.typing import NDArray

import isthmus
from isthmus.core.spec import Spec
from isthmus.estimator.defaults import narrow
from isthmus.tasks.anomaly.calibration import FewCalibrationRowsWarning
from isthmus.tasks.anomaly.controls import every_control
from isthmus.tasks.anomaly.diagnosis.separation import Separation
from isthmus.tasks.anomaly.member import Member
from isthmus.tasks.anomaly.scorer import Scorer

DATA = Path(os.environ.get("ISTHMUS_DATA", Path(__file__).resolve().parents[2] / "shared" / "data"))
TABLES = {"cardio": "6_cardio", "letter": "20_letter", "satellite": "30_satellite"}
CELLS, LARGE = "ELPV cells", "ELPV cells of 256 x 256"
SIDES = {CELLS: 24, LARGE: 256}  # pixels, of 300
DEEP = {"hidden_dims": (8, 16, 32, 64, 128), "epochs": 60, "batch_size": 8}  # on large cells; 8 x 8 places are left
SEEDS = {LARGE: 1}  # of a set whose fits take minutes each, fewer than of the others
MOST_ROWS = 2000  # normal ones of a table
UNITS, LESS = 128, 8
DROPOUT, PATIENCE = 0.15, 10
SCORES = ("fusion", "distortion")
WIDE, ONE = f"{UNITS} units, to the end", "1 unit"
LEVERS = (f"{UNITS // LESS} units", "dropout in the encoder", "early stopping")
SSIM = "structural similarity"
VARIANTS = (WIDE, *LEVERS, ONE)
MARGIN = 0.02  # of ROC-AUC, within which two are called equal
FOLK_D, FOLK_P = 2.0, 0.01
FOLK_WIDTHS = (50, 20)  # the code is to be the inputs over these


def variants(name: str) -> tuple[str, ...]:
    """Those of a set, each of less power than the ones before it; images have one lever more."""
    return (WIDE, *LEVERS, SSIM, ONE) if name in SIDES else VARIANTS


class Data(NamedTuple):
    """Rows and which of them are anomalies."""

    X: NDArray[Any]
    anomalous: NDArray[np.bool_]


@cache
def data(name: str) -> Data:
    """A set by its name."""
    if name in SIDES:
        return cells(SIDES[name])
    held = np.load(DATA / "adbench" / f"{TABLES[name]}.npz")
    X, anomalous = held["X"].astype(np.float64), held["y"] == 1
    first = distinct(X)
    X, anomalous = X[first], anomalous[first]
    order = np.random.default_rng(0).permutation(len(X))
    kept = np.concatenate([order[~anomalous[order]][:MOST_ROWS], order[anomalous[order]][: MOST_ROWS // 4]])
    return Data(X[kept], anomalous[kept])


def distinct(X: NDArray[Any]) -> NDArray[np.int64]:
    """Positions of the first of equal rows, which a detector would refuse on two sides."""
    scale = np.where(X.std(0) > 0, X.std(0), 1.0)
    _, first = np.unique(np.round(X / scale, 5), axis=0, return_index=True)
    return np.sort(first)


def cells(side: int) -> Data:
    """Pictures of solar cells, sound ones and surely defective ones, made smaller by averaging."""
    from PIL import Image

    with zipfile.ZipFile(DATA / "industrial" / "elpv_mono_100good_40bad.zip") as archive:
        lines = [line.split() for line in archive.read("labels.csv").decode().splitlines()]
        pictures = [Image.open(io.BytesIO(archive.read(line[0]))).convert("L") for line in lines]
    small = [np.asarray(picture.resize((side, side), Image.Resampling.BOX)) for picture in pictures]
    return Data(np.stack(small), np.array([float(line[1]) > 0 for line in lines]))


def model(variant: str, name: str, seed: int) -> Any:
    """The unfitted autoencoder."""
    units = {ONE: 1, LEVERS[0]: UNITS // LESS}.get(variant, UNITS)
    if name in SIDES:
        deep: dict[str, Any] = DEEP if name == LARGE else {}
        made: Any = isthmus.ConvolutionalAutoencoder(latent_dim=units, random_state=seed, device="cpu", **deep)
        backbone: Any = isthmus.Convolutional()
        if variant == SSIM:
            made.set_params(likelihood="ssim")
    else:
        wide = {"allow_overcomplete": True, "hidden_dims": (UNITS,)}
        made, backbone = isthmus.Autoencoder(latent_dim=units, random_state=seed, device="cpu", **wide), isthmus.MLP()
    if variant == LEVERS[1]:
        made.set_params(architecture=dataclasses.replace(backbone, dropout=DROPOUT, dropout_in="encoder"))
    return made


def stopped(variant: str, made: Any, train: NDArray[Any]) -> Any:
    """With early stopping: as many epochs as a fifth of the rows, held out, asks for."""
    if variant != LEVERS[2]:
        return made
    trial = copy.deepcopy(made).set_callbacks(isthmus.EarlyStopping(patience=PATIENCE)).fit(train, validation=0.2)
    losses = [epoch["validation_loss"] for epoch in trial.history_]
    return made.set_params(epochs=int(np.argmin(losses)) + 1)


class Parts(NamedTuple):
    """A set dealt out: normal rows to train and to calibrate on, rows for `diagnose`, rows that say what is true."""

    train: NDArray[Any]
    calibration: NDArray[Any]
    shown: Data
    kept: Data


@cache
def parts(name: str, seed: int) -> Parts:
    """Two fifths of the normal rows train, one calibrates; the others and the anomalies are dealt out to two halves."""
    X, anomalous = data(name)
    order = np.random.default_rng(seed).permutation(len(X))
    normal, odd = order[~anomalous[order]], order[anomalous[order]]
    train, calibration, rest = np.split(normal, [2 * len(normal) // 5, 3 * len(normal) // 5])
    halves = [np.concatenate([rest[half::2], odd[half::2]]) for half in (0, 1)]
    return Parts(X[train], X[calibration], *(Data(X[half], anomalous[half]) for half in halves))


@cache
def rivals(name: str, seed: int) -> dict[str, Separation]:
    """What the controls reach on the rows that say what is true."""
    train, _, _, kept = parts(name, seed)
    flat = [rows.reshape(len(rows), -1).astype(np.float64) for rows in (train, kept.X)]
    methods = every_control(flat[0], components=narrow(Spec("table", flat[0].shape[1:])))
    return {method: Separation.of(kept.anomalous, score(flat[1])) for method, score in methods.items()}


def power(method: str, seed: int) -> Found:
    """What a variant reaches on rows that nobody has shown to `diagnose`, and what that says of it from others.

    Without labels the verdict is about the model; so it is asked once, and held against what both scores reach.
    """
    name, variant = method.split(": ")
    train, calibration, shown, kept = parts(name, seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FewCalibrationRowsWarning)
        fitted = isthmus.AnomalyDetector(
            stopped(variant, model(variant, name, seed), train), alpha=alpha_of(name), random_state=seed
        ).fit(train, X_calibration=calibration)
    found: Found = {"width": fitted.model_.latent_dim_, "inputs": int(np.prod(train.shape[1:]))}
    free = fitted.diagnose(np.concatenate([calibration, shown.X[~shown.anomalous]]), X_train=train)
    found |= {"without labels": free.verdict, "rebuilt stand-ins": free.power.kept_of_anomalies}
    for score in SCORES:
        detector = read_by(fitted, score, calibration)
        labelled = detector.diagnose(shown.X, shown.anomalous, X_train=train)
        found[score] = {
            **figures(Separation.of(kept.anomalous, detector.anomaly_score(kept.X)), rivals(name, seed)),
            "with labels": labelled.verdict,
            "p": labelled.detector.p,
            "d": labelled.detector.d,
            "rebuilt": labelled.power.kept_of_anomalies,
        }
    return found


def alpha_of(name: str) -> float:
    """The budget: one false alarm in a hundred where the rows that calibrate allow it."""
    return 0.05 if name in SIDES else 0.01


def figures(own: Separation, others: dict[str, Separation]) -> dict[str, Any]:
    """What is true of a detector, beside the control with the largest area."""
    best = max(others, key=lambda name: others[name].roc_auc.value)
    found = {"ROC-AUC": own.roc_auc.value, "best control": best, "its ROC-AUC": others[best].roc_auc.value}
    return found | {"recall": recall(own), "its recall": recall(others[best])}


def recall(found: Separation) -> float:
    """At 1 % false alarms, or at the least that so few normal rows allow."""
    return min(found.recall.items(), key=lambda one: abs(one[0] - 0.01))[1].value


def read_by(fitted: Any, score: str, calibration: NDArray[Any]) -> Any:
    """The same fitted detector by another score."""
    if score == "fusion":
        return fitted
    detector = copy.copy(fitted).set_params(score=score)
    detector.scorer_ = Scorer([Member(fitted.model_, score)])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FewCalibrationRowsWarning)
        return detector.calibrate(calibration)


Told = Callable[[Found, str], str]
"""A rule: what is said of a variant, read by a score."""


def folk_test(found: Found, score: str) -> str:
    """Sound where the t-test is significant and the effect larger than 2."""
    one = found[score]
    return "sound" if one["p"] < FOLK_P and one["d"] > FOLK_D else "unsound"


def folk_width(found: Found, score: str) -> str:
    """Sound where the code has a twentieth to a fiftieth of the inputs."""
    low, high = (max(1, round(found["inputs"] / over)) for over in FOLK_WIDTHS)
    return "sound" if low <= found["width"] <= high else "overpowered" if found["width"] > high else "underpowered"


def is_good(one: dict[str, Any]) -> bool:
    """Whether a detector is any good: a large effect, a tenth found, and no control better by more than the margin."""
    return bool(one["ROC-AUC"] > 0.737 and one["recall"] >= 0.1 and one["ROC-AUC"] >= one["its ROC-AUC"] - MARGIN)


def is_right(verdict: str, variant: str, of_seed: dict[str, Found], score: str) -> bool:
    """Whether a verdict is borne out by rows that it was not made from.

    "sound": the detector is good. "use a simpler model": a control has the larger area. "overpowered": it is not good,
    and a variant of less power (a lever or one unit, further down the list) has a larger area. "underpowered": it is
    not good, and none of those has an area larger by more than the margin.
    """
    one, names = of_seed[variant][score], list(of_seed)
    weaker = names[names.index(variant) + 1 :]
    best = max((of_seed[name][score]["ROC-AUC"] for name in weaker), default=0.0)
    return {
        "sound": is_good(one),
        "use a simpler model": one["its ROC-AUC"] > one["ROC-AUC"],
        "overpowered": not is_good(one) and best > one["ROC-AUC"],
        "underpowered": not is_good(one) and best <= one["ROC-AUC"] + MARGIN,
        "unsound": not is_good(one),
    }[verdict]
