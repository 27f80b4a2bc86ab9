"""Images that a doctor is asked about: as members rebuild them by default, and through codes far too dear or narrow."""

from __future__ import annotations

from functools import cache
from typing import Any, NamedTuple

import numpy as np
from _mnist import FOLDER, drawn
from numpy.typing import NDArray
from sklearn.datasets import load_digits

import isthmus
from isthmus.data import photographs

ROWS = 600
CHECK, CONTRAST = "blur", "contrast_of_details"
Images = NDArray[Any]

SPOILT: dict[str, Any] = {
    "squared errors": isthmus.Autoencoder(latent_dim=12, architecture="mlp", epochs=30, batch_size=32),
    "two numbers": isthmus.Autoencoder(latent_dim=2, architecture="mlp", epochs=30, batch_size=32),
    "coins": isthmus.VAE(latent_dim=12, likelihood="bernoulli", architecture="mlp", epochs=60, batch_size=32),
}
"""Members whose images come out blurred, on some set at least: by what makes them so."""


@cache
def pictures(seed: int) -> dict[str, Images]:
    """Images by the name of their set, (n, h, w): scikit-learn's own, and MNIST where it is at hand."""
    order = np.random.default_rng(seed).permutation(1797)[:ROWS]
    found: dict[str, Images] = {
        "digits": (load_digits().images[order] / 16).astype(np.float32)[..., None],
        "photographs": photographs.patches(ROWS, seed, size=16).X,
    }
    if any(FOLDER.glob("train-images*")):
        found["handwriting"] = np.round(255 * drawn(ROWS, seed).x).astype(np.uint8).reshape(-1, 28, 28)
    return found


class Asked(NamedTuple):
    """Whether images are called blurred, and the share of their contrast that their details come out with."""

    is_called: bool
    contrast: float


def asked(model: Any, images: Images) -> Asked:
    """What the doctor says of a fitted model."""
    told = model.diagnose(images)
    answer = told.answers[CHECK]
    return Asked(CHECK in told.findings, float(getattr(answer, "figures", {}).get(CONTRAST, np.nan)))


def cured(name: str, images: str, seed: int) -> tuple[Asked, Asked | None]:
    """A member that may blur, and what became of it by the doctor's remedy, if he had one."""
    X = pictures(seed)[images]
    model = SPOILT[name].set_params(random_state=seed).fit(X)
    before = asked(model, X)
    if not before.is_called:
        return before, None
    remedy = model.diagnose(X).findings[CHECK].remedy
    return before, asked(eval(remedy, {"model": model, "X": X, "isthmus": isthmus}), X)  # noqa: S307 -- a doctor's word
