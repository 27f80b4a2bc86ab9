"""Sprites, films and patches: what is drawn is what the truth says."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import spearmanr

import isthmus
from isthmus.data import draw_sprites, moving_digits, patches, sprite_factors, sprites
from isthmus.data.drawings import LEVELS, SCALES
from isthmus.errors import ParameterError

MIDDLE = [0, 5, 0, 8, 8]


def varied(**levels: object) -> np.ndarray:
    """Sprites that differ from the one in the middle in some factors alone."""
    factors = np.tile(MIDDLE, (max(len(np.atleast_1d(value)) for value in levels.values()), 1))
    for name, value in levels.items():
        factors[:, list(LEVELS).index(name)] = value
    return draw_sprites(factors, size=64).astype(float)


def centre(images: np.ndarray) -> np.ndarray:
    """Column and row of each image's centre of mass, (n, 2)."""
    places = np.arange(images.shape[1]) + 0.5
    mass = images.sum((1, 2))
    return np.column_stack([images.sum(1) @ places / mass, images.sum(2) @ places / mass])


def test_every_combination_of_levels_gives_another_image() -> None:
    X, factors = sprites(3000, random_state=0, size=32)
    assert (X.shape, X.dtype, factors.shape) == ((3000, 32, 32), np.uint8, (3000, 5))
    assert len(np.unique(X.reshape(3000, -1), axis=0)) == len(np.unique(factors, axis=0))
    assert np.array_equal(draw_sprites(factors[:50]), X[:50])


def test_every_sprite_has_a_number() -> None:
    grid = sprite_factors(range(46_080))
    assert len(np.unique(grid, axis=0)) == len(grid) == np.prod(list(LEVELS.values()))
    assert np.array_equal(grid.max(0) + 1, list(LEVELS.values()))
    with pytest.raises(ParameterError, match="from 0 to 46080"):
        sprite_factors([0, 46_080])


def test_levels_are_drawn_evenly_and_independently() -> None:
    factors = sprites(4000, random_state=3, size=8)[1]
    for column, levels in zip(factors.T, LEVELS.values(), strict=True):
        counts = np.bincount(column, minlength=levels)
        assert abs(counts - 4000 / levels).max() < 5 * np.sqrt(4000 / levels)
    assert abs(np.corrcoef(factors.T) - np.eye(5)).max() < 0.06


@pytest.mark.parametrize("shape", range(3))
def test_each_factor_moves_what_its_name_says(shape: int) -> None:
    across, down = (centre(varied(shape=shape, **{axis: range(16)})) for axis in "xy")
    step = 64 / 30  # pixels between two of 16 places over half the picture
    assert np.allclose(np.diff(across, axis=0), [step, 0], atol=0.25)  # points lie a quarter of a pixel apart
    assert np.allclose(np.diff(down, axis=0), [0, step], atol=0.25)
    area = varied(shape=shape, scale=range(6)).sum((1, 2)) / 255
    assert np.allclose(area / area[-1], SCALES**2, atol=0.02)


def test_a_turn_turns_and_keeps_the_area() -> None:
    turned = varied(shape=1, turn=range(10))
    assert np.ptp(turned.sum((1, 2))) < 0.01 * turned[0].sum()
    places = np.arange(64) - centre(turned)[:, :1] + 0.5
    width = np.sqrt((turned.sum(1) * places**2).sum(1) / turned.sum((1, 2)))
    assert spearmanr(width, range(10))[0] < -0.99  # the ellipse lies down at first, and stands up at last


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: sprites(0), "n=0"),
        (
            lambda: draw_sprites([[3, 0, 0, 0, 0]]),
            r"factors of shape \(1, 5\), up to \[3, 0, 0, 0, 0\].*\[3, 6, 10, 16",
        ),
        (lambda: draw_sprites([[0, 0]]), r"factors of shape \(1, 2\)"),
        (lambda: sprites(2, size=7), "size=7"),
        (lambda: moving_digits(2, size=15), "size=15.*16 pixels"),
        (lambda: patches(2, size=500), "size=500.*427 pixels"),
    ],
)
def test_what_cannot_be_drawn_is_refused(make: object, words: str) -> None:
    with pytest.raises(ParameterError, match=words):
        make()  # type: ignore[operator]


def test_digits_move_as_their_places_say() -> None:
    films = moving_digits(20, random_state=1, frames=30, digits=1)
    places = films.truth["places"][:, 0]  # (n, T, 2)
    assert (films.X.shape, films.X.dtype) == ((20, 30, 32, 32), np.uint8)
    assert 0 <= places.min() and places.max() == 32 - 16
    first = films.X[0, :, :, :]
    row, column = places[0, 0]
    digit = first[0, row : row + 16, column : column + 16]
    for picture, (row, column) in zip(first, places[0], strict=True):
        assert np.array_equal(picture[row : row + 16, column : column + 16], digit)
        assert picture.sum() == digit.sum()
    assert abs(np.diff(places, axis=1)).max() <= 4
    turns = np.sign(np.diff(places, axis=1))
    assert (turns.max(1) - turns.min(1) == 2).any()  # somebody bounced


def test_films_are_read_as_volumes() -> None:
    films = moving_digits(12, frames=4, size=16)
    model = isthmus.Autoencoder(latent_dim=2, architecture="mlp", epochs=1, random_state=0)
    assert model.fit(isthmus.Volumes(films.X)).reconstruct(isthmus.Volumes(films.X)).shape == films.X.shape


def test_patches_are_cut_where_they_say() -> None:
    from sklearn.datasets import load_sample_image

    found = patches(300, random_state=4)
    assert sorted(set(found.y)) == ["china", "flower"]
    for name in ("china", "flower"):
        grey = load_sample_image(f"{name}.jpg") @ [0.299, 0.587, 0.114]
        for row in np.flatnonzero(found.y == name)[:10]:
            top, left = found.truth["places"][row]
            assert abs(found.X[row] - grey[top : top + 12, left : left + 12]).max() <= 0.5


def test_whitened_patches_have_no_mean_and_an_even_spectrum() -> None:
    plain, white = (patches(8000, whitened=whitened).X.reshape(8000, -1).astype(float) for whitened in (False, True))
    assert abs(white.mean(1)).max() < 1e-5
    assert (white**2).mean() == pytest.approx(1, rel=1e-4)
    spread = [np.linalg.eigvalsh(np.cov(rows.T))[1:] for rows in (plain, white)]  # the first direction is the mean
    assert spread[0].max() > 500 * spread[0].min()
    assert spread[1].max() < 10 * spread[1].min()
