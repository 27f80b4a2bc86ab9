"""Data that nobody can train on."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pandas as pd
import polars as pl
import scipy.sparse

from isthmus.errors import (
    ColumnError,
    InputError,
    InputTypeError,
    MissingValueError,
    ParameterError,
    TooFewRowsError,
    ValueRangeError,
)
from tests.bad_input.case import IMAGES, ROWS, Case, fit, table, with_cell

CUBE = np.zeros((2, 2, 2, 2, 2, 2))
WORDS = np.array([["a", "b"], ["c", "d"]])
DAYS = np.array([["2024-01-01"], ["2024-01-02"]], dtype="datetime64[D]")
RECORDS = np.array([(1, 2.0), (3, 4.0)], dtype=[("a", int), ("b", float)])
TWINS = pd.DataFrame(ROWS[:, :2], columns=["a", "a"])
HALF_NAMED = pd.DataFrame(ROWS[:, :2], columns=["a", 1])
STRIPES = IMAGES[..., None] / 255.0
HOLED, BURNT = STRIPES.copy(), STRIPES.copy()
HOLED[4, 2, 3, 0], BURNT[4, 2, 3, 0] = np.nan, np.inf
ZEROS = np.zeros((40, 5))
COUNTS = np.ones((40, 5), dtype=int)
COUNTS[3, 1] = -2

TYPES = [
    Case("nothing", fit(None), InputTypeError, "X=None (NoneType)", "arrays, frames", "NumPy array"),
    Case("a dictionary", fit({"a": [1]}), InputTypeError, "X={'a': [1]} (dict)", "arrays, frames", "pandas.DataFrame"),
    Case("a number", fit(5), InputTypeError, "X=5 (int)", "arrays, frames", "NumPy array"),
    Case("a generator", fit(x for x in ROWS), InputTypeError, "(generator)", "arrays, frames", "NumPy array"),
    Case("text in an array", fit(WORDS), InputTypeError, "type <U1", "real numbers or booleans", "pandas.DataFrame(X)"),
    Case("dates in an array", fit(DAYS), InputTypeError, "datetime64[D]", "real numbers", "pandas.DataFrame(X)"),
    Case("a structured array", fit(RECORDS), InputTypeError, "('a', ", "all of one type", "pandas.DataFrame(X)"),
    Case("complex numbers", fit(ROWS + 1j), InputError, "complex128", "Complex data not supported", "X.real"),
    Case(
        "an object in an object array",
        fit(with_cell({"foo": 1}, dtype=object)),
        InputTypeError,
        "X[3, 1]={'foo': 1} (dict) in column 'x1'",
        "numbers only",
        "pandas.DataFrame(X)",
    ),
    Case(
        "text in an object array",
        fit(with_cell("high", dtype=object)),
        InputTypeError,
        "X[3, 1]='high' (str) in column 'x1'",
        "numbers only",
        "pandas.DataFrame(X)",
    ),
]

SHAPES = [
    Case("rows of different lengths", fit([[1, 2], [3]]), InputError, "[1, 2] entries", "same length", "pad or cut"),
    Case("one axis", fit(ROWS[0]), InputError, "shape (5,)", "Expected 2D array, got 1D", "Reshape your data"),
    Case("six axes", fit(CUBE), InputError, "shape (2, 2, 2, 2, 2, 2)", "volumes 5", "Reshape your data"),
    Case("a single column", fit(table()["age"]), InputError, "a Series", "Expected 2D", "X.to_frame()"),
    Case("no rows", fit(ROWS[:0]), TooFewRowsError, "n_samples=0", "0 sample(s) (shape=(0, 5))", "add some"),
    Case("one row", fit(ROWS[:1]), TooFewRowsError, "n_samples=1", "a minimum of 2 is required", "add some"),
    Case("no columns", fit(ROWS[:, :0]), InputError, "without columns", "0 feature(s)", "columns were selected"),
    Case("one image", fit(IMAGES[:1]), TooFewRowsError, "n_samples=1", "a minimum of 2", "more samples"),
    Case(
        "a sparse matrix beyond memory",
        fit(scipy.sparse.csr_array((1000, 10**9))),
        InputError,
        "4e+03 GB once dense",
        "of memory are free",
        "TruncatedSVD",
    ),
]

CELLS = [
    Case("infinity", fit(with_cell(np.inf)), InputError, "row 3, column 'x1' holds inf", "infinity", "drop the rows"),
    Case("minus infinity", fit(with_cell(-np.inf)), InputError, "'x1' holds -inf", "infinity", "np.nan"),
    Case("a number beyond float32", fit(with_cell(1e39)), InputError, "holds 1e+39", "too large for float32", "drop"),
    Case("NaN in images", fit(HOLED), MissingValueError, "sample 4 holds nan at (2, 3, 0)", "contains NaN", "fill"),
    Case("infinity in images", fit(BURNT), InputError, "sample 4 holds inf", "infinity", "fill or drop"),
    Case(
        "negative numbers under Bernoulli",
        fit(ZEROS - 0.5, likelihood="bernoulli"),
        ValueRangeError,
        "column 'x0' holds -0.5 in row 0",
        "likelihood='bernoulli' prices values from 0 to 1",
        "likelihood='gaussian'",
    ),
    Case(
        "fractions under Poisson",
        fit(pd.DataFrame({"n": [1.0, 2.5, 2.0], "m": [1, 1, 2]}), likelihood="poisson", latent_dim=1),
        ValueRangeError,
        "column 'n' holds 2.5 in row 1",
        "whole numbers from 0 on",
        "likelihood='gaussian'",
    ),
    Case(
        "negative counts under a negative binomial",
        fit(COUNTS, likelihood="negative-binomial"),
        ValueRangeError,
        "column 'x1' holds -2 in row 3",
        "whole numbers from 0 on",
        "likelihood='gaussian'",
    ),
    Case(
        "categories under a Gaussian",
        fit(table(), likelihood="gaussian"),
        ParameterError,
        "likelihood='gaussian' for the column 'colour'",
        "no numbers",
        "likelihood='mixed'",
    ),
]

COLUMNS = [
    Case(
        "two columns of one name", fit(TWINS), ColumnError, "several columns called 'a'", "one column", "rename or drop"
    ),
    Case("names of two types", fit(HALF_NAMED), InputTypeError, "['int', 'str']", "string names", "astype(str)"),
    Case(
        "a column without a value",
        fit(table().assign(empty=np.nan)),
        MissingValueError,
        "column 'empty' without any value",
        "nothing can be learnt",
        "drop",
    ),
    Case(
        "objects of several types",
        fit(table().assign(odd=pd.Series([1, "a"] * 20, dtype=object))),
        ColumnError,
        "row 1 holds 'a' (str)",
        "numbers, booleans, text",
        "X['odd'].astype(str)",
    ),
    Case(
        "lists in a column",
        fit(pl.DataFrame({"a": [1, 2], "l": [[1], [2]]})),
        ColumnError,
        "column 'l' is of type List(Int64)",
        "numbers, booleans, text",
        "drop it",
    ),
    Case(
        "durations",
        fit(pl.DataFrame({"a": [1, 2], "d": [dt.timedelta(1), dt.timedelta(2)]})),
        ColumnError,
        "column 'd' is of type Duration",
        "dates with times",
        "convert it",
    ),
    Case(
        "a column that names the rows",
        fit(pl.DataFrame({"a": range(20_000), "id": [str(i) for i in range(20_000)]})),
        ColumnError,
        "different categories",
        "10000",
        "drop the column if it names the row",
    ),
    Case(
        "categories that are intervals",
        fit(pd.DataFrame({"a": [1.0, 2.0, 3.0], "bin": pd.cut([1.0, 2.0, 3.0], 2)})),
        ColumnError,
        "Interval",
        "a category is text, a number or a boolean",
        "X['bin'].astype(str)",
    ),
]

WEIGHTS = [
    Case(
        "weights for other rows", fit(ROWS, [1.0, 2.0]), InputError, "shape (2,)", "n=40 rows", "every row one weight"
    ),
    Case("a negative weight", fit(ROWS, [-1.0] + [1.0] * 39), ValueRangeError, "sample_weight[0]=-1.0", ">= 0", "0"),
    Case("a weight of NaN", fit(ROWS, [1.0] * 39 + [np.nan]), ValueRangeError, "[39]=nan", "finite", "drop the row"),
    Case("weights of zero", fit(ROWS, np.zeros(40)), InputError, "40 zeros", "at least one non-zero", "leave"),
    Case(
        "weights of text", fit(ROWS, ["a"] * 40), InputTypeError, "sample_weight of type <U1", "real numbers", "frame"
    ),
]

CASES = TYPES + SHAPES + CELLS + COLUMNS + WEIGHTS
