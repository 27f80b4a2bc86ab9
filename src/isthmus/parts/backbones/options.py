"""The options that backbones share, and the check that meets a wrong one before any work is done."""

from __future__ import annotations

from typing import Any

from isthmus.errors import ParameterError, UnknownNameError

ALLOWED = {
    "normalization": ("none", "batch", "layer"),
    "dropout_in": ("encoder", "decoder", "both"),
    "downsampling": ("stride", "pool"),
    "upsampling": ("resize", "transposed", "pixel-shuffle"),
}


def check_options(backbone: Any) -> None:
    """Check those options that this backbone has.

    Raises:
        UnknownNameError: an option has a value that is not among its names.
        ParameterError: a number is outside its domain.
    """
    for name, known in ALLOWED.items():
        if getattr(backbone, name, known[0]) not in known:
            raise UnknownNameError.among(name, str(getattr(backbone, name)), known)
    if not 0 <= backbone.dropout < 1:
        raise ParameterError(f"dropout={backbone.dropout!r}", "a share in [0, 1), so that something is left", "use 0.1")


def rate_in(backbone: Any, side: str) -> float:
    """The probability of dropping on one side, "encoder" or "decoder"."""
    return float(backbone.dropout) if backbone.dropout_in in (side, "both") else 0.0


def one_width(hidden_dims: tuple[int, ...]) -> int:
    """The width that all levels share.

    Raises:
        ParameterError: they have different ones, or there is none.
    """
    if len(set(hidden_dims)) != 1:
        came, allowed = f"hidden_dims={hidden_dims}", "all levels of this backbone are of one width"
        raise ParameterError(came, allowed, "use hidden_dims=(64, 64, 64)")
    return hidden_dims[0]
