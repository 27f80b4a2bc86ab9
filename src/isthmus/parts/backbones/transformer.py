"""Transformer backbone over patches: tokens that look at each other, all of them or the visible ones alone.

    x (B, C, *size) -> patches (B, N, P) -> embed + positions -> blocks -> norm -> tokens (B, 1 + N, W)
    tokens -> embed, hidden places filled with one learnt token -> + positions -> blocks -> norm -> head -> params

The first token stands for no patch: it has nothing to say of its own and gathers from the others.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from isthmus.core.settings import Settings
from isthmus.core.spec import Spec
from isthmus.errors import InputError, ParameterError
from isthmus.parts.backbones.attention import EPSILON, Block, heads_of, layer
from isthmus.parts.backbones.options import one_width
from isthmus.parts.backbones.patches import cut, join, positions, side_of

MOST_PATCHES = 4096  # attention grows with their square
SPREAD = 0.02  # of the learnt tokens at the start


class Tower(nn.Module):
    """Blocks over tokens, each with the mark of its place; and one token more.

    Args:
        entry: Numbers of a token as it comes in.
        widths: W of each block, all alike.
        grid: Patches along each axis.
        heads: Of each block; None for one for every 32 numbers.
        activation_name: Inside the blocks.
        base: Of the waves that mark the places, see `positions`.
    """

    marks: Tensor

    def __init__(
        self,
        entry: int,
        widths: Sequence[int],
        grid: Sequence[int],
        heads: int | None,
        activation_name: str,
        base: float | None = None,
    ) -> None:
        super().__init__()
        width = widths[-1]
        self.embed = layer(entry, width)
        self.blocks = nn.ModuleList(Block(width, heads_of(width, heads), activation_name) for _ in widths)
        self.norm = nn.LayerNorm(width, EPSILON)
        self.register_buffer("marks", positions(grid, width, base), persistent=False)

    def through(self, tokens: Tensor, seen: Tensor | None) -> Tensor:
        """The tokens after all blocks, (B, T, W)."""
        for block in self.blocks:
            tokens = block(tokens, seen)
        return self.norm(tokens)  # type: ignore[no-any-return]


class TokenEncoder(Tower):
    """View (B, C, *size) -> tokens (B, 1 + N, W), or (B, 1 + K, W) of the K patches that are kept.

    What is not kept costs nothing: it is left out before the first product.
    """

    def __init__(self, patch: int, *tower: object) -> None:
        super().__init__(*tower)  # type: ignore[arg-type]
        self.patch = patch
        self.first = nn.Parameter(torch.zeros(self.embed.out_features))

    def draw(self, generator: torch.Generator) -> None:
        """The first token, about `SPREAD` long in each number."""
        self.first.normal_(std=SPREAD, generator=generator)

    def forward(self, view: Tensor, kept: Tensor | None = None, seen: Tensor | None = None) -> Tensor:
        """The tokens.

        Args:
            view: (B, C, *size) without gaps.
            kept: Which patches go in, (B, K); None for all.
            seen: True for patches that others may look at, (B, N), where all go in; None for all of them.
        """
        patches, marks = cut(view, self.patch), self.marks
        if kept is not None:
            patches = patches.gather(1, kept[:, :, None].expand(-1, -1, patches.shape[2]))
            marks = marks.index_select(0, kept.flatten()).view(*kept.shape, -1)
        tokens = self.embed(patches) + marks
        tokens = torch.cat([self.first.expand(len(tokens), 1, -1), tokens], 1)
        return self.through(tokens, None if seen is None else with_first(seen))


class TokenDecoder(Tower):
    """Tokens (B, 1 + K, W) of the kept patches -> params (B, *params_shape) of all patches.

    Args:
        patch: Cells along a patch.
        grid: Patches along each axis.
        channels: Numbers that the likelihood asks for in each cell.
        params_shape: What it asks for in all.
        tower: What `Tower` asks for.
    """

    def __init__(
        self, patch: int, grid: Sequence[int], channels: int, params_shape: Sequence[int], *tower: object
    ) -> None:
        super().__init__(*tower)  # type: ignore[arg-type]
        self.patch, self.grid, self.params_shape = patch, tuple(grid), tuple(params_shape)
        width = self.embed.out_features
        self.hidden = nn.Parameter(torch.zeros(width))
        self.head = layer(width, channels * patch ** len(grid))

    def draw(self, generator: torch.Generator) -> None:
        """The token of a hidden patch."""
        self.hidden.normal_(std=SPREAD, generator=generator)

    def forward(self, tokens: Tensor, kept: Tensor | None = None, seen: Tensor | None = None) -> Tensor:
        """The parameters of p(x | tokens) for every patch.

        Args:
            tokens: (B, 1 + K, W), the first one leading.
            kept: Whose they are, (B, K); None where they are of all patches in turn.
            seen: True where such a token counts, (B, N); the others are taken for hidden. None for all.
        """
        first, rest = self.embed(tokens).split([1, tokens.shape[1] - 1], 1)
        if kept is not None:
            blank = self.hidden.expand(len(rest), len(self.marks), -1)
            rest = blank.scatter(1, kept[:, :, None].expand(-1, -1, rest.shape[2]), rest)
        elif seen is not None:
            rest = torch.where(seen[:, :, None], rest, self.hidden)
        tokens = self.through(torch.cat([first, rest + self.marks], 1), None)
        params = join(self.head(tokens[:, 1:]), self.grid, self.patch)
        return params.reshape(len(params), *self.params_shape)


def with_first(seen: Tensor) -> Tensor:
    """The mask of all tokens from that of the patches, (B, N) -> (B, 1 + N): the first token is always seen."""
    return torch.cat([seen.new_ones(len(seen), 1), seen], 1)


@dataclass(frozen=True, kw_only=True)
class Transformer:
    """Blocks of attention over patches; `hidden_dims` holds the width of each block of the encoder, all alike.

        1x28x28 -> 49 patches of 4x4 -> 49 tokens of 128 and one more -> 4 blocks -> z (50, 128)

    Args:
        patch: Cells along each side of a patch; None for the largest that leaves 6 (else 4) along the shortest axis.
        heads: Of each block; None for one for every 32 numbers of a token.
        decoder_width: Width of the decoder's tokens; None for half the encoder's.
        decoder_blocks: How many the decoder has.
        decoder_heads: Of each of them; None likewise.
        base: Of the waves that mark the places; None for the patches along the longest axis (`patches.positions`).

    Raises:
        ParameterError: a number outside its domain.

    Paper:
        Dosovitskiy et al. 2021, arXiv:2010.11929; fixed positions and the light decoder: He et al. 2022,
        arXiv:2111.06377, section 3.

    Example:
        >>> Transformer(patch=7).code_shape(Spec("image", (1, 28, 28)), (64, 64))
        (17, 64)
    """

    patch: int | None = None
    heads: int | None = None
    decoder_width: int | None = None
    decoder_blocks: int = 2
    decoder_heads: int | None = None
    base: float | None = None

    def __post_init__(self) -> None:
        """Meet a wrong option here, and not in the middle of a fit."""
        for name in ("patch", "heads", "decoder_width", "decoder_blocks", "decoder_heads"):
            value = getattr(self, name)
            if value is not None and (not isinstance(value, int) or value < 1):
                raise ParameterError(f"{name}={value!r}", "it is a whole number >= 1", f"leave out {name}")
        if self.base is not None and not (isinstance(self.base, int | float) and 1 < self.base < math.inf):
            raise ParameterError(f"base={self.base!r}", "it is a number above 1", "leave out base")

    def grid(self, spec: Spec) -> tuple[int, ...]:
        """Patches along each axis."""
        patch = self.side(spec)
        return tuple(size // patch for size in spec.shape[1:])

    def side(self, spec: Spec) -> int:
        """Cells along a patch.

        Raises:
            ParameterError: patches of that side do not tile the data.
            InputError: a patch of any side would leave too many, or only one.
        """
        shared = math.gcd(*spec.shape[1:])
        patch = self.patch or side_of(shared, min(spec.shape[1:]))
        if shared % patch:
            fits = ", ".join(str(n) for n in range(1, shared + 1) if shared % n == 0)
            came = f"patch={patch} for samples of {spec.shape[1:]}"
            raise ParameterError(came, f"patches tile the whole, which those of {fits} cells do", "use one of those")
        count = math.prod(size // patch for size in spec.shape[1:])
        if not 2 <= count <= MOST_PATCHES:
            came = f"{spec.kind} samples of {spec.shape[1:]} in {count} patches of {patch} cells a side"
            allowed = f"2 to {MOST_PATCHES} patches can be told apart and attended to"
            raise InputError(came, allowed, "crop or pad the samples to a multiple of 16 along each axis")
        return patch

    def code_shape(self, spec: Spec, hidden_dims: tuple[int, ...]) -> tuple[int, ...]:
        """One token for each patch and one more, as wide as the blocks.

        Raises:
            ParameterError: blocks of different widths.
        """
        return (1 + math.prod(self.grid(spec)), one_width(hidden_dims))

    def encoder(self, spec: Spec, features: int, settings: Settings) -> TokenEncoder:
        """View (B, *spec.shape) -> tokens (B, 1 + N, W)."""
        patch = self.side(spec)
        entry = spec.shape[0] * patch ** len(spec.shape[1:])
        tower = (entry, settings.hidden_dims, self.grid(spec), self.heads, settings.activation, self.base)
        return TokenEncoder(patch, *tower)

    def decoder(self, spec: Spec, params_shape: tuple[int, ...], settings: Settings) -> TokenDecoder:
        """Tokens -> params (B, *params_shape)."""
        width = settings.hidden_dims[-1]
        own = (self.decoder_width or max(width // 2, 1),) * self.decoder_blocks
        channels = math.prod(params_shape) // math.prod(spec.shape[1:])
        grid = self.grid(spec)
        tower = (width, own, grid, self.decoder_heads, settings.activation, self.base)
        return TokenDecoder(self.side(spec), grid, channels, params_shape, *tower)
