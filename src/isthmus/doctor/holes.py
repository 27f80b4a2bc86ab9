"""The check of a prior: places where it draws codes and no row has any."""

from __future__ import annotations

import copy
import dataclasses
from typing import Any

import torch
from torch import Tensor

from isthmus.core.code import Batch
from isthmus.doctor.findings import Answer, Finding, NotAsked, Sound, percent
from isthmus.doctor.patient import Patient
from isthmus.parts.priors.choose import prior_of

MOST = 1024  # codes that lie about, and draws that are looked at
ENOUGH = 100  # codes below which the 99th of a hundred distances is anybody's guess
FAR = 0.99  # quantile of the codes' own distances beyond which a draw lies in a hole
EMPTY = 0.1  # share of the draws in holes, beyond the hundredth that chance puts there
SURE = 3.29  # standard errors, as for rows that a model has not seen


def holes(patient: Patient) -> Answer:
    r"""Places between the codes of rows where the prior draws and nothing ever is.

    The distance of each draw from the prior to the nearest code is compared with the distances of codes from their own
    nearest ones:

    .. math:: h = \frac1M \textstyle\sum_m [\min_n \lVert z_m - z_n \rVert > Q_{0.99}],
              \quad Q \text{ of } \min_{n' \ne n} \lVert z_n - z_{n'} \rVert

    each unit in deviations of the codes. Were draws and codes alike, a hundredth would lie beyond; the finding is a
    tenth more than that, and surer than chance. Codes of a posterior are draws from it, as the decoder meets them.
    """
    if not _has_prior(patient):
        return NotAsked("The code has no prior.")
    codes = _codes(patient)
    if len(codes) < ENOUGH:
        return NotAsked(f"{len(codes)} codes are too few to see where none lie.")
    share, standard_errors = emptiness(codes, _drawn(patient))
    figures = {"in_holes": share, "by_chance": 1 - FAR, "standard_errors": standard_errors}
    seen = f"{percent(share)} of the prior's draws lie where no code does; chance would put {percent(1 - FAR)} there."
    if share < 1 - FAR + EMPTY or standard_errors < SURE:
        return Sound(seen, figures)
    why = "The decoder never learnt what to answer there: samples and what lies between two rows look like no row."
    return Finding(seen, why, _filled(patient), figures)


def emptiness(codes: Tensor, draws: Tensor) -> tuple[float, float]:
    """Share of the draws farther from every code than 99 codes in 100 are from theirs, and how sure that is.

    Args:
        codes: (n, Z).
        draws: (m, Z).

    Returns:
        The share, and how many standard errors it lies above a hundredth.

    Example:
        >>> spread = torch.randn(400, 2, generator=torch.Generator().manual_seed(0))
        >>> emptiness(spread[:200], spread[200:])[0] < 0.1, emptiness(spread[:200], 9 + spread[200:])[0]
        (True, 1.0)
    """
    scale = codes.std(0).clamp_min(1e-6 * float(codes.std(0).max().clamp_min(1e-12)))
    places = codes / scale
    own = torch.cdist(places, places).fill_diagonal_(torch.inf).min(1).values
    far = torch.cdist(draws / scale, places).min(1).values > torch.quantile(own, FAR)
    share, chance = float(far.double().mean()), 1 - FAR
    error = (chance * FAR * (1 / len(draws) + 1 / len(codes))) ** 0.5  # the quantile is as unsure as the share
    return share, (share - chance) / error


def _has_prior(patient: Patient) -> bool:
    """Whether codes that are numbers can be drawn."""
    prior = prior_of(patient.network)
    if prior is None:
        return bool(patient.model.has_prior)
    return not prior.of_symbols and prior.recipe["on"] == "code"


def _codes(patient: Patient) -> Tensor:
    """Codes of rows as the decoder learnt to meet them, (n, Z): a draw of each row's posterior, where it has one."""
    every = -(-len(patient.rows) // MOST)
    if not patient.model.has_prior:  # no posterior
        return patient.codes[::every].flatten(1).double()
    network, generator = copy.deepcopy(patient.network), torch.Generator(patient.blocks.device).manual_seed(0)
    getattr(network, "bottleneck", network).train()  # noise of each row's own

    def met(batch: Batch) -> Tensor:
        """Draws from the posteriors."""
        z: Tensor = network.encode(dataclasses.replace(batch, generator=generator)).z
        return z

    return patient.rows.answers(met, every=every).flatten(1).double()


def _drawn(patient: Patient) -> Tensor:
    """Draws from the prior, (m, Z)."""
    network: Any = patient.network
    generator = torch.Generator(patient.blocks.device).manual_seed(0)
    prior = prior_of(network)
    with torch.inference_mode():
        if prior is not None:
            return prior.sample(MOST, generator).cpu().flatten(1).double()
        shape = (MOST, *patient.model.latent_shape_)
        noise = torch.randn(shape, generator=generator, device=generator.device)
        drawn: Tensor = network.from_noise(noise)
        return drawn.cpu().flatten(1).double()


def _filled(patient: Patient) -> str:
    """A call after which codes and prior lie alike: the usual price of the rate, or a prior of the codes' own shape."""
    prior = prior_of(patient.network)
    if prior is None and getattr(patient.model, "beta", 1.0) < 1:
        return "model.set_params(beta=1.0).fit(X)"
    is_mixture = prior is not None and prior.recipe["kind"] == "mixture"
    beside = ", y=y" if patient.rows.told is not None else ""
    return f'model.fit_prior(X, "{"flow" if is_mixture else "mixture"}"{beside})'
