"""What the caller gave, validated and turned into a `Source`, and what goes back to him. The only place that does.

The cells themselves are checked where they are read (`data.contract`, `data.arrays`), so that rows from files, which
are never in memory together, obey the same rules.
"""

from __future__ import annotations

import math
from dataclasses import replace
from functools import cache
from typing import Any

import narwhals as nw
import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from sklearn.utils.validation import check_is_fitted, validate_data
from torch import Tensor

from isthmus.core.source import Source
from isthmus.core.spec import Spec
from isthmus.data.array_learner import learn_array
from isthmus.data.arrays import Tagged, check_samples, decode_array, matched, sample_shape, tagged
from isthmus.data.contract import are_tame, check_domain, check_names, check_shape, check_width
from isthmus.data.memory import ArraySource, TensorSource, check_memory
from isthmus.data.streams import Stream
from isthmus.data.tables import check_cells, decode_table, encode_table, learn_table
from isthmus.errors import InputError, InputTypeError, ValueRangeError
from isthmus.estimator.containers import array_of, opened
from isthmus.estimator.plainness import check_plain
from isthmus.parts.likelihoods.choose import domain

BLOCK_CELLS = 2**20  # cells checked at once against a likelihood's domain


def learn(estimator: Any, X: Any) -> Source:
    """Validate the training rows and learn what they are.

    Sets `n_features_in_` and, for frames with text column names, `feature_names_in_`.

    Args:
        estimator: Its `scaling` and `likelihood` are read.
        X: A table, images, series or volumes; see `containers.opened`. Or rows that were read before.

    Raises:
        InputError: X cannot be used; the subclass says why.
        UnknownNameError: no scaling or likelihood of that name.
    """
    if isinstance(X, TensorSource):  # read by another estimator, whose spec this one takes over
        _sign_as(estimator, X.spec)
        return X
    rows = opened(X)
    source = _learnt(estimator, rows)
    if estimator.numbers_only:
        check_plain(source, type(estimator).__name__)
    _check_domain(source, estimator.likelihood)
    _sign(estimator, _first(rows), source.spec)
    return source


def _learnt(estimator: Any, rows: Any) -> Source:
    """The training rows with what they taught."""
    if isinstance(rows, Stream):
        return rows.learn(_scaling(estimator, rows.is_table))
    if isinstance(rows, Tagged) or len(rows.shape) > 2:
        samples = tagged(rows)
        return ArraySource(samples.array, learn_array(samples, _scaling(estimator, is_table=False)))
    check_shape(rows.shape, type(estimator).__name__, least=2)
    if _is_sparse(rows):
        check_memory(*rows.shape)
    return _table(rows, learn_table(rows, _scaling(estimator, is_table=True)))


def _first(rows: Any) -> Any:
    """The first rows of a stream, which show its columns; other rows as they are."""
    return opened(rows.head()) if isinstance(rows, Stream) else rows


def read(estimator: Any, X: Any, *, gaps: bool = False) -> Source:
    """Validate rows for a fitted estimator and scale them as it learnt to.

    Args:
        estimator: Its `spec_` says what the rows must be.
        X: Rows like those of training, or such as were read before.
        gaps: Whether cells may be missing in columns that had none in training.

    Raises:
        NotFittedError: there was no fit.
        ColumnError: columns are missing, extra, reordered, of another type, or hold unseen categories.
        MissingValueError: a gap in a column that had none.
        ValueRangeError: a value outside the likelihood's domain.
        InputError: X cannot be used for another reason.
    """
    check_is_fitted(estimator)
    if isinstance(X, TensorSource):
        return X
    source = read_like(estimator, X, estimator.spec_, gaps=gaps)
    _check_domain(source, estimator.settings_.likelihood)
    return source


def read_like(estimator: Any, X: Any, spec: Spec, *, gaps: bool = False) -> Source:
    """Validate rows and scale them as `spec` says, which may be known before the estimator is fitted.

    Args:
        estimator: One that `learn` has seen the training rows with.
        X: Rows like those of training.
        spec: What the training rows are.
        gaps: Whether cells may be missing in columns that had none in training.

    Raises:
        InputError: as `read` does, but for the likelihood's domain.
    """
    if is_ready(X, spec):
        return ArraySource(X, spec)
    if spec.kind == "table":
        return _read_table(estimator, opened(X), spec, gaps)
    return _read_array(opened(X), spec)


