"""Use of codes: counted, and measured by the entropy of the choices."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import entropy

from isthmus.errors import InputError
from isthmus.metrics import code_use, perplexity


def test_perplexity_is_that_of_the_shares() -> None:
    symbols = np.random.default_rng(0).binomial(20, 0.3, (50, 4))
    shares = np.bincount(symbols.ravel(), minlength=32) / symbols.size
    found = code_use(symbols, 32)
    assert found.perplexity == pytest.approx(np.exp(entropy(shares)))
    assert found.bits == pytest.approx(entropy(shares, base=2))
    assert found.dead.tolist() == np.flatnonzero(shares == 0).tolist()
    assert found.share == pytest.approx((shares > 0).mean())


def test_an_even_use_of_all_codes_has_a_perplexity_of_their_number() -> None:
    assert perplexity(np.arange(64), 64) == pytest.approx(64)


@pytest.mark.parametrize("symbols", [[], [0.0, 1.0], [-1, 2], [0, 8]])
def test_what_is_no_symbol_is_refused(symbols: list[float]) -> None:
    with pytest.raises(InputError, match="0 to 7"):
        code_use(symbols, 8)
