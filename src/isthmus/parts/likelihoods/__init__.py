"""Likelihoods: what the decoder's answer says about x, and what x costs under it, in nats per sample.

Every one gives `distortion(x, params, observed)` (B,), its parts `cells(x, params, observed)` in the shape of x (of
which it is the sum), `mean(params)` and `sample(params, generator)`. The constants are kept, so that densities
integrate and probabilities sum to 1, and prices under different likelihoods can be compared; `Similarity` alone is no
density.
"""

from __future__ import annotations

from isthmus.parts.likelihoods.bernoulli import Bernoulli
from isthmus.parts.likelihoods.categorical import Categorical
from isthmus.parts.likelihoods.choose import LIKELIHOODS, Domain, domain, likelihood
from isthmus.parts.likelihoods.counts import NegativeBinomial, Poisson
from isthmus.parts.likelihoods.gaussian import Gaussian, plain_unit_cost, unit_cost
from isthmus.parts.likelihoods.laplace import Laplace
from isthmus.parts.likelihoods.mixed import Mixed
from isthmus.parts.likelihoods.multinomial import Multinomial
from isthmus.parts.likelihoods.similarity import Similarity

__all__ = [
    "LIKELIHOODS",
    "Bernoulli",
    "Categorical",
    "Domain",
    "Gaussian",
    "Laplace",
    "Mixed",
    "Multinomial",
    "NegativeBinomial",
    "Poisson",
    "Similarity",
    "domain",
    "likelihood",
    "plain_unit_cost",
    "unit_cost",
]
