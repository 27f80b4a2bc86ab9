"""What a summary says of a network: shapes, parameters, multiply-adds, and how many numbers one of its code holds."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from isthmus import Autoencoder, Convolutional


def pixels(*shape: int) -> Any:
    """Rows of grey or coloured values, reproducibly drawn."""
    return np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)


@pytest.mark.parametrize(
    ("rows", "options", "ratio"),
    [
        (pixels(4, 28, 28), {"latent_dim": 32, "architecture": "mlp"}, "24.5x"),
        (pixels(4, 28, 28), {"latent_dim": 32, "architecture": "conv"}, "24.5x"),
        (pixels(4, 50).astype(np.float64), {"latent_dim": 8}, "6.25x"),
        (pixels(4, 784).astype(np.float64), {"latent_dim": 8, "hidden_dims": (256, 128, 64, 32)}, "98x"),
        (
            pixels(2, 256, 256, 3),
            {"hidden_dims": (4, 4, 4), "architecture": Convolutional(latent_channels=4)},
            "48x",
        ),
    ],
)
def test_a_summary_ends_with_the_compression_ratio(rows: Any, options: dict[str, Any], ratio: str) -> None:
    summary = Autoencoder(epochs=1, random_state=0, **options).fit(rows).summary()
    assert str(summary).endswith(f": {ratio}")
    assert f"{summary.ratio:.4g}x" == ratio


def test_a_deep_stack_is_listed_layer_by_layer() -> None:
    widths = (784, 256, 128, 64, 32, 8)
    model = Autoencoder(hidden_dims=widths[1:-1], latent_dim=widths[-1], epochs=1, random_state=0)
    summary = model.fit(pixels(4, 784).astype(np.float64)).summary()
    assert [line.shape[0] for line in summary.lines] == [*widths, 8, *widths[-2::-1]]
    products = [a * b for a, b in pairwise(widths)]
    assert summary.multiply_adds == 2 * sum(products)
    assert summary.parameters == 2 * sum(products) + sum(widths[1:]) + sum(widths[:-1])