def is_ready(X: Any, spec: Spec) -> bool:
    """Whether X is a contiguous float32 array of the right width with finite numbers only: the short check.

    Args:
        X: Whatever the caller gave.
        spec: What training rows were.
    """
    if type(X) is not np.ndarray or X.dtype != np.float32 or X.ndim != 2 or not X.flags.c_contiguous:
        return False
    fits = len(X) > 0 and X.shape[1:] == spec.shape and spec.is_plain and spec.container == "numpy"
    return fits and are_tame(X)


def _read_table(estimator: Any, rows: Any, spec: Spec, gaps: bool) -> Source:
    """Rows of a table, whose columns must be those of `spec`."""
    first, who = _first(rows), type(estimator).__name__
    if isinstance(first, Tagged):
        raise InputTypeError(f"X tagged {type(first).__name__}", "training had a table", "give it rows of that table")
    check_shape(first.shape, who)
    if isinstance(first, nw.DataFrame) and spec.named and all(isinstance(name, str) for name in first.columns):
        check_names(first.columns, spec)
    check_width(first.shape[1], spec, who)
    if gaps:
        spec = replace(spec, columns=tuple(replace(column, gaps=True) for column in spec.columns))
    source = rows.source(spec) if isinstance(rows, Stream) else _table(rows, spec)
    if gaps:
        source = TensorSource(source.block(0, len(source)), estimator.spec_)
    validate_data(estimator, X=_native(first), reset=False, skip_check_array=True)  # warns where only one has names
    return source


def _read_array(rows: Any, spec: Spec) -> Source:
    """Images, series or volumes, whose samples must be those of `spec`."""
    first = _first(rows)
    if not isinstance(first, Tagged | np.ndarray):
        came = f"X, a {type(_native(first)).__name__}"
        raise InputTypeError(came, f"training had {spec.kind} samples in an array", "give it an array of them")
    samples = matched(first, spec)
    check_samples(samples, sample_shape(spec), spec.dtype)
    if len(samples) == 0:
        allowed = f"Found array with 0 sample(s) (shape={samples.shape}) while a minimum of 1 is required"
        raise InputError("X without samples", allowed, "check how the samples were selected")
    return rows.source(spec) if isinstance(rows, Stream) else ArraySource(samples.array, spec)


def _table(rows: Any, spec: Spec) -> Source:
    """A frame encoded, an array or sparse matrix checked and left to be scaled block by block."""
    if isinstance(rows, nw.DataFrame):
        return TensorSource(encode_table(rows, spec), spec)
    check_cells(rows, spec)
    return ArraySource(rows, spec)


def read_codes(estimator: Any, Z: ArrayLike) -> Source:
    """Validate codes, (n, Z), for decoding.

    Raises:
        NotFittedError: there was no fit.
        InputError: another width than the code's, or a number that is not finite.
    """
    check_is_fitted(estimator)
    shape = tuple(estimator.latent_shape_)
    width = math.prod(shape)
    codes = _codes(opened(Z))
    if codes.ndim != 2 or codes.shape[1] != width:
        raise InputError(f"Z of shape {codes.shape}", f"codes are (n, {width})", "give it what transform(X) returned")
    if not np.isfinite(codes).all():
        row, column = np.argwhere(~np.isfinite(codes))[0]
        came = f"Z[{row}, {column}]={codes[row, column]}"
        raise InputError(came, "a code is made of finite numbers", "give it what transform(X) returned")
    return TensorSource(torch.from_numpy(codes).view(-1, *shape), _spec_of_codes(shape))


@cache
def _spec_of_codes(shape: tuple[int, ...]) -> Spec:
    """What codes of this shape are."""
    return Spec("table", shape)


def _codes(rows: Any) -> NDArray[np.float32]:
    """Codes from whatever holds them, as a new float32 array."""
    cells = rows.to_numpy() if isinstance(rows, nw.DataFrame) else rows.toarray() if _is_sparse(rows) else rows
    return np.array(cells, dtype=np.float32)


