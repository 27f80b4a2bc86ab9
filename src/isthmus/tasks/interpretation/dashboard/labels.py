"""What a latent is called, from the words that are said of the rows on which it fires."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Floats: TypeAlias = NDArray[np.float64]
PRIOR = 100.0  # words that every latent is taken to have seen before, in the shares that all rows have
SURE, MOST = 3.0, 3  # deviations from which a word is said, and how many are


def log_odds(on: Any, said: Floats) -> Any:
    r"""How much more often a word is said where a latent fires than elsewhere, in deviations.

    .. math:: z = \frac{\delta}{\sqrt{\frac{1}{y_{on} + \alpha_w} + \frac{1}{y_{off} + \alpha_w}}}, \quad
              \delta = \log \frac{y_{on} + \alpha_w}{n_{on} + \alpha - y_{on} - \alpha_w}
              - \log \frac{y_{off} + \alpha_w}{n_{off} + \alpha - y_{off} - \alpha_w}

    Args:
        on: y_on, how often each word is said where each latent fires, CSR (L, W).
        said: How often each is said at all, (W,); y_off is what is left.

    Returns:
        CSR (L, W), of words that are said where the latent fires.

    Paper:
        Monroe, Colaresi & Quinn 2008, Political Analysis 16, pp. 372-403, eqs. 16, 20 and 22.

    Example:
        >>> from scipy.sparse import csr_array
        >>> z = log_odds(csr_array([[50.0, 50.0]]), np.array([50.0, 1000.0])).toarray()
        >>> bool(z[0, 0] > 3), bool(z[0, 1] < -3)
        (True, True)
    """
    found = on.tocoo()
    total = said.sum()
    prior = PRIOR * said[found.col] / total
    size = np.asarray(on.sum(1)).ravel()[found.row]
    here, there = found.data + prior, said[found.col] - found.data + prior
    rest_here, rest_there = size + PRIOR - here, total - size + PRIOR - there
    tiny = 1e-9  # a word of its own leaves nothing beside it
    gain = np.log(here / np.maximum(rest_here, tiny)) - np.log(there / np.maximum(rest_there, tiny))
    scores = on.tocoo(copy=True)
    scores.data = gain / np.sqrt(1 / here + 1 / np.maximum(there, tiny))
    return scores.tocsr()


def labels(on: Any, said: Floats, words: Sequence[str], own: int = 0) -> list[list[str]]:
    """Up to three words for each latent, the caller's own before others, and the surest first; none where none is sure.

    Args:
        on: As of `log_odds`.
        said: Likewise.
        words: Their spelling, (W,).
        own: How many of them, the last ones, the caller has given.
    """
    scores = log_odds(on, said)
    found, first = [], len(words) - own
    for start, stop in zip(scores.indptr[:-1], scores.indptr[1:], strict=True):
        which, odds = scores.indices[start:stop], scores.data[start:stop]
        order = np.lexsort((-odds, which < first))
        found.append([words[which[place]] for place in order if odds[place] > SURE][:MOST])
    return found
