"""How far the units of a code hang together: estimates from one batch, whose expectation is the same at every size."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from isthmus.parts import noise

OTHERS = 63  # rows that each row is compared with at most, so that batches of 64 and of 256 expect the same


def mingled(z: Tensor, generator: torch.Generator | None = None) -> Tensor:
    r"""Codes as they would be if their units had nothing to do with each other: each unit is that of another row.

    .. math:: z'_{bj} = z_{(b + s_j) \bmod B, j}, \quad s_j \text{ drawn without replacement}

    No two units of a row come from one row as long as B >= Z. So z' has the density prod_j q(z_j) exactly, whatever
    the size of the batch, where permutations drawn one by one leave some units together.

    Args:
        z: Codes of rows in random order, (B, ...).
        generator: Where s comes from.

    Returns:
        The same shape.

    Paper:
        Kim & Mnih 2018, arXiv:1802.05983, algorithm 1; theirs permutes each unit by itself.

    Example:
        >>> z = torch.arange(4.0)[:, None].repeat(1, 3)
        >>> mingled(z, torch.Generator().manual_seed(0)).sort(dim=1).values.diff(dim=1).min() > 0
        tensor(True)
    """
    flat = z.flatten(1)  # (B, ...) -> (B, Z)
    rows, units = flat.shape
    shifts = noise.uniform(flat[:, :1], generator).argsort(0).T.repeat(1, -(-units // rows))[:, :units]  # (1, Z)
    places = (torch.arange(rows, device=z.device)[:, None] + shifts) % rows
    return flat.gather(0, places).view_as(z)


def total_correlation(z: Tensor, mean: Tensor, log_var: Tensor, rows: int) -> Tensor:
    r"""KL(q(z) || prod_j q(z_j)) of the aggregate posterior q(z), by stratified sampling, as one value repeated.

    .. math:: \hat q(z_b) = \tfrac1n q(z_b|x_b) + \tfrac1M \textstyle\sum_{m=1}^{M-1} q(z_b|x_m)
              + \tfrac{n - M}{n M} q(z_b|x_M)

    and the same for each unit alone; the estimate is the mean of log q(z_b) - sum_j log q(z_bj). That of a density is
    unbiased, its logarithm is not: the value lies too low where posteriors are narrow. The bias depends on M, which
    is therefore at most `OTHERS` whatever the batch; below 64 rows it grows.

    Args:
        z: A draw of each row's posterior, (B, Z).
        mean: Of the posterior, (B, Z).
        log_var: Its log-variance, (B, Z).
        rows: n, of the whole data set.

    Returns:
        The estimate in nats, (B,), the same in every row.

    Paper:
        Chen, Li, Grosse & Duvenaud 2018, arXiv:1802.04942, appendix C.2; theirs has M = B - 1.

    Example:
        >>> z = torch.randn(64, 2, generator=torch.Generator().manual_seed(0))
        >>> together = total_correlation(z[:, :1].repeat(1, 2), z[:, :1].repeat(1, 2), torch.zeros(64, 2), 1000)
        >>> bool(together[0] > total_correlation(z, z, torch.zeros(64, 2), 1000)[0])
        True
    """
    others = min(len(z) - 1, OTHERS)
    whole = max(rows, others + 1)
    shares = torch.full((others + 1,), 1 / max(others, 1), dtype=z.dtype, device=z.device)
    shares[-1] = (whole - others) / (whole * max(others, 1))
    shares[0] = 1 / whole if others else 1.0
    near = (torch.arange(len(z), device=z.device)[:, None] + torch.arange(others + 1, device=z.device)) % len(z)
    each = -0.5 * ((z[:, None] - mean[near]).square() * (-log_var[near]).exp() + log_var[near] + math.log(2 * math.pi))
    weighed = shares.log()[:, None]  # each is (B, 1 + M, Z)
    joint = (each.sum(2) + weighed[:, 0]).logsumexp(1)
    alone = (each + weighed).logsumexp(1).sum(1)
    return (joint - alone).mean().expand(len(z))


def squared_covariances(mean: Tensor, variance: Tensor | None = None) -> tuple[Tensor, Tensor]:
    r"""Squared covariances of different units, summed; and squared distances of variances from 1, summed.

    .. math:: \textstyle\sum_{i \neq j} C_{ij} C'_{ij}, \quad \sum_i (C_{ii} - 1)(C'_{ii} - 1)

    C and C' are those of the even and of the odd rows. Their product has the expectation of the square at every size
    of the batch, whereas the square of one estimate is too large by a share of 1 / B. So a value may be below zero.

    Args:
        mean: Rows, (B, Z).
        variance: What is added to the variances on average over the rows, (B, Z), or None.

    Returns:
        Both, (B,) each, the same in every row; 0 for fewer than 4 rows.

    Example:
        >>> z = torch.randn(4000, 2, generator=torch.Generator().manual_seed(0))
        >>> off, on = squared_covariances(torch.stack([z[:, 0], z[:, 0]], 1))
        >>> round(off[0].item()), abs(round(on[0].item()))  # 1 * 1 twice, and two variances of 1
        (2, 0)
    """
    if len(mean) < 4:
        return mean.new_zeros(len(mean)), mean.new_zeros(len(mean))
    even, odd = (_covariance(mean[half::2], None if variance is None else variance[half::2]) for half in (0, 1))
    products, apart = even * odd, (even.diagonal() - 1) * (odd.diagonal() - 1)
    return (products.sum() - products.diagonal().sum()).expand(len(mean)), apart.sum().expand(len(mean))


def _covariance(mean: Tensor, variance: Tensor | None) -> Tensor:
    """Unbiased covariances of some rows, (Z, Z), and on the diagonal their mean variance besides."""
    centred = mean - mean.mean(0)
    covariance = centred.T @ centred / (len(mean) - 1)
    return covariance if variance is None else covariance + torch.diag(variance.mean(0))
