"""Data that is not like what the model was trained on."""

from __future__ import annotations

import numpy as np
import pandas as pd

from isthmus.data.arrays import Volumes
from isthmus.errors import ColumnError, InputError, InputTypeError, MissingValueError, TooFewRowsError
from tests.bad_input.case import IMAGES, ROWS, Case, later, table, with_cell

FEATURES = "X has 3 features, but Autoencoder is expecting 5 features as input"
NAMES = "The feature names should match those that were passed during fit."

COLUMNS = [
    Case(
        "a column missing",
        later("table", table().drop(columns="colour")),
        ColumnError,
        "[age, height, member, since], where training had [age, height, colour, member, since]",
        f"{NAMES}\nFeature names seen at fit time, yet now missing:\n- colour",
        "add the missing columns",
    ),
    Case(
        "a column too many",
        later("table", table().assign(zip=1)),
        ColumnError,
        "since, zip]",
        f"{NAMES}\nFeature names unseen at fit time:\n- zip",
        "X[model.feature_names_in_]",
    ),
    Case(
        "columns in another order",
        later("table", table()[["height", "age", "colour", "member", "since"]]),
        ColumnError,
        "[height, age, colour, member, since], where training had [age, height,",
        "Feature names must be in the same order as they were in fit",
        "X[model.feature_names_in_]",
    ),
    Case("other rows", later("rows", ROWS[:, :3]), ColumnError, "3 columns", FEATURES, "the 5 columns"),
    Case(
        "other rows, scored", later("rows", ROWS[:, :3], "score_samples"), ColumnError, "3 columns", FEATURES, "the 5"
    ),
    Case(
        "numbers that became text",
        later("table", table().assign(height="tall")),
        ColumnError,
        "column 'height' is categorical",
        "it was numeric in training",
        "X['height'].astype('float')",
    ),
    Case(
        "booleans that became numbers",
        later("table", table().assign(member=1)),
        ColumnError,
        "column 'member' is numeric",
        "it was boolean in training",
        "X['member'].astype('bool')",
    ),
    Case(
        "an array in place of a frame with categories",
        later("table", np.zeros((3, 5))),
        ColumnError,
        "column 'colour' is numeric",
        "it was categorical in training",
        "X['colour'].astype('str')",
    ),
    Case(
        "an unseen category",
        later("table", table().replace({"colour": {"green": "violet"}})),
        ColumnError,
        "column 'colour' holds 'violet', never seen in training",
        "known categories are 'blue', 'green', 'red'",
        "map it to a known one",
    ),
]

CELLS = [
    Case(
        "a gap in a column that had none",
        later("table", table().assign(height=[np.nan] + [1.8] * 39)),
        MissingValueError,
        "column [height] with missing cells",
        "training had no missing cell",
        "fill the cells",
    ),
    Case(
        "gaps in an array that had none",
        later("rows", with_cell([np.nan, np.nan], column=slice(1, 3))),
        MissingValueError,
        "columns [x1, x2] with missing cells",
        "Input X contains NaN",
        "train with some missing cells",
    ),
    Case("infinity", later("rows", with_cell(np.inf)), InputError, "row 3, column 'x1' holds inf", "infinity", "drop"),
    Case(
        "infinity in a frame",
        later("table", table().assign(height=[1.5, -np.inf] * 20)),
        InputError,
        "row 1, column 'height' holds -inf",
        "infinity",
        "drop the rows",
    ),
    Case("no rows", later("rows", ROWS[:0]), TooFewRowsError, "n_samples=0", "a minimum of 1 is required", "rows were"),
    Case("one axis", later("rows", ROWS[0]), InputError, "shape (5,)", "Expected 2D array", "Reshape your data"),
    Case(
        "codes of another width",
        later("rows", ROWS, "inverse_transform"),
        InputError,
        "Z of shape (40, 5)",
        "(n, 2)",
        "transform(X)",
    ),
    Case(
        "a code of NaN",
        later("rows", [[0, np.nan]], "inverse_transform"),
        InputError,
        "Z[0, 1]=nan",
        "finite",
        "transform(X)",
    ),
    Case(
        "a code of text",
        later("rows", [["a", "b"]], "inverse_transform"),
        InputTypeError,
        "type <U1",
        "real numbers",
        "frame",
    ),
]

SAMPLES = [
    Case(
        "images of another size", later("images", IMAGES[:, 1:]), InputError, "(5, 6)", "training had (6, 6)", "resize"
    ),
    Case(
        "fractions for bytes", later("images", IMAGES / 255.0), InputTypeError, "float64", "uint8", "X.astype('uint8')"
    ),
    Case(
        "rows for images", later("images", ROWS), InputError, "samples of shape (5,)", "training had (6, 6)", "resize"
    ),
    Case(
        "a frame for images", later("images", table()), InputTypeError, "a DataFrame", "image samples", "array of them"
    ),
    Case(
        "volumes for images",
        later("images", Volumes(IMAGES[..., None])),
        InputError,
        "Volumes",
        "Images",
        "as in training",
    ),
    Case(
        "volumes for rows",
        later("rows", Volumes(IMAGES[..., None])),
        InputTypeError,
        "tagged Volumes",
        "a table",
        "rows",
    ),
    Case("images for rows", later("rows", IMAGES), InputError, "(12, 6, 6)", "Expected 2D array, got 3D", "Reshape"),
    Case(
        "no images",
        later("images", IMAGES[:0]),
        InputError,
        "without samples",
        "a minimum of 1",
        "samples were selected",
    ),
    Case("a series of pandas", later("rows", pd.Series([1.0])), InputError, "a Series", "Expected 2D", "X.to_frame()"),
]

CASES = COLUMNS + CELLS + SAMPLES
