"""What the contract is checked on: every registered model, on every kind of data that it may meet."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_digits, load_wine

import isthmus

DEVICE = os.environ.get("ISTHMUS_TEST_DEVICE", "cpu")
PLACED = ("vq-vae-2",)  # members whose code is as long as the places of the data make it
QUICK = {"epochs": 3, "batch_size": 32, "random_state": 0, "device": DEVICE}


def numbers() -> Any:
    """A table of numbers: 178 wines, 13 measurements."""
    return load_wine().data


def mixed() -> Any:
    """A table of every kind of column, with gaps."""
    wine = load_wine(as_frame=True)
    random = np.random.default_rng(0)
    frame = wine.data.iloc[:, :4].copy()
    frame["class"] = pd.Categorical.from_codes(wine.target, ["a", "b", "c"])
    frame["strong"] = (frame["alcohol"] > 13).to_numpy()
    frame["bottled"] = pd.Timestamp("2020-01-01") + pd.to_timedelta(random.integers(0, 900, len(frame)), "D")
    frame.loc[random.choice(len(frame), 20, replace=False), "ash"] = np.nan
    return frame


def images() -> Any:
    """Digits as 8x8 pictures of one channel, in [0, 1]."""
    return (load_digits().images[:160, :, :, None] / 16).astype(np.float32)


def series() -> Any:
    """Sines of random phase in two channels, 16 steps."""
    phase = np.random.default_rng(0).uniform(0, 6, (120, 1, 2))
    return np.sin(np.arange(16)[None, :, None] / 2 + phase).astype(np.float32)


DATA: dict[str, Callable[[], Any]] = {"numbers": numbers, "mixed": mixed, "images": images, "series": series}


@dataclass(frozen=True)
class Case:
    """One model on one kind of data."""

    model: str
    data: str
    architecture: str = "auto"

    def make(self, **params: Any) -> Any:
        """A fresh, unfitted model, quick to fit."""
        member = MEMBERS[self.model]
        if self.model == "sae":
            return member(**{**QUICK, "n_latents": 24, "k": 3, **params})
        # Tokens are as many as there are patches, so nobody chooses how long a code of them is.
        latent_dim = "auto" if "transformer" in member.backbones and KINDS[self.data] != "table" else 3
        options = {**QUICK, "latent_dim": latent_dim, "hidden_dims": (16,), "architecture": self.architecture}
        if self.model in PLACED:
            del options["latent_dim"]
        if self.model == "discrete-vae":  # so few that a few steps teach something
            options = {"codes": 16, **options}
        if self.model == "vq-gan":  # two tokens, and a price that two fits share: features would be learnt by each anew
            options |= {"latent_dim": 6, "learning_rate": 0.01, "likelihood": "gaussian-learned"}
        return member(**{**options, **params})

    def rows(self) -> Any:
        """The data, made anew."""
        return DATA[self.data]()

    def told(self, rows: Any) -> dict[str, Any]:
        """What the verbs of a conditional member are given beside these rows: a label that each row bears itself."""
        if not MEMBERS[self.model].is_conditional:
            return {}
        numbers = rows.iloc[:, :1] if hasattr(rows, "iloc") else rows[:, :1] if rows.ndim == 2 else rows
        level = np.asarray(numbers, dtype=np.float64).reshape(len(rows), -1).mean(1)
        return {"y": np.where(level > CUTS[self.data], "high", "low")}

    def fitted(self, **params: Any) -> Any:
        """A model fitted on the rows."""
        return self.make(**params).fit(self.rows(), **self.told(self.rows()))


def dense(codes: Any) -> Any:
    """Codes, or whatever else a verb answers, with their zeros written out where they are sparse."""
    return codes.toarray() if hasattr(codes, "toarray") else codes


def take(rows: Any, places: Any) -> Any:
    """Rows by position, of a frame or an array."""
    return rows.iloc[places] if hasattr(rows, "iloc") else rows[places]


CUTS = {"numbers": 13.0, "mixed": 13.0, "images": 0.3, "series": 0.0}  # of what a row holds: some lie on either side
KINDS = {"numbers": "table", "mixed": "table", "images": "image", "series": "series"}
MEMBERS = isthmus.family()
PLAIN = tuple(name for name, member in MEMBERS.items() if member.numbers_only)  # members that take no mixed table
TABLES = {name: member for name, member in MEMBERS.items() if "table" in member.kinds}
CASES = [
    Case(name, data)
    for name, member in MEMBERS.items()
    for data in DATA
    if KINDS[data] in member.kinds and (data != "mixed" or name not in PLAIN)
] + [Case(name, "images", "conv") for name, member in TABLES.items() if "conv" in member.backbones]


def name_of(case: Case) -> str:
    """How a case is called in a test report."""
    return f"{case.model}-{case.data}" + ("-conv" if case.architecture == "conv" else "")


RELATIVES = (
    "beta-tcvae",
    "dip-vae",
    "factor-vae",
    "info-vae",
    "iwae",
)  # which differ from a VAE in what they pay alone
DEAR = ("vae-gan", "vq-gan", "vq-vae-2")  # of images alone, with tests of their own of what they learn
OWN_INSIDE = ("autoencoder", "conditional-vae", "denoising-autoencoder", "masked-autoencoder", "vae", "vq-vae")
"""Members whose inside depends on the kind of data in a way of their own; the others' parts are the same as theirs."""
TURNS = {name: ("mixed", "images")[i % 2] for i, name in enumerate(OWN_INSIDE)}


def is_usual(case: Case) -> bool:
    """Whether the usual run has a case: of a table's member numbers, of a few a mixed table or convolved images too.

    The rest, and all that a wide table would show as well, is left to the slow tests.
    """
    if case.model not in TABLES or case.data == "numbers":
        return True
    is_flattened = case.data in ("series", "images") and case.architecture == "auto"
    return not is_flattened and case.data == TURNS.get(case.model)


def is_first(case: Case) -> bool:
    """Whether a dear test meets a case in the usual run: each member once, but for those that others stand for."""
    return case.model not in (*RELATIVES, *DEAR) and (case.data == "numbers" or case.model not in TABLES)


EACH = [pytest.param(case, id=name_of(case), marks=[pytest.mark.slow] * (not is_usual(case))) for case in CASES]
FIRST = [pytest.param(case, id=name_of(case), marks=[pytest.mark.slow] * (not is_first(case))) for case in CASES]
every_case = pytest.mark.parametrize("case", EACH)
"""Runs a test on every case; those that the usual run leaves out are slow tests."""
once_a_member = pytest.mark.parametrize("case", FIRST)
"""The same for a dear test: the usual run has each member once."""
