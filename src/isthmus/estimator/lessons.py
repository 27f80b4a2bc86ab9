"""What a likelihood must know of the rows before it can price them: a network of features learns, and is frozen."""

from __future__ import annotations

import math
from typing import Any

import torch

from isthmus.core.player import Batches, Player, Stage
from isthmus.training.loop import train
from isthmus.training.run import Run

STEPS = 200  # that a lesson takes at least


def learn_features(estimator: Any, batches: Batches, seed: int) -> None:
    """Train the features of a settled estimator's likelihood on its rows, where it has any, in a run of their own.

    A run that is taken up again gives the lesson once more; the same seed and rows give the same bits.
    """
    features: Any = getattr(getattr(estimator.network_, "likelihood", None), "features", None)
    if features is None:
        return
    settings = estimator.settings_
    run = Run(
        network=features.requires_grad_(True),
        stages=[Stage([Player("features", [features], features.lesson)])],
        batches=batches,
        epochs=math.ceil(STEPS / batches.steps),
        learning_rate=settings.learning_rate,
        weight_decay=settings.weight_decay,
        generator=torch.Generator(settings.device).manual_seed(seed + 2),
        seed=seed,
    )
    try:
        train(run)
    finally:
        features.requires_grad_(False).eval()
