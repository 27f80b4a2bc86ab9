"""New rows: codes from the prior, decoded."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from isthmus.estimator.defaults import seed_of, whole


def draw(estimator: Any, n: int, random_state: Any) -> Tensor:
    """n rows of x in the network's own units, (n, ...).

    A table's cells are drawn from p(x | z), so that their spread and the shares of categories are those of the data;
    images, series and volumes show the mean of p(x | z), whose pixels carry no independent noise.
    """
    seed = seed_of(random_state)
    network = estimator.network_.eval()
    device = estimator.settings_.device
    generator = torch.Generator(device).manual_seed(seed)
    with torch.inference_mode():
        z = torch.randn(whole("n", n), *estimator.latent_shape_, generator=generator, device=device)
        params = network.decode(z)
        if estimator.spec_.kind == "table":
            return network.likelihood.sample(params, generator).cpu()  # type: ignore[no-any-return]
        return network.mean(params).cpu()  # type: ignore[no-any-return]
