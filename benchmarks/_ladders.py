"""A code in levels beside a code in one, with as many numbers to learn, on digits in black and white."""

from __future__ import annotations

from typing import Any

import numpy as np
from _mnist import drawn, part

import isthmus

ROWS, EPOCHS, JUDGED, DRAWS = 10_000, 30, 1_000, 200
WIDTHS, TOP = (256, 128), 16
OPTIONS = {"likelihood": "bernoulli", "scaling": "none", "architecture": "mlp"}
METHODS = ("three levels", "one level")
LOST = "nats of a test row"


def black(x: Any, seed: int) -> Any:
    """Pixels drawn once, black with the chance that their grey says: a fixed set, whose nats are those of no other."""
    draws = np.random.default_rng(seed).random(x.shape, dtype=np.float32)
    return (draws < x).astype(np.float32).reshape(-1, 28, 28, 1)


def level(method: str, seed: int, rows: int = ROWS, epochs: int = EPOCHS) -> dict[str, Any]:
    """-log p(x) of test rows by importance sampling, and what was learnt with."""
    train, test = black(drawn(rows, seed).x, seed), black(part("test").x[:JUDGED], 0)
    asked = {**OPTIONS, "epochs": epochs, "random_state": seed}
    if method == "one level":
        model: Any = isthmus.VAE(latent_dim=3 * TOP, hidden_dims=as_many(), **asked)
    else:
        model = isthmus.HierarchicalVAE(levels=3, latent_dim=TOP, hidden_dims=WIDTHS, **asked)
    model.fit(train)
    rates = {name: value for name, value in model.history_[-1].items() if name.startswith("rate")}
    nats = -float(model.log_likelihood(test, DRAWS).mean())
    bound = -float(model.elbo(test).mean())
    learnt = sum(parameter.numel() for parameter in model.network_.parameters())
    return {LOST: nats, "bound": bound, "parameters": learnt, **rates}


def as_many() -> tuple[int, int]:
    """Widths of a plain network of as many layers, with at least as many numbers to learn as the ladder."""
    need = dense(WIDTHS, TOP) + sum(rung(width) for width in WIDTHS)
    outer = next(width for width in range(WIDTHS[0], 4 * WIDTHS[0]) if dense((width, width // 2), 3 * TOP) >= need)
    return outer, outer // 2


def dense(widths: tuple[int, int], latent: int) -> int:
    """Numbers in the dense layers of both sides."""
    sizes = (784, *widths)
    both = sum(2 * a * b + a + b for a, b in zip(sizes, sizes[1:], strict=False))
    return both + widths[-1] * 3 * latent + 2 * latent + widths[-1]


def rung(width: int) -> int:
    """Numbers in a level beside a hidden layer of this width."""
    expects = width * width + width + (width + 1) * (2 * TOP + width)
    finds = 2 * width * width + width + (width + 1) * 2 * TOP
    return expects + finds + (TOP + 1) * width + 2 * width * (width + 1)
