"""When latents fire: how many at once, how many never, and which of them fires where a known feature does.

`codes` is (n, L), a SciPy sparse matrix such as `transform` gives or an array; a latent fires on a row where its entry
is not 0.
"""

from __future__ import annotations

from typing import Any, Literal, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from isthmus.errors import InputError, UnknownNameError

Floats: TypeAlias = NDArray[np.float64]
Ints: TypeAlias = NDArray[np.int64]
THRESHOLDS = ("zero", "best")
FEATURES = 256  # true features looked at together


class BestLatents(NamedTuple):
    """For each of F true features the latent whose firing agrees with it best, (F,) each.

    Args:
        f1: Of that latent; NaN where the feature is never or always there.
        precision: Share of the rows on which the latent fires that have the feature.
        recall: Share of the rows with the feature on which it fires.
        latent: Which it is.
        threshold: It counts as firing above this.
    """

    f1: Floats
    precision: Floats
    recall: Floats
    latent: Ints
    threshold: Floats


def densities(codes: Any) -> Floats:
    """The share of the rows on which each latent fires, (L,).

    Args:
        codes: (n, L).

    Raises:
        InputError: not two dimensions, or no row.

    Example:
        >>> densities([[0.0, 2.0], [0.0, 0.5]])
        array([0., 1.])
    """
    found = _matrix(codes)
    shares: Floats = np.asarray((found != 0).sum(0), dtype=np.float64).ravel() / found.shape[0]
    return shares


def l0(codes: Any) -> float:
    """How many latents fire on a row, on average.

    Args:
        codes: (n, L).

    Raises:
        InputError: not two dimensions, or no row.

    Example:
        >>> l0([[0.0, 2.0, 1.0], [0.0, 0.5, 0.0]])
        1.5
    """
    return float(densities(codes).sum())


def dead_share(codes: Any) -> float:
    """The share of the latents that fire on none of these rows.

    Args:
        codes: (n, L); with few rows a rare latent passes for a dead one.

    Raises:
        InputError: not two dimensions, or no row.

    Example:
        >>> dead_share([[0.0, 2.0], [0.0, 0.5]])
        0.5
    """
    return float((densities(codes) == 0).mean())


def best_latents(codes: Any, firing: Any, threshold: Literal["zero", "best"] = "zero") -> BestLatents:
    r"""Of each true feature the one latent that fires most nearly where it does.

    .. math:: F_1 = \frac{2 \, |\text{both}|}{|\text{latent}| + |\text{feature}|}

    Args:
        codes: (n, L); units that are dense, such as neurons, need threshold="best".
        firing: (n, F) where each feature is there: booleans, or numbers of which those are that are not 0.
        threshold: "zero", or "best" for the threshold of each latent at which its F1 on these rows is largest; of a
            sparse matrix none below 0.

    Raises:
        InputError: as many rows of the one as of the other are needed, and one of each.
        UnknownNameError: another word for the threshold.

    Example:
        >>> found = best_latents([[1.0, 0.0], [2.0, 3.0], [0.0, 1.0]], [[1], [1], [0]])
        >>> found.f1, found.latent
        (array([1.]), array([0]))
    """
    if threshold not in THRESHOLDS:
        raise UnknownNameError.among("threshold", threshold, THRESHOLDS)
    units, there = _matrix(codes), _matrix(firing) != 0
    if units.shape[0] != there.shape[0]:
        came = f"codes of {units.shape[0]} rows with firing of {there.shape[0]}"
        raise InputError(came, "both are of the same rows", "transform the rows that firing is about")
    find = _at_zero if threshold == "zero" else _at_best
    parts = [find(units, there[:, start : start + FEATURES]) for start in range(0, there.shape[1], FEATURES)]
    return BestLatents(*map(np.concatenate, zip(*parts, strict=True)))


def _at_zero(units: Any, there: Any) -> BestLatents:
    """Latents are on where they are not 0: all overlaps are one product."""
    from scipy.sparse import csr_array

    on, here = csr_array(units != 0, dtype=np.float64), csr_array(there, dtype=np.float64)
    both = np.asarray((here.T @ on).todense())  # (F, L)
    fires, present = np.asarray(on.sum(0)).ravel(), np.asarray(here.sum(0)).ravel()
    f1 = 2 * both / np.maximum(fires + present[:, None], 1)
    best = f1.argmax(1)
    each = np.arange(len(best)), best
    return _answer(f1[each], both[each], fires[best], present, best, np.zeros(len(best)), units.shape[0])


def _at_best(units: Any, there: Any) -> BestLatents:
    """Latents are on above a threshold of their own, which is found by going through their values from the top."""
    from scipy.sparse import csc_array, issparse

    here = np.asarray(there.todense() if issparse(there) else there, dtype=np.float64)  # (n, F)
    rows, features = here.shape
    columns = csc_array(units) if issparse(units) else np.asfortranarray(units)
    present, best = here.sum(0), np.full((5, features), -1.0)  # f1, both, fires, latent, threshold
    for latent in range(units.shape[1]):
        values, places = _entries(columns, latent, rows)
        order = np.argsort(-values, kind="stable")
        values, both = values[order], here[places[order]].cumsum(0)
        fires = np.arange(1.0, len(values) + 1)
        ends = np.flatnonzero(np.append(values[1:] < values[:-1], True)) if len(values) else np.empty(0, np.int64)
        if not len(ends):
            continue
        f1 = 2 * both[ends] / (fires[ends, None] + present)
        top = f1.argmax(0)
        places_of = ends[top]
        below = np.append(values, -np.inf)[places_of + 1]
        lowest = np.maximum(below, 0.0) if issparse(units) else below
        found = np.stack([f1.max(0), both[places_of, np.arange(features)], fires[places_of], np.full(features, latent)])
        better = found[0] > best[0]
        best[:4, better], best[4, better] = found[:, better], lowest[better]
    return _answer(best[0], best[1], best[2], present, best[3].astype(np.int64), best[4], rows)


def _entries(columns: Any, latent: int, rows: int) -> tuple[Floats, Ints]:
    """The values of a latent and the rows that they stand in; of a sparse one those above 0."""
    if isinstance(columns, np.ndarray):
        return columns[:, latent].astype(np.float64), np.arange(rows)
    span = slice(columns.indptr[latent], columns.indptr[latent + 1])
    values, places = columns.data[span].astype(np.float64), columns.indices[span].astype(np.int64)
    return values[values > 0], places[values > 0]


def _answer(
    f1: Floats, both: Floats, fires: Floats, present: Floats, latent: Ints, threshold: Floats, rows: int
) -> BestLatents:
    """The five figures, without those of features that say nothing."""
    said = (present > 0) & (present < rows)
    precision, recall = both / np.maximum(fires, 1), both / np.maximum(present, 1)
    f1, precision, recall = (np.where(said, found, np.nan) for found in (f1, precision, recall))
    return BestLatents(f1, precision, recall, latent, threshold)


def _matrix(codes: Any) -> Any:
    """A sparse matrix as it is, anything else as an array, (n, L)."""
    from scipy.sparse import issparse

    found = codes.tocsr() if issparse(codes) else np.asarray(codes)
    if found.ndim != 2 or not found.shape[0] or not found.shape[1]:
        raise InputError(f"codes of shape {found.shape}", "(n, L), both at least 1", "give a latent in each column")
    return found
