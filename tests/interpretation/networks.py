"""A small network of tokens, whose layers answer in the ways that networks do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn


class Pair(NamedTuple):
    """A layer's answer as a tuple with names."""

    states: Tensor
    other: None


@dataclass
class Output:
    """A network's answer as a dataclass."""

    logits: Tensor
    states: Tensor


class Layer(nn.Module):
    """Each token adds the mean of those before it; the answer is a tuple."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.mix, self.out = nn.Linear(width, width), nn.Linear(width, width)
        self.runs = 0

    def forward(self, states: Tensor, *, attention_mask: Tensor) -> Pair:
        """(B, T, d)."""
        self.runs += 1
        weight = attention_mask[:, :, None].to(states.dtype)
        mean = (states * weight).cumsum(1) / weight.cumsum(1).clamp_min(1)
        return Pair(states + self.out(torch.relu(self.mix(mean))), None)


class Reader(nn.Module):
    """Tokens in, a dataclass out."""

    def __init__(self, tokens: int, width: int, layers: int) -> None:
        super().__init__()
        self.embed = nn.Embedding(tokens, width)
        self.layers = nn.ModuleList([Layer(width) for _ in range(layers)])
        self.head = nn.Linear(width, tokens)

    def forward(self, input_ids: Tensor, attention_mask: Tensor | None = None) -> Any:
        """(B, T) to logits (B, T, V)."""
        mask = torch.ones_like(input_ids) if attention_mask is None else attention_mask
        states = self.embed(input_ids)
        for layer in self.layers:
            states = layer(states, attention_mask=mask).states
        return Output(self.head(states), states)