def give_back(estimator: Any, x: Tensor, like: Any = None) -> Any:
    """x in the caller's container, types and units.

    Args:
        estimator: Its `spec_` says what x is.
        x: (n, ...), in the network's units.
        like: The rows that x comes from, if any: a pandas frame lends its index, an array its type.
    """
    spec: Spec = estimator.spec_
    if spec.kind != "table":
        return decode_array(x, spec)
    if isinstance(like, np.ndarray):
        spec = replace(spec, container="numpy", dtype=str(like.dtype))
    index = like.index if spec.container == "pandas" and hasattr(like, "columns") and hasattr(like, "index") else None
    return decode_table(x, spec, index)


def check_weights(sample_weight: ArrayLike | None, n: int) -> Tensor | None:
    """The weights of n rows as a tensor, (n,) float32; None stands for equal ones.

    Raises:
        InputError: not one finite weight per row, or all of them zero.
        ValueRangeError: a negative weight.

    Example:
        >>> check_weights([1, 2], 2)
        tensor([1., 2.])
    """
    if sample_weight is None:
        return None
    weight = array_of(sample_weight, "sample_weight").astype(np.float64)
    if weight.shape != (n,):
        allowed = f"it has one weight for each of the n={n} rows, so its shape is ({n},)"
        raise InputError(f"sample_weight of shape {weight.shape}", allowed, "give every row one weight")
    wrong = ~(np.isfinite(weight) & (weight >= 0))
    if wrong.any():
        row = int(wrong.argmax())
        allowed = "a weight is a finite number >= 0, since it multiplies a cost"
        raise ValueRangeError(f"sample_weight[{row}]={weight[row]}", allowed, "drop the row, or give it the weight 0")
    if not weight.any():
        allowed = "Sample weights must contain at least one non-zero number, or nothing is learnt"
        raise InputError(f"sample_weight with {n} zeros", allowed, "leave sample_weight out for equal weights")
    return torch.from_numpy(weight.astype(np.float32))


def _scaling(estimator: Any, is_table: bool) -> str:
    """What scaling="auto" is: the usual one, or what suits a likelihood that prices only some numbers."""
    if estimator.scaling != "auto":
        return estimator.scaling  # type: ignore[no-any-return]
    allowed = None if estimator.likelihood == "auto" else domain(estimator.likelihood)
    if allowed is None or allowed.is_scalable:
        return estimator.table_scaling if is_table else estimator.array_scaling  # type: ignore[no-any-return]
    return "none" if is_table or allowed.whole else "unit"


def _check_domain(source: Source, likelihood: str) -> None:
    """Refuse rows with values that the likelihood gives no price."""
    if likelihood == "auto" or domain(likelihood).is_scalable:
        return
    step = max(1, BLOCK_CELLS // source.spec.n_features)
    for start in range(0, len(source), step):
        block = source.block(start, min(start + step, len(source)))
        check_domain(block.numpy(), source.spec, likelihood, domain(likelihood), start)


def _sign(estimator: Any, rows: Any, spec: Spec) -> None:
    """Leave `n_features_in_` and `feature_names_in_`, as scikit-learn does."""
    if spec.kind == "table":
        validate_data(estimator, X=_native(rows), reset=True, skip_check_array=True)
        return
    estimator.n_features_in_ = spec.n_features
    vars(estimator).pop("feature_names_in_", None)


def _sign_as(estimator: Any, spec: Spec) -> None:
    """The same for rows that nobody has but their spec."""
    estimator.n_features_in_ = spec.n_features
    vars(estimator).pop("feature_names_in_", None)
    if spec.named:
        estimator.feature_names_in_ = np.asarray([column.name for column in spec.columns], dtype=object)


def _native(rows: Any) -> Any:
    """The caller's own frame; arrays as they are."""
    return rows.to_native() if isinstance(rows, nw.DataFrame) else rows


def _is_sparse(rows: Any) -> bool:
    """Whether rows are a sparse matrix."""
    return hasattr(rows, "toarray")
