"""What the contract is checked on: every registered model, on every kind of data that it may meet."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
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
        options = {**QUICK, "latent_dim": 3, "hidden_dims": (16,), "architecture": self.architecture, **params}
        if self.model in PLACED:
            del options["latent_dim"]
        if self.model == "discrete-vae":  # so few that a few steps teach something
            options = {"codes": 16, **options}
        return MEMBERS[self.model](**options)

    def rows(self) -> Any:
        """The data, made anew."""
        return DATA[self.data]()

    def fitted(self, **params: Any) -> Any:
        """A model fitted on the rows."""
        return self.make(**params).fit(self.rows())


def take(rows: Any, places: Any) -> Any:
    """Rows by position, of a frame or an array."""
    return rows.iloc[places] if hasattr(rows, "iloc") else rows[places]


KINDS = {"numbers": "table", "mixed": "table", "images": "image", "series": "series"}
MEMBERS = isthmus.family()
TABLES = {name: member for name, member in MEMBERS.items() if "table" in member.kinds}
CASES = [Case(name, data) for name, member in MEMBERS.items() for data in DATA if KINDS[data] in member.kinds] + [
    Case(name, "images", "conv") for name, member in TABLES.items() if "conv" in member.backbones
]


def name_of(case: Case) -> str:
    """How a case is called in a test report."""
    return f"{case.model}-{case.data}" + ("-conv" if case.architecture == "conv" else "")
