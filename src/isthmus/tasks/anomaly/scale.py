"""What is lost and how far a code lies, on one scale."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

TINY = 1e-9


@dataclass(frozen=True)
class Scale:
    r"""Counts standard deviations from what is usual for normal rows.

    .. math:: s = \tfrac1C \sum_c \frac{t_c - m_c}{d_c}

    So terms of several kinds are added without one drowning the others.

    Args:
        middle: m, the mean of each term over normal rows, (C,) float64.
        spread: d, its standard deviation, (C,) float64.

    Paper:
        Adding standard scores: Stouffer et al. 1949, The American Soldier 1, p. 45.

    Example:
        >>> import torch
        >>> scale = Scale.of(torch.tensor([[1.0, 10.0], [3.0, 30.0]]))
        >>> scale.read(torch.tensor([[3.0, 40.0]]))
        tensor([1.5000], dtype=torch.float64)
    """

    middle: Tensor
    spread: Tensor

    @classmethod
    def of(cls, terms: Tensor) -> Scale:
        """Learn it from the terms of normal rows that no model learnt from, (n, C)."""
        given = terms.double()
        return cls(given.mean(0), given.std(0, correction=0).clamp_min(TINY))

    def read(self, terms: Tensor) -> Tensor:
        """The score of each row, (n, C) -> (n,)."""
        return ((terms - self.middle) / self.spread).mean(1)
