"""Codes as whole numbers, and rows from them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from sklearn.utils.validation import check_is_fitted
from torch import Tensor

from isthmus.core.code import Batch
from isthmus.core.spec import Spec
from isthmus.data.memory import TensorSource
from isthmus.errors import InputError, InputTypeError, ValueRangeError
from isthmus.estimator.abilities import require
from isthmus.estimator.containers import array_of
from isthmus.estimator.inputs import give_back, read


class Tokenizes:
    """The verbs of an estimator whose code has an integer form."""

    if TYPE_CHECKING:
        _blocks: Callable[[], Any]
        network_: Any

    def tokens(self, X: Any) -> NDArray[np.int64]:
        """The symbols of each row, (n, N), each from 0 to K - 1; of a code with levels the coarse ones first.

        Raises:
            AbilityError: the code has no integer form.
        """
        check_is_fitted(self)
        require(self, "tokens")
        return self._blocks().run(read(self, X), self._symbols).numpy()  # type: ignore[no-any-return]

    def from_tokens(self, T: ArrayLike) -> Any:
        """Rows from symbols, in the container, types and units of the training data.

        Of the symbols that `tokens` gave for some rows it makes what `reconstruct` makes of those rows, bit for bit.

        Args:
            T: Whole numbers, (n, N), each from 0 to K - 1.

        Raises:
            AbilityError: the code has no integer form.
            InputError: another number of symbols than a row has.
            InputTypeError: numbers of a type that is not whole.
            ValueRangeError: a symbol that the alphabet does not have.
        """
        check_is_fitted(self)
        require(self, "from_tokens")
        return give_back(self, self._blocks().run(read_tokens(T, self.network_.bottleneck.alphabet), self._spoken))

    def _symbols(self, batch: Batch) -> Tensor:
        return self.network_.encode(batch).symbols  # type: ignore[no-any-return]

    def _spoken(self, batch: Batch) -> Tensor:
        """The expected x of symbols that came as shares, see `read_tokens`."""
        bottleneck = self.network_.bottleneck
        sizes = torch.tensor(bottleneck.alphabet, device=batch.x.device)
        symbols = (batch.x.double() * sizes).long()
        return self.network_.mean(self.network_.decode(bottleneck.from_symbols(symbols)))  # type: ignore[no-any-return]


def read_tokens(T: ArrayLike, alphabet: tuple[int, ...]) -> TensorSource:
    """Validate symbols, and let each travel as the middle of its share of 0 to 1.

    So any numbers from 0 to 1 are symbols, those too by which `Blocks` tries whether blocks of several sizes agree.

    Args:
        T: (n, N) whole numbers.
        alphabet: K of each symbol of a row, (N,).

    Raises:
        InputError: not N of them in each row.
        InputTypeError: they are of a type that is not whole.
        ValueRangeError: one lies outside 0 to K - 1.
    """
    fix = "give it what tokens(X) returned"
    symbols = array_of(T, "T")
    if symbols.ndim != 2 or symbols.shape[1] != len(alphabet) or not len(symbols):
        raise InputError(f"T of shape {symbols.shape}", f"rows have {len(alphabet)} symbols each", fix)
    if symbols.dtype.kind not in "iu":
        raise InputTypeError(f"T of type {symbols.dtype}", "symbols are whole numbers", fix)
    sizes = np.asarray(alphabet)
    wrong = (symbols < 0) | (symbols >= sizes)
    if wrong.any():
        row, place = np.argwhere(wrong)[0]
        allowed = f"the alphabet there has the symbols 0 to {sizes[place] - 1}"
        raise ValueRangeError(f"T[{row}, {place}]={symbols[row, place]}", allowed, fix)
    shares = torch.from_numpy((symbols + 0.5) / sizes).float()
    return TensorSource(shares, Spec("table", (len(alphabet),)))
