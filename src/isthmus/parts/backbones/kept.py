"""What is made of weights beyond training, kept for as long as they stay as they are."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

from torch import Tensor

Made = TypeVar("Made")


class Kept(Generic[Made]):
    """The last thing that was made of some weights, and what they were.

    A weight that lies in a player's flat buffer changes unseen, so whoever keeps something calls `forget` at each
    turn of `train(mode)`. A copy or a pickle is empty.

    Example:
        >>> import torch
        >>> kept, weight = Kept(), torch.ones(2)
        >>> kept.of([weight], lambda: 2 * weight) is kept.of([weight], lambda: 2 * weight)
        True
        >>> weight += 1
        >>> kept.of([weight], lambda: 2 * weight)
        tensor([4., 4.])
    """

    def __init__(self) -> None:
        self._held: tuple[list[tuple[int, int]], Made] | None = None

    def of(self, weights: Sequence[Tensor], make: Callable[[], Made]) -> Made:
        """What `make` makes, made anew only where a weight has changed or moved."""
        state = [(weight.data_ptr(), weight._version) for weight in weights]
        held = self._held
        if held is None or held[0] != state:
            held = self._held = (state, make())
        return held[1]

    def forget(self) -> None:
        """Make it anew next time."""
        self._held = None

    def __reduce__(self) -> tuple[type[Kept[Made]], tuple[()]]:
        """Nothing of what is held: a copy has weights of its own."""
        return type(self), ()
