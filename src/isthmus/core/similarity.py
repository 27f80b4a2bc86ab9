"""Structural similarity: how alike two images are around each pixel. One formula, for arrays and tensors."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from torch import Tensor

RADIUS, SIGMA = 5, 1.5  # pixels: the window reaches from -5 to 5 along each axis
K1, K2 = 0.01, 0.03
Cells = TypeVar("Cells", NDArray[Any], "Tensor")


def window() -> NDArray[np.float64]:
    """Gaussian weights along one axis, (11,); they add up to 1.

    Example:
        >>> len(window()), round(float(window()[RADIUS]), 4)
        (11, 0.266)
    """
    weights = np.exp(-0.5 * (np.arange(-RADIUS, RADIUS + 1) / SIGMA) ** 2)
    return np.asarray(weights / weights.sum(), dtype=np.float64)


def similarity(x: Cells, y: Cells, blur: Callable[[Cells], Cells], span: float = 1.0) -> Cells:
    r"""The similarity around each pixel, at most 1, the shape of x.

    .. math:: \frac{(2 \mu_x \mu_y + c_1)(2 \sigma_{xy} + c_2)}
              {(\mu_x^2 + \mu_y^2 + c_1)(\sigma_x^2 + \sigma_y^2 + c_2)}, \quad c_i = (K_i L)^2

    Args:
        x: Images.
        y: As many of the same shape.
        blur: The mean in a window around each pixel, which gives mu, and from squares and products sigma.
        span: L, the greatest value that a pixel can have minus the least.

    Paper:
        Wang, Bovik, Sheikh & Simoncelli 2004, IEEE Trans. Image Processing 13, pp. 600-612, eq. 13.
    """
    light, structure = factors(x, y, blur, span)
    found: Cells = light * structure
    return found


def factors(x: Cells, y: Cells, blur: Callable[[Cells], Cells], span: float = 1.0) -> tuple[Cells, Cells]:
    r"""The two factors of `similarity`: how alike the light is, and how alike contrast and structure are.

    .. math:: \frac{2 \mu_x \mu_y + c_1}{\mu_x^2 + \mu_y^2 + c_1}, \quad
              \frac{2 \sigma_{xy} + c_2}{\sigma_x^2 + \sigma_y^2 + c_2}

    Args:
        x: As in `similarity`.
        y: As in `similarity`.
        blur: As in `similarity`.
        span: As in `similarity`.
    """
    c1, c2 = (K1 * span) ** 2, (K2 * span) ** 2
    mean_x, mean_y = blur(x), blur(y)
    product, squares = mean_x * mean_y, mean_x * mean_x + mean_y * mean_y
    covariance, variances = blur(x * y) - product, blur(x * x + y * y) - squares
    light: Cells = (2 * product + c1) / (squares + c1)
    structure: Cells = (2 * covariance + c2) / (variances + c2)
    return light, structure
