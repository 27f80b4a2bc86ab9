"""Priors by name: built from a recipe of JSON values, and put where a network expects its codes."""

from __future__ import annotations

import inspect
from typing import Any

import torch

from isthmus.core.network import Network
from isthmus.core.spec import Spec
from isthmus.errors import ParameterError, UnknownNameError
from isthmus.parts.bottlenecks.posteriors import Diagonal
from isthmus.parts.priors.autoregressive import Autoregressive
from isthmus.parts.priors.diffusion import Diffusion
from isthmus.parts.priors.flow import Flow
from isthmus.parts.priors.mixture import Mixture
from isthmus.parts.priors.normal import Normal
from isthmus.parts.priors.prior import Prior
from isthmus.parts.priors.vamp import Vamp

PRIORS: dict[str, type[Prior]] = {
    "normal": Normal,
    "mixture": Mixture,
    "vamp": Vamp,
    "flow": Flow,
    "autoregressive": Autoregressive,
    "diffusion": Diffusion,
}
JOINT = ("normal", "mixture", "vamp", "flow")  # what a posterior can be trained against
SIZES = ("shape", "places", "codes", "classes")  # what the code and the labels say, and nobody chooses


def build(kind: str, on: str = "code", **given: Any) -> Prior:
    """The prior called `kind`, which remembers how it was built.

    Args:
        kind: One of `PRIORS`.
        on: "code", or "data" for a prior over x itself.
        given: Its sizes and options.

    Raises:
        UnknownNameError: no prior has this name.
        ParameterError: it has no such option, or one has a value outside its domain.

    Example:
        >>> build("mixture", shape=(2,), components=3).recipe
        {'kind': 'mixture', 'on': 'code', 'shape': (2,), 'components': 3}
    """
    if kind not in PRIORS:
        raise UnknownNameError.among("kind", kind, PRIORS)
    known = list(inspect.signature(PRIORS[kind]).parameters)
    for name in given:
        if name not in known:
            options = ", ".join(each for each in known if each not in SIZES) or "none"
            raise ParameterError(f"{name}={given[name]!r}", f"a {kind} prior has the options: {options}", "use those")
    with torch.random.fork_rng(devices=[]):  # torch's layers draw first weights, which `initialise` draws anew
        prior = PRIORS[kind](**{name: tuple(value) if name == "shape" else value for name, value in given.items()})
    prior.recipe = {"kind": kind, "on": on, **given}
    return prior


def expect(network: Network, kind: str, spec: Spec, shape: tuple[int, ...]) -> Network:
    """Let a Gaussian bottleneck expect another prior than N(0, I), to be trained together with the network.

    Args:
        network: Encoder, Gaussian bottleneck, decoder.
        kind: One of `JOINT`; "normal" leaves N(0, I), whose divergence has a closed form.
        spec: What the data is.
        shape: Of one code.

    Raises:
        UnknownNameError: no such prior can be trained together with a posterior.
        ParameterError: pseudo-inputs for a posterior that is not normal in each unit by itself.
    """
    if kind not in JOINT:
        raise UnknownNameError.among("prior", kind, JOINT)
    if kind == "vamp" and not isinstance(network.bottleneck.form, Diagonal):
        allowed = "pseudo-inputs are read off normal posteriors whose units are independent"
        raise ParameterError("prior='vamp' with another posterior", allowed, "use posterior='diagonal'")
    if kind != "normal":
        put(network, network.bottleneck, build(kind, shape=spec.shape if kind == "vamp" else shape))
    return network


def put(network: Any, home: Any, prior: Prior) -> None:
    """Give a prior to the network or its bottleneck; one that follows posteriors is told whose."""
    if isinstance(prior, Vamp):
        prior.follow(network.encoder, network.bottleneck)
    home.prior = prior


def prior_of(network: Any) -> Prior | None:
    """The prior that codes are drawn from: the network's own, else its bottleneck's; None for N(0, I) or none."""
    own: Prior | None = getattr(network, "prior", None)
    return own if own is not None else getattr(getattr(network, "bottleneck", None), "prior", None)
