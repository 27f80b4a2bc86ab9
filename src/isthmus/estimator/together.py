"""Several models that differ in their seed alone, trained in one run: one batched step instead of many small ones.

A small network's step is mostly calls, so that the steps of several members together cost little more than one.
Each member keeps its own first weights, order of rows and noise, and ends where `fit` would have brought it.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from isthmus.core.code import Batch
from isthmus.core.network import Corruption, Network
from isthmus.data.resident import Resident, SharedRows
from isthmus.errors import TrainingError
from isthmus.estimator import fitting
from isthmus.estimator.defaults import seed_of
from isthmus.estimator.events import callbacks_of
from isthmus.estimator.face import Estimator
from isthmus.estimator.inputs import learn
from isthmus.parts.backbones.ensemble import DenseEnsemble, can_stack
from isthmus.training.devices import THREADED_WORK
from isthmus.training.history import Record
from isthmus.training.loop import train
from isthmus.training.run import Run, SkippedStepWarning

LAYERS = ("encoder.linears.", "decoder.linears.")  # where all that learns must be


def fit_together(models: Sequence[Any], X: Any) -> list[Any]:
    """Fit every model on the rows of X, in one run where they allow it and in turn where they do not.

    They train in one run if they are two or more of one class whose costs are those of single rows (`Autoencoder`,
    `DenoisingAutoencoder`), with equal parameters but for `random_state`, without callbacks or progress bar; if X lies
    in memory and the device is the CPU; and if the network is made of dense layers in float32 with no normalization,
    dropout, skip connections or "gelu", under a likelihood that learns nothing, and so small that its products run on
    one thread (those of larger ones take all the time, and nothing would be gained).

    A gradient that is not finite makes all of them train anew, in turn.

    Weights agree with those of `fit` to 1e-4 of their size after a short fit, and scores to 1e-3. With hidden widths
    that are multiples of 16, as they are by default, we saw the same bits; where a product rounds otherwise, a long fit
    ends elsewhere, as it does on another processor. `seconds` of a history are those of the common run.

    Args:
        models: Unfitted estimators.
        X: The rows that each of them learns.

    Returns:
        The same estimators, fitted.

    Raises:
        InputError: as `fit` does.

    Example:
        >>> from sklearn.datasets import load_wine
        >>> from isthmus import Autoencoder
        >>> X = load_wine().data
        >>> models = fit_together([Autoencoder(latent_dim=2, epochs=2, random_state=seed) for seed in range(3)], X)
        >>> [model.transform(X).shape for model in models]
        [(178, 2), (178, 2), (178, 2)]
    """
    members = list(models)
    if not _are_alike(members):
        return [model.fit(X) for model in members]
    seeds = [seed_of(model.random_state) for model in members]
    if not _train(members, X, seeds):
        for model, seed in zip(members, seeds, strict=True):
            fitting.seeded_fit(model, X, None, None, None, seed)
    return members


@dataclass(frozen=True)
class OwnNoise:
    """A corruption whose noise comes, for each member's rows of a batch, from the member's own generator.

    Args:
        corruption: What every member learns to undo.
        generators: One for each member.
    """

    corruption: Corruption
    generators: Sequence[torch.Generator]

    def __call__(self, batch: Batch) -> Tensor:
        """The view of all members, (M * B, ...)."""
        count = len(self.generators)
        seen = [None] * count if batch.observed is None else batch.observed.chunk(count)
        parts = zip(batch.x.chunk(count), seen, self.generators, strict=True)
        return torch.cat([self.corruption(Batch(x, known, None, None, batch.progress, own)) for x, known, own in parts])


def _are_alike(models: Sequence[Any]) -> bool:
    """Whether these are several estimators that may train in one run, as far as can be told before X is read."""
    are_several = len({id(model) for model in models}) == len(models) > 1
    return are_several and all(map(_is_free, models)) and len({_asked(model) for model in models}) == 1


def _is_free(model: Any) -> bool:
    """Whether it is an estimator that can share a run, with nobody watching who might steer it."""
    return isinstance(model, Estimator) and model.trains_together and not (callbacks_of(model) or model.verbose)


def _asked(model: Estimator) -> str:
    """The class and all parameters but the seed, as one text."""
    asked = {name: value for name, value in model.get_params(deep=False).items() if name != "random_state"}
    return f"{type(model).__module__}.{type(model).__qualname__} {sorted(asked.items())!r}"


def _can_share(model: Estimator) -> bool:
    """Whether all that the network learns is in layers that have a form with members, and these are small, on the CPU.

    Products that deserve threads of their own take nearly all of a step, and members together would gain nothing.
    """
    network, is_small = model.network_, fitting.product_work(model.network_, model.settings_) < THREADED_WORK
    is_dense = type(network) is Network and can_stack(network.encoder) and can_stack(network.decoder)
    is_all = all(name.startswith(LAYERS) for name in network.state_dict())
    return is_dense and is_all and is_small and torch.device(model.settings_.device).type == "cpu"


def _train(models: Sequence[Estimator], X: Any, seeds: Sequence[int]) -> bool:
    """Train in one run; False where that cannot be, or where one member had a step to skip."""
    for model, seed in zip(models, seeds, strict=True):
        source = learn(model, X)
        fitting.settle(model, source, seed)
    first = models[0]
    batches = fitting.batches_of(source, None, first.settings_, seeds[0])
    if not (isinstance(batches, Resident) and _can_share(first)):
        return False
    run = fitting.begin(first, SharedRows(batches, seeds), seeds[0])
    run.network, run.members = _abreast(models, seeds), len(models)
    run.stages = first.stages(run.network)
    try:
        with fitting.working(first, run), warnings.catch_warnings():
            warnings.simplefilter("error", SkippedStepWarning)
            train(run)
    except (SkippedStepWarning, TrainingError):
        return False
    finally:  # who interrupts the run has models as far as they got
        _hand_back(run, models)
    return True


def _abreast(models: Sequence[Estimator], seeds: Sequence[int]) -> Network:
    """One network of all members, whose batches hold the rows of each in turn."""
    networks = [model.network_ for model in models]
    encoder, decoder = (DenseEnsemble([getattr(one, side) for one in networks]) for side in ("encoder", "decoder"))
    corruption = networks[0].corruption
    if corruption is not None:
        corruption = OwnNoise(corruption, [torch.Generator().manual_seed(seed + 1) for seed in seeds])
    return Network(encoder, networks[0].bottleneck, decoder, networks[0].likelihood, corruption)


def _hand_back(run: Run, models: Sequence[Estimator]) -> None:
    """Give each model its weights and its own lines of the history."""
    network: Any = run.network
    network.encoder.hand_back([model.network_.encoder for model in models])
    network.decoder.hand_back([model.network_.decoder for model in models])
    for member, model in enumerate(models):
        model.history_ = [_own_line(line, f"{member}/") for line in run.history]
        model.n_iter_ = len(model.history_)


def _own_line(line: Record, prefix: str) -> Record:
    """What a line of the common history says of the member whose figures have this prefix.

    Example:
        >>> _own_line({"epoch": 1, "0/loss": 2.0, "1/loss": 3.0, "steps": 8}, "1/")
        {'epoch': 1, 'loss': 3.0, 'steps': 8}
    """
    return {
        name.removeprefix(prefix): value for name, value in line.items() if "/" not in name or name.startswith(prefix)
    }
