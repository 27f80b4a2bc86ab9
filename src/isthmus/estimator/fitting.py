"""From rows to a fitted network: derive, build, run."""

from __future__ import annotations

import copy
import functools
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import narwhals as nw
import torch
from sklearn.utils import _safe_indexing
from torch import Tensor, nn

from isthmus.core.code import Batch
from isthmus.core.player import Batches
from isthmus.core.settings import Settings
from isthmus.core.source import Source
from isthmus.data.arrays import Tagged
from isthmus.data.resident import Resident
from isthmus.data.streams import Stream
from isthmus.errors import AbilityError, ParameterError
from isthmus.estimator.blocks import Blocks
from isthmus.estimator.conditions import held_apart, learn_told, read_told, taken
from isthmus.estimator.containers import opened
from isthmus.estimator.defaults import derive, seed_of
from isthmus.estimator.division import check_share, drawn
from isthmus.estimator.events import Events, callbacks_of
from isthmus.estimator.identity import identity
from isthmus.estimator.inputs import check_weights
from isthmus.estimator.lessons import learn_features
from isthmus.estimator.rank import rank_of
from isthmus.parts.backbones.dropout import listen
from isthmus.parts.initialise import initialise
from isthmus.training.callbacks import Checkpoint
from isthmus.training.checkpoints import read_checkpoint
from isthmus.training.devices import threads_for
from isthmus.training.loop import train
from isthmus.training.ranks import Ranks
from isthmus.training.rates import held
from isthmus.training.run import Run


def fit(estimator: Any, X: Any, y: Any, sample_weight: Any, validation: Any) -> None:
    """Learn everything anew from the rows of X."""
    seed = Ranks.here().first_says(resumed_seed(estimator, seed_of(estimator.random_state)))
    seeded_fit(estimator, X, y, sample_weight, validation, seed)


def seeded_fit(estimator: Any, X: Any, y: Any, sample_weight: Any, validation: Any, seed: int) -> None:
    """`fit` with a seed that was drawn before."""
    y_held = None
    if estimator.is_conditional:
        y, validation, y_held = held_apart(y, validation, seed)
    y_train = y if estimator.is_conditional else targets_left(y, validation, seed)
    X, sample_weight, X_held = split(X, sample_weight, validation, seed)
    source = learn_told(estimator, X, y)
    weight = check_weights(sample_weight, len(source))
    targets = estimator.targets(y_train, len(source))
    settle(estimator, source, seed)
    batches = batches_of(source, weight, estimator.settings_, seed, targets)
    learn_features(estimator, batches, seed)
    run = begin(estimator, batches, seed)
    if X_held is not None:
        run.validate = Validation(estimator, read_told(estimator, X_held, y_held))
    run.identity = functools.cache(lambda: identity(estimator, batches))
    join(estimator, run)
    try:
        carry_out(estimator, run, X, y)
        run.ranks.share_weights(run.network)
    finally:  # who interrupts a fit has a model as far as it got
        estimator.history_, estimator.n_iter_ = run.history, len(run.history)


def resumed_seed(estimator: Any, seed: int) -> int:
    """The seed of the run that a checkpoint has, if one is to be taken up; else the one given."""
    for callback in callbacks_of(estimator):
        if isinstance(callback, Checkpoint) and callback.is_there:
            position, _ = read_checkpoint(callback.path)
            return int(position["seed"])
    return seed


def partial_fit(estimator: Any, X: Any, y: Any, sample_weight: Any) -> None:
    """One pass in the last stage at progress 1."""
    seed = seed_of(estimator.random_state)
    new = not hasattr(estimator, "network_")
    source = (learn_told if new else read_told)(estimator, X, y if estimator.is_conditional else None)
    targets = estimator.targets(y, len(source), learnt=not new)
    if new:
        settle(estimator, source, seed)
        estimator.history_ = []
    weight = check_weights(sample_weight, len(source))
    seed += len(estimator.history_)
    batches = batches_of(source, weight, estimator.settings_, seed, targets)
    if new:
        learn_features(estimator, batches, seed)
    run = begin(estimator, batches, seed)
    run.stages, run.epochs, run.schedule, run.fixed_progress = run.stages[-1:], 1, held, 1.0
    with working(estimator, run):
        train(run)
    estimator.history_ = [*estimator.history_, *run.history]
    estimator.n_iter_ = len(estimator.history_)


