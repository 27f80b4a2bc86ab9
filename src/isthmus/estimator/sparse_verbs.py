"""The verbs of a member whose code is sparse, and of one that learns to make other rows of its rows."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from isthmus.core.source import Source
from isthmus.core.spec import Spec
from isthmus.data.conditions import Conditioned
from isthmus.data.memory import ArraySource, TensorSource
from isthmus.data.scanning import gathered
from isthmus.data.tables import check_cells, decode_table, learn_table
from isthmus.errors import InputError
from isthmus.estimator.conditions import read_told
from isthmus.estimator.containers import opened
from isthmus.estimator.inputs import give_back
from isthmus.estimator.sources import Widths, apart, are_several, side_by_side, widths_of
from isthmus.estimator.sparse_codes import codes_of, decoded

if TYPE_CHECKING:
    from isthmus.estimator.face import Estimator as Base
else:
    Base = object


class Decomposes(Base):
    """Codes go out and come in as CSR; X may be several arrays or an iterator of them, and y what X is to become."""

    if TYPE_CHECKING:
        sources_: Widths
        answers_: Spec

    @property
    def components_(self) -> NDArray[np.float32]:
        """The directions d, (n_latents, D), of length 1 in the units of the network."""
        weight: Tensor = self.network_.decoder_weight
        return weight.detach().cpu().numpy()

    def fit(self, X: Any, y: Any = None, sample_weight: ArrayLike | None = None, *, validation: Any = None) -> Self:
        """Learn from the rows of X.

        Args:
            X: A table of numbers, a path, anything that has `shape` and `dtype` and hands out rows by slices, an
                iterator of arrays, or a list of several arrays of the same rows (a crosscoder).
            y: What the rows are to become, (n, T) (a transcoder), or None for themselves; labels, (n,), are ignored.
            sample_weight: Weight of each row in the loss, (n,).
            validation: A share of the rows to hold out (0.1), or rows held out by the caller.

        Returns:
            The estimator itself.
        """
        for name in ("sources_", "answers_"):
            if hasattr(self, name):
                delattr(self, name)
        super().fit(self.rows(X), y, sample_weight, validation=validation)
        return self

    def rows(self, X: Any) -> Any:
        """One table: several arrays side by side, an iterator's arrays one below the other."""
        if are_several(X):
            if not hasattr(self, "network_") or not hasattr(self, "sources_"):
                self.sources_ = widths_of(X)
            return side_by_side(X, self.sources_)
        return gathered(X) if isinstance(X, Iterator) else X

    def targets(self, y: Any, rows: int, learnt: bool = False) -> Tensor | None:
        """What rows are to become, (n, T), scaled; None where they are to become themselves.

        Raises:
            InputError: not one row of y for each of X.
        """
        if y is None or len(getattr(y, "shape", ())) != 2:
            return None
        answers = opened(y)
        if answers.shape[0] != rows:
            came = f"y of shape {tuple(answers.shape)} beside n={rows} rows"
            raise InputError(came, "each row becomes one row of y", f"give y with {rows} rows")
        if not learnt:
            self.answers_ = learn_table(answers, self.table_scaling)
        check_cells(answers, self.answers_)
        return ArraySource(answers, self.answers_).block(0, rows)

    def transform(self, X: Any, *, y: Any = None) -> Any:
        """What is on in each row and how strongly, (n, n_latents) CSR."""
        source = read_told(self, X, None)
        return codes_of(self, source, np.float32 if getattr(X, "dtype", None) == np.float32 else np.float64)

    def inverse_transform(self, Z: Any, *, y: Any = None) -> Any:
        """What codes stand for, CSR or dense, in the container, types and units of the training data."""
        return self._given(decoded(self, Z))

    def reconstruct(self, X: Any, *, keep: int | None = None, y: Any = None) -> Any:
        """What rows are said to be, or to become, in the container, types and units that X, or y, had."""
        if hasattr(self, "answers_") or hasattr(self, "sources_"):
            return self._given(self._blocks().run(read_told(self, X, None), self._rebuilt))
        return super().reconstruct(X, keep=keep)

    def anomaly_score(self, X: Any, *, y: Any = None) -> NDArray[np.float64]:
        """The distortion of each row in nats, (n,); of a transcoder that of what it should have become, y.

        Raises:
            InputError: a transcoder was not told y.
        """
        if not hasattr(self, "answers_"):
            return super().anomaly_score(X)
        source = read_told(self, X, None)
        answers = None if y is None else self.targets(np.asarray(opened(y)), len(source), learnt=True)
        if answers is None:
            came, allowed = "X without y", "what a transcoder loses is lost of what rows should have become"
            raise InputError(came, allowed, "give both: score_samples(X, y=Y)")
        told: Source = Conditioned(source, TensorSource(answers, self.answers_))
        return self._blocks().run(told, self._cost).double().numpy()

    def recall(self, config: dict[str, Any]) -> None:
        """Take up what `to_saved` kept of several arrays and of what rows become."""
        if "sources" in config:
            self.sources_ = [(int(width), float(scale)) for width, scale in config["sources"]]
        if "answers" in config:
            self.answers_ = Spec.from_json(config["answers"])

    def to_saved(self) -> tuple[dict[str, Any], dict[str, Tensor]]:
        """What `save` writes."""
        config, tensors = super().to_saved()
        sources = {"sources": [list(pair) for pair in self.sources_]} if hasattr(self, "sources_") else {}
        answers = {"answers": self.answers_.to_json()} if hasattr(self, "answers_") else {}
        return config | sources | answers, tensors

    def _given(self, x: Tensor) -> Any:
        """What the network answers in the caller's units: one table, or as many as X had."""
        if hasattr(self, "answers_"):
            return decode_table(x, self.answers_)
        rows = give_back(self, x)
        return apart(rows, self.sources_) if hasattr(self, "sources_") else rows
