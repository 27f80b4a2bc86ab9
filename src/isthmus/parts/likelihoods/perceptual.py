"""Images priced by what a network of features sees: texture that is missing costs, a shift by a hair does not."""

from __future__ import annotations

from torch import Tensor

from isthmus.core.network import Likelihood
from isthmus.parts.likelihoods.cells import AnswersX, known, paid, per_row
from isthmus.parts.perceptual import Features, feature_distance


class Perceptual(AnswersX, Likelihood):
    r"""Pixels that cost their squared error, and what the features around them differ by.

    .. math:: \textstyle\sum_d \tfrac12 (x_d - \mu_d)^2 + \sum_p d_p(x, \mu)

    d is `feature_distance` in the levels of `features`, a network that learns on the rows themselves, before the
    autoencoder does and from a lesson of its own, and is frozen then. The squared error keeps the light, which unit
    features do not see. No constant makes this a density over images: it is a price in nats, and an image as the
    decoder answered it costs nothing.

    Args:
        shape: Shape of one image, (C, H, W); the params are the image itself, of the same shape.

    Paper:
        Dosovitskiy & Brox 2016, NeurIPS, eq. 1, without the critic; features as in Zhang et al. 2018, CVPR.

    Example:
        >>> import torch
        >>> x = torch.rand(2, 1, 16, 16, generator=torch.Generator().manual_seed(0))
        >>> Perceptual((1, 16, 16)).distortion(x, x)
        tensor([0., 0.])
    """

    def __init__(self, shape: tuple[int, ...]) -> None:
        super().__init__()
        self.params_shape = shape
        self.features = Features(shape[0])

    def cells(self, x: Tensor, params: Tensor, observed: Tensor | None = None) -> Tensor:
        """What each pixel costs, the shape of x; 0 where it is not observed. Channels share what features cost."""
        whole = known(x, observed)
        seen = self.perceived(whole, params)[:, None] / x.shape[1]  # (B, H, W) -> (B, 1, H, W)
        return paid(0.5 * (whole - params).square() + seen, observed)

    def perceived(self, x: Tensor, params: Tensor) -> Tensor:
        """What the features around each pixel differ by, (B, H, W)."""
        return feature_distance(self.features(x), self.features(params), x.shape[2:])

    def distortion(self, x: Tensor, params: Tensor, observed: Tensor | None = None) -> Tensor:
        """The sum of the cells, in nats per sample, (B,)."""
        return per_row(self.cells(x, params, observed))
