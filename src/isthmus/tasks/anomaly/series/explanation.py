"""Which channels made an episode what it is, in the caller's own names and units."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from isthmus.core.spec import Spec
from isthmus.data.arrays import Series
from isthmus.data.scaling import unscaled
from isthmus.tasks.anomaly.series.channels import Stretch
from isthmus.tasks.anomaly.series.sheets import Floats
from isthmus.tasks.anomaly.series.windows import Windows


class ChannelReason(NamedTuple):
    """One channel at the peak of one episode.

    Args:
        entity: Whose it is; None where there are no entities.
        peak: When the highest score was.
        channel: Its name.
        seen: Its value then.
        expected: What the model expected then: the mean over the windows that hold the point.
        share: The channel's part of what those windows lose, in squared deviations of training.
    """

    entity: Any
    peak: Any
    channel: str
    seen: float
    expected: float
    share: float


def at_point(model: Any, windows: Windows, stretch: Stretch, point: int) -> tuple[Floats, Floats]:
    """What each channel was expected to be at a point, scaled as in training, and its share of the loss; (c,) both."""
    starts = windows.starts(len(stretch.x))
    starts = starts[(starts <= point) & (point < starts + windows.length)]
    seen = windows.view(stretch.x)[starts]
    rebuilt = model.reconstruct(Series(seen))
    lost = np.square(seen - rebuilt, dtype=np.float64).sum((0, 1))
    expected = rebuilt[np.arange(len(starts)), point - starts].mean(0, dtype=np.float64)
    return expected, lost / max(lost.sum(), np.finfo(np.float64).tiny)


def in_units(spec: Spec, x: Floats) -> Floats:
    """Values of the channels in their own units, (c,)."""
    return unscaled(x, spec.center, spec.scale, spec.logs)
