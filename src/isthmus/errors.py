"""Every error that isthmus raises on purpose, and the three sentences each one says.

    IsthmusError
    ├── InputError(ValueError)             data that cannot be used as it came
    │   ├── MissingValueError              a gap where the model knows none
    │   ├── ValueRangeError                a value outside the likelihood's domain
    │   ├── ColumnError                    columns missing, reordered, of another type, unseen categories
    │   ├── TooFewRowsError                fewer rows than the method needs
    │   └── LeakageError                   rows that judge what was learnt from them, or would
    ├── InputTypeError(TypeError)          an object of a type that is not read
    ├── ParameterError(ValueError)         a constructor argument outside its domain
    │   └── LatentTooWideError             a code that could copy its input
    ├── UnknownNameError(KeyError)         a name that no registry holds, with the nearest ones
    ├── AbilityError(AttributeError)       a verb that this model does not have, and why
    ├── NotFittedError(sklearn's own)      see `estimator.face`
    ├── TrainingError(RuntimeError)        the loop cannot go on: every step non-finite, say
    ├── DataFileError(OSError)             a data file that is missing, unreadable or cut short
    ├── ModelFileError(OSError)            a saved model that cannot be read
    │   ├── MissingFileError               a file of the folder is not there
    │   ├── CorruptFileError               a byte differs from what was written
    │   ├── NewerFormatError               written by a newer isthmus
    │   └── ParityError                    an exported model that is not proved to answer as the original
    ├── MissingExtraError(ImportError)     an optional library is not installed
    ├── PeerError(RuntimeError)            a library to be compared with cannot be installed, or failed
    ├── StoreError(RuntimeError)           the service's database cannot be read or written
    ├── ConflictError(ValueError)          a request that contradicts an earlier one
    └── UsageError(ValueError)             a command line that cannot be run

An error says what came (name and value), what is allowed and why, and what to do now. The command line
prints the same sentences; the service returns them as JSON by `as_dict`.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence


class IsthmusError(Exception):
    """Root of the tree: three sentences, kept apart so that every surface can show them its own way.

    Args:
        came: What came, with its name and value.
        allowed: What is allowed, and why.
        fix: What to do now: a call, a value or a command.

    Example:
        >>> raise ParameterError("epochs=0", "epochs is a positive whole number or 'auto'", "use epochs=50")
        Traceback (most recent call last):
            ...
        isthmus.errors.ParameterError: epochs=0: epochs is a positive whole number or 'auto'. Use epochs=50.
    """

    def __init__(self, came: str, allowed: str, fix: str) -> None:
        self.came, self.allowed, self.fix = (part.strip().rstrip(".") for part in (came, allowed, fix))
        super().__init__(came, allowed, fix)

    def __str__(self) -> str:
        """The three parts as one line."""
        fix = self.fix[:1].upper() + self.fix[1:]
        return f"{self.came}: {self.allowed}. {fix}" + ("" if fix.endswith("?") else ".")

    def as_dict(self) -> dict[str, str]:
        """The three parts by name, as the service and `--json` print them.

        Example:
            >>> ParameterError("k=0", "k >= 1", "use k=4").as_dict()
            {'error': 'ParameterError', 'got': 'k=0', 'allowed': 'k >= 1', 'try': 'use k=4'}
        """
        return {"error": type(self).__name__, "got": self.came, "allowed": self.allowed, "try": self.fix}


class InputError(IsthmusError, ValueError):
    """Data that cannot be used as it came."""


class MissingValueError(InputError):
    """A gap (NaN, null) in a column that had none when the model was fitted, or where gaps are not allowed."""


class ValueRangeError(InputError):
    """A value outside the domain of the likelihood that prices it."""


class ColumnError(InputError):
    """Columns that are missing, reordered, of another type, or hold categories never seen in training."""


class TooFewRowsError(InputError):
    """Fewer rows than the method needs."""


class LeakageError(InputError):
    """A split that leaks: what was learnt would be judged by rows that it was learnt from, or by ones close to them.

    Args:
        came: What came, with the number of rows.
        allowed: What is allowed, and why.
        fix: What to do now.
        rows: Positions of the offending rows in what `came` names, rising.

    Example:
        >>> error = LeakageError("test with 2 of 9 rows that stand in train too", "they judge", "drop them", [3, 8])
        >>> error.rows
        [3, 8]
    """

    def __init__(self, came: str, allowed: str, fix: str, rows: Sequence[int]) -> None:
        super().__init__(came, allowed, fix)
        self.rows = list(rows)
        self.args = (came, allowed, fix, self.rows)  # what a copy or pickle is made from


class InputTypeError(IsthmusError, TypeError):
    """An object of a type that isthmus does not read."""


class ParameterError(IsthmusError, ValueError):
    """A constructor or method argument outside its domain."""


class LatentTooWideError(ParameterError):
    """A code as wide as its input, which could copy it and learn nothing."""


class UnknownNameError(IsthmusError, KeyError):
    """A name that no registry holds; the message offers the nearest known ones."""

    __str__ = IsthmusError.__str__

    @classmethod
    def among(cls, kind: str, name: object, known: Iterable[str]) -> UnknownNameError:
        """Build the error for `name`, with the nearest of the `known` names as the suggestion.

        Example:
            >>> str(UnknownNameError.among("model", "vea", ["vae", "autoencoder"]))
            "model='vea': known are 'autoencoder', 'vae'. Did you mean 'vae'?"
        """
        known = sorted(known)
        near = difflib.get_close_matches(str(name).lower(), known, n=2, cutoff=0.5)
        listing = ", ".join(map(repr, known))
        fix = "did you mean " + " or ".join(map(repr, near)) + "?" if near else "use one of those"
        return cls(f"{kind}={name!r}", f"known are {listing}", fix)


class AbilityError(IsthmusError, AttributeError):
    """A verb that this model does not have, and the reason that `abilities()` gives."""


class TrainingError(IsthmusError, RuntimeError):
    """Training that cannot go on."""


class DataFileError(IsthmusError, OSError):
    """A data file that is missing, unreadable or cut short."""

    __str__ = IsthmusError.__str__


class ModelFileError(IsthmusError, OSError):
    """A saved model that cannot be read."""

    __str__ = IsthmusError.__str__


class MissingFileError(ModelFileError):
    """A file that belongs to a saved model is not there."""


class CorruptFileError(ModelFileError):
    """A saved file differs from what was written: a changed byte, a cut end, a foreign shape."""


class NewerFormatError(ModelFileError):
    """A model written in a format newer than this isthmus reads."""


class ParityError(ModelFileError):
    """An exported model without proof that it answers as the original, or with proof that it does not."""


class MissingExtraError(IsthmusError, ImportError):
    """An optional library is not installed.

    Example:
        >>> str(MissingExtraError.of("reading Parquet", "pyarrow", "data"))
        'reading Parquet: it needs pyarrow, which is not installed. Run pip install "isthmus[data]".'
    """

    __str__ = IsthmusError.__str__

    @classmethod
    def of(cls, what: str, library: str, extra: str) -> MissingExtraError:
        """Build the error for `what`, which needs `library` from the extra named `extra`."""
        return cls(what, f"it needs {library}, which is not installed", f'run pip install "isthmus[{extra}]"')


class PeerError(IsthmusError, RuntimeError):
    """A library that a benchmark compares with cannot be installed, or failed."""


class StoreError(IsthmusError, RuntimeError):
    """A database of scores and verdicts that cannot be read or written."""


class ConflictError(IsthmusError, ValueError):
    """A request that contradicts an earlier one: another body under a key that was used before."""


class UsageError(IsthmusError, ValueError):
    """A command line that cannot be run as it stands."""
