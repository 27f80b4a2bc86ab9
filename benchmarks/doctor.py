"""How often does the doctor find something on models that nobody spoilt, and how often what was planted?

Every member is fitted as it comes, on seventeen real sets of normal rows, one half to learn from and one held out.
The faults are planted on the same sets. Fits where a check could not be asked do not count.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterable
from functools import cache, partial
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple

import _blur
import numpy as np
from numpy.typing import NDArray
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits, load_iris, load_wine
from sklearn.metrics import r2_score
from sklearn.preprocessing import minmax_scale

import isthmus
from isthmus.bench.answers import Absent, Figure
from isthmus.bench.question import Desk, Question
from isthmus.doctor.diagnosis import CHECKS, name_of
from isthmus.metrics.intervals import wilson_interval

ROOT = Path(__file__).resolve().parents[1]
DATA = Path(os.environ.get("ISTHMUS_DATA", ROOT.parent / "shared" / "data")) / "adbench"
QUESTION = Question("doctor", "How often does the doctor find what is not there, and how often what is?", ROOT)

BUNDLED = {
    "iris": load_iris,
    "wine": load_wine,
    "breast cancer": load_breast_cancer,
    "diabetes": load_diabetes,
    "digits": load_digits,
}
NUMBERED = (14, 18, 20, 23, 2, 28, 30, 32, 40, 6, 26, 16)  # files of adbench
MOST_ROWS = 3000
PLAIN = ("autoencoder", "contractive-autoencoder", "denoising-autoencoder", "ordered-autoencoder", "vae")
LOUD = ("sparse-autoencoder", "beta-vae")  # whose defaults leave units dead, or price a small table's code away
MORE = 0.1  # share of the variance of unseen rows that a code of twice the width must add to have been too small

Rows = NDArray[np.float64]


@cache
def sets() -> dict[str, Rows]:
    """Normal rows by the name of their set: scikit-learn's own, and those of adbench where they are at hand."""
    found = {name: load().data for name, load in BUNDLED.items()}
    for file in (path for number in NUMBERED for path in DATA.glob(f"{number}_*.npz")):
        held = np.load(file)
        normal = held["X"][held["y"] == 0].astype(np.float64)
        found[file.stem.split("_")[1]] = normal[np.random.default_rng(0).permutation(len(normal))[:MOST_ROWS]]
    return found


class Parts(NamedTuple):
    """Rows to learn from, and rows that are held out."""

    train: Rows
    held: Rows


def parts(name: str, seed: int) -> Parts:
    """A set's rows, half and half."""
    rows = sets()[name]
    order = np.random.default_rng(seed).permutation(len(rows))
    return Parts(rows[order[::2]], rows[order[1::2]])


def answers(desk: Desk, member: str, name: str, seed: int) -> dict[str, bool]:
    """Whether each check goes off on a member as it comes; without those that could not be asked."""

    def look() -> dict[str, bool]:
        train, held = parts(name, seed)
        told = isthmus.family()[member](random_state=seed).fit(train).diagnose(train, held)
        return {check: check in told.findings for check in told.answers if check not in told.not_asked}

    found: dict[str, bool] = desk.cache.get(look, member=member, data=name, seed=seed)
    return found


def false_alarms(check: str) -> Callable[[Desk], Figure | Absent]:
    """Measures how often a check goes off on the plain members; the others are told beside."""

    def measure(desk: Desk) -> Figure | Absent:
        def count(members: Iterable[str]) -> tuple[Counter[str], int]:
            asked = {
                (member, name, seed): found[check]
                for member, name, seed in product(members, sets(), desk.seeds)
                if check in (found := answers(desk, member, name, seed))
            }
            return Counter(f"{member} on {name}" for (member, name, _), hit in asked.items() if hit), len(asked)

        where, fits = count(PLAIN)
        if not fits:
            return Absent("no plain member was asked: it is a question to images, symbols or priors")
        others = {member: count([member]) for member in LOUD}
        beside = {member: f"{hits.total()} of {all_of}" for member, (hits, all_of) in others.items() if all_of}
        return Figure(wilson_interval(where.total(), fits), beside={**where, **beside})

    return measure


for one in map(name_of, CHECKS):
    QUESTION.line(f"{one}: goes off on a plain member as it comes", at_most=0.05, unit="of the fits")(false_alarms(one))


Planted = tuple[Any, Rows, Rows | None]  # a model with a fault, the rows that it is shown, and unseen ones
PLANTS: dict[str, Callable[[Parts, int], Planted]] = {}


def plant(*checks: str) -> Callable[[Callable[[Parts, int], Planted]], Callable[[Parts, int], Planted]]:
    """Sign in a fault, under the checks that must see it."""

    def sign_in(make: Callable[[Parts, int], Planted]) -> Callable[[Parts, int], Planted]:
        PLANTS.update(dict.fromkeys(checks, make))
        return make

    return sign_in


@plant("data-range")
def other_range(rows: Parts, seed: int) -> Planted:
    """Fitted as coins on [0, 1], shown twice that."""
    unit = minmax_scale(rows.train)
    return isthmus.Autoencoder(likelihood="bernoulli", epochs=5, random_state=seed).fit(unit), 2 * unit, None


@plant("unscaled-data")
def one_loud_column(rows: Parts, seed: int) -> Planted:
    """All columns of one size but the first, which is a thousand times as large."""
    loud = (rows.train - rows.train.mean(0)) / np.maximum(rows.train.std(0), 1e-9)
    loud[:, 0] *= 1000
    return isthmus.Autoencoder(scaling="none", epochs=5, random_state=seed).fit(loud), loud, None


