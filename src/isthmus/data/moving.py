"""Moving digits: short films of scikit-learn's digits, bouncing off the edges of the picture."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from isthmus.data.datasets import Dataset
from isthmus.errors import ParameterError

GLYPH = 16  # pixels along the edge of a digit, twice those of scikit-learn's
FASTEST = 3.0  # pixels a frame along each axis

Floats = npt.NDArray[np.float64]


def moving_digits(n: int = 500, random_state: int = 0, *, frames: int = 10, size: int = 32, digits: int = 2) -> Dataset:
    """Films in which digits move along straight lines and bounce off the edges; where they meet, the brighter shows.

    A model reads them as volumes, time being their depth: `isthmus.Volumes(films.X)`.

    Args:
        n: Films.
        random_state: Seed of all draws.
        frames: T, pictures of a film.
        size: Pixels along the edge of a picture, at least 16.
        digits: How many digits move in each film.

    Returns:
        X (n, T, size, size) uint8, y (n,) the first digit of each film; truth: `digits` (n, digits) and `places`
        (n, digits, T, 2), row and column of each digit's upper left corner, in pixels.

    Raises:
        ParameterError: no film, frame or digit, or a picture that a digit does not fit.

    Paper:
        Srivastava, Mansimov & Salakhutdinov 2015, ICML, section 4.1 (two digits of MNIST in 64 x 64 pixels).

    Example:
        >>> films = moving_digits(2, frames=5)
        >>> films.X.shape, films.truth["places"].shape
        ((2, 5, 32, 32), (2, 2, 5, 2))
    """
    if min(n, frames, digits) < 1 or size < GLYPH:
        came = f"n={n}, frames={frames}, size={size}, digits={digits}"
        raise ParameterError(came, f"a digit has {GLYPH} pixels, and all else counts from 1", "use size=32, frames=10")
    draws = np.random.default_rng(random_state)
    glyphs, labels = _glyphs()
    chosen = draws.integers(len(glyphs), size=(n, digits))
    room = size - GLYPH
    start = draws.uniform(0, max(room, 1), size=(n, digits, 1, 2))
    velocity = draws.uniform(-FASTEST, FASTEST, size=(n, digits, 1, 2))
    places = _bounced(start + velocity * np.arange(frames)[:, None], room)
    X = np.zeros((n, frames, size, size), np.uint8)
    for film, digit, frame in np.ndindex(n, digits, frames):
        row, column = places[film, digit, frame]
        window = X[film, frame, row : row + GLYPH, column : column + GLYPH]
        np.maximum(window, glyphs[chosen[film, digit]], out=window)
    return Dataset(X, labels[chosen[:, 0]], truth={"digits": labels[chosen], "places": places})


def _bounced(places: Floats, room: int) -> npt.NDArray[np.int64]:
    """Places on a line, folded back at 0 and at `room`, in whole pixels."""
    if room == 0:
        return np.zeros(places.shape, np.int64)
    folded = room - abs(places % (2 * room) - room)
    return np.round(folded).astype(np.int64)


def _glyphs() -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64]]:
    """scikit-learn's digits at twice their size, (1797, 16, 16), and what they are."""
    from scipy.ndimage import zoom
    from sklearn.datasets import load_digits

    bunch = load_digits()
    larger = zoom(bunch.images, (1, 2, 2), order=1, grid_mode=True, mode="nearest")
    return np.round(15 * larger).astype(np.uint8), bunch.target