def split(X: Any, weight: Any, validation: Any, seed: int) -> tuple[Any, Any, Any]:
    """Rows to train on, their weights, and rows to hold out (None when nobody asked).

    Raises:
        ParameterError: a share that is not between 0 and 1.
        TooFewRowsError: fewer rows than two parts need.
    """
    if validation is None or not isinstance(validation, (int, float)):
        return X, weight, validation
    check_share(validation)
    X = nw.to_native(opened(X), pass_through=True)
    if isinstance(X, Stream):
        came = f"validation={validation!r} of rows that stay in their files"
        raise ParameterError(came, "a share is held out of rows in memory", "give rows: validation=X_validation")
    if isinstance(X, Tagged):
        train, weight, held = split(X.array, weight, validation, seed)
        return type(X)(train), weight, type(X)(held)
    train_rows, held_rows = drawn(X.shape[0], validation, seed)
    checked = check_weights(weight, X.shape[0])
    weight = None if checked is None else checked.numpy()[train_rows]
    return _safe_indexing(X, train_rows), weight, _safe_indexing(X, held_rows)


def targets_left(y: Any, validation: Any, seed: int) -> Any:
    """y of the rows that `split` leaves to train on."""
    if y is None or not isinstance(validation, (int, float)):
        return y
    train_rows, _ = drawn(len(y), validation, seed)
    return taken(y, train_rows)


def settle(estimator: Any, source: Source, seed: int) -> None:
    """Derive what was left "auto", and build the network with its first weights."""
    estimator.spec_ = spec = source.spec
    rank = rank_of(source) if estimator.latent_dim == "auto" else 1
    estimator.settings_ = settings = derive(estimator, spec, len(source), rank)
    estimator.network_ = built(estimator, torch.Generator().manual_seed(seed))
    estimator._scorer = Blocks(estimator.network_, spec.width)
    vars(estimator).pop("prior_history_", None)  # a prior that was fitted to another network went with it
    estimator.latent_dim_ = settings.latent_dim
    own = getattr(estimator.network_, "latent_shape", None)  # of a code that is more than one layer's
    estimator.latent_shape_ = (
        own or settings.architecture.code_shape(spec, settings.hidden_dims) or (settings.latent_dim,)
    )


def built(estimator: Any, generator: torch.Generator) -> nn.Module:
    """The network of an estimator whose spec and settings are known, on its device."""
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(generator.initial_seed())  # for what a part draws by itself
        network: nn.Module = estimator.build(estimator.spec_)
    initialise(network, generator)
    return network.to(estimator.settings_.device)


def batches_of(
    source: Source, weight: Tensor | None, settings: Settings, seed: int, targets: Tensor | None = None
) -> Batches:
    """The rows as a run wants them: streamed where the source streams, else in one tensor."""
    if hasattr(source, "batches"):
        for name, beside in (("sample_weight", weight), ("y", targets)):
            if beside is not None:
                came, allowed = f"{name}= with rows that stay in their files", f"{name} is given for rows in memory"
                raise ParameterError(came, allowed, "read the rows, or leave it out")
        streamed: Batches = source.batches(settings.batch_size, seed, device=settings.device)
        return streamed
    x = source.block(0, len(source)).to(settings.device)
    told = getattr(source, "condition", None)
    condition = targets if told is None else told.block(0, len(told))
    weight, condition = (None if beside is None else beside.to(settings.device) for beside in (weight, condition))
    return Resident(x, condition=condition, weight=weight, batch_size=settings.batch_size, seed=seed)


