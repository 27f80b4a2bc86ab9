"""Verbs of a member with latents that can be looked at; the tasks stand above and are reached by the public names."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import isthmus


class Inspected:
    """What a sparse dictionary shows of itself."""

    def certify(self, X: Any, truth: Any = None, seeds: int = 3, **options: Any) -> Any:
        """What this dictionary is worth beside rivals, see `isthmus.certify`: a `Certificate`, which prints a table.

        Args:
            X: Rows like those that it was fitted to, (n, d).
            truth: What the rows are made of, where that is known.
            seeds: How many fits, at least 2.
            options: `rows`, how many are used at most.
        """
        return isthmus.certify(self, X, truth, seeds, **options)

    def dashboard(self, activations: Any, out: str | os.PathLike[str], **options: Any) -> Path:
        """Write a page that shows what each latent fires on, see `isthmus.dashboard`; returns its path.

        Args:
            activations: Rows like those that it was fitted to, (n, d).
            out: The file to write.
            options: `rows`, `decode`, `labels`, `head`, `latents`, `patch` and `title`.
        """
        page: Path = isthmus.dashboard(self, activations, out, **options)
        return page
