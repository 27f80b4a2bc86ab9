"""A player's parameters in one flat buffer, moved by one fused call. It exists only while the loop runs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from isthmus.core.player import Player
from isthmus.errors import TrainingError

ALIGNMENT = 16  # floats: each parameter starts on a cache line
BETAS, EPSILON = (0.9, 0.999), 1e-8


def learning(modules: Sequence[nn.Module]) -> list[nn.Parameter]:
    """The parameters of these modules that require gradients, each once."""
    return list(dict.fromkeys(p for module in modules for p in module.parameters() if p.requires_grad))


def check_disjoint(players: Sequence[Player]) -> None:
    """Refuse players of one stage that share a parameter: the step of one would move what the other has laid.

    Raises:
        TrainingError: two of them do.
    """
    owners: dict[nn.Parameter, Player] = {}
    for player in players:
        for parameter in learning(player.modules):
            owner = owners.setdefault(parameter, player)
            if owner is not player:
                raise TrainingError(
                    f"players {owner.name!r} and {player.name!r} share a parameter of shape {tuple(parameter.shape)}",
                    "each parameter is moved by one player of a stage",
                    "give it to one of them, or put them into stages of their own",
                )


class Flat:
    """Parameters, gradients and Adam's moments of one player, each in one buffer.

    Laying the buffer down turns every parameter into a view of it, with as many zeros behind it as the part that owns
    it asks for; `release` hands them back as ordinary ones. A step whose gradient is not finite is skipped on the
    device, without waiting for it, and noted in `faults`.

    Args:
        modules: What the player owns; a parameter that occurs twice is laid once, a frozen one not at all.
        window: Steps between two readings of `faults`.
    """

    def __init__(self, modules: Sequence[nn.Module], window: int) -> None:
        self.parameters = learning(modules)
        self.adders: list[Any] = [m for module in modules for m in module.modules() if hasattr(m, "lay")]
        room = {parameter: zeros for part in self.adders for parameter, zeros in part.room().items()}
        sizes = [-(-(p.numel() + room.get(p, 0)) // ALIGNMENT) * ALIGNMENT for p in self.parameters]
        device = self.parameters[0].device if self.parameters else torch.device("cpu")
        self.weights, self.gradients, self.first_moment, self.second_moment = torch.zeros(4, sum(sizes), device=device)
        self.steps = torch.zeros((), device=device)
        self.faults = torch.zeros(window, device=device)
        self.slots = self.faults.unbind()
        start = 0
        for parameter, size in zip(self.parameters, sizes, strict=True):
            view = slice(start, start + parameter.numel())
            self.weights[view] = parameter.data.flatten()
            parameter.data = self.weights[view].view(parameter.shape)
            parameter.grad = self.gradients[view].view(parameter.shape)
            start += size
        self.tell(True)

    def step(self, rate: float, weight_decay: float, clip: float | None, slot: int) -> None:
        r"""One AdamW step on all parameters, skipped where the gradient is not finite.

        Args:
            rate: Step size.
            weight_decay: Decoupled decay, taken as rate * weight_decay of each weight.
            clip: Largest norm of the whole gradient, or None.
            slot: Where in `faults` to note a skipped step.

        Paper:
            Loshchilov & Hutter 2019, arXiv:1711.05101, algorithm 2.
        """
        if clip is not None:
            self.gradients.mul_((clip / (self.gradients.norm() + EPSILON)).clamp(max=1.0))
        # 0 times the sum of the gradient is 0 where that is finite and NaN elsewhere: so the fault is 0 or 1.
        fault = torch.sum(self.gradients, 0, out=self.slots[slot]).mul_(0).nan_to_num_(nan=1.0)
        self.steps.add_(1).sub_(fault)
        torch._fused_adamw_(
            [self.weights],
            [self.gradients],
            [self.first_moment],
            [self.second_moment],
            [],
            [self.steps],
            lr=rate,
            beta1=BETAS[0],
            beta2=BETAS[1],
            weight_decay=weight_decay,
            eps=EPSILON,
            amsgrad=False,
            maximize=False,
            found_inf=fault,
        )

    def tell(self, laid: bool) -> None:
        """Tell the parts that can add their gradients straight into the buffer whether it is there."""
        for part in self.adders:
            part.lay(laid)

    def zero(self) -> None:
        """Forget the gradients of the last step."""
        self.gradients.zero_()

    def state(self) -> dict[str, Tensor]:
        """What a checkpoint must hold beside the weights themselves."""
        return {
            "first_moment": self.first_moment,
            "second_moment": self.second_moment,
            "steps": self.steps,
            "faults": self.faults,
        }

    def restore(self, state: dict[str, Tensor]) -> None:
        """Take up what `state` gave."""
        for name, tensor in self.state().items():
            tensor.copy_(state[name])

    def release(self) -> None:
        """Give every parameter storage of its own again, without a gradient."""
        self.tell(False)
        for parameter in self.parameters:
            parameter.data = parameter.data.clone()
            parameter.grad = None
