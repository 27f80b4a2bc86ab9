"""The normal prior: one mean and one covariance."""

from __future__ import annotations

import math
from typing import ClassVar

import torch
from torch import Tensor

from isthmus.parts.priors.components import Components
from isthmus.parts.priors.prior import Prior

RIDGE = 1e-6  # added to every variance, as scikit-learn's mixtures do, so that a constant dimension has one


class Normal(Prior):
    r"""p(z) = N(z; m, C): N(0, I) until it is fitted, then with the mean and covariance of the codes.

    Args:
        shape: Of one code.

    Example:
        >>> prior = Normal((2,))
        >>> prior.log_prob(torch.zeros(1, 2))
        tensor([-1.8379], grad_fn=<SelectBackward0>)
    """

    is_closed: ClassVar[bool] = True
    has_density: ClassVar[bool] = True

    def __init__(self, shape: tuple[int, ...]) -> None:
        super().__init__()
        self.shape = shape
        self.components = Components(1, math.prod(shape))

    def fit(self, z: Tensor, generator: torch.Generator) -> None:
        """Take the mean and covariance of the codes, (n, ...)."""
        rows = z.flatten(1).double()
        mean = rows.mean(0)
        covariance = (rows - mean).T @ (rows - mean) / len(rows)
        identity = torch.eye(len(mean), dtype=rows.dtype, device=rows.device)
        lower = torch.linalg.cholesky(covariance + RIDGE * identity)
        factor = torch.linalg.solve_triangular(lower, identity, upper=False).T
        self.components.take(mean[None], factor[None])

    def log_prob(self, z: Tensor) -> Tensor:
        """log N(z; m, C) in nats, (B,)."""
        return self.components.log_prob(z.flatten(1))[:, 0]

    def sample(self, n: int, generator: torch.Generator, condition: Tensor | None = None) -> Tensor:
        """n codes, (n, *shape)."""
        which = torch.zeros(n, dtype=torch.int64, device=generator.device)
        return self.components.sample(which, generator).view(n, *self.shape)
