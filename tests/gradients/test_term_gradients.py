"""Gradients of penalties and divergences against finite differences, in float64."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from isthmus.parts import divergences, penalties

TERMS: dict[str, tuple[int, Callable[..., Tensor]]] = {
    "l1": (1, penalties.l1),
    "kl_sparsity": (1, lambda h: penalties.kl_sparsity(h.sigmoid())),
    "kl_to_standard_normal": (2, divergences.kl_to_standard_normal),
    "kl_between_normals": (4, divergences.kl_between_normals),
    "mmd": (2, divergences.mmd),
}


@pytest.mark.parametrize("name", TERMS)
def test_term(name: str) -> None:
    count, term = TERMS[name]
    generator = torch.Generator().manual_seed(0)
    given = [torch.randn(4, 3, generator=generator, dtype=torch.float64).requires_grad_() for _ in range(count)]
    assert torch.autograd.gradcheck(term, given)
    assert torch.autograd.gradgradcheck(term, given)


def test_weight_decay() -> None:
    layer = nn.Linear(3, 2).double()

    def decay(weight: Tensor) -> Tensor:
        return torch.func.functional_call(_Decayed(layer), {"layer.weight": weight}, (2,))

    assert torch.autograd.gradcheck(decay, layer.weight)


class _Decayed(nn.Module):
    """A layer whose forward pass is its decay, as functional_call wants it."""

    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, rows: int) -> Tensor:
        return penalties.weight_decay(self.layer, rows)
