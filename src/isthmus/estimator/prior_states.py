"""Priors that were fitted to a model, as JSON values beside its tensors, and back."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from isthmus.parts.priors.choose import build, put
from isthmus.training.history import as_json, from_json


def to_config(estimator: Any) -> dict[str, Any]:
    """What a saved model must say of priors that were fitted to it."""
    network = estimator.network_
    if not hasattr(estimator, "prior_history_"):
        return {}
    homes = {"": network, "bottleneck.": getattr(network, "bottleneck", None)}
    found = {place: getattr(home, "prior", None) for place, home in homes.items()}
    recipes = {place: prior.recipe for place, prior in found.items() if prior is not None}
    return {"priors": recipes, "prior_history": [as_json(line) for line in estimator.prior_history_]}


def revive(estimator: Any, config: dict[str, Any], tensors: dict[str, Tensor]) -> None:
    """Give a network that was built anew the priors that `to_config` told of, before their weights are filled in."""
    if "priors" not in config:
        return
    network = estimator.network_
    for place, recipe in config["priors"].items():
        prior = build(**{name: value for name, value in recipe.items() if name != "labels"})
        prior.recipe = recipe
        prior.seen = torch.zeros_like(tensors.get(f"{place}prior.seen", prior.seen))
        prior.requires_grad_(False)
        put(network, network.bottleneck if place else network, prior.to(estimator.settings_.device).eval())
    estimator.prior_history_ = [from_json(line) for line in config["prior_history"]]
