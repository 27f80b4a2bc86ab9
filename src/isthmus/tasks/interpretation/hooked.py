"""`hooked`: a network with something changed at one of its places, while a `with` block lasts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from types import TracebackType
from typing import Any, Self, TypeAlias

import torch
from torch import Tensor, nn

from isthmus.errors import ParameterError
from isthmus.tasks.interpretation.attribution import Attribution, attributed
from isthmus.tasks.interpretation.latents import Latents
from isthmus.tasks.interpretation.modules import axis_of, check_side, listening, modules_at

Where: TypeAlias = Tensor | Callable[[], Tensor | None] | None
Change: TypeAlias = Callable[[Tensor], Tensor]


class Hooked:
    r"""A place in a network whose activations are changed whenever it runs.

    .. math:: x' = \underbrace{x, \ \hat x \text{ (spliced) or } c \text{ (held)}}_{\text{base}}
              + \sum_{\text{steered}} s \, d_j - \sum_{\text{ablated}} z_j d_j

    All changes are made of what comes in, z = z(x), so that their order is of no account.

    Args:
        model: The network.
        module: Path of the module, which must be one.
        side: "output" or "input".
        where: Places that are changed, True in a mask (B, T), or a function that gives the mask of the batch that is
            running; None changes all.
        width_axis: Which axis of the tensor is d, where it is neither the last nor that of an image's channels.
    """

    def __init__(
        self, model: nn.Module, module: str, *, side: str = "output", where: Where = None, width_axis: int | None = None
    ) -> None:
        check_side(side)
        found = modules_at(model, module)
        if len(found) > 1:
            came = f"module={module!r}, which are {len(found)} modules"
            raise ParameterError(came, "one place is changed at a time", f"name one: {next(iter(found))!r}")
        self.model, self.side, self.where, self.width_axis = model, side, where, width_axis
        self.name, self.module = next(iter(found.items()))
        self.stack = ExitStack()
        self.reset()

    def __enter__(self) -> Self:
        """Begin to change what runs."""
        self.stack.enter_context(listening(self.name, self.module, self.side, self._changed))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Leave the network as it was."""
        self.stack.close()

    # What is changed. ------------------------------------------------------------------------------------------------

    def reset(self) -> Self:
        """Take all changes back."""
        self.base: Change | None = None
        self.checked: list[Latents] = []
        self.steered: list[Change] = []
        self.ablated: dict[int, tuple[Latents, set[int]]] = {}
        return self

    def steer(self, sae: Any, latent: int, strength: float) -> Self:
        """Add a latent's direction, as if it were on by so much more.

        Args:
            sae: A fitted `SAE` of this place.
            latent: Its number.
            strength: s, in units of the latent.

        Raises:
            InputTypeError: no fitted SAE.
            ParameterError: no such latent.
        """
        latents = Latents(sae)
        numbers = latents.numbers(latent)
        self.checked.append(latents)
        self.steered.append(lambda x: strength * latents.directions(x.device)[numbers].sum(0))
        return self

    def ablate(self, sae: Any, latents: int | Sequence[int]) -> Self:
        """Take away what some latents add; everything else stays, what the dictionary does not explain too.

        Args:
            sae: A fitted `SAE` of this place.
            latents: Their numbers.

        Raises:
            InputTypeError: no fitted SAE.
            ParameterError: no such latent.
        """
        own = Latents(sae)
        _, taken = self.ablated.setdefault(id(own.network), (own, set()))
        taken |= set(own.numbers(latents))
        self.checked.append(own)
        return self

    def splice(self, sae: Any, error: bool = False) -> Self:
        """Put the reconstruction in the place of the activations.

        Args:
            sae: A fitted `SAE` of this place.
            error: Whether what the dictionary does not explain is put back, x - xhat: the network then computes what
                it did, bit for bit, through the dictionary.

        Raises:
            InputTypeError: no fitted SAE.
        """
        latents = Latents(sae)
        self.checked.append(latents)
        if error:
            self.steered.append(lambda x: through(latents, x))
        else:
            self.base = lambda x: latents.decode(latents.encode(x))
        return self

    def hold(self, value: Tensor) -> Self:
        """Put the same activation at every place: zero or the mean ablates the place as a whole.

        Args:
            value: (d,).
        """
        self.base = lambda x: value.to(x).expand_as(x)
        return self

    def attribute(self, sae: Any, metric: Callable[[], Tensor], *, steps: int = 1) -> Attribution:
        """How much each latent contributes to a number that the network comes to.

        Args:
            sae: A fitted `SAE` of this place.
            metric: Runs the network and returns the number: `lambda: model(**batch).logits[0, -1, 7]`.
            steps: Points between nothing and z at which the slope is taken.

        Raises:
            InputTypeError: no fitted SAE.
            InputError: the metric is no single number, or does not depend on this place.
        """
        latents = Latents(sae)
        self.checked.append(latents)
        return attributed(latents, metric, self.steered, steps)

    # How it is done. -------------------------------------------------------------------------------------------------

    def _changed(self, x: Tensor) -> Tensor | None:
        """The tensor with all changes; None where there are none."""
        if not (self.base or self.steered or self.ablated):
            return None
        axis = axis_of(x, self.width_axis)
        given = x.movedim(axis, -1)
        for latents in self.checked:
            latents.check_width(given.shape[-1], self.name)
        rows = given.reshape(-1, given.shape[-1])
        new = self.base(rows) if self.base else rows
        for change in self.steered:
            new = new + change(rows)
        for latents, numbers in self.ablated.values():
            those = sorted(numbers)
            new = new - latents.encode(rows)[:, those] @ latents.directions(rows.device)[those]
        return self._masked(new.to(x.dtype).reshape(given.shape), given).movedim(-1, axis)

    def _masked(self, new: Tensor, old: Tensor) -> Tensor:
        """What is changed where it is wanted, and what was elsewhere."""
        mask = self.where() if callable(self.where) else self.where
        if mask is None:
            return new
        if tuple(mask.shape) != tuple(old.shape[: mask.dim()]):
            came = f"where of shape {tuple(mask.shape)} at activations of shape {tuple(old.shape)}"
            raise ParameterError(came, "a mask has the places of the batch that runs", "make it for this batch")
        wanted = mask.to(old.device).reshape(*mask.shape, *[1] * (old.dim() - mask.dim()))
        return torch.where(wanted.bool(), new, old)


