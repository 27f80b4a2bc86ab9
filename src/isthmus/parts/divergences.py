"""Distances between distributions of codes, in nats per sample; and MMD, which compares two clouds of points."""

from __future__ import annotations

import torch
from torch import Tensor

MMD_SCALES = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)


def kl_to_standard_normal(mean: Tensor, log_var: Tensor) -> Tensor:
    r"""Price of sending N(mean, exp(log_var)) to a receiver who expects N(0, I).

    .. math:: R = \tfrac12 \textstyle\sum_z (\mu_z^2 + \sigma_z^2 - \log \sigma_z^2 - 1)

    Args:
        mean: Posterior means, (B, ...).
        log_var: Posterior log-variances, the same shape; any real number.

    Returns:
        R in nats per sample, (B,); zero exactly where the posterior is the prior.

    Paper:
        Kingma & Welling 2014, arXiv:1312.6114, appendix B; the sign is turned, theirs is -R.

    Example:
        >>> kl_to_standard_normal(torch.zeros(2, 3), torch.zeros(2, 3))
        tensor([0., 0.])
    """
    return kl_of_each(mean, log_var).flatten(1).sum(1)


def kl_of_each(mean: Tensor, log_var: Tensor) -> Tensor:
    r"""The same price of each dimension by itself, in nats, (B, ...).

    .. math:: R_z = \tfrac12 (\mu_z^2 + \sigma_z^2 - \log \sigma_z^2 - 1)

    Args:
        mean: Posterior means, (B, ...).
        log_var: Posterior log-variances, the same shape.

    Example:
        >>> kl_of_each(torch.tensor([[0.0, 2.0]]), torch.zeros(1, 2))
        tensor([[0., 2.]])
    """
    return 0.5 * (mean.square() + torch.expm1(log_var) - log_var)


def kl_between_normals(mean_q: Tensor, log_var_q: Tensor, mean_p: Tensor, log_var_p: Tensor) -> Tensor:
    r"""Price of sending N(mean_q, exp(log_var_q)) to a receiver who expects N(mean_p, exp(log_var_p)).

    .. math:: R = \tfrac12 \textstyle\sum_z \big((\mu_q - \mu_p)^2 / \sigma_p^2 + \sigma_q^2 / \sigma_p^2
              - \log (\sigma_q^2 / \sigma_p^2) - 1\big)

    Args:
        mean_q: Posterior means, (B, ...).
        log_var_q: Posterior log-variances, the same shape.
        mean_p: The receiver's means, of a shape that broadcasts with the posterior's.
        log_var_p: The receiver's log-variances, likewise.

    Returns:
        R in nats per sample, (B,).

    Example:
        >>> one = torch.ones(2, 3)
        >>> kl_between_normals(one, one, one, one)
        tensor([0., 0.])
    """
    standard = (mean_q - mean_p) * (-0.5 * log_var_p).exp()
    return kl_to_standard_normal(standard, log_var_q - log_var_p)


def mmd(z: Tensor, other: Tensor) -> Tensor:
    r"""Squared maximum mean discrepancy of two clouds of codes, unbiased, as one value repeated.

    .. math:: \frac{1}{B(B-1)} \sum_{i \neq j} \big(k(z_i, z_j) + k(z'_i, z'_j)\big)
              - \frac{2}{B^2} \sum_{ij} k(z_i, z'_j),
              \quad k(a, b) = \sum_s \frac{2 Z s}{2 Z s + \lVert a - b \rVert^2}

    The kernel is the sum of inverse multiquadrics over s in 0.1, 0.2, 0.5, 1, 2, 5, 10. Being unbiased, the value may
    be a little below zero. It is a statistic of the batch.

    Args:
        z: Codes, (B, ...), B >= 2.
        other: Draws from the prior, the same shape.

    Returns:
        The discrepancy, (B,), the same in every row; in no unit, so its weight is a matter of the variant.

    Paper:
        Gretton et al. 2012, JMLR 13, eq. 3; kernel and scales: Tolstikhin et al. 2018, ICLR, section 4.

    Example:
        >>> z = torch.randn(64, 2, generator=torch.Generator().manual_seed(0))
        >>> bool(mmd(z, z + 3)[0] > 1)
        True
    """
    a, b = z.flatten(1), other.flatten(1)  # (B, ...) -> (B, Z)
    within = (_off_diagonal(a) + _off_diagonal(b)) / (len(a) * (len(a) - 1))
    return (within - 2 * _kernel(a, b).mean()).expand(len(a))


def _off_diagonal(a: Tensor) -> Tensor:
    """Sum of the kernel over all pairs of different rows, ()."""
    values = _kernel(a, a)
    return values.sum() - values.diagonal().sum()


def _kernel(a: Tensor, b: Tensor) -> Tensor:
    """Inverse multiquadrics of all pairs, (B, Z), (B', Z) -> (B, B')."""
    squares = a.square().sum(1)[:, None] + b.square().sum(1) - 2 * a @ b.T
    squares = squares.clamp_min(0)  # rounding can leave a little less than nothing
    widths = (2 * a.shape[1] * scale for scale in MMD_SCALES)
    return torch.stack([width / (width + squares) for width in widths]).sum(0)
