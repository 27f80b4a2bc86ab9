"""Images priced by their structure: an edge out of place costs more than the same amount of light."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from isthmus.core.network import Likelihood
from isthmus.core.similarity import RADIUS, similarity, window
from isthmus.parts.likelihoods.cells import AnswersX, known, paid, per_row


class Similarity(AnswersX, Likelihood):
    r"""Pixels that cost what their windows lack in structural similarity to the decoder's answer.

    .. math:: \textstyle\sum_d \big(1 - \mathrm{SSIM}_d(x, \mu)\big)

    SSIM_d compares windows of 11 by 11 pixels around d, channel by channel, for pixels in [0, 1]; windows reflect at
    the edges. A pixel costs between 0 and 2. No constant makes this a density over images: it is a price in nats, and
    an image as the decoder answered it costs nothing.

    Args:
        shape: Shape of one image, (C, H, W); the params are the image itself, of the same shape.

    Paper:
        Wang, Bovik, Sheikh & Simoncelli 2004, eq. 13; as the loss of an autoencoder: Bergmann, Loewe, Fauser,
        Sattlegger & Steger 2019, VISAPP, eq. 4.

    Example:
        >>> x = torch.rand(2, 1, 16, 16, generator=torch.Generator().manual_seed(0))
        >>> own = Similarity((1, 16, 16))
        >>> own.distortion(x, x).abs().max() < 1e-3, own.distortion(x, 1 - x).min() > 256
        (tensor(True), tensor(True))
    """

    rows: Tensor
    columns: Tensor

    def __init__(self, shape: tuple[int, ...]) -> None:
        super().__init__()
        self.params_shape = shape
        for name, extent in (("rows", shape[1]), ("columns", shape[2])):
            self.register_buffer(name, torch.from_numpy(_windows(extent)).float(), persistent=False)

    def cells(self, x: Tensor, params: Tensor, observed: Tensor | None = None) -> Tensor:
        """What each pixel's window lacks, the shape of x; 0 where it is not observed."""
        return paid(1 - similarity(known(x, observed), params, self._blur), observed)

    def distortion(self, x: Tensor, params: Tensor, observed: Tensor | None = None) -> Tensor:
        """Their sum, in nats per sample, (B,)."""
        return per_row(self.cells(x, params, observed))

    def _blur(self, images: Tensor) -> Tensor:
        """The mean in a window around each pixel, (B, C, H, W): a product along each axis, of each image by itself."""
        return self.rows @ images @ self.columns.mT.expand(len(images), 1, -1, -1)


def _windows(extent: int) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    """The weights of the window around each of some places in a row, (extent, extent), reflected at both ends."""
    places = np.arange(extent)[:, None] + np.arange(-RADIUS, RADIUS + 1)
    folded = extent - 0.5 - abs((places + 0.5) % (2 * extent) - extent)  # -1 -> 0, extent -> extent - 1
    weights = np.zeros((extent, extent))
    np.add.at(weights, (np.arange(extent)[:, None], folded.astype(int)), window())
    return weights