def through(latents: Latents, x: Tensor) -> Tensor:
    """Zeros, by way of the dictionary: what it rebuilds, less what it rebuilds."""
    rebuilt = latents.decode(latents.encode(x))
    return rebuilt - rebuilt


def hooked(
    model: nn.Module, module: str, *, side: str = "output", where: Where = None, width_axis: int | None = None
) -> Hooked:
    """A network with one of its places open to be changed, for a `with` block.

    Args:
        model: Any network of torch.
        module: Path of one of its modules, as `named_modules` has it.
        side: "output" of the module or its "input".
        where: Places that are changed, True in a mask (B, T), or a function that gives the mask of the batch that is
            running; None changes all.
        width_axis: Which axis of the tensor is d, where it is neither the last nor that of an image's channels.

    Raises:
        UnknownNameError: no such module or side.
        ParameterError: several modules.

    Example:
        >>> import isthmus
        >>> network = nn.Sequential(nn.Linear(4, 4), nn.Linear(4, 2)).eval()
        >>> x = torch.randn(64, 4, generator=torch.Generator().manual_seed(0))
        >>> seen = isthmus.collect_activations(network, "0", x)
        >>> sae = isthmus.SAE(n_latents=8, k=2, epochs=1, random_state=0).fit(seen)
        >>> clean = network(x)
        >>> with isthmus.hooked(network, "0") as h:
        ...     _ = h.splice(sae, error=True)
        ...     through_the_dictionary = network(x)
        ...     _ = h.reset().steer(sae, latent=3, strength=2.0)
        ...     steered = network(x)
        >>> [bool((one == clean).all()) for one in (through_the_dictionary, steered, network(x))]
        [True, False, True]
    """
    return Hooked(model, module, side=side, where=where, width_axis=width_axis)
