"""Drawn heads: slices as a scanner shows them, each of its own shape, with lesions whose every pixel is known.

No patient is in them. They stand in for medical images where what matters is how small and how faint a lesion may be
before it is missed.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from isthmus.errors import ParameterError

CHUNK = 64  # heads drawn at once
NOISE = 0.02  # deviation of a pixel, in units of white
TRIES = 1000  # places that are drawn for a lesion before there is no room
Floats = npt.NDArray[np.float64]
Bytes = npt.NDArray[np.uint8]
Masks = npt.NDArray[np.bool_]


class Tissue(NamedTuple):
    """An ellipse of one grey, in units of half an image; x runs to the right and y down."""

    x: float
    y: float
    a: float
    b: float
    turn: float
    grey: float


# Painted in this order: skin, bone, water, brain, then what lies in it. A head looks up.
HEAD = (
    Tissue(0.00, 0.00, 0.72, 0.92, 0.00, 0.30),
    Tissue(0.00, 0.00, 0.68, 0.88, 0.00, 0.85),
    Tissue(0.00, 0.00, 0.61, 0.81, 0.00, 0.12),
    Tissue(0.00, 0.01, 0.58, 0.77, 0.00, 0.45),
    Tissue(-0.26, -0.30, 0.16, 0.22, 0.30, 0.38),
    Tissue(0.26, -0.30, 0.16, 0.22, -0.30, 0.38),
    Tissue(-0.28, 0.32, 0.15, 0.20, -0.30, 0.40),
    Tissue(0.28, 0.32, 0.15, 0.20, 0.30, 0.40),
    Tissue(-0.12, -0.02, 0.07, 0.26, 0.25, 0.12),
    Tissue(0.12, -0.02, 0.07, 0.26, -0.25, 0.12),
    Tissue(0.00, 0.34, 0.10, 0.07, 0.00, 0.52),
)
BRAIN = 3  # lesions lie within this one


def phantoms(
    n: int = 200,
    random_state: int = 0,
    *,
    lesions: int = 0,
    diameter: float = 6.0,
    contrast: float = 0.2,
    size: int = 64,
) -> tuple[Bytes, Masks]:
    """Draw n slices of heads, and lesions in their brains.

    Place, size, turn and shape of the head and of each part vary from head to head, and so do their greys, the light
    across the image and the noise. A lesion is an ellipse, up to a third longer than wide, brighter than what it lies
    on; lesions of one image keep a pixel apart. With another number of lesions, diameter or contrast the same seed
    draws the same heads with the same noise.

    Args:
        n: Images.
        random_state: Seed of all draws.
        lesions: How many each image holds; 0 for sound heads.
        diameter: Pixels across a circle of a lesion's area, at least 2 and at most a fifth of the image.
        contrast: What a lesion adds, as a share of white: above 0 and at most 0.4.
        size: Pixels along an edge, at least 32.

    Returns:
        X (n, size, size) uint8; masks (n, size, size) bool, true where a lesion covers half of a pixel or more.

    Raises:
        ParameterError: a number outside its domain, or more lesions than a brain has room for.

    Example:
        >>> X, masks = phantoms(3, lesions=2, diameter=5)
        >>> X.shape, masks.any((1, 2)).all()
        ((3, 64, 64), np.True_)
    """
    _check(n, lesions, diameter, contrast, size)
    heads, noise, places = (np.random.default_rng([random_state, part]) for part in range(3))
    X, masks = np.empty((n, size, size), np.uint8), np.empty((n, size, size), bool)
    for start in range(0, n, CHUNK):
        part = slice(start, min(start + CHUNK, n))
        count = part.stop - start
        image, brains = _heads(heads, count, size)
        cover = np.zeros_like(image)
        for row, brain in enumerate(brains):
            for lesion in _sites(places, brain, lesions, diameter, size):
                cover[row] = np.maximum(cover[row], _cover(lesion, size)[0])
        image += contrast * cover + noise.normal(0, NOISE, image.shape)
        X[part], masks[part] = np.round(255 * image.clip(0, 1)), cover >= 0.5
    return X, masks


def _heads(draws: np.random.Generator, n: int, size: int) -> tuple[Floats, Floats]:
    """Heads without noise, (n, size, size), and the ellipse of each one's brain, (n, 5)."""
    whole = np.column_stack([draws.normal(0, 0.02, (n, 2)), draws.normal(1, [0.03, 0.03], (n, 2)).clip(0.92, 1.06)])
    turn = draws.normal(0, 0.06, n)
    image = np.zeros((n, size, size))
    brains = np.empty((n, 5))
    for number, tissue in enumerate(HEAD):
        own = 0.0 if number <= BRAIN else 1.0  # the shells of a head keep together
        x = tissue.x + own * draws.normal(0, 0.015, n)
        y = tissue.y + own * draws.normal(0, 0.015, n)
        axes = np.array([tissue.a, tissue.b]) * draws.normal(1, 0.02 + 0.06 * own, (n, 2)).clip(0.8, 1.2) ** own
        grey = tissue.grey + draws.normal(0, 0.015, n)
        cos, sin = np.cos(turn), np.sin(turn)
        centre = np.column_stack([cos * x - sin * y, sin * x + cos * y]) * whole[:, 2:] + whole[:, :2]
        ellipses = np.column_stack([centre, axes * whole[:, 2:], tissue.turn + turn + own * draws.normal(0, 0.08, n)])
        cover = _cover(ellipses, size)
        image += cover * (grey[:, None, None] - image)
        brains = ellipses if number == BRAIN else brains
    return image * _light(draws, n, size), brains


