"""One prior to be fitted: codes are made once, then the one loop trains the prior on them as a stage of its own.

x -> encoder -> z (kept) -> prior
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from isthmus.core.code import Batch, Terms
from isthmus.core.player import Player, Stage
from isthmus.core.source import Source, sample
from isthmus.data.memory import TensorSource
from isthmus.data.resident import Resident
from isthmus.errors import AbilityError, ParameterError, UnknownNameError
from isthmus.estimator.abilities import prior_kinds
from isthmus.estimator.blocks import Blocks
from isthmus.estimator.defaults import batch_size_for, real, whole
from isthmus.estimator.fitting import working
from isthmus.parts.initialise import initialise
from isthmus.parts.priors.choose import PRIORS, build, put
from isthmus.parts.priors.prior import Prior
from isthmus.parts.priors.vamp import Vamp
from isthmus.training.loop import train
from isthmus.training.run import Run

EPOCHS = (5, 200)
BATCH = 128  # codes in a step at least: they are short, and what is drawn for each makes its price noisy
SPREAD = 20_000  # codes that a closed form is given where they are drawn from posteriors, if 16 a row make so many
DRAWS = 16
SEEN = 2048  # codes of training rows that a prior keeps, to tell where none lies


class Pace(NamedTuple):
    """How long a prior learns unless told otherwise: steps at least, and the peak step size."""

    steps: int
    rate: float


PACES = {
    "vamp": Pace(1000, 1e-2),
    "flow": Pace(2000, 1e-3),
    "autoregressive": Pace(3000, 1e-3),
    "diffusion": Pace(4000, 1e-3),
}


@dataclass(eq=False)
class Task:
    """One prior to be fitted.

    Args:
        estimator: Whose codes.
        kind: Of prior.
        on: "code" or "data".
        seed: Of everything random.
        source: The rows.
    """

    estimator: Any
    kind: str
    on: str
    seed: int
    source: Source

    def check(self) -> None:
        """Refuse a prior on data that cannot be learnt without the network.

        Raises:
            ParameterError: it is no diffusion, the data are not plain numbers, or the model is told a condition.
        """
        if self.on == "data" and (self.kind != "diffusion" or not self.source.spec.is_plain):
            came = f"on='data' with kind={self.kind!r} on a {self.source.spec.kind}"
            raise ParameterError(came, "rows themselves are learnt by a diffusion, of numbers alone", "use on='code'")
        if self.on == "data" and self.estimator.is_conditional:
            came = f"on='data' of {type(self.estimator).__name__}"
            allowed = "rows drawn without the network would not heed what it is told"
            raise ParameterError(came, allowed, "use on='code'")

    def built(self, classes: list[Any], options: dict[str, Any]) -> Prior:
        """The prior with its first weights, and with what it takes from all codes at once."""
        if classes:
            options = {"classes": len(classes), **options}
        prior = build(self.kind, on=self.on, **self.sizes(), **options)
        if classes:
            prior.recipe["labels"] = classes
        initialise(prior, torch.Generator().manual_seed(self.seed))
        prior.to(self.device)
        if isinstance(prior, Vamp):
            prior.follow(self.estimator.network_.encoder, self.estimator.network_.bottleneck)
            prior.begin(sample(self.source).to(self.device), self.generator())
        self.kept = self.made()
        z = self.many(self.kept.to(self.device), prior.is_closed)
        with torch.no_grad():
            prior.fit(z, self.generator())
            if prior.has_density:
                prior.seen = z[:: -(-len(z) // SEEN)].clone()
        return prior

    def sizes(self) -> dict[str, Any]:
        """What the code says of the prior's size."""
        network, shape = self.estimator.network_, tuple(self.estimator.latent_shape_)
        if self.kind == "autoregressive":
            first = TensorSource(self.source.block(0, 1), self.source.spec)
            places = self.blocks().run(first, self.estimator._symbols).shape[1]
            return {"places": places, "codes": list(network.bottleneck.alphabet)}
        if self.kind == "vamp" or self.on == "data":
            return {"shape": self.source.spec.shape}
        return {"shape": shape}

    def made(self) -> Tensor:
        """What is kept of every row, (n, ...): x, symbols, codes, or the features that a posterior is drawn from."""
        if self.on == "data":
            return self.source.block(0, len(self.source))
        estimator = self.estimator
        if PRIORS[self.kind].of_symbols:
            function = estimator._symbols
        else:
            function = estimator._features if self.draws() else estimator._codes
        return self.blocks().run(self.source, function).clone()

    def draws(self) -> bool:
        """Whether codes are drawn from posteriors, by a bottleneck that prices them under the prior it is given."""
        has_posterior = self.estimator.has_density and hasattr(
            getattr(self.estimator.network_, "bottleneck", None), "prior"
        )
        return self.on == "code" and bool(has_posterior) and not PRIORS[self.kind].of_symbols

    def codes(self, kept: Tensor, generator: torch.Generator | None) -> Tensor:
        """Codes of rows from what was kept of them: as they are, or drawn anew from the posteriors."""
        if self.draws():
            bottleneck = self.estimator.network_.bottleneck.train()
            with torch.no_grad():
                kept = bottleneck(kept, Batch(kept, generator=generator)).z
            bottleneck.eval()
        if self.on == "data" or PRIORS[self.kind].of_symbols:
            return kept
        return kept.reshape(-1, *self.estimator.latent_shape_)

    def many(self, kept: Tensor, is_closed: bool) -> Tensor:
        """The codes to fit to: of each row one, or several draws where nothing will be drawn later."""
        often = min(DRAWS, max(1, SPREAD // len(kept))) if is_closed and self.draws() else 1
        generator = self.generator()
        return torch.cat([self.codes(kept, generator) for _ in range(often)])

    def objective(self, prior: Any, batch: Batch) -> Terms:
        """What the prior pays for the codes of these rows."""
        terms: Terms = prior.objective(replace(batch, x=self.codes(batch.x, batch.generator)))
        return terms

    def trained(
        self, prior: Prior, condition: Tensor | None, epochs: Any, batch_size: Any, learning_rate: Any
    ) -> list[dict[str, Any]]:
        """Let the loop train the prior; its history."""
        pace, device = PACES[self.kind], self.device
        beside = {"condition": None if condition is None else condition.to(device)}
        if batch_size == "auto":
            batch_size = max(batch_size_for(batch_size, len(self.kept)), min(BATCH, len(self.kept)))
        batch_size = whole("batch_size", batch_size)
        batches = Resident(self.kept.to(device), **beside, batch_size=batch_size, seed=self.seed)
        low, high = EPOCHS
        usual = min(max(math.ceil(pace.steps / batches.steps), low), high)
        player = Player("prior", [prior], self.objective, after_step=lambda network, batch: prior.after_step())
        run = Run(
            network=prior,
            stages=[Stage([player], batches=batches)],
            batches=batches,
            epochs=usual if epochs == "auto" else whole("epochs", epochs),
            learning_rate=pace.rate if learning_rate == "auto" else real("learning_rate", learning_rate),
            weight_decay=0.0,
            generator=self.generator(),
            seed=self.seed,
        )
        with frozen(self.estimator.network_), working(self.estimator, run):
            train(run)
        return run.history

    def settle(self, prior: Prior) -> None:
        """Give the prior its place in the network: where it has a say in the rate, or beside it."""
        network = self.estimator.network_
        for parameter in prior.parameters():
            parameter.requires_grad_(False)
        counts = self.draws() and prior.has_density
        put(network, network.bottleneck if counts else network, prior.eval())
        if counts and getattr(network, "prior", None) is not None:
            network.prior = None
        self.estimator._scorer = Blocks(network, self.estimator.spec_.width)

    @property
    def device(self) -> torch.device:
        """Where the network is."""
        return torch.device(self.estimator.settings_.device)

    def generator(self) -> torch.Generator:
        """Noise from the seed, on the network's device."""
        return torch.Generator(self.device).manual_seed(self.seed + 1)

    def blocks(self) -> Blocks:
        """Where codes are made."""
        blocks: Blocks = self.estimator._blocks()
        return blocks


def check_kind(estimator: Any, kind: str, on: str) -> None:
    """Refuse a prior that the model's code does not allow.

    Raises:
        UnknownNameError: no such kind, or no such place.
        AbilityError: the code is not of its sort.
    """
    if kind not in PRIORS:
        raise UnknownNameError.among("kind", kind, PRIORS)
    if on not in ("code", "data"):
        raise UnknownNameError.among("on", on, ("code", "data"))
    kinds = prior_kinds(estimator)
    if kinds[kind] is not True:
        able = ", ".join(name for name, answer in kinds.items() if answer is True)
        came = f"{type(estimator).__name__}.fit_prior(kind={kind!r})"
        raise AbilityError(came, str(kinds[kind]), f"kinds it takes: {able}")


@contextmanager
def frozen(network: nn.Module) -> Iterator[None]:
    """No parameter of the network asks for gradients meanwhile."""
    before = {parameter: parameter.requires_grad for parameter in network.parameters()}
    try:
        for parameter in before:
            parameter.requires_grad_(False)
        yield
    finally:
        for parameter, required in before.items():
            parameter.requires_grad_(required)
