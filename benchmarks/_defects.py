"""What detectors of defects reach on solar cells and on drawn heads, and what controls that see pixels alone reach."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from _elpv import Bools, Floats, Greys, cells, from_mean, from_plane, planted, vectors
from _tables import Found

from isthmus import ImageDetector
from isthmus.data import phantoms
from isthmus.metrics import aupro, false_alarm_rate, pixel_roc_auc, recall, roc_auc
from isthmus.models import family
from isthmus.tasks.anomaly.calibration import place
from isthmus.tasks.anomaly.controls import controls
from isthmus.tasks.anomaly.images.features import feature_maps

PASSES = 6000  # images that a model sees in training, whatever their number: what 20 minutes on one core allow in all
BATCH = 8  # small, so that they make 750 steps
READINGS: dict[str, dict[str, str]] = {
    "mse": {"distortion": "mse"},
    "ssim": {"distortion": "ssim"},
    "encoder features": {"distortion": "ssim", "features": "encoder"},
}
ON_MAPS = "autoencoder of feature maps"
PLAIN = {"PCA": from_plane, "distance from the mean": from_mean}
SHOWN = 6  # images in a picture
PLANTED = (0.05, 0.1, 0.2)  # how much darker planted defects are

SOUND, CALIBRATED, JUDGED = 200, 100, 100  # heads without a lesion
LESIONS = 50  # heads of each size and contrast of a lesion
DIAMETERS, CONTRASTS = (2, 3, 5, 8, 12), (0.05, 0.1, 0.2, 0.4)

Maps = Callable[[Greys], Floats]


def model(rows: int, seed: int) -> Any:
    """A convolutional autoencoder that sees about `PASSES` images in training."""
    epochs = max(1, round(PASSES / rows))
    options = {"epochs": epochs, "batch_size": BATCH, "learning_rate": 1e-3, "random_state": seed}
    return family()["convolutional-autoencoder"](**options)


def fitted(name: str, train: Greys, calibration: Greys, alpha: float, seed: int) -> ImageDetector:
    """A detector by the name of its reading."""
    detector = ImageDetector(model(len(train), seed), alpha=alpha, random_state=seed, **READINGS[name])
    return detector.fit(train, X_calibration=calibration)


# ------------------------------------------------------------------------------------------- solar cells


def cell_detector(method: str, seed: int) -> Found:
    """Images told apart, and planted defects found, by one reading; by the maps of a fitted encoder as well."""
    data = cells(seed)
    detector = fitted(method, data.train, data.calibration, 0.05, seed)
    found = of_images(detector.anomaly_score, data.sound, data.defective)
    alarms = detector.predict(np.concatenate([data.sound, data.defective])) == -1
    truth = np.repeat([False, True], [len(data.sound), len(data.defective)])
    found |= {"false alarms": false_alarm_rate(truth, alarms), "recall": recall(truth, alarms)}
    found |= of_pixels(detector.heatmap, data.sound, seed)
    if method == "ssim":
        maps = partial(feature_maps, detector.model_)
        second = ImageDetector(model(len(data.train), seed), alpha=0.05, random_state=seed, smooth=0)
        second.fit(maps(data.train), X_calibration=maps(data.calibration))
        found["AUROC, " + ON_MAPS] = of_images(lambda X: second.anomaly_score(maps(X)), data.sound, data.defective)[
            "AUROC"
        ]
    found["heat of defective"] = listed(detector.heatmap(data.defective[:SHOWN]) / detector.threshold_)
    return found


def cell_control(method: str, seed: int) -> Found:
    """The same figures by a control."""
    data = cells(seed)
    if method == "darkness":
        return of_images(lambda X: -X.mean((1, 2)), data.sound, data.defective)
    score = controls(vectors(data.train, 15), 16)[method]
    found = of_images(lambda X: score(vectors(X, 15)), data.sound, data.defective)
    return found | (of_pixels(PLAIN[method](data.train), data.sound, seed) if method in PLAIN else {})


def of_images(score: Callable[[Any], Floats], sound: Greys, defective: Greys) -> Found:
    """The chance that a defective image scores higher than a sound one."""
    truth = np.repeat([False, True], [len(sound), len(defective)])
    return {"AUROC": roc_auc(truth, score(np.concatenate([sound, defective])))}


def of_pixels(maps: Callable[[Any], Any], sound: Greys, seed: int) -> Found:
    """How well maps show defects planted in sound images, beside the same images without: the mean of contrasts."""
    found: Found = {}
    for contrast in PLANTED:
        marked, masks = planted(sound, contrast, seed)
        heat = maps(np.concatenate([sound, marked]))
        truth = np.concatenate([np.zeros_like(masks), masks])
        found[f"pixel AUROC, {contrast:g}"] = pixel_roc_auc(truth, heat)
        found[f"AUPRO, {contrast:g}"] = aupro(truth, heat)
        if contrast == PLANTED[1]:
            found |= {"planted": marked[:SHOWN].tolist(), "masks": masks[:SHOWN].astype(int).tolist()}
            found["heat of planted"] = listed(heat[len(sound) :][:SHOWN])
    means = {
        name: np.mean([found[f"{name}, {contrast:g}"] for contrast in PLANTED]) for name in ("pixel AUROC", "AUPRO")
    }
    return found | {name: float(mean) for name, mean in means.items()}


# ------------------------------------------------------------------------------------------- heads


def head_detector(method: str, seed: int) -> Found:
    """Lesions found by one reading, by their size and contrast."""
    train, calibration, sound = heads(seed)
    detector = fitted(method, train, calibration, 0.01, seed)
    return by_lesion(detector.heatmap, detector.threshold_, sound, seed)


def head_control(method: str, seed: int) -> Found:
    """Lesions found by a control, whose threshold comes from the same heads."""
    train, calibration, sound = heads(seed)
    maps = PLAIN[method](train)
    peaks = np.sort(maps(calibration).max((1, 2)))
    return by_lesion(maps, float(peaks[place(0.01, len(peaks)) - 1]), sound, seed)


def heads(seed: int) -> list[Greys]:
    """Sound heads to learn from, to set the threshold and to judge by."""
    drawn = phantoms(SOUND + CALIBRATED + JUDGED, 1000 + seed)[0]
    return np.split(drawn, [SOUND, SOUND + CALIBRATED])


def by_lesion(maps: Callable[[Any], Any], threshold: float, sound: Greys, seed: int) -> Found:
    """Recall at the threshold, AUROC of images and overlap of pixels for each diameter and contrast."""
    cold = maps(sound)
    found: Found = {"false alarms": float((cold.max((1, 2)) > threshold).mean()), "grid": []}
    for diameter in DIAMETERS:
        for contrast in CONTRASTS:
            ill, masks = phantoms(LESIONS, 2000 + seed, lesions=1, diameter=diameter, contrast=contrast)
            heat = maps(ill)
            found["grid"].append({"diameter": diameter, "contrast": contrast} | figures(cold, heat, masks, threshold))
            if contrast == 0.2:
                found[f"heat, {diameter}"] = listed(heat[:1] / threshold)
                found[f"head, {diameter}"] = ill[:1].tolist()
    return found | {"smallest": smallest(found["grid"])}


def figures(cold: Any, heat: Any, masks: Bools, threshold: float) -> dict[str, float]:
    """What one size and contrast gives, (n, h, w) heat of sound heads and of those with a lesion."""
    truth = np.repeat([False, True], [len(cold), len(heat)])
    hot = heat > threshold
    return {
        "recall": float((hot & masks).any((1, 2)).mean()),  # an alarm elsewhere finds nothing
        "AUROC": roc_auc(truth, np.concatenate([cold, heat]).max((1, 2))),
        "AUPRO": aupro(np.concatenate([np.zeros_like(cold, dtype=bool), masks]), np.concatenate([cold, heat])),
        "overlap": float(((hot & masks).sum((1, 2)) / (hot | masks).sum((1, 2))).mean()),
    }


def smallest(grid: list[dict[str, float]], contrast: float = 0.2) -> float:
    """The diameter from which on half of the lesions of a contrast are found; twice the largest where none is."""
    found = [one["diameter"] for one in grid if one["contrast"] == contrast and one["recall"] >= 0.5]
    return float(min(found, default=2 * max(DIAMETERS)))


def listed(maps: Any) -> list[Any]:
    """Maps to three digits, to be kept."""
    kept: list[Any] = np.round(np.asarray(maps, dtype=np.float64), 3).tolist()
    return kept
