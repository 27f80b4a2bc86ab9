"""What a run is of: the same for a run that goes on, and for all processes that train one model."""

from __future__ import annotations

import hashlib
import json
import zlib
from dataclasses import replace
from typing import Any

import numpy as np

from isthmus.core.player import Batches
from isthmus.data.resident import Resident

NO_MATTER = ("device", "verbose")  # parameters that a run may be taken up without


def identity(estimator: Any, batches: Batches) -> str:
    """What a checkpoint must belong to: class, parameters, spec and data, in twelve letters."""
    asked = {
        name: value
        for name, value in estimator.get_params(deep=False).items()
        if name not in NO_MATTER and not isinstance(value, np.random.RandomState)
    }
    settings = replace(estimator.settings_, device="")
    what = [type(estimator).__name__, repr(asked), repr(settings), estimator.spec_.to_json(), _sums(batches)]
    return hashlib.sha256(json.dumps(what).encode()).hexdigest()[:12]


def _sums(batches: Batches) -> list[int]:
    """Check sums of rows in memory and of their weights; how many batches there are of others."""
    if not isinstance(batches, Resident):
        return [batches.steps]
    held = (batches.rows.x, batches.rows.condition, batches.rows.weight)
    return [zlib.crc32(tensor.cpu().numpy().data) for tensor in held if tensor is not None]
