"""Pictures of models, in scikit-learn's convention.

    HistoryDisplay.from_estimator(model)              draws at once
    display.plot(ax=None)                             draws again, on axes of the caller's own where they are given
    display.ax_, display.figure_                      what was drawn on, to be changed further
    display.block()                                   the same for a page of `isthmus.report`

What is drawn is computed by `of`, which takes what `from_estimator` takes, but for `ax`. Drawing needs matplotlib (the
extra `plot`), which is imported when something is drawn.
"""

from __future__ import annotations

import importlib
from typing import Any

# Each public name and the module that defines it, sorted by name.
_NAMES = {
    "AtomDisplay": "atoms",
    "DamageDisplay": "damage",
    "HistoryDisplay": "history",
    "InterpolationDisplay": "traversal",
    "LatentCurveDisplay": "latent_curve",
    "LatentDisplay": "latent",
    "PrecisionRecallDisplay": "detection",
    "ReconstructionDisplay": "reconstruction",
    "RocDisplay": "detection",
    "ScoreDisplay": "scores",
    "TraversalDisplay": "traversal",
}

__all__ = sorted(_NAMES)


def __getattr__(name: str) -> Any:
    """Import the home of a public name when the name is first asked for, and keep it here."""
    if name not in _NAMES:
        raise AttributeError(f"isthmus.displays.{name}: the public names are {', '.join(__all__)}. Use one of those.")
    value = globals()[name] = getattr(importlib.import_module(f"{__name__}.{_NAMES[name]}"), name)
    return value


def __dir__() -> list[str]:
    """The public names, known before they are imported."""
    return __all__
