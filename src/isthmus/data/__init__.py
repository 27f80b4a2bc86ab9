"""Data in and out: files, tables and arrays as tensors, batches from memory or from files, bundled sets.

The names below are resolved on first use, since a shell user waits for what a module imports.
"""

from __future__ import annotations

import importlib
from typing import Any

# Each public name and the module that defines it, sorted by name.
_NAMES = {
    "Images": "arrays",
    "Series": "arrays",
    "Stream": "streams",
    "Volumes": "arrays",
    "blobs": "datasets",
    "draw_sprites": "drawings",
    "factors": "datasets",
    "feature_tree": "dictionaries",
    "load": "datasets",
    "moving_digits": "moving",
    "patches": "photographs",
    "phantoms": "phantoms",
    "read": "files",
    "read_labelled": "files",
    "read_or_scan": "scanning",
    "scan": "scanning",
    "sprite_factors": "drawings",
    "sprites": "drawings",
    "swiss_roll": "datasets",
    "toy_dictionary": "dictionaries",
    "write": "files",
}

__all__ = sorted(_NAMES)


def __getattr__(name: str) -> Any:
    """Import the home of a public name when the name is first asked for, and keep it here."""
    if name not in _NAMES:
        raise AttributeError(f"isthmus.data.{name}: the public names are {', '.join(__all__)}. Use one of those.")
    value = globals()[name] = getattr(importlib.import_module(f"{__name__}.{_NAMES[name]}"), name)
    return value


def __dir__() -> list[str]:
    """The public names, known before they are imported."""
    return __all__
