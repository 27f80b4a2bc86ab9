"""Residual backbone: series, images and volumes by convolutions, tables by dense layers."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor, nn

from isthmus.errors import ParameterError
from isthmus.parts.backbones.activations import activation
from isthmus.parts.backbones.axes import convolution, normalization
from isthmus.parts.backbones.mirrored import Mirrored, dropout


class Block(nn.Module):
    r"""Two convolutions beside the way straight through.

    .. math:: y = x + f(x), \quad f = \mathrm{conv} \circ \mathrm{drop} \circ a \circ \mathrm{norm} \circ
        \mathrm{conv} \circ a \circ \mathrm{norm}

    Args:
        branch: f, (B, C, *size) to the same shape.

    Paper:
        He et al. 2016, arXiv:1603.05027, figure 4e: activation before the weights, nothing on the way through.
    """

    def __init__(self, branch: nn.Module) -> None:
        super().__init__()
        self.branch = branch

    def forward(self, x: Tensor) -> Tensor:
        """X plus what the branch makes of it."""
        y: Tensor = x + self.branch(x)
        return y


@dataclass(frozen=True, kw_only=True)
class Residual(Mirrored):
    """Levels of residual blocks, joined by convolutions that change extent and channels; mirrored in the decoder.

        1x28x28 -> 32x14x14 + blocks -> 64x7x7 + blocks -> h

    The options are those of `Mirrored`. On a table a convolution is a dense layer and no extent is halved: a residual
    MLP of widths `hidden_dims`.

    Args:
        blocks_per_level: Residual blocks at each level, at least 1.
    """

    blocks_per_level: int = 1

    def __post_init__(self) -> None:
        """Check the options of its own, then the shared ones."""
        if self.blocks_per_level < 1:
            came = f"blocks_per_level={self.blocks_per_level!r}"
            raise ParameterError(came, "at least 1: a level without blocks has no non-linearity", "use Convolutional()")
        super().__post_init__()

    def body(self, axes: int, channels: int, activation_name: str, rate: float) -> list[nn.Module]:
        """The residual blocks of one level."""
        return [self._block(axes, channels, activation_name, rate) for _ in range(self.blocks_per_level)]

    def _block(self, axes: int, channels: int, activation_name: str, rate: float) -> Block:
        first = self._half(axes, channels, activation_name, 0.0, self._bias)
        second = self._half(axes, channels, activation_name, rate, True)
        return Block(nn.Sequential(*first, *second))

    def _half(self, axes: int, channels: int, activation_name: str, rate: float, bias: bool) -> list[nn.Module]:
        """Half a branch: normalization, activation, dropout, convolution."""
        opening = [*normalization(axes, self.normalization, channels), activation(activation_name), *dropout(rate)]
        return [*opening, convolution(axes, channels, channels, self.kernel_size, bias=bias)]
