"""How symbols are used: how many of an alphabet's codes do the work, and which none chooses."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from isthmus.errors import InputError


class CodeUse(NamedTuple):
    """What of an alphabet was used.

    Args:
        share: Of the K codes, chosen at least once, 0 to 1.
        dead: The codes that nothing chose, rising.
        perplexity: exp of the entropy of the choices, 1 to K: as many codes, each chosen alike, would say as much.
        bits: Entropy of the choices, in bits for each symbol.
    """

    share: float
    dead: NDArray[np.int64]
    perplexity: float
    bits: float


def code_use(symbols: ArrayLike, codes: int) -> CodeUse:
    r"""How many of K codes some symbols use, and how evenly.

    .. math:: H = -\sum_k p_k \log p_k, \quad \text{perplexity} = e^H

    Args:
        symbols: Whole numbers from 0 to K - 1, of any shape, such as `tokens(X)` or its columns of one level.
        codes: K.

    Raises:
        InputError: no symbols, or such as are no whole numbers from 0 to K - 1.

    Example:
        >>> found = code_use([[0, 1], [1, 0]], codes=4)
        >>> found.share, found.dead.tolist(), round(found.perplexity, 6), found.bits
        (0.5, [2, 3], 2.0, 1.0)
    """
    chosen = np.asarray(symbols)
    if chosen.size == 0 or chosen.dtype.kind not in "iu" or chosen.min() < 0 or chosen.max() >= codes:
        span = f", {chosen.min()} to {chosen.max()}" if chosen.size else ""
        came, allowed = f"symbols of type {chosen.dtype}{span}", f"they are whole numbers from 0 to {codes - 1}"
        raise InputError(came, allowed, "give it what tokens(X) returned, and the model's number of codes")
    counts = np.bincount(chosen.ravel().astype(np.int64), minlength=codes)
    shares = counts[counts > 0] / chosen.size
    entropy = abs(float((shares * np.log(shares)).sum()))
    return CodeUse(len(shares) / codes, np.flatnonzero(counts == 0), float(np.exp(entropy)), entropy / float(np.log(2)))


def perplexity(symbols: ArrayLike, codes: int) -> float:
    """exp of the entropy of the symbols' use, 1 to K; see `code_use`.

    Example:
        >>> perplexity([3, 3, 3], codes=8)
        1.0
    """
    return code_use(symbols, codes).perplexity
