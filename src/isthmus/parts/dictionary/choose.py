"""From an activation's name to its dictionary."""

from __future__ import annotations

from isthmus.parts.dictionary.dictionary import Dictionary
from isthmus.parts.dictionary.plan import Plan
from isthmus.parts.dictionary.priced import Gated, JumpReLU, ReLU
from isthmus.parts.dictionary.tariff import Tariff
from isthmus.parts.dictionary.topk import BatchTopK, TopK

COUNTED: dict[str, type[Dictionary]] = {"topk": TopK, "batch-topk": BatchTopK, "matryoshka": BatchTopK}
"""Those that are told how many latents are on."""
PRICED: dict[str, type[Dictionary]] = {"relu": ReLU, "jumprelu": JumpReLU, "gated": Gated}
"""Those that pay for what is on."""
ACTIVATIONS = (*COUNTED, *PRICED)


def dictionary(
    activation: str, plan: Plan, weight: float | None = None, shares: tuple[float, ...] = (1.0,)
) -> Dictionary:
    """The dictionary of an activation.

    Args:
        activation: One of `ACTIVATIONS`.
        plan: What it is to be.
        weight: Price of sparsity, or None for one that brings about what is wanted.
        shares: Of the latents at the end of each level of "matryoshka".

    Example:
        >>> network = dictionary("topk", Plan(features=64, latents=128, wanted=4))
        >>> {name: tuple(parameter.shape) for name, parameter in network.named_parameters()}["decoder_weight"]
        (128, 64)
    """
    if activation == "matryoshka":
        return BatchTopK(plan, shares)
    network = {**COUNTED, **PRICED}[activation](plan)
    if activation in PRICED:
        network.tariff = Tariff(plan.wanted, weight)
    return network
