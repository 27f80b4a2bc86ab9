"""What a code carries: how many units are active, what the rate consists of, and which models lie on the frontier."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from isthmus.errors import InputError

LOG_2PI = math.log(2 * math.pi)
MOST_NUMBERS = 2**22  # log densities held at once


class Information(NamedTuple):
    """The mean rate of a Gaussian code and its three parts, in nats per sample; they add up to it.

    Args:
        rate: E KL(q(z | x) || N(0, I)).
        information: I(x; z), what the code says of which row it is of; at most log n.
        total_correlation: KL(q(z) || prod_j q(z_j)), what its units say together.
        unitwise: sum_j KL(q(z_j) || N(0, 1)), how far each unit by itself is from the prior.
    """

    rate: float
    information: float
    total_correlation: float
    unitwise: float

    @property
    def marginal(self) -> float:
        """KL(q(z) || N(0, I)): what a code drawn from the prior is short of being one of a row."""
        return self.total_correlation + self.unitwise


class Frontier(NamedTuple):
    """The models that are best at some price of the rate, by rate.

    Args:
        models: Their positions among those given, (k,).
        prices: (k - 1,) between one and the next: the price of a nat at which both cost the same; it falls.
    """

    models: NDArray[np.int64]
    prices: NDArray[np.float64]


def active_units(mean: ArrayLike, threshold: float = 0.01) -> int:
    r"""How many units of a code move with x.

    .. math:: \#\{j : \mathrm{Var}_x(E[z_j | x]) > 0.01\}

    Args:
        mean: Posterior means, (n, Z): what `transform` gives.
        threshold: Variance from which a unit counts.

    Paper:
        Burda, Grosse & Salakhutdinov 2016, arXiv:1509.00519, section 5.

    Example:
        >>> active_units([[0.0, 1.0], [0.01, -1.0]])
        1
    """
    return int((np.asarray(mean, dtype=np.float64).var(axis=0) > threshold).sum())


def mutual_information(mean: ArrayLike, log_var: ArrayLike, random_state: int = 0) -> Information:
    r"""What the mean rate of a Gaussian code is made of, over these rows as the whole data.

    .. math:: E[KL(q(z|x) \,\|\, p(z))] = I(x; z) + KL(q(z) \,\|\, \textstyle\prod_j q(z_j))
              + \sum_j KL(q(z_j) \,\|\, p(z_j)), \quad q(z) = \tfrac1n \sum_i q(z|x_i)

    All is taken at two draws from each row's posterior, by noise and its negative, whose variance over the rows is 1 in
    every unit. It takes 2 n^2 Z steps.

    Args:
        mean: Posterior means, (n, Z).
        log_var: Log-variances, (n, Z).
        random_state: Seed of the draws.

    Raises:
        InputError: the two have different shapes.

    Paper:
        Hoffman & Johnson 2016, "ELBO surgery", eq. 11; Chen et al. 2018, arXiv:1802.04942, eq. 2.

    Example:
        >>> parts = mutual_information(np.zeros((50, 2)), np.zeros((50, 2)))
        >>> [round(part, 6) + 0 for part in parts]
        [0.0, 0.0, 0.0, 0.0]
    """
    centre, spread = np.asarray(mean, dtype=np.float64), np.asarray(log_var, dtype=np.float64)
    if centre.ndim != 2 or centre.shape != spread.shape or not len(centre):
        came = f"mean of shape {centre.shape} with log_var of shape {spread.shape}"
        raise InputError(came, "both are (n, Z), n >= 1", "give the two halves of what the encoder answers")
    noise = np.random.default_rng(random_state).normal(size=centre.shape)
    noise = noise / np.maximum(noise.std(0), np.finfo(float).tiny)
    found = [_parts(centre, spread, sign * (noise - noise.mean(0))) for sign in (1, -1)]
    return Information(*map(float, np.mean(found, axis=0)))


def rate_distortion(rates: ArrayLike, distortions: ArrayLike) -> Frontier:
    r"""Which of some models are best at some price of the rate: the lower convex hull of their points.

    .. math:: \arg\min_m D_m + \beta R_m \quad \text{for some } \beta > 0

    Args:
        rates: R, the mean rate of each model, (m,).
        distortions: D, its mean distortion, (m,) in the same unit.

    Raises:
        InputError: not as many of the one as of the other, or none.

    Paper:
        Alemi et al. 2018, arXiv:1711.00464, section 3.

    Example:
        >>> rate_distortion([0.0, 1.0, 2.0, 4.0], [9.0, 8.5, 5.0, 4.0])
        Frontier(models=array([0, 2, 3]), prices=array([2. , 0.5]))
    """
    r, d = np.asarray(rates, dtype=np.float64), np.asarray(distortions, dtype=np.float64)
    if r.ndim != 1 or r.shape != d.shape or not len(r):
        came = f"rates of shape {r.shape} with distortions of shape {d.shape}"
        raise InputError(came, "one of each for every model", "give two lists of the same length")
    hull: list[int] = []
    for model in np.lexsort((d, r)):
        if hull and d[model] >= d[hull[-1]]:
            continue  # another model loses no more at a lower rate
        while len(hull) > 1 and _price(r, d, hull[-1], model) >= _price(r, d, hull[-2], hull[-1]):
            hull.pop()
        hull.append(int(model))
    prices = [_price(r, d, one, two) for one, two in zip(hull, hull[1:], strict=False)]
    return Frontier(np.array(hull), np.array(prices))


def _price(r: NDArray[np.float64], d: NDArray[np.float64], one: int, two: int) -> float:
    """Distortion saved for each nat of rate on the way from one model to another."""
    return float((d[one] - d[two]) / max(r[two] - r[one], np.finfo(float).tiny))


def _parts(
    centre: NDArray[np.float64], spread: NDArray[np.float64], noise: NDArray[np.float64]
) -> tuple[float, float, float, float]:
    """The four figures at the codes that this noise makes."""
    z = centre + np.exp(spread / 2) * noise
    joint, alone = _aggregate(z, centre, spread)
    own = -0.5 * (noise**2 + spread + LOG_2PI).sum(1).mean()  # log q(z | x)
    prior = -0.5 * (z**2 + LOG_2PI).sum(1).mean()  # log p(z)
    return own - prior, own - joint, joint - alone, alone - prior


def _aggregate(z: NDArray[np.float64], centre: NDArray[np.float64], spread: NDArray[np.float64]) -> tuple[float, float]:
    """Means over the rows of log q(z) and of sum_j log q(z_j)."""
    from scipy.special import logsumexp

    joint, alone, rows = 0.0, 0.0, len(z)
    step = max(1, MOST_NUMBERS // z.size)
    for start in range(0, rows, step):
        apart = (z[start : start + step, None] - centre) ** 2 * np.exp(-spread)  # (step, n, Z)
        each = -0.5 * (apart + spread + LOG_2PI)
        joint += float(logsumexp(each.sum(2), axis=1).sum())
        alone += float(logsumexp(each, axis=1).sum())
    return joint / rows - math.log(rows), alone / rows - z.shape[1] * math.log(rows)
