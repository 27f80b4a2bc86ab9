"""Gaps in Adult, a table of numbers and names: what fills them, and how far from the truth."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from sklearn.exceptions import ConvergenceWarning
from sklearn.experimental import enable_iterative_imputer  # noqa: F401 -- without it there is no IterativeImputer
from sklearn.impute import IterativeImputer, KNNImputer, SimpleImputer

import isthmus

ROOT = Path(__file__).resolve().parents[1]
FILE = Path(os.environ.get("ISTHMUS_DATA", ROOT.parent / "shared" / "data")) / "tabular" / "adult_train.csv.gz"
TRAINED, JUDGED, HIDDEN, NEIGHBOURS = 5000, 1000, 0.3, 10
ROUNDS, PREDICTORS = 3, 20  # of the iterated regressions, whose cost grows with the square of the columns
WEIGHTS, TRUTH = "FNLWGT", "ABOVE50K"  # how many people a row stands for, which says nothing of them; a yes or no


class Gaps(NamedTuple):
    """Rows to learn from, rows to judge by, and which cells of the latter are hidden."""

    train: pd.DataFrame
    test: pd.DataFrame
    hidden: Any


@cache
def adult() -> pd.DataFrame:
    """All rows, names as categories."""
    frame = pd.read_csv(FILE).drop(columns=WEIGHTS)
    for name in frame.columns[[not pd.api.types.is_numeric_dtype(kind) for kind in frame.dtypes]]:
        words = frame[name].str.strip().replace("?", np.nan)
        frame[name] = pd.Categorical(words, categories=sorted(words.dropna().unique()))
    return frame.astype({TRUTH: bool})


def gaps(seed: int) -> Gaps:
    """5000 rows to learn from and 1000 to judge by, three in ten of whose known cells are hidden.

    A country that none of the former has is no answer that anybody could give: such a cell counts as missing.
    """
    rows = adult().sample(TRAINED + JUDGED, random_state=seed).reset_index(drop=True)
    train, test = rows[:TRAINED], rows[TRAINED:].reset_index(drop=True)
    for name in train.columns[train.dtypes == "category"]:
        test[name] = test[name].where(test[name].isin(train[name].dropna().unique()))
    hidden = (np.random.default_rng(seed).random(test.shape) < HIDDEN) & test.notna().to_numpy()
    return Gaps(train, test, hidden)


def numeric(frame: pd.DataFrame) -> list[str]:
    """Columns of numbers."""
    return [name for name in frame if pd.api.types.is_numeric_dtype(frame[name]) and frame[name].dtype != bool]


def judged(found: Gaps, filled: pd.DataFrame) -> dict[str, float]:
    """Root mean squared error in deviations of the training rows, and the share of names that are right.

    Both are means over columns.
    """
    errors, right = [], []
    for place, name in enumerate(found.test):
        rows = found.hidden[:, place]
        guess, truth = filled[name][rows], found.test[name][rows]
        if name in numeric(found.train):
            gap = (guess.to_numpy(float) - truth.to_numpy(float)) / found.train[name].std()
            errors.append(float(np.sqrt((gap**2).mean())))
        else:
            right.append(float((guess.astype(str).to_numpy() == truth.astype(str).to_numpy()).mean()))
    return {"error of numbers": float(np.mean(errors)), "names right": float(np.mean(right))}


def by_masking(found: Gaps, seed: int, epochs: int) -> pd.DataFrame:
    """What a masked autoencoder expects."""
    model = isthmus.MaskedAutoencoder(epochs=epochs, random_state=seed, device="cpu").fit(found.train)
    known = found.test.notna().to_numpy() & ~found.hidden
    filled: pd.DataFrame = model.fill(found.test, known)
    return filled


def by_imputer(found: Gaps, imputer: Any) -> pd.DataFrame:
    """What an imputer of scikit-learn makes of standardized numbers and one-hot names; the likeliest name is taken."""
    own, numbers = pd.get_dummies(found.train, dtype=float), numeric(found.train)
    mean, spread = own.mean(), own.std().replace(0, 1)
    for name in found.train:
        if name not in numbers and name != TRUTH:
            own.loc[found.train[name].isna(), [c for c in own if c.startswith(f"{name}_")]] = np.nan
    holes = found.test.astype({TRUTH: float}).mask(found.hidden)
    seen = pd.get_dummies(holes, dtype=float).reindex(columns=own.columns, fill_value=0.0)
    for place, name in enumerate(found.test):
        if name not in numbers and name != TRUTH:
            gone = found.hidden[:, place] | found.test[name].isna().to_numpy()
            seen.loc[gone, [c for c in own if c.startswith(f"{name}_")]] = np.nan
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # so few rounds are meant
        imputer.set_output(transform="pandas").fit((own - mean) / spread)
    whole = imputer.transform((seen - mean) / spread) * spread + mean
    filled = found.test.copy()
    for name in filled:
        columns = [name] if name in whole else [c for c in whole if c.startswith(f"{name}_")]
        if name in numbers:
            filled[name] = whole[name]
        elif name == TRUTH:
            filled[name] = whole[name] > 0.5  # noqa: PLR2004 -- the likelier of two
        else:
            filled[name] = whole[columns].idxmax(axis=1).str.removeprefix(f"{name}_")
    return filled


IMPUTERS: dict[str, Callable[[], Any]] = {
    "means": SimpleImputer,
    "nearest neighbours": lambda: KNNImputer(n_neighbors=NEIGHBOURS),
    "iterated regressions": lambda: IterativeImputer(max_iter=ROUNDS, n_nearest_features=PREDICTORS, random_state=0),
}
