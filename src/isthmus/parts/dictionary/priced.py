"""Dictionaries that pay: what is on costs something, and the price decides how much is on."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from isthmus.parts.dictionary import nodes
from isthmus.parts.dictionary.dictionary import Dictionary
from isthmus.parts.dictionary.pattern import Pattern
from isthmus.parts.dictionary.plan import Plan, Seen
from isthmus.parts.dictionary.selection import Entries, above

ABUNDANCE = 4.0  # times as many latents are on in the first rows as are wanted
WINDOW = 0.3  # width of the window in which a threshold feels what lies near it, in units of a pre-activation


class ReLU(Dictionary):
    r"""All latents above zero are on, and each costs as much as it is strong.

    .. math:: S = \textstyle\sum_j v_j, \quad v = \max(p, 0)

    Paper:
        Bricken et al. 2023, Towards Monosemanticity; with directions of length 1, so that S needs no norms.
    """

    def on(self, h: Tensor) -> Entries:
        """Those above zero."""
        return above(h, 0.0)

    def cost(self, p: Tensor, strength: Tensor, latents: Tensor) -> Tensor:
        """Its strength."""
        return strength

    def first(self, h: Tensor) -> None:
        """Lower the biases until not many more are on than are wanted."""
        self.encoder_bias.sub_(abundant(h, self.wanted))


class Gated(Dictionary):
    r"""A gate says which latents are on, a magnitude how strongly; the gate alone pays.

    .. math:: v_j = [p_j > 0] \max(e^{r_j} (p_j - b_j) + c_j, 0), \quad S = \textstyle\sum_j \max(p_j, 0)

    The gates also pay for what they would rebuild by themselves, with directions that do not follow them.

    Paper:
        Rajamanoharan et al. 2024, arXiv:2404.16014, eq. 6 to 8.
    """

    def __init__(self, plan: Plan) -> None:
        super().__init__(plan)
        self.magnitude_scale = nn.Parameter(torch.zeros(plan.latents))
        self.magnitude_bias = nn.Parameter(torch.zeros(plan.latents))

    def on(self, h: Tensor) -> Entries:
        """Those whose gate is open."""
        return above(h, 0.0)

    def strength(self, p: Tensor, latents: Tensor) -> Tensor:
        """The magnitudes."""
        scale, own, bias = (part[latents] for part in (self.magnitude_scale, self.encoder_bias, self.magnitude_bias))
        return (scale.exp() * (p - own) + bias).relu()

    def cost(self, p: Tensor, strength: Tensor, latents: Tensor) -> Tensor:
        """How far the gates are open."""
        return p.relu()

    def gate(self, p: Tensor, pattern: Pattern, target: Tensor) -> Tensor:
        """Half the squared error of what the gates would rebuild."""
        directions, bias = self.decoder_weight.detach(), self.decoder_bias.detach()
        writes = nodes.plain_write if self.is_plain else nodes.write
        sums = writes(p.relu(), directions, pattern).view(pattern.rows, pattern.bags, -1)[:, 0]
        return 0.5 * (target - bias - sums).square().sum(1)

    def first(self, h: Tensor) -> None:
        """Lower the biases until not many more gates are open than are wanted."""
        self.encoder_bias.sub_(abundant(h, self.wanted))
        self.magnitude_bias.copy_(self.encoder_bias)


class JumpReLU(Dictionary):
    r"""Latents above a threshold of their own are on, and each costs the same.

    .. math:: v_j = p_j \, [p_j > \theta_j], \quad S = \textstyle\sum_j [p_j > \theta_j]

    Neither has a slope in theta; it is taken from the entries within a window around it, as if the step were a ramp.

    Paper:
        Rajamanoharan et al. 2024, arXiv:2407.14435, eq. 9 to 12.
    """

    def __init__(self, plan: Plan) -> None:
        super().__init__(plan)
        self.threshold = nn.Parameter(torch.zeros(plan.latents))

    def on(self, h: Tensor) -> Entries:
        """Those above their threshold; in training also those that it feels."""
        return above(h, self.threshold - WINDOW / 2 if self.training else self.threshold)

    def strength(self, p: Tensor, latents: Tensor) -> Tensor:
        """What is above its threshold."""
        jumps: Tensor = _Jump.apply(p, self.threshold[latents])  # type: ignore[no-untyped-call]
        return jumps

    def cost(self, p: Tensor, strength: Tensor, latents: Tensor) -> Tensor:
        """1 for what is above its threshold."""
        steps: Tensor = _Step.apply(p, self.threshold[latents])  # type: ignore[no-untyped-call]
        return steps

    def first(self, h: Tensor) -> None:
        """Put all thresholds where not many more are on than are wanted."""
        self.threshold.fill_(abundant(h, self.wanted))

    def follow(self, seen: Seen) -> None:
        """Keep the thresholds above zero."""
        self.threshold.data.clamp_min_(0.0)


class _Jump(torch.autograd.Function):
    """p where it is above theta, else 0."""

    @staticmethod
    def forward(ctx: Any, p: Tensor, theta: Tensor) -> Tensor:
        """(N,)."""
        ctx.save_for_backward(p, theta)
        return p * (p > theta)

    @staticmethod
    def backward(ctx: Any, g: Tensor) -> tuple[Tensor, Tensor]:
        """Of p where it is on; of theta in the window."""
        p, theta = ctx.saved_tensors
        return g * (p > theta), -g * theta / WINDOW * near(p, theta)


class _Step(torch.autograd.Function):
    """1 where p is above theta, else 0."""

    @staticmethod
    def forward(ctx: Any, p: Tensor, theta: Tensor) -> Tensor:
        """(N,)."""
        ctx.save_for_backward(p, theta)
        return (p > theta).to(p.dtype)

    @staticmethod
    def backward(ctx: Any, g: Tensor) -> tuple[None, Tensor]:
        """Of theta in the window."""
        p, theta = ctx.saved_tensors
        return None, -g / WINDOW * near(p, theta)


def near(p: Tensor, theta: Tensor) -> Tensor:
    """Which entries a threshold feels, (N,)."""
    return (p - theta).abs() < WINDOW / 2


def abundant(h: Tensor, wanted: float) -> float:
    """The bound above which four times as many of the first rows' pre-activations lie as are wanted; at least 0."""
    most = min(h.numel(), max(1, round(ABUNDANCE * wanted * len(h))))
    return max(0.0, float(h.flatten().topk(most, sorted=False).values.min()))
