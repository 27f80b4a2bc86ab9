"""Penalties: what a variant pays beside distortion and rate, one value for each row.

A penalty that is a statistic of the batch, or of the weights alone, is one value repeated (B,).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast

import torch
from torch import Tensor, nn

from isthmus.parts.backbones.dense import Dense, plainly
from isthmus.parts.masks import byte_mask


def l1(z: Tensor) -> Tensor:
    r"""Sum of the absolute values of a code: small ones are pulled to zero.

    .. math:: \textstyle\sum_z |z|

    Args:
        z: Codes, (B, ...).

    Returns:
        The penalty, (B,).

    Example:
        >>> l1(torch.tensor([[1.0, -2.0], [0.0, 0.5]]))
        tensor([3.0000, 0.5000])
    """
    return z.abs().flatten(1).sum(1)


def contributions(z: Tensor, layer: Any) -> Tensor:
    r"""Sum of the lengths that the units of a code add to what the next layer sees.

    .. math:: \textstyle\sum_j |z_j| \, \lVert w_j \rVert, \quad w_j \text{ the weights that read unit } j

    Unlike `l1` it cannot be evaded by a small code and large weights.

    Args:
        z: Codes, (B, ...).
        layer: The layer that reads them; its weight is (F, Z), or (F, C, 1, ...) for a code of C channels.

    Returns:
        The penalty, (B,).

    Paper:
        Conerly et al. 2024, transformer-circuits.pub, "Update on how we train SAEs", the loss.

    Example:
        >>> layer = nn.Linear(2, 1)
        >>> _ = nn.init.constant_(layer.weight, 3.0)
        >>> contributions(torch.tensor([[1.0, -2.0]]), layer)
        tensor([9.], grad_fn=...)
    """
    weight = layer.weight.transpose(0, 1).flatten(1)  # (F, C, ...) -> (C, F * ...)
    lengths = weight.norm(dim=1)
    by_unit = z.flatten(1).unflatten(1, (len(lengths), -1)).abs().sum(2)  # (B, C * places) -> (B, C)
    price: Tensor = by_unit @ lengths
    return price


def kl_sparsity(h: Tensor, rho: float = 0.05) -> Tensor:
    r"""Price of units that are not active in a share rho of the rows; a statistic of the batch.

    .. math:: \textstyle\sum_j \rho \log \frac{\rho}{\hat\rho_j} + (1 - \rho) \log \frac{1 - \rho}{1 - \hat\rho_j},
              \quad \hat\rho_j = \frac1B \sum_b h_{bj}

    Args:
        h: Activations between 0 and 1, (B, ...): of a sigmoid, say.
        rho: The wanted mean activation, between 0 and 1.

    Returns:
        The penalty, (B,), the same in every row; zero where every unit's mean is rho.

    Paper:
        Ng 2011, CS294A lecture notes "Sparse autoencoder", section 3.

    Example:
        >>> kl_sparsity(torch.full((4, 3), 0.05)).abs().max() < 1e-6
        tensor(True)
    """
    edge = torch.finfo(h.dtype).eps  # a unit that is dead or always on has a finite price
    mean = h.flatten(1).mean(0).clamp(edge, 1 - edge)
    wanted = torch.full_like(mean, rho)
    price = torch.xlogy(wanted, wanted / mean) + torch.xlogy(1 - wanted, (1 - wanted) / (1 - mean))
    return price.sum().expand(len(h))


def weight_decay(module: nn.Module, rows: int) -> Tensor:
    r"""Half the squared length of a module's weights; biases and scales are free.

    .. math:: \tfrac12 \textstyle\sum_l \lVert W_l \rVert_F^2

    Written as a term it decays one part alone, the decoder say: without it an l1 on the code is evaded by a small code
    and large weights.

    Args:
        module: Whose parameters with at least two axes are counted.
        rows: B.

    Returns:
        The penalty, (B,), the same in every row.

    Example:
        >>> layer = nn.Linear(2, 2)
        >>> _ = nn.init.ones_(layer.weight)
        >>> weight_decay(layer, rows=3)
        tensor([2., 2., 2.], grad_fn=...)
    """
    squares = [parameter.square().sum() for parameter in module.parameters() if parameter.dim() > 1]
    return 0.5 * torch.stack(squares).sum().expand(rows) if squares else torch.zeros(rows)


def contraction(encoder: nn.Module, view: Tensor, generator: torch.Generator | None = None, draws: int = 1) -> Tensor:
    r"""How much the code moves when the input does: the squared Frobenius norm of the encoder's Jacobian.

    .. math:: \lVert \partial h / \partial x \rVert_F^2 = \textstyle\sum_{ij} (\partial h_j / \partial x_i)^2

    Exact for a dense encoder with at most one hidden layer; otherwise Hutchinson's estimate, which is right in
    expectation: E |v^T J|^2 over random signs v. x is what enters the first layer, past an `Entry`.

    Args:
        encoder: view (B, ...) -> h (B, F), each row on its own.
        view: Where the Jacobian is taken, (B, ...).
        generator: Where the signs of the estimate come from.
        draws: How many estimates are averaged.

    Returns:
        The penalty, (B,), differentiable with respect to the encoder's parameters.

    Paper:
        Rifai, Vincent, Muller, Glorot & Bengio 2011, ICML, eq. 2; theirs ends in the sigmoid, ours in a linear layer.

    Example:
        >>> encoder = nn.Linear(3, 2)
        >>> _ = nn.init.ones_(encoder.weight)
        >>> contraction(encoder, torch.zeros(1, 3), draws=1000).detach().round()
        tensor([6.])
    """
    opening, stack = _opened(encoder)
    with torch.no_grad():
        x = opening(view)
    if isinstance(stack, Dense) and _is_shallow(stack):
        return shallow_jacobian(stack, x)
    with _past_opening(stack):
        return torch.stack([hutchinson_jacobian(stack, x, generator) for _ in range(draws)]).mean(0)


def shallow_jacobian(stack: Dense, x: Tensor) -> Tensor:
    r"""Exact squared norm of the Jacobian of a dense stack with one hidden layer, or none.

    .. math:: \lVert V \mathrm{diag}(f'(a)) W \rVert_F^2 = f'(a)^T \big(V^T V \circ W W^T\big) f'(a), \quad a = W x + b

    Args:
        stack: Without normalization and dropout; its one or two weight matrices are W (H, D) and V (F, H).
        x: Input, (B, D).

    Returns:
        The squared norm, (B,).
    """
    first, *second = cast(list[nn.Linear], list(stack.linears))
    if not second:
        return first.weight.square().sum().expand(len(x))
    with torch.enable_grad():
        a = first(x)
        (slope,) = torch.autograd.grad(stack.activation(a).sum(), a, create_graph=True)  # (B, H)
    between = (second[0].weight.T @ second[0].weight) * (first.weight @ first.weight.T)  # (H, H)
    norm: Tensor = ((slope @ between) * slope).sum(1)
    return norm


def hutchinson_jacobian(encoder: nn.Module, x: Tensor, generator: torch.Generator | None = None) -> Tensor:
    r"""One unbiased estimate of the squared norm of the encoder's Jacobian.

    .. math:: \lVert v^T J \rVert^2, \quad v_j = \pm 1 \text{ at random}, \quad E[v v^T] = I

    Args:
        encoder: x (B, ...) -> h (B, F), each row on its own.
        x: Where the Jacobian is taken.
        generator: Where the signs come from.

    Returns:
        The estimate, (B,).

    Paper:
        Hutchinson 1990, Communications in Statistics 19, section 2: the trace of J J^T.
    """
    with torch.enable_grad(), plainly(encoder):
        x = x.detach().requires_grad_()
        h = encoder(x)
        signs = 2 * byte_mask(h.shape, 0.5, generator, h.device).to(h.dtype) - 1
        (pulled,) = torch.autograd.grad(h, x, signs, create_graph=True)
    return pulled.square().flatten(1).sum(1)


def _opened(encoder: nn.Module) -> tuple[nn.Module, nn.Module]:
    """The part of an encoder that only prepares the input, and the stack after it."""
    if isinstance(encoder, nn.Sequential) and isinstance(encoder[-1], Dense):
        return encoder[:-1], encoder[-1]
    return getattr(encoder, "opening", None) or nn.Identity(), encoder


@contextmanager
def _past_opening(encoder: nn.Module) -> Iterator[None]:
    """Let an encoder take what its opening would have made of the view."""
    opening = getattr(encoder, "opening", None)
    if opening is None:
        yield
        return
    encoder.opening = nn.Identity()
    try:
        yield
    finally:
        encoder.opening = opening


def _is_shallow(stack: Dense) -> bool:
    """Whether the closed form holds: at most one hidden layer, and nothing between it and its activation."""
    free = all(isinstance(part, nn.Identity) for part in (*stack.norms, stack.dropout))
    return len(stack.linears) <= 2 and free
