"""Drawn sprites: images whose every pixel follows from five known factors.

A representation can be judged by them: metrics of disentanglement ask how the axes of a code go with the factors.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from isthmus.data.datasets import Dataset
from isthmus.errors import ParameterError

SHAPES = ("square", "ellipse", "heart")
SCALES = np.linspace(0.5, 1.0, 6)
TURNS = np.linspace(0, np.pi / 2, 10, endpoint=False)
PLACES = np.linspace(-0.5, 0.5, 16)
LEVELS = {"shape": len(SHAPES), "scale": len(SCALES), "turn": len(TURNS), "x": len(PLACES), "y": len(PLACES)}
"""Each factor and how many levels it has, in the order of the columns of `factors`."""

FINER = 4  # points along a pixel's edge: the share of them that lie inside is its grey
CHUNK = 128  # sprites drawn at once, so that their points fit the cache

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float32]


def sprites(n: int = 2000, random_state: int = 0, *, size: int = 32) -> tuple[npt.NDArray[np.uint8], Ints]:
    """Draw n sprites with levels of each factor drawn evenly and independently.

    The factors are shape (square, ellipse, heart), scale (6 levels), turn (10 levels over a quarter turn: below the
    symmetry of every shape, so that each image tells all its factors), x and y (16 levels each).

    Args:
        n: Images.
        random_state: Seed of the draw.
        size: Pixels along an edge.

    Returns:
        X (n, size, size) uint8, white on black; factors (n, 5), the level of each factor, named by `LEVELS`.

    Raises:
        ParameterError: no image, or one of fewer than 8 pixels along an edge.

    Paper:
        Matthey, Higgins, Hassabis & Lerchner 2017, dSprites; there a sprite turns all the way round, so that a
        square's turn cannot be read off it, and pixels are black or white.

    Example:
        >>> X, factors = sprites(3, random_state=0)
        >>> X.shape, factors.shape, list(LEVELS)
        ((3, 32, 32), (3, 5), ['shape', 'scale', 'turn', 'x', 'y'])
    """
    if n < 1:
        raise ParameterError(f"n={n}", "a set holds at least one image", "use n=2000")
    drawn = np.random.default_rng(random_state)
    factors = np.stack([drawn.integers(levels, size=n) for levels in LEVELS.values()], axis=1)
    return draw_sprites(factors, size=size), factors


def draw_sprites(factors: npt.ArrayLike, *, size: int = 32) -> npt.NDArray[np.uint8]:
    """The images with these levels of the factors: hold some fixed and vary others.

    Args:
        factors: (n, 5) whole numbers, each below its factor's number of levels.
        size: Pixels along an edge, 8 or more.

    Returns:
        (n, size, size) uint8.

    Raises:
        ParameterError: levels that a factor does not have, or too small a size.

    Example:
        >>> pair = draw_sprites([[0, 5, 0, 8, 8], [1, 5, 0, 8, 8]])  # a square, and an ellipse at the same place
        >>> bool(pair[0].sum() > pair[1].sum())
        True
    """
    levels = np.asarray(factors)
    counts = np.array(list(LEVELS.values()))
    if levels.ndim != 2 or levels.shape[1] != len(counts) or not ((levels >= 0) & (levels < counts)).all():
        came = f"factors of shape {levels.shape}, up to {levels.max(0, initial=0).tolist()}"
        raise ParameterError(came, f"(n, 5), each level below {counts.tolist()}", "draw them below these numbers")
    if size < 8:
        raise ParameterError(f"size={size}", "below 8 pixels the shapes cannot be told apart", "use size=32")
    parts = [_drawn(levels[start : start + CHUNK], size) for start in range(0, len(levels), CHUNK)]
    return np.concatenate(parts) if parts else np.empty((0, size, size), np.uint8)


def sprite_factors(index: npt.ArrayLike) -> Ints:
    """The levels of the sprites with these numbers: all combinations in order, y changing first and shape last.

    Args:
        index: (n,) whole numbers from 0 to 46,079; `range(46080)` is the whole grid.

    Returns:
        factors (n, 5), for `draw_sprites`.

    Raises:
        ParameterError: a number that no sprite has.

    Example:
        >>> sprite_factors([0, 1, 46079])
        array([[ 0,  0,  0,  0,  0],
               [ 0,  0,  0,  0,  1],
               [ 2,  5,  9, 15, 15]])
    """
    counts = tuple(LEVELS.values())
    numbers, total = np.asarray(index).astype(np.int64), int(np.prod(counts))
    if numbers.ndim != 1 or not ((numbers >= 0) & (numbers < total)).all():
        came = f"index of shape {numbers.shape}, from {numbers.min(initial=0)} to {numbers.max(initial=0)}"
        raise ParameterError(came, f"(n,), each from 0 to {total - 1}", f"use range({total}) for all of them")
    return np.stack(np.unravel_index(numbers, counts), axis=1)


def _drawn(levels: Ints, size: int) -> npt.NDArray[np.uint8]:
    """A few sprites: where each fine point lies in the sprite's own frame, and whether that is inside."""
    points = ((np.arange(size * FINER) + 0.5) / (size * FINER) * 2 - 1).astype(np.float32)  # over [-1, 1]
    shape, scale, turn = levels[:, 0], 0.45 * SCALES[levels[:, 1]], TURNS[levels[:, 2]]
    cos, sin = ((f(turn) / scale).astype(np.float32)[:, None, None] for f in (np.cos, np.sin))
    x = points[None, None, :] - PLACES[levels[:, 3]].astype(np.float32)[:, None, None]  # (n, 1, fine)
    y = points[None, :, None] - PLACES[levels[:, 4]].astype(np.float32)[:, None, None]  # (n, fine, 1)
    u, v = cos * x + sin * y, cos * y - sin * x  # (n, fine, fine), 1 at the edge of the largest circle
    inside = np.empty(u.shape, bool)
    for number, is_inside in enumerate((_square, _ellipse, _heart)):
        these = shape == number
        inside[these] = is_inside(u[these], v[these])
    greys = inside.reshape(len(levels), size, FINER, size, FINER).mean((2, 4), dtype=np.float32)
    pixels: npt.NDArray[np.uint8] = np.round(255 * greys).astype(np.uint8)
    return pixels


def _square(u: Floats, v: Floats) -> npt.NDArray[np.bool_]:
    """Half a side of 0.75."""
    return np.maximum(abs(u), abs(v)) <= 0.75


def _ellipse(u: Floats, v: Floats) -> npt.NDArray[np.bool_]:
    """Twice as long as wide."""
    inside: npt.NDArray[np.bool_] = u**2 + (2 * v) ** 2 <= 1
    return inside


def _heart(u: Floats, v: Floats) -> npt.NDArray[np.bool_]:
    """The curve (u^2 + v^2 - 1)^3 = u^2 v^3, upright on a screen whose y grows downwards."""
    u, v = 1.2 * u, -1.2 * v
    inside: npt.NDArray[np.bool_] = (u**2 + v**2 - 1) ** 3 <= u**2 * v**3
    return inside


def named(n: int = 2000, random_state: int = 0) -> Dataset:
    """Sprites as a data set: the shape is their class, the factors are their truth."""
    X, factors = sprites(n, random_state)
    truth = dict(zip(LEVELS, factors.T, strict=True))
    return Dataset(X, np.array(SHAPES)[factors[:, 0]], truth=truth)
