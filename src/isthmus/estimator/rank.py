"""How wide a code the rows of a table are worth at least, read off their principal components."""

from __future__ import annotations

import torch

from isthmus.core.source import Source
from isthmus.metrics.knees import linear_knee

PLACES, AT_EACH = 8, 512  # of the rows that are looked at: as many places, evenly spread, as many rows at each
WIDEST = 512  # columns beyond which the decomposition would take longer than it is worth


def rank_of(source: Source) -> int:
    """The knee of what the first k principal components leave over: where a linear autoencoder loses little more.

    Looked at are some 4000 rows spread over the whole, the first ones where rows stay in their files. It is 1, which
    asks for nothing, for what is no table of complete numbers: images bend, and their knee is far too wide.

    Args:
        source: The training rows, scaled.

    Example:
        >>> from isthmus.core.spec import Spec
        >>> from isthmus.data.memory import TensorSource
        >>> codes, ways = torch.eye(3).repeat(20, 1), torch.arange(30.0).view(3, 10).sin()
        >>> rank_of(TensorSource(codes @ ways, Spec("table", (10,))))
        2
    """
    spec, rows = source.spec, len(source)
    if spec.kind != "table" or not spec.is_plain or spec.n_features > WIDEST or rows < 2:
        return 1
    places = 1 if hasattr(source, "batches") else min(PLACES, -(-rows // AT_EACH))
    size = min(AT_EACH * PLACES // places, rows // places)
    starts = [place * (rows // places) for place in range(places)]
    return linear_knee(torch.cat([source.block(start, start + size) for start in starts]).numpy())
