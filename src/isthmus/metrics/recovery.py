"""How much of what a network can do is left when part of it is replaced."""

from __future__ import annotations

from isthmus.errors import ParameterError


def cross_entropy_recovered(clean: float, spliced: float, ablated: float) -> float:
    r"""The share of what is lost by ablating a place that comes back with a reconstruction in it.

    .. math:: \frac{H_{ablated} - H_{spliced}}{H_{ablated} - H_{clean}}

    It flatters where the ablation is cruel: activations set to zero are far from any that the network knows, those set
    to their mean are nearer. So give both.

    Args:
        clean: Cross-entropy of the network as it is, in nats per token.
        spliced: The same with the reconstruction in its place.
        ablated: The same with zeros, or with the mean, in its place.

    Returns:
        1 where nothing is lost, 0 where the reconstruction is worth no more than the ablation; less is possible.

    Raises:
        ParameterError: the ablation costs nothing, so that there is nothing to be recovered.

    Example:
        >>> cross_entropy_recovered(3.0, 3.5, 13.0)
        0.95
    """
    lost = ablated - clean
    if not lost > 0:
        came = f"ablated={ablated:g} with clean={clean:g}"
        allowed = "an ablation raises the cross-entropy, or the place does not matter"
        raise ParameterError(came, allowed, "look at a place that the network needs")
    return (ablated - spliced) / lost
