"""Activations as data: what went through a place in a network, one row a token, patch or sample, in random order."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.special import gammaln

from isthmus.data.activation_chunks import LABELS, ROWS, Chunks, Form, Held, unpacked
from isthmus.data.activation_files import Filed
from isthmus.errors import InputError, UnknownNameError

Ints = npt.NDArray[np.int32]
Rows = npt.NDArray[np.float32]


class Mixing(NamedTuple):
    """How well rows are shuffled.

    Args:
        documents: Different documents in a batch of rows that follow each other, on average.
        ideal: The same of rows that are drawn one by one from all.
    """

    documents: float
    ideal: float

    def __str__(self) -> str:
        """One line."""
        return f"{self.documents:.1f} documents in a batch, where a perfect shuffle has {self.ideal:.1f}"


class Activations:
    """Rows of one module, (n, d), read as float32 from memory or from the files of a folder.

    They can be indexed and sliced as an array, and everything that takes rows takes them. Where several modules were
    collected, `of` shows the same rows at another one.

    Args:
        chunks: Where the rows lie.
        module: Path of the module that is shown; None shows the first.

    Example:
        >>> found = Activations.of_arrays(np.eye(3, 2), tokens=[7, 8, 9])
        >>> found.shape, found[1], found[[2, 0]].tolist(), found.tokens[2]
        ((3, 2), array([0., 1.], dtype=float32), [[0.0, 0.0], [1.0, 0.0]], np.int32(9))
    """

    ndim = 2
    dtype = np.dtype(np.float32)

    def __init__(self, chunks: Chunks, module: str | None = None) -> None:
        self.chunks = chunks
        if module is not None and module not in chunks.form.widths:
            raise UnknownNameError.among("module", module, chunks.form.widths)
        self.module = module or self.modules[0]

    @classmethod
    def open(cls, path: str | Path, module: str | None = None) -> Activations:
        """Those that `collect_activations(..., out=path)` wrote; a file is compared with its digest before it is read.

        Args:
            path: The folder.
            module: Path of one of its modules; None shows the first.

        Raises:
            MissingFileError: they are not there.
            DataFileError: the collection was not finished.
            CorruptFileError: a byte differs from what was written (said when it is read).
        """
        return cls(Filed(Path(path)), module)

    @classmethod
    def of_arrays(
        cls, values: Any, *, tokens: Any = None, positions: Any = None, documents: Any = None, module: str = "rows"
    ) -> Activations:
        """Rows that are at hand.

        Args:
            values: (n, d).
            tokens: Number of the token that each belongs to, (n,).
            positions: Its place in its document, (n,).
            documents: Number of that document, (n,); None takes each row for one.
            module: What to call the place they are from.

        Raises:
            InputError: values are no matrix, or there is not one label for each row.
        """
        values = np.asarray(values, dtype=np.float32)
        if values.ndim != 2:
            raise InputError(f"values of shape {values.shape}", "activations are (n, d)", "flatten them to rows")
        rows = len(values)
        held = Held(Form({module: values.shape[1]}, "float32", rows, max(1, rows)), {})
        own = {"tokens": tokens, "positions": positions, "documents": documents}
        usual = {"tokens": np.full(rows, -1), "positions": np.zeros(rows), "documents": np.arange(rows)}
        for name in LABELS if rows else ():
            label = np.asarray(usual[name] if own[name] is None else own[name])
            if label.shape != (rows,):
                came = f"{name} of shape {label.shape} beside {rows} rows"
                raise InputError(came, "each row has one", f"give it shape ({rows},)")
            held.chunks[0][name][:] = label
        if rows:
            held.chunks[0][f"{ROWS}{module}"][:] = values
        return cls(held)

    def of(self, module: str) -> Activations:
        """The same rows at another module that was collected with this one.

        Raises:
            UnknownNameError: it was not.
        """
        return Activations(self.chunks, module)

    @property
    def modules(self) -> tuple[str, ...]:
        """Paths of all modules that were collected."""
        return tuple(self.chunks.form.widths)

    @property
    def facts(self) -> dict[str, Any]:
        """Where the rows come from: model, inputs, options."""
        return dict(self.chunks.facts)

    def __len__(self) -> int:
        """n, the number of rows."""
        return self.chunks.form.rows

    @property
    def shape(self) -> tuple[int, int]:
        """(n, d)."""
        return len(self), self.chunks.form.widths[self.module]

    @property
    def size(self) -> int:
        """n d, the number of numbers."""
        return len(self) * self.shape[1]

    # Labels. ---------------------------------------------------------------------------------------------------------

    @cached_property
    def tokens(self) -> Ints:
        """Number of the token of each row, (n,); -1 where inputs have none."""
        return self._label("tokens")

    @cached_property
    def positions(self) -> Ints:
        """Place of each row in its document, patch of its image, (n,)."""
        return self._label("positions")

    @cached_property
    def documents(self) -> Ints:
        """Number of the input that each row is from, (n,)."""
        return self._label("documents")

    def _label(self, name: str) -> Ints:
        """One label of all rows."""
        parts = [self.chunks.chunk(number)[name] for number in range(len(self.chunks.form.sizes))]
        return np.concatenate([np.asarray(part) for part in parts]) if parts else np.zeros(0, np.int32)

    def mixing(self, batch_size: int = 4096) -> Mixing:
        r"""How many documents meet in a batch, beside what a perfect shuffle has.

        .. math:: \sum_d 1 - \binom{n - n_d}{B} \Big/ \binom{n}{B}

        Args:
            batch_size: B; fewer where there are fewer rows.
        """
        size = min(batch_size, len(self))
        firsts = range(0, len(self) - size + 1, size) if size else ()
        met = [len(np.unique(self.documents[first : first + size])) for first in firsts]
        rest = len(self) - np.unique(self.documents, return_counts=True)[1]
        ways = np.where(rest < size, -np.inf, gammaln(rest + 1) - gammaln(np.maximum(rest - size, 0) + 1))
        absent = np.exp(ways - gammaln(len(self) + 1) + gammaln(len(self) - size + 1))
        return Mixing(float(np.mean(met)) if met else 0.0, float((1 - absent).sum()))

    # Rows. -----------------------------------------------------------------------------------------------------------

    def __getitem__(self, rows: Any) -> Any:
        """Rows as float32: by number, slice, list of numbers or mask; a tuple goes on to the columns."""
        if isinstance(rows, tuple):
            return self[rows[0]][..., *rows[1:]] if len(rows) > 1 else self[rows[0]]
        if isinstance(rows, slice):
            first, stop, step = rows.indices(len(self))
            return self._span(first, stop) if step == 1 else self._gathered(np.arange(first, stop, step))
        places = np.asarray(rows)
        if places.dtype == bool:
            places = self._masked(places)
        found = self._gathered(self._counted(np.atleast_1d(places)))
        return found if places.ndim else found[0]

    def _masked(self, mask: npt.NDArray[np.bool_]) -> npt.NDArray[np.int64]:
        """Numbers of the rows that a mask shows."""
        if mask.shape != (len(self),):
            raise IndexError(f"a mask of shape {mask.shape} for {len(self)} rows")
        return np.flatnonzero(mask)

    def _counted(self, places: npt.NDArray[Any]) -> npt.NDArray[np.int64]:
        """Numbers of rows, those from the end too, as numbers from the beginning."""
        whole = places.astype(np.int64) if places.size else np.zeros(0, np.int64)
        if places.size and (places.dtype.kind not in "iu" or whole.min() < -len(self) or whole.max() >= len(self)):
            raise IndexError(f"rows {places.ravel()[:5]} among {len(self)}")
        return np.where(whole < 0, whole + len(self), whole)

    def _span(self, first: int, stop: int) -> Rows:
        """Rows that follow each other."""
        found = np.empty((max(0, stop - first), self.shape[1]), np.float32)
        size = self.chunks.form.chunk_rows
        while first < stop:
            start = first % size
            take = min(size - start, stop - first)
            chunk = self.chunks.chunk(first // size)
            found[len(found) - (stop - first) :][:take] = unpacked(chunk, self.module, slice(start, start + take))
            first += take
        return found

    def _gathered(self, places: npt.NDArray[np.int64]) -> Rows:
        """Rows in any order."""
        found = np.empty((len(places), self.shape[1]), np.float32)
        homes, inside = np.divmod(places, self.chunks.form.chunk_rows)
        for number in np.unique(homes):
            here = homes == number
            found[here] = unpacked(self.chunks.chunk(int(number)), self.module, inside[here])
        return found

    def blocks(self, rows: int = 4096) -> Iterator[Rows]:
        """All rows in order, so many at a time."""
        return (self._span(first, min(first + rows, len(self))) for first in range(0, len(self), rows))

    def __iter__(self) -> Iterator[Rows]:
        """Row by row."""
        return (row for block in self.blocks() for row in block)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> npt.NDArray[Any]:
        """All rows in memory."""
        return self._span(0, len(self)).astype(dtype or np.float32, copy=False)

    def __repr__(self) -> str:
        """What they are, in one line."""
        return f"Activations({self.module!r}, {self.shape[0]:,} rows x {self.shape[1]}, {self.chunks.form.precision})"
