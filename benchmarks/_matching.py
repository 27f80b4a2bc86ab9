"""Members that match codes or answer to a critic, on digits of 28 by 28 pixels, beside a VAE and plain classifiers."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
from _mnist import Rows, drawn, part
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

import isthmus
from isthmus.metrics import psnr

ROWS, JUDGED, EPOCHS, WIDTH, BATCH = 3000, 1000, 24, 16, 64
LABELS, NAMED_EPOCHS = 100, 15
NETWORK_SEED, FEATURES, LESSONS = 100, 32, 6  # one network judges all seeds; it learns from rows of its own

MEMBERS: dict[str, tuple[type[Any], dict[str, Any]]] = {
    "VAE": (isthmus.VAE, {}),
    "WAE": (isthmus.WassersteinAutoencoder, {}),
    "VAE-GAN": (isthmus.VAEGAN, {}),
}


def images(rows: Rows) -> NDArray[np.uint8]:
    """Rows as bytes, (n, 28, 28)."""
    return np.round(255 * rows.reshape(-1, 28, 28)).astype(np.uint8)


@cache
def network() -> Any:
    """The network of features, trained with labels."""
    digits = drawn(ROWS, NETWORK_SEED)
    made = isthmus.FeatureNetwork(n_features=FEATURES, epochs=LESSONS, random_state=NETWORK_SEED)
    return made.fit(images(digits.x), digits.y)


def sharpness(rows: NDArray[Any]) -> float:
    """Mean absolute step from a pixel to its neighbour to the right, of values in [0, 1]."""
    return float(np.abs(np.diff(rows.astype(np.float64) / 255, axis=2)).mean())


def draws(method: str, seed: int) -> dict[str, Any]:
    """Figures of what a member draws and rebuilds, trained on rows of the seed's own, judged on the test set."""
    cls, options = MEMBERS[method]
    shape = {"latent_dim": WIDTH, "hidden_dims": (16, 32), "architecture": "conv", "likelihood": "bernoulli"}
    model = cls(**shape, batch_size=BATCH, epochs=EPOCHS, random_state=seed, **options).fit(images(drawn(ROWS, seed).x))
    real = images(part("test").x[:JUDGED])
    made, rebuilt = model.sample(JUDGED, random_state=seed), model.reconstruct(real)
    both = network().compare(real, made, draws=2)
    last = model.history_[-1]
    rate = last.get("rate", last.get("autoencoder/rate"))  # none where the code is no draw
    found = {
        "FID": both["FID"].value,
        "KID": both["KID"].value,
        "precision": both["precision"].value,
        "recall": both["recall"].value,
        "PSNR": float(psnr(real, rebuilt).mean()),
        "sharpness of draws": sharpness(made) / sharpness(real),
        "sharpness of rebuilt": sharpness(rebuilt) / sharpness(real),
        "hash": network().hash_,
    }
    return found if rate is None else {**found, "nats of the rate": rate}


def named(method: str, seed: int) -> dict[str, Any]:
    """Accuracy on the test set from 100 labels, with or without the rows that have none."""
    digits, test = drawn(ROWS, seed), part("test")
    chosen = np.concatenate([np.flatnonzero(digits.y == digit)[: LABELS // 10] for digit in range(10)])
    if method == "logistic regression of pixels":
        plain = LogisticRegression(max_iter=300).fit(digits.x[chosen], digits.y[chosen])
        return {"accuracy": float(plain.score(test.x, test.y))}
    known = np.full(len(digits.y), -1)
    known[chosen] = digits.y[chosen]
    alone = method == "labels alone"
    rows, labels = (digits.x[chosen], digits.y[chosen]) if alone else (digits.x, known)
    shape = {"latent_dim": 20, "hidden_dims": (256,), "scaling": "none", "epochs": 200 if alone else NAMED_EPOCHS}
    model = isthmus.AdversarialAutoencoder(**shape, random_state=seed).fit(rows, labels)
    return {"accuracy": float((model.predict(test.x) == test.y).mean())}
