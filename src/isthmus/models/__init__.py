"""The family: one file per variant, none importing another."""

from __future__ import annotations

import importlib
import pkgutil

from isthmus.estimator.registry import REGISTRY


def family() -> dict[str, type]:
    """Every member by its command-line name.

    Example:
        >>> family()["vae"].__name__
        'VAE'
    """
    for module in pkgutil.iter_modules(__path__):
        importlib.import_module(f"{__name__}.{module.name}")
    return dict(sorted(REGISTRY.items()))