def begin(estimator: Any, batches: Batches, seed: int) -> Run:
    """The run of a settled estimator, before its first step."""
    settings: Settings = estimator.settings_
    return Run(
        network=estimator.network_,
        stages=estimator.stages(estimator.network_),
        batches=batches,
        epochs=settings.epochs,
        learning_rate=settings.learning_rate,
        weight_decay=settings.weight_decay,
        generator=torch.Generator(settings.device).manual_seed(seed + 1),
        seed=seed,
    )


def join(estimator: Any, run: Run) -> None:
    """Let a fit inside a process group train with the other ranks.

    Raises:
        AbilityError: some cost of the member is a statistic of the whole batch, of which a rank sees a part.
        TrainingError: the ranks were given different things.
    """
    run.ranks = ranks = Ranks.here()
    if ranks.count > 1 and estimator.batch_terms:
        came = f"{type(estimator).__name__} in {ranks.count} ranks"
        allowed = f"{', '.join(estimator.batch_terms)} is a statistic of the whole batch, and a rank sees a part of it"
        raise AbilityError(came, allowed, "fit it in one process")
    if ranks.count > 1:
        ranks.check_alike(run.identity())
    ranks.note_buffers(run.network)


def carry_out(estimator: Any, run: Run, X: Any, y: Any) -> None:
    """Train to the end, telling the estimator's callbacks."""
    events = Events(estimator, run.total_epochs, X, y, lambda: snapshot(estimator))
    run.on_epoch_begin, run.on_epoch_end = events.begin_epoch, events.end_epoch
    run.callbacks = callbacks_of(estimator)
    with working(estimator, run):
        events.begin()
        train(run)
        events.end()


@contextmanager
def working(estimator: Any, run: Run) -> Iterator[None]:
    """What holds while a run works: callbacks find it, dropout hears its noise, threads fit its products."""
    estimator.run_ = run
    listen(run.network, run.generator)
    try:
        with threads_for(product_work(run.network, estimator.settings_) / run.members):
            yield
    finally:
        listen(run.network, None)
        run.network.eval()
        del estimator.run_


def product_work(network: nn.Module, settings: Settings) -> float:
    """Floating-point operations in one of the large products of a step, of which there are about four."""
    weights = sum(parameter.numel() for parameter in network.parameters())
    return 2.0 * settings.batch_size * weights / 4


class Validation:
    """What held-out rows cost at the end of an epoch, without noise from the run.

    It probes no blocks: the outcome would be that of the weights at hand, and a resumed run has others at its first.

    Args:
        estimator: Whose network is asked.
        source: The rows.
    """

    def __init__(self, estimator: Any, source: Source) -> None:
        self.blocks, self.source = Blocks(estimator.network_, source.spec.width, exact=False), source

    def __call__(self) -> dict[str, float]:
        """Mean distortion and rate, and their sum."""
        distortion, rate = self.blocks.run(self.source, self._price).double().mean(0).tolist()
        return {
            "validation_loss": distortion + rate,
            "validation_distortion": distortion,
            "validation_rate": rate,
        }

    def _price(self, batch: Batch) -> Tensor:
        """Distortion and rate beside each other, (B, 2)."""
        network: Any = self.blocks.network
        return torch.stack(network.price(batch), dim=1)


def snapshot(estimator: Any) -> dict[str, Any]:
    """The fitted attributes as if training stopped now, sharing nothing with the run."""
    names = [name for name in vars(estimator) if name.endswith("_") and not name.startswith("_")]
    fitted = {name: getattr(estimator, name) for name in names if name != "run_"}
    history = estimator.run_.history
    return fitted | {
        "network_": copy.deepcopy(estimator.network_).eval(),
        "history_": list(history),
        "n_iter_": len(history),
    }
