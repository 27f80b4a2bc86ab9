"""The middle of rows that a few far away do not move."""

from __future__ import annotations

from torch import Tensor

STEPS = 20


def geometric_median(x: Tensor, steps: int = STEPS) -> Tensor:
    r"""The point whose distances from the rows add up to least, (D,).

    .. math:: m \leftarrow \frac{\sum_b x_b / \lVert x_b - m \rVert}{\sum_b 1 / \lVert x_b - m \rVert}

    Args:
        x: Rows, (B, D).
        steps: Of the iteration, which begins at the mean.

    Paper:
        Weiszfeld 1937, Tohoku Mathematical Journal 43.

    Example:
        >>> import torch
        >>> geometric_median(torch.tensor([[0.0], [0.0], [0.0], [9.0]])).abs() < 0.1
        tensor([True])
    """
    m = x.mean(0)
    for _ in range(steps):
        weight = 1 / (x - m).norm(dim=1, keepdim=True).clamp_min(1e-6)
        m = (weight * x).sum(0) / weight.sum()
    return m
