"""How much a wider code would still help: what is lost on held-out rows, by the width of the code."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import clone

from isthmus.errors import ParameterError
from isthmus.estimator.defaults import seed_of, whole
from isthmus.estimator.fitting import split
from isthmus.estimator.inputs import learn
from isthmus.metrics import knee
from isthmus.tasks.tuning import fixed_seed

POINTS, WIDEST = 9, 256


@dataclass(frozen=True)
class LatentCurve:
    """What is lost on held-out rows, by the width of the code.

    Args:
        dims: (k,) widths.
        distortion: (k,) mean over the repeats, in nats per sample.
        repeats: (r, k) each repeat's own.
    """

    dims: NDArray[np.int64]
    distortion: NDArray[np.float64]
    repeats: NDArray[np.float64]

    @property
    def knee(self) -> int:
        """The width from which on a wider code gains little."""
        return int(self.dims[knee(self.dims, self.distortion)])


def latent_curve(
    estimator: Any,
    X: Any,
    *,
    dims: Sequence[int] | None = None,
    validation: float = 0.2,
    repeats: int = 1,
    tell: Callable[[int, float], None] | None = None,
) -> LatentCurve:
    """Fit a model once for each width of its code, and see what it loses on rows that it did not learn from.

    The rows held out are the same for every width.

    Args:
        estimator: A model; all but its `latent_dim` and `random_state` stay as they are.
        X: Rows.
        dims: The widths to try, rising; None takes up to nine, each about 1.6 times the one before.
        validation: Share of the rows to hold out.
        repeats: Fits of each width, with seeds of their own.
        tell: Called after each fit with the width and what it lost.

    Raises:
        ParameterError: fewer than two widths, or widths that do not rise.

    Example:
        >>> from isthmus import Autoencoder
        >>> from isthmus.data import factors
        >>> model = Autoencoder(epochs=60, random_state=0)
        >>> latent_curve(model, factors(400, rank=3).X, dims=[1, 2, 3, 5]).knee
        3
    """
    seed = fixed_seed(estimator.random_state)
    train, _, held = split(X, None, validation, seed_of(seed))
    widths = _widths(estimator, train) if dims is None else [whole("dims", width) for width in dims]
    if len(widths) < 2 or sorted(set(widths)) != widths:
        raise ParameterError(f"dims={widths}", "a curve has two rising widths or more", "use dims=[1, 2, 4, 8]")
    lost = np.empty((whole("repeats", repeats), len(widths)))
    for repeat, place in np.ndindex(lost.shape):
        model = clone(estimator).set_params(latent_dim=widths[place], random_state=seed + repeat)
        lost[repeat, place] = model.fit(train, validation=held).history_[-1]["validation_distortion"]
        if tell is not None:
            tell(widths[place], float(lost[repeat, place]))
    return LatentCurve(np.array(widths), lost.mean(0), lost)


def _widths(estimator: Any, X: Any) -> list[int]:
    """Widths from 1 to just below that of the data, at even ratios."""
    widest = min(learn(clone(estimator), X).spec.width - 1, WIDEST)
    widths: list[int] = np.unique(np.geomspace(1, max(widest, 2), POINTS).round().astype(int)).tolist()
    return widths
