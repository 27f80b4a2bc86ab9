"""What a network answers to a batch: the functions that verbs run over all rows, block by block."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sklearn.utils.validation import check_is_fitted
from torch import Tensor

from isthmus.core.code import Batch, written_out
from isthmus.core.spec import Spec
from isthmus.estimator.blocks import Blocks


class Answers:
    """A bound method for each quantity: the same one at every call, since blocks keep what they found out with it."""

    if TYPE_CHECKING:
        network_: Any
        spec_: Spec

    def _blocks(self) -> Blocks:
        """Where rows are scored; made anew when the network is."""
        if "_scorer" not in vars(self):  # a copy or pickle comes without
            check_is_fitted(self)
            self._scorer = Blocks(self.network_, self.spec_.width)
        return self._scorer

    def _codes(self, batch: Batch) -> Tensor:
        return written_out(self.network_.encode(batch).z).flatten(1)

    def _features(self, batch: Batch) -> Tensor:
        return self.network_.encoder(batch.x)  # type: ignore[no-any-return]

    def _decoded(self, batch: Batch) -> Tensor:
        told = () if batch.condition is None else (batch.condition,)
        return self.network_.mean(self.network_.decode(batch.x, *told))  # type: ignore[no-any-return]

    def _rebuilt(self, batch: Batch) -> Tensor:
        return self.network_.rebuild(batch)  # type: ignore[no-any-return]

    def _filled(self, batch: Batch) -> Tensor:
        return getattr(self.network_, "filled", self.network_.rebuild)(batch)  # type: ignore[no-any-return]

    def _cost(self, batch: Batch) -> Tensor:
        distortion, rate = self.network_.price(batch)
        return distortion + rate  # type: ignore[no-any-return]
