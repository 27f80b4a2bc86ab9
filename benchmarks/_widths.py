"""Plain members on MNIST beside as many principal components."""

from __future__ import annotations

from typing import Any

from _mnist import drawn, error, first_of_each, greys, part
from sklearn.decomposition import PCA

import isthmus

ROWS = 20_000
METHODS = ("autoencoder, 8", "components, 8", "autoencoder, 32", "components, 32")


def width(method: str, seed: int) -> dict[str, Any]:
    """Errors of a code that is so wide, learnt from rows of the seed's own, and some pictures."""
    which, units = method.split(", ")
    train, test = drawn(ROWS, seed).x, part("test").x
    if which == "components":
        pca = PCA(int(units), random_state=seed).fit(train)
        rebuilt, again = (pca.inverse_transform(pca.transform(rows)) for rows in (test, train))
    else:
        model = isthmus.Autoencoder(latent_dim=int(units), scaling="none", random_state=seed).fit(train)
        rebuilt, again = (model.reconstruct(rows) for rows in (test, train))
    pictures = greys(rebuilt[first_of_each()])
    return {"test error": error(test, rebuilt), "training error": error(train, again), "pictures": pictures}