@plant("identity-mapping")
def as_wide_as_the_input(rows: Parts, seed: int) -> Planted:
    """A code of as many numbers as there are columns."""
    options = {"latent_dim": rows.train.shape[1], "allow_overcomplete": True}
    return isthmus.Autoencoder(**options, random_state=seed).fit(rows.train), rows.train, None


@plant("code-bypassed")
def skipped(rows: Parts, seed: int) -> Planted:
    """Skip connections around the code."""
    around = isthmus.MLP(skip_connections=True)
    return isthmus.Autoencoder(architecture=around, random_state=seed).fit(rows.train), rows.train, None


@plant("rate-collapsed")
def priced_out(rows: Parts, seed: int) -> Planted:
    """A thousand times the price."""
    return isthmus.BetaVAE(beta=1000.0, random_state=seed).fit(rows.train), rows.train, None


@plant("dead-units")
def silenced(rows: Parts, seed: int) -> Planted:
    """Thirty times the usual price on every unit."""
    model = isthmus.SparseAutoencoder(sparsity="l1", weight=3.0, random_state=seed)
    return model.fit(rows.train), rows.train, None


@plant("holes")
def one_normal_over_two_kinds(rows: Parts, seed: int) -> Planted:
    """Half of the rows ten deviations away in every column, and one normal over the codes of both halves."""
    apart = rows.train + 10 * rows.train.std(0) * (np.arange(len(rows.train)) % 2)[:, None]
    model = isthmus.Autoencoder(random_state=seed).fit(apart)
    return model.fit_prior(apart, "normal"), apart, None


@plant("holdout-error", "memorisation")
def by_heart(rows: Parts, seed: int) -> Planted:
    """Forty rows, two large hidden layers, and two numbers to name a row by."""
    few = rows.train[:40]
    model = isthmus.Autoencoder(hidden_dims=(256, 256), latent_dim=2, epochs=250, random_state=seed)
    return model.fit(few), few, np.concatenate([rows.train[40:], rows.held])


def hits(check: str) -> Callable[[Desk], Figure]:
    """Measures how often a check goes off where its fault was planted."""

    def look(name: str, seed: int) -> bool:
        model, X, X_held = PLANTS[check](parts(name, seed), seed)
        return check in model.diagnose(X, X_held).findings

    def measure(desk: Desk) -> Figure:
        each = [(name, seed) for name in sets() for seed in desk.seeds[:1]]
        seen = {one: desk.cache.get(partial(look, *one), planted=check, one=one) for one in each}
        missed = Counter(f"missed on {name}" for (name, _), hit in seen.items() if not hit)
        return Figure(wilson_interval(sum(seen.values()), len(seen)), beside=dict(missed))

    return measure


for one in PLANTS:
    QUESTION.line(f"{one}: goes off where its fault was planted", unit="of the fits")(hits(one))


class Width(NamedTuple):
    """A code of some width: whether it is called too small, and what twice the width adds on unseen rows."""

    is_called: bool
    added: float


def widths(desk: Desk) -> list[Width]:
    """Codes of 1, 2 and 4 numbers, beside codes of twice as many; each width is fitted once for a set."""

    def kept(member: str, name: str, seed: int, units: int) -> tuple[float, bool]:
        train, held = parts(name, seed)
        model = isthmus.family()[member](latent_dim=units, random_state=seed).fit(train)
        share = r2_score(scaled(model, held), scaled(model, model.reconstruct(held)), multioutput="variance_weighted")
        return float(share), "bottleneck-too-small" in model.diagnose(train).findings

    def look(*one: Any) -> tuple[float, bool]:
        found: tuple[float, bool] = desk.cache.get(partial(kept, *one), width=one)
        return found

    pairs = [
        (look(member, name, seed, units), look(member, name, seed, 2 * units))
        for member in ("autoencoder", "vae")
        for name, rows in sets().items()
        for seed in desk.seeds[:1]
        for units in (1, 2, 4)
        if 2 * units < rows.shape[1]
    ]
    return [Width(called, wide - narrow) for (narrow, called), (wide, _) in pairs]


def scaled(model: Any, rows: Rows) -> Rows:
    """Rows in the network's units."""
    return (rows - model.spec_.center.numpy()) / model.spec_.scale.numpy()  # type: ignore[no-any-return]


@QUESTION.line("bottleneck-too-small: twice the width keeps a tenth more where it goes off", unit="of the fits")
def called_rightly(desk: Desk) -> Figure:
    """Precision."""
    called = [width for width in widths(desk) if width.is_called]
    return Figure(wilson_interval(sum(width.added >= MORE for width in called), len(called)))


@QUESTION.line("bottleneck-too-small: it goes off where twice the width keeps a tenth more", unit="of the fits")
def not_overlooked(desk: Desk) -> Figure:
    """Recall."""
    small = [width for width in widths(desk) if width.added >= MORE]
    return Figure(wilson_interval(sum(width.is_called for width in small), len(small)))


@QUESTION.line("blur: gone after its remedy, where images came out blurred", at_least=0.9, unit="of the fits")
def sharpened(desk: Desk) -> Figure:
    """How often the doctor's remedy makes sharp what he called blurred; the contrast of details before and after."""
    each = [(name, images, seed) for name in _blur.SPOILT for seed in desk.seeds[:1] for images in _blur.pictures(seed)]
    found = {one: desk.cache.get(partial(_blur.cured, *one), blurred=one) for one in each}
    cured = {one: after for one, (_, after) in found.items() if after is not None}
    beside = {
        f"{name}, {images}": {"before": before[1], **({"after": after[1]} if after else {})}
        for (name, images, _), (before, after) in found.items()
    }
    sharp = sum(not is_called for is_called, _ in cured.values())
    return Figure(wilson_interval(sharp, len(cured)), note=f"{_blur.ROWS} images a set", beside=beside)


if __name__ == "__main__":
    raise SystemExit(QUESTION.main())
