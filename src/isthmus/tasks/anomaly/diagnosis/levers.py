"""What can be changed in a detector that finds too little, and what that should do to it."""

from __future__ import annotations

import dataclasses
from typing import Any, NamedTuple

from isthmus.tasks.anomaly.diagnosis.judgement import area, percent
from isthmus.tasks.anomaly.diagnosis.power import DETECTOR, Power, scored_by
from isthmus.tasks.anomaly.member import SCORES

EIGHTH, QUARTER, TWICE = 8, 4, 2
DROPPED = 0.1  # of the encoder's hidden units
LOOSER = 0.05  # a budget of false alarms
CONTROLS = {
    "distance from the mean": "numpy.linalg.norm((X - mean) / deviation, axis=1)",
    "PCA": "sklearn.decomposition.PCA({latent}), and the length of what its components leave",
    "nearest neighbours": "sklearn.neighbors.NearestNeighbors(n_neighbors=5), and the distance to the fifth",
    "isolation forest": "sklearn.ensemble.IsolationForest()",
    "untrained network": "any random projection of as many numbers: it was not training that found them",
    "random": "a look at what the anomalies are, before any method",
}


class Lever(NamedTuple):
    """One thing to change.

    Args:
        name: What it is.
        do: A call, where `detector` is the detector, `X` normal rows and `clone` scikit-learn's.
        changes: What it should do, and at what cost; or what it did, where that was measured here.
    """

    name: str
    do: str
    changes: str


def smaller(detector: Any, power: Power) -> list[Lever]:
    """Less power: for a model that rebuilds what it should not."""
    model = detector.model_
    latent, epochs = model.latent_dim_, model.settings_.epochs
    dropping = dataclasses.replace(model.settings_.architecture, dropout=DROPPED, dropout_in="encoder")
    found = [
        *_better_scores(power),
        Lever(
            "smaller code",
            _refitted(f"latent_dim={max(1, latent // EIGHTH)}"),
            f"a row crosses as {max(1, latent // EIGHTH)} numbers and not as {latent}: anomalies come out worse, "
            "normal rows a little",
        ),
        Lever(
            "dropout in the encoder",
            _refitted(f"architecture=isthmus.{dropping!r}"),
            "what crosses must be told by several units, so less of it does; training takes longer",
        ),
        Lever(
            "stopping early",
            _refitted(f"epochs={max(1, epochs // QUARTER)}"),
            "what rows have in common is learnt first, and how to copy them last",
        ),
    ]
    if model.spec_.kind == "image":
        ssim = 'isthmus.ImageDetector(distortion="ssim")'
        found.append(Lever("structural similarity", ssim, "edges and textures count, and not how bright a pixel is"))
    return found if latent > 1 else [lever for lever in found if lever.name != "smaller code"]


def larger(detector: Any, power: Power) -> list[Lever]:
    """More power: for a model that learnt too little, or anomalies that it hardly tells apart."""
    model = detector.model_
    latent, epochs = model.latent_dim_, model.settings_.epochs
    wider = min(TWICE * latent, model.spec_.width - 1)
    found = [*_better_scores(power)]
    if wider > latent:
        does = f"{wider} numbers cross and not {latent}: normal rows come out better, and what stays is what is odd"
        found.append(Lever("wider code", _refitted(f"latent_dim={wider}"), does))
    found.append(
        Lever(
            "longer training",
            _refitted(f"epochs={TWICE * epochs}"),
            "normal rows come out better, until unseen ones no longer do; it takes twice as long",
        )
    )
    recall = power.separations[DETECTOR].recall.get(LOOSER)
    if recall is not None and detector.promise_.alpha < LOOSER:
        does = f"{percent(recall)} of the anomalies above the threshold, for {100 * LOOSER:g} % false alarms"
        found.append(Lever("a larger budget", f"detector.calibrate(X, alpha={LOOSER:g})", does))
    return found


def simpler(detector: Any, power: Power) -> list[Lever]:
    """No network: the control that won, or one column at a time where nothing else is to be seen."""
    rival = power.rival if power.labelled else next(iter(CONTROLS))
    does = f"ROC-AUC {area(power.controls[rival].roc_auc)} on these rows" if power.labelled else "finds what is far off"
    return [
        Lever(rival, CONTROLS[rival].format(latent=detector.model_.latent_dim_), f"{does}, with nothing to train"),
        *_better_scores(power),
    ]


def _better_scores(power: Power) -> list[Lever]:
    """Other scores of the same model that surely have a larger area on these rows; they cost no training."""
    own = power.separations[DETECTOR].roc_auc.value
    areas = {name: power.separations[scored_by(name)].roc_auc for name in SCORES if scored_by(name) in power.own}
    better = {name: one for name, one in areas.items() if one.low > own}
    return [
        Lever("another score", _scored(name), f"ROC-AUC {area(one)} on these rows, not {own:.3f}")
        for name, one in better.items()
    ]


def _scored(name: str) -> str:
    """The call that fits the detector with another score."""
    return f"detector.set_params(score={name!r}).fit(X)"


def _refitted(change: str) -> str:
    """The call that fits the detector with another model."""
    return f"detector.set_params(model=clone(detector.model_).set_params({change})).fit(X)"
