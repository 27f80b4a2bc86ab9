"""What a likelihood means in units that do not depend on the number of cells or on how they were scaled."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from isthmus.errors import ParameterError


def bits_per_dim(log_likelihood: ArrayLike, dims: int, factor: float = 1.0) -> NDArray[np.float64]:
    r"""Bits that each cell of a row costs under a model.

    .. math:: \frac{-\log p(\tilde x)}{D \ln 2} + \log_2 f, \quad x = f \tilde x + \text{offset}

    A density is that of the scaled cells; in the cells' own units it is smaller by f for each. Whole numbers to which
    uniform noise on [0, 1) was added cost no less than they would themselves, so a figure of pixels from 0 to 255 may
    stand beside those of compressors; without that noise it may not, and can fall without end. Probabilities of black
    and white need no factor.

    Args:
        log_likelihood: log p(x) of each row in nats, (n,) or a single one: what `log_likelihood` gives, or a bound.
        dims: D, the cells of a row.
        factor: f, by which cells were divided: `spec_.factor` of images, 1 for what was not scaled.

    Returns:
        The shape of `log_likelihood`.

    Raises:
        ParameterError: no cells, or a factor that is not above 0.

    Paper:
        Theis, van den Oord & Bethge 2016, arXiv:1511.01844, section 3.1.

    Example:
        >>> float(bits_per_dim(-784 * np.log(2), 784)), float(bits_per_dim(0.0, 784, factor=256.0))
        (1.0, 8.0)
    """
    if dims < 1:
        raise ParameterError(f"dims={dims!r}", "a row has at least one cell", "give the number of cells of a row")
    if not 0 < factor < math.inf:
        raise ParameterError(f"factor={factor!r}", "cells were divided by a number above 0", "use factor=1.0")
    nats = -np.asarray(log_likelihood, dtype=np.float64)
    return np.asarray(nats / (dims * math.log(2)) + math.log2(factor))
