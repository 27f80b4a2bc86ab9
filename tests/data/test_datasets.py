"""Bundled and made data sets: all there by name, and the made ones as their truth says."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from sklearn.datasets import load_digits, load_iris

from isthmus import data
from isthmus.data.datasets import SETS, blobs, factors, load, swiss_roll
from isthmus.data.files import read, read_labelled, write
from isthmus.errors import ParameterError, UnknownNameError


@pytest.mark.parametrize("name", [name for name, known in SETS.items() if known.kind != "downloaded"])
def test_every_set_is_as_it_is_described(name: str) -> None:
    made = load(name)
    said = SETS[name].sentence.replace(",", "").split()
    assert len(made.X) == len(made.y) == next(int(word) for word in said if word.isdigit())
    assert made.columns == () or len(made.columns) == made.X.shape[1]
    assert np.isfinite(made.X).all()
    if SETS[name].kind == "made":
        few = load(name, rows=7, random_state=1)
        assert len(few.X) == len(few.y) == 7
        assert np.array_equal(few.X, load(name, rows=7, random_state=1).X)
        assert not np.array_equal(few.X, load(name, rows=7, random_state=2).X)


def test_the_bundled_ones_are_those_of_scikit_learn() -> None:
    iris, digits = load("iris"), load("digits")
    assert np.array_equal(iris.X, load_iris().data)
    assert iris.y[0] == "setosa"
    assert np.array_equal(digits.X / 15, load_digits().images)
    with pytest.raises(UnknownNameError, match="data set='breast_cancer'.*Did you mean 'breast-cancer'"):
        load("breast_cancer")


def test_a_set_is_written_and_read_back(tmp_path: Path) -> None:
    wine = load("wine")
    rows, grower = read_labelled(write(tmp_path / "wine.csv", wine.table()), target="target")
    assert rows.column_names == list(wine.columns)
    assert grower.tolist() == wine.y.tolist()
    assert np.array_equal(np.column_stack([column.to_numpy() for column in rows.columns]), wine.X)
    assert np.array_equal(read(write(tmp_path / "digits", load("digits").X[:20])), load("digits").X[:20])


def test_blobs_lie_round_their_centres() -> None:
    made = blobs(8000, columns=3, classes=5, random_state=1)
    assert np.ptp(np.bincount(made.y)) <= 1
    for label, centre in enumerate(made.truth["centres"]):
        own = made.X[made.y == label]
        assert np.allclose(own.mean(0), centre, atol=0.1)
        assert np.allclose(np.cov(own.T), np.eye(3), atol=0.15)


def test_factors_have_the_rank_and_the_anomalies_that_are_stated() -> None:
    made = factors(5000, columns=12, rank=4, noise=0.05, anomalies=0.1, size=2.0)
    loadings = made.truth["loadings"]
    plane = np.linalg.pinv(loadings) @ loadings
    error = ((made.X - made.X @ plane) ** 2).sum(1)
    assert made.y.sum() == 500
    assert error[made.y == 0].mean() == pytest.approx(0.05**2 * 8, rel=0.05)
    assert error[made.y == 1].mean() == pytest.approx(0.05**2 * 8 + 4.0, rel=0.02)
    rest = made.X - made.truth["z"] @ loadings
    assert rest[made.y == 0].std() == pytest.approx(0.05, rel=0.02)


def test_the_roll_is_unrolled_by_its_truth() -> None:
    made = swiss_roll(300, noise=0.01, random_state=2)
    angle, height = made.truth["angle"], made.truth["height"]
    rolled = np.column_stack([angle * np.cos(angle), height, angle * np.sin(angle)])
    assert abs(made.X - rolled).max() < 0.06
    assert np.array_equal(made.y, angle)


def test_the_seed_is_all_that_matters() -> None:
    assert np.array_equal(factors(random_state=3).X, factors(random_state=3).X)
    assert not np.array_equal(blobs(random_state=3).X, blobs(random_state=4).X)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: factors(rank=20), "rank=20 with columns=20.*Use rank=19"),
        (lambda: factors(anomalies=2.0), "anomalies=2.0.*between 0 and 1"),
        (lambda: blobs(3, classes=4), "n=3, columns=8, classes=4.*each class needs a row"),
        (lambda: swiss_roll(0), "n=0"),
        (lambda: load("wine", rows=5), "rows=5 for wine, a bundled set.*Leave rows out"),
        (lambda: load("sprites", source="here"), "source='here' for sprites, a made set"),
    ],
)
def test_what_cannot_be_made_is_refused(make: object, words: str) -> None:
    with pytest.raises(ParameterError, match=words):
        make()  # type: ignore[operator]


def test_the_public_names_are_found_where_they_are_promised() -> None:
    assert list(data._NAMES) == sorted(data._NAMES)
    assert all(getattr(data, name).__doc__ for name in dir(data))
    with pytest.raises(AttributeError, match=r"isthmus\.data\.reed.*read_labelled"):
        _ = data.reed