def _light(draws: np.random.Generator, n: int, size: int) -> Floats:
    """A slope of the light across each image, a few per cent up and down, (n, size, size)."""
    along = (np.arange(size) + 0.5) / size * 2 - 1
    slopes = draws.normal(0, 0.03, (2, n, 1, 1))
    light: Floats = 1 + slopes[0] * along + slopes[1] * along[:, None]
    return light


def _cover(ellipses: Floats, size: int) -> Floats:
    """The share of each pixel that lies within an ellipse, (n, size, size): its edge is one pixel wide.

    The distance to the edge is that of the first order, (1 - r) / |grad r|, with r = 1 on the edge.
    """
    x, y, a, b, turn = (column[:, None, None] for column in np.atleast_2d(ellipses).T)
    along = (np.arange(size) + 0.5) / size * 2 - 1  # the middles of pixels over [-1, 1]
    cos, sin = np.cos(turn), np.sin(turn)
    right, down = along - x, along[:, None] - y
    u, v = (cos * right + sin * down) / a, (cos * down - sin * right) / b
    r = np.hypot(u, v).clip(1e-9)
    distance = (1 - r) * r / np.hypot(u / a, v / b).clip(1e-9)
    cover: Floats = (0.5 + distance * size / 2).clip(0, 1)
    return cover


def _sites(draws: np.random.Generator, brain: Floats, lesions: int, diameter: float, size: int) -> Floats:
    """Ellipses of lesions that lie within a brain and apart from each other, (lesions, 5).

    Raises:
        ParameterError: there is no room.
    """
    found = np.empty((0, 5))
    x, y, a, b, turn = brain
    radius = diameter / size  # in units of half an image
    for _ in range(lesions):
        for _ in range(TRIES):
            stretch = np.sqrt(draws.uniform(1, 4 / 3))
            reach = radius * stretch + 1 / size
            angle, far = draws.uniform(0, 2 * np.pi), np.sqrt(draws.random())
            u, v = far * (a - reach) * np.cos(angle), far * (b - reach) * np.sin(angle)
            site = [x + np.cos(turn) * u - np.sin(turn) * v, y + np.sin(turn) * u + np.cos(turn) * v]
            if (np.hypot(*(found[:, :2] - site).T) > found[:, 2] + reach + 2 / size).all():
                break
        else:
            came = f"lesions={lesions} of diameter={diameter:g} in an image of size={size}"
            raise ParameterError(came, "lesions lie in the brain and apart from each other", "ask for fewer")
        ellipse = [*site, radius * stretch, radius / stretch, draws.uniform(0, np.pi)]
        found = np.append(found, [ellipse], axis=0)
    return found


def _check(n: int, lesions: int, diameter: float, contrast: float, size: int) -> None:
    """Refuse what cannot be drawn."""
    if n < 1 or lesions < 0 or size < 32:
        came = f"n={n}, lesions={lesions}, size={size}"
        raise ParameterError(came, "at least one image, of 32 pixels along an edge or more", "use n=200, size=64")
    if not 2 <= diameter <= size / 5:
        allowed = f"a lesion is from 2 pixels to a fifth of the image, {size / 5:g}, across"
        raise ParameterError(f"diameter={diameter!r}", allowed, "use diameter=6")
    if not 0 < contrast <= 0.4:
        allowed = "above 0, and at most 0.4, so that no lesion is whiter than white"
        raise ParameterError(f"contrast={contrast!r}", allowed, "use contrast=0.2")
