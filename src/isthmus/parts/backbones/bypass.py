"""A way around the narrow place: what the encoder's levels answered, handed to the decoder's levels.

It is off by default, because what takes it is in no code and in no rate: a decoder that is given the encoder's own
activations can rebuild x from an empty z. It suits restoration, where the code is not what is wanted.
"""

from __future__ import annotations

from collections.abc import Callable
from threading import local
from typing import Any, Protocol, runtime_checkable

from torch import Tensor

from isthmus.errors import ParameterError


class Bypass(local):
    """The levels of the encoder's last batch in this thread, shallow ones first, for as long as they are kept.

    They are added to what the decoder has at the same depth, as in LinkNet (Chaurasia & Culurciello 2017, section 3),
    not concatenated as in U-Net: an empty bypass counts as zeros, and the decoder has the same weights with and
    without one. The levels belong to no state dict and to no copy: a pickled or deep-copied bypass is empty.

    Whoever wants something else to happen where a level would be added sets `visit`, (height, x) -> x, in this thread.

    Example:
        >>> import torch
        >>> bypass = Bypass()
        >>> bypass.keep(torch.ones(2, 3))
        >>> bypass.add(0, torch.ones(2, 3)).sum()
        tensor(12.)
        >>> bypass.clear()
        >>> bypass.add(0, torch.ones(2, 3)).sum()
        tensor(6.)
    """

    def __init__(self) -> None:
        self._levels: list[Tensor] = []
        self.visit: Callable[[int, Tensor], Tensor] | None = None

    def keep(self, level: Tensor) -> None:
        """Keep the answer of the encoder's next level, (B, ...)."""
        self._levels.append(level)

    def clear(self) -> None:
        """Forget every level: from now on the decoder is on its own."""
        self._levels.clear()

    def taken(self) -> list[Tensor]:
        """The levels, deep ones first, which are kept no longer."""
        levels = self._levels[::-1]
        self.clear()
        return levels

    def add(self, height: int, x: Tensor) -> Tensor:
        """The decoder's x (B, ...) plus the level that lies `height` levels above the deepest one.

        Raises:
            ParameterError: the codes are not those of the rows whose levels are kept.
        """
        if self.visit is not None:
            return self.visit(height, x)
        if not self._levels:
            return x
        level = self._levels[-1 - height]
        if len(level) != len(x):
            raise ParameterError(
                f"skip_connections=True with {len(x)} codes for {len(level)} encoded rows",
                "each row's levels are added to that row's own code, so there is one code to each row",
                "use skip_connections=False, or call bypass.clear() before decoding codes from elsewhere",
            )
        return x + level

    def __getstate__(self) -> dict[str, Any]:
        """Nothing of the last batch: it may be large, and it hangs on a graph that cannot be copied."""
        return {"_levels": [], "visit": None}


@runtime_checkable
class Bypassed(Protocol):
    """A module with a place for a bypass; None where it has none."""

    bypass: Bypass | None


def connect(encoder: object, decoder: object) -> None:
    """Let the decoder read what the encoder keeps; nothing happens where one of them takes no bypass.

    Args:
        encoder: Keeps its levels in `encoder.bypass`.
        decoder: Its own bypass is replaced by the encoder's.
    """
    if isinstance(encoder, Bypassed) and isinstance(decoder, Bypassed):
        decoder.bypass = encoder.bypass
