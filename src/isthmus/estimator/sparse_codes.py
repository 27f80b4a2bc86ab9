"""Codes that are mostly zero, as SciPy's CSR matrices: out of a network and back into it, a few rows at a time."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import scipy.sparse
import torch
from torch import Tensor

from isthmus.core.source import Source
from isthmus.core.spec import Spec
from isthmus.errors import ParameterError
from isthmus.estimator.defaults import real, whole
from isthmus.estimator.inputs import read_codes
from isthmus.parts.dictionary.choose import COUNTED, PRICED

MOST_ON, ON_OF = 32, 16  # latents that are on where nobody says how many: one of so many, at most so many
DENSE_NUMBERS = 2**24  # of the codes that are whole at any time, zeros included: 64 MiB


class Stretch:
    """Some rows of a source that follow each other, as a source of their own.

    Args:
        source: All rows.
        start: The first.
        stop: The one behind the last.
    """

    def __init__(self, source: Source, start: int, stop: int) -> None:
        self.source, self.start, self.stop = source, start, stop
        self.spec: Spec = source.spec

    def __len__(self) -> int:
        """How many rows these are."""
        return self.stop - self.start

    def block(self, start: int, stop: int) -> Tensor:
        """The source's rows, counted from the first of these."""
        return self.source.block(self.start + start, self.start + stop)


def spans(rows: int, width: int) -> Iterator[tuple[int, int]]:
    """Stretches of rows whose dense codes are not too large, one after the other."""
    step = max(1, DENSE_NUMBERS // width)
    for start in range(0, rows, step):
        yield start, min(start + step, rows)


def codes_of(estimator: Any, source: Source, dtype: Any) -> scipy.sparse.csr_matrix:
    """The codes of rows, (n, Z) CSR.

    Args:
        estimator: Fitted; its network's codes are mostly zero.
        source: The rows.
        dtype: Of the codes.
    """
    blocks, width = estimator._blocks(), estimator.latent_dim_
    parts = [
        scipy.sparse.csr_matrix(blocks.run(Stretch(source, start, stop), estimator._codes).numpy().astype(dtype))
        for start, stop in spans(len(source), width)
    ]
    return scipy.sparse.vstack(parts, format="csr")


def decoded(estimator: Any, Z: Any) -> Tensor:
    """What codes, (n, Z) CSR or dense, stand for, in the network's units, (n, ...).

    Raises:
        InputError: another width than the code's, or a number that is not finite.
    """
    codes = Z.tocsr() if scipy.sparse.issparse(Z) else np.asarray(Z)
    blocks = estimator._blocks()
    if codes.ndim != 2:
        read_codes(estimator, codes)  # which says why not
    parts = [
        blocks.run(read_codes(estimator, codes[start:stop]), estimator._decoded)
        for start, stop in spans(codes.shape[0], codes.shape[1])
    ]
    return torch.cat(parts)


def sparsity_of(estimator: Any, latents: int) -> float:
    """How many latents shall be on in a row: k, or l0, or what is usual.

    Args:
        estimator: Its `activation`, `k`, `l0` and `weight` are read.
        latents: n.

    Raises:
        ParameterError: two of them were given, k where the activation pays, a price where it counts, or more than n.
    """
    asked = {name: getattr(estimator, name) for name in ("k", "l0", "weight")}
    given = {name: value for name, value in asked.items() if value is not None}
    came = ", ".join(f"{name}={value!r}" for name, value in given.items())
    if len(given) > 1:
        allowed = "k, l0 and weight each say how much is on, so one of them is given"
        raise ParameterError(came, allowed, f"use l0={asked['l0'] or asked['k']!r} alone")
    if estimator.activation in (PRICED if "k" in given else COUNTED if "weight" in given else ()):
        allowed = "k is for those that count, weight for those that pay, l0 for all"
        raise ParameterError(f"{came} with activation={estimator.activation!r}", allowed, "use l0=32")
    if "k" in given:
        whole("k", asked["k"])
    usual = max(1, min(MOST_ON, latents // ON_OF))
    wanted = usual if not given or "weight" in given else real(*next(iter(given.items())))
    if wanted > latents:
        allowed = "no more latents can be on than there are"
        raise ParameterError(f"{came} with n_latents={latents}", allowed, f"use a wider dictionary, or k={usual}")
    return float(wanted)


def checked_levels(levels: Any) -> tuple[float, ...]:
    """Shares of the latents at the end of each level.

    Raises:
        ParameterError: they do not rise to 1.

    Example:
        >>> checked_levels([0.25, 1])
        (0.25, 1.0)
    """
    shares = [real("levels", share) for share in levels] if isinstance(levels, list | tuple) else []
    if not shares or shares[-1] != 1 or sorted(set(shares)) != shares:
        raise ParameterError(f"levels={levels!r}", "shares of the latents rise to 1", "use levels=(0.25, 1.0)")
    return tuple(shares)
