"""Two levels of tokens: few for the whole, then many for the detail, told of the first."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from isthmus.core.code import Batch, Code
from isthmus.core.network import Bottleneck
from isthmus.parts.bottlenecks.discrete import Discrete


class Hierarchy(Bottleneck):
    r"""Coarse tokens, and fine ones of what the encoder saw there beside what the coarse ones say.

        h = (h_c, h_f) -> h_c -> coarse z_c;    (h_f, up(z_c)) -> mix -> fine z_f;    z = (z_c, z_f)

    .. math:: R = R_c + R_f

    Code, symbols and costs are those of both levels, the coarse one first.

    Args:
        coarse: Bottleneck of the coarse level.
        fine: Of the fine level.
        raised: From z_c (B, Z_c) to as many places as h_f has, (B, C, *size).
        mix: From both, (B, 2 C, *size), to what the fine bottleneck reads.
        split: How many of the features are h_c.

    Paper:
        Razavi et al. 2019, arXiv:1906.00446, section 3.1.

    Example:
        >>> from isthmus.parts.bottlenecks.scalar import Scalar
        >>> from isthmus.parts.bottlenecks.tokens import Tokens
        >>> one, two = Discrete(Tokens(1, 1), Scalar((3,))), Discrete(Tokens(2, 1), Scalar((5,)))
        >>> both = Hierarchy(one, two, nn.Identity(), nn.Linear(3, 2), split=1)
        >>> symbols = torch.tensor([[2, 0, 4]])
        >>> both.from_symbols(symbols).tolist(), [part.tolist() for part in both.levels(symbols)], both.alphabet
        ([[1.0, -1.0, 1.0]], [[[2]], [[0, 4]]], (3, 5, 5))
    """

    def __init__(self, coarse: Discrete, fine: Discrete, raised: nn.Module, mix: nn.Module, split: int) -> None:
        super().__init__()
        self.coarse, self.fine, self.raised, self.mix, self.split = coarse, fine, raised, mix, split

    @property
    def alphabet(self) -> tuple[int, ...]:
        """K of each symbol of a row, (N,)."""
        return self.coarse.alphabet + self.fine.alphabet

    def forward(self, features: Tensor, batch: Batch) -> Code:
        """The codes of both levels as one."""
        first: Code = self.coarse(features[:, : self.split], batch)
        told = self.raised(first.z)
        seen = features[:, self.split :].reshape(len(features), -1, *told.shape[2:])  # (B, F) -> (B, C, *size)
        second: Code = self.fine(self.mix(torch.cat([seen, told], 1)), batch)
        terms = {name: term + second.terms[name] for name, term in first.terms.items()}
        z = torch.cat([first.z, second.z], 1)
        return Code(z, first.rate + second.rate, self._joined(first.symbols, second.symbols), terms)

    def from_symbols(self, symbols: Tensor) -> Tensor:
        """The code z of symbols, (B, N) -> (B, Z)."""
        coarse, fine = self.levels(symbols)
        return torch.cat([self.coarse.from_symbols(coarse), self.fine.from_symbols(fine)], 1)

    def levels(self, symbols: Tensor) -> tuple[Tensor, ...]:
        """Symbols taken apart by level, the coarse ones first."""
        return symbols.tensor_split([len(self.coarse.alphabet)], dim=1)

    def follow(self) -> None:
        """Take over what the last batch showed, at both levels."""
        self.coarse.follow()
        self.fine.follow()

    def _joined(self, *symbols: Tensor | None) -> Tensor:
        """Symbols of both levels, the coarse ones first."""
        return torch.cat([part for part in symbols if part is not None], 1)


class TwoEncoders(nn.Module):
    """View (B, ...) -> features of both levels, the coarse ones first, (B, F_c + F_f).

    Args:
        fine: View -> (B, F_f).
        coarse: Of that, (B, F_f) -> (B, F_c).
    """

    def __init__(self, fine: nn.Module, coarse: nn.Module) -> None:
        super().__init__()
        self.fine, self.coarse = fine, coarse

    def forward(self, view: Tensor) -> Tensor:
        """The features of each row."""
        fine = self.fine(view)
        return torch.cat([self.coarse(fine), fine], 1)


class TwoDecoder(nn.Module):
    """Code z = (z_c, z_f) (B, Z) -> params (B, ...).

    Args:
        raised: From z_c (B, Z_c) to the places of z_f, (B, C, *size).
        decoder: From both together, (B, F), to the params.
        split: How many numbers of z are z_c.
    """

    def __init__(self, raised: nn.Module, decoder: nn.Module, split: int) -> None:
        super().__init__()
        self.raised, self.decoder, self.split = raised, decoder, split

    def forward(self, z: Tensor) -> Tensor:
        """The parameters of p(x | z) of each row."""
        told = self.raised(z[:, : self.split])
        params: Tensor = self.decoder(torch.cat([told.flatten(1), z[:, self.split :]], 1))
        return params
