"""A fitted dictionary in the units of the network that it was fitted to: what hooks need of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from isthmus.errors import InputError, InputTypeError, ParameterError


class Latents:
    r"""The latents of activations x, and what each adds to them.

    .. math:: \hat x = \sum_j z_j d_j + b

    Args:
        sae: A fitted `SAE`.

    Raises:
        InputTypeError: something else.
    """

    def __init__(self, sae: Any) -> None:
        network: Any = getattr(sae, "network_", None)
        if not hasattr(network, "sparse") or not hasattr(network, "decoder_weight"):
            came = f"sae={type(sae).__name__}" + ("" if network is not None else ", not fitted")
            raise InputTypeError(came, "latents are those of a fitted SAE", "fit one, or SAE.load(path)")
        self.network = network
        columns = sae.spec_.columns
        self.offset = torch.tensor([column.center for column in columns], dtype=torch.float32)
        self.factor = torch.tensor([column.scale for column in columns], dtype=torch.float32)

    @property
    def count(self) -> int:
        """n, how many latents there are."""
        return len(self.network.decoder_weight)

    @torch.no_grad()
    def encode(self, x: Tensor) -> Tensor:
        """z of rows, (rows, n).

        Args:
            x: Rows, (rows, d), on any device.
        """
        device = self.network.decoder_weight.device
        scaled = (x.detach().float().to(device) - self.offset.to(device)) / self.factor.to(device)
        z: Tensor = self.network.sparse(scaled).dense()
        return z.to(x.device)

    def decode(self, z: Tensor) -> Tensor:
        """The rows that codes stand for, (rows, d); gradients flow to the codes."""
        bias = self.network.decoder_bias.detach().to(z.device) * self.factor.to(z.device) + self.offset.to(z.device)
        rows: Tensor = z @ self.directions(z.device) + bias
        return rows

    def directions(self, device: torch.device) -> Tensor:
        """What one unit of each latent adds to a row, (n, d)."""
        weight: Tensor = self.network.decoder_weight.detach().to(device)
        return weight * self.factor.to(device)

    def check_width(self, width: int, name: str) -> None:
        """Refuse a place of another width.

        Raises:
            InputError: it is.
        """
        if width != len(self.offset):
            came = f"module={name!r} with d={width}, and an SAE of {len(self.offset)} features"
            raise InputError(came, "a dictionary is of one place in one network", "use the place it was fitted to")

    def numbers(self, latents: int | Sequence[int]) -> list[int]:
        """Numbers of latents, each once.

        Raises:
            ParameterError: there is none of that number.
        """
        wanted = sorted({int(latent) for latent in np.atleast_1d(np.asarray(latents))})
        wrong = [latent for latent in wanted if not 0 <= latent < self.count]
        if wrong:
            came = f"latent={wrong[0]}"
            raise ParameterError(came, f"they count from 0 to {self.count - 1}", "name one of those")
        return wanted
