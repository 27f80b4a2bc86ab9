"""vector-quantize-pytorch, looking up as many vectors as it is told."""

from __future__ import annotations

from typing import Any

import torch
from vector_quantize_pytorch import VectorQuantize

from isthmus.bench.worker import serve

kept: dict[str, Any] = {}


def load(rows: int, dim: int, codes: int, threads: int) -> int:
    """Make vectors and two books, one in training and one in evaluation."""
    torch.set_num_threads(threads)
    torch.manual_seed(0)
    kept["x"] = torch.randn(1, rows, dim)
    kept["train"] = VectorQuantize(dim=dim, codebook_size=codes).train()
    kept["eval"] = VectorQuantize(dim=dim, codebook_size=codes).eval()
    return rows


def call(mode: str) -> int:
    """One forward pass over all vectors, in training with the moving averages."""
    with torch.set_grad_enabled(mode == "train"):
        return len(kept[mode](kept["x"])[1].flatten())


if __name__ == "__main__":
    serve(load=load, call=call)
