"""Members that take nothing but numbers, every one of which is there."""

from __future__ import annotations

import torch

from isthmus.core.source import Source
from isthmus.errors import InputTypeError, MissingValueError

BLOCK_CELLS = 2**22  # looked through at once


def check_plain(source: Source, who: str) -> None:
    """Refuse rows with words or with gaps.

    Args:
        source: Rows that were read.
        who: Name of the member, for the message.

    Raises:
        InputTypeError: a column holds words or booleans.
        MissingValueError: a cell is missing; the message says in which row.
    """
    for column in source.spec.columns:
        if column.kind not in ("numeric", "datetime"):
            came = f"column {column.name!r}, which is {column.kind}"
            raise InputTypeError(came, f"{who} takes numbers", "leave it out, or use SparseAutoencoder, which takes it")
    if source.spec.is_plain:
        return
    step = max(1, BLOCK_CELLS // source.spec.n_features)
    for start in range(0, len(source), step):
        gaps = torch.isnan(source.block(start, min(start + step, len(source)))).nonzero()
        if len(gaps):
            row, place = gaps[0].tolist()
            came = f"row {start + row}, column {source.spec.columns[place].name!r} holds nan"
            raise MissingValueError(came, f"Input X contains NaN, and {who} takes no gaps", "drop the row, or fill it")
