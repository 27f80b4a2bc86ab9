"""The search for good options: many fits, judged by what they cost on rows that none of them learnt from."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.base import clone

from isthmus.core.spec import Spec
from isthmus.errors import MissingExtraError, ParameterError, TrainingError, UnknownNameError
from isthmus.estimator.defaults import seed_of, whole
from isthmus.estimator.events import callbacks_of
from isthmus.estimator.fitting import split
from isthmus.estimator.inputs import learn
from isthmus.training.callbacks import Callback
from isthmus.training.run import Run

FIGURE = "validation_loss"
WIDTHS = ((64, 32), (128, 64), (256, 128), (256, 128, 64), (512, 256, 128))
WIDEST = 128
UNHURRIED = 5  # trials before any is cut short


@dataclass(frozen=True)
class Range:
    """Numbers between two ends, both included.

    Args:
        low: The least.
        high: The greatest.
        log: Whether their logarithms are drawn evenly, rather than they themselves.
        whole: Whether they are whole.
    """

    low: float
    high: float
    log: bool = True
    whole: bool = False

    def drawn(self, trial: Any, name: str) -> Any:
        """What a trial takes."""
        if self.whole:
            return trial.suggest_int(name, int(self.low), int(self.high), log=self.log)
        return trial.suggest_float(name, self.low, self.high, log=self.log)


Space = Mapping[str, Range | Sequence[Any]]
"""Field -> a range, or the values to choose from."""


@dataclass(frozen=True)
class Trial:
    """One fit of the search.

    Args:
        number: Counts from 0.
        params: What it took, by field.
        validation_loss: Distortion + rate of the held-out rows in nats per sample, None where it was broken off.
        state: "complete", "pruned" (cut short, since it fell behind) or "fail".
    """

    number: int
    params: dict[str, Any]
    validation_loss: float | None
    state: str


@dataclass(frozen=True)
class Tuned:
    """What a search found.

    Args:
        model: Unfitted, with the best options.
        params: Those options.
        validation_loss: What it cost on the held-out rows, in nats per sample.
        trials: Every fit.
    """

    model: Any
    params: dict[str, Any]
    validation_loss: float
    trials: tuple[Trial, ...]


def tune(
    estimator: Any,
    X: Any,
    *,
    trials: int = 30,
    space: Space | None = None,
    validation: Any = 0.2,
    seconds: float | None = None,
    storage: str | None = None,
    name: str = "isthmus",
    tell: Callable[[Trial], None] | None = None,
) -> Tuned:
    """Search for the options with which a model costs least on rows that it did not learn from.

    Each trial is a whole fit, cut short where it falls behind the median of those before. What is compared is
    distortion + rate, raw, whatever a member pays in training; so nothing that changes what is paid (beta, say) is
    searched. Nor is the width of a code that costs nothing, which would be as wide as it may: `latent_curve` has the
    knee. Options that the estimator was given stay as they are.

    Args:
        estimator: A model; its `random_state` is the seed of the search and of each fit.
        X: Rows.
        trials: How many fits, those that the storage holds already included.
        space: What is searched; None takes `usual_space`.
        validation: Share of the rows to hold out, or rows held out by the caller.
        seconds: When to begin no further trial; None for no limit.
        storage: Where Optuna keeps the trials, "sqlite:///study.db" or a database's address; a search with the same
            storage and name goes on, and several processes may share one. None keeps them in memory.
        name: Of the search in the storage.
        tell: Called after each trial.

    Raises:
        MissingExtraError: Optuna is not installed.
        UnknownNameError: the space names a field that the model does not have.
        ParameterError: nothing to search, or no trial was completed.

    Example:
        >>> from isthmus import VAE
        >>> from isthmus.data import factors
        >>> model = VAE(epochs=3, random_state=0)
        >>> found = tune(model, factors(200).X, trials=2, space={"latent_dim": [2, 4]})
        >>> found.model.latent_dim in (2, 4), len(found.trials)
        (True, 2)
    """
    optuna = _library()
    seed = fixed_seed(estimator.random_state)
    train, _, held = split(X, None, validation, seed_of(seed))
    wanted = usual_space(estimator, learn(clone(estimator), train).spec) if space is None else dict(space)
    _check(estimator, wanted)

    def fitted(trial: Any) -> float:
        params = {field: drawn(trial, field, choice) for field, choice in wanted.items()}
        watch = _Watch(trial)
        model = clone(estimator).set_params(**params, random_state=seed)
        model.set_callbacks(*callbacks_of(estimator), watch).fit(train, validation=held)
        if watch.is_behind:
            raise optuna.TrialPruned
        return float(model.history_[-1][FIGURE])

    with _quiet(optuna):
        study = optuna.create_study(
            storage=storage,
            study_name=name,
            load_if_exists=True,
            sampler=optuna.samplers.TPESampler(seed=seed),
            pruner=optuna.pruners.MedianPruner(n_startup_trials=UNHURRIED, n_warmup_steps=3),
        )
        left = max(0, whole("trials", trials) - len(study.trials))
        told = [] if tell is None else [lambda _, one: tell(_trial(one, wanted))]
        study.optimize(fitted, n_trials=left, timeout=seconds, callbacks=told, catch=(TrainingError,))
    return _found(clone(estimator).set_params(random_state=seed), [_trial(one, wanted) for one in study.trials])


def fixed_seed(random_state: Any) -> int:
    """A seed that can be given to many fits: the caller's own where it is a number, else one drawn from it."""
    is_number = isinstance(random_state, int | np.integer)
    return int(random_state) if is_number else seed_of(random_state)


def usual_space(estimator: Any, spec: Spec) -> dict[str, Range | Sequence[Any]]:
    """What a search tries: the fields that were left as they come, and that held-out costs can choose.

    Args:
        estimator: A model.
        spec: What its data is.

    Example:
        >>> from isthmus import VAE
        >>> sorted(usual_space(VAE(learning_rate=0.01, architecture="mlp"), Spec("table", (12,))))
        ['hidden_dims', 'latent_dim', 'weight_decay']
    """
    space: dict[str, Range | Sequence[Any]] = {"learning_rate": Range(1e-4, 1e-2), "weight_decay": Range(1e-6, 1e-2)}
    if estimator.architecture == "mlp" or spec.kind == "table":
        space["hidden_dims"] = WIDTHS
    if estimator.has_prior:
        space["latent_dim"] = Range(1, max(1, min(spec.width - 1, WIDEST)), whole=True)
    if estimator.is_corrupted:
        space["amount"] = Range(0.02, 0.5)
    usual = {field.name: field.default for field in dataclasses.fields(estimator)}
    return {name: choice for name, choice in space.items() if getattr(estimator, name, None) == usual.get(name)}


def drawn(trial: Any, name: str, choice: Range | Sequence[Any]) -> Any:
    """What a trial takes for a field; values that no storage holds go by their place in the list."""
    if isinstance(choice, Range):
        return choice.drawn(trial, name)
    return choice[trial.suggest_categorical(name, list(range(len(choice))))]


class _Watch(Callback):
    """Reports each epoch's held-out cost, and ends the fit where it falls behind."""

    def __init__(self, trial: Any) -> None:
        self.trial, self.is_behind = trial, False

    def epoch_ended(self, run: Run) -> bool:
        """Report, and ask."""
        self.trial.report(run.history[-1][FIGURE], len(run.history))
        self.is_behind = self.trial.should_prune()
        return self.is_behind


def _check(estimator: Any, space: Space) -> None:
    """Refuse a space of nothing, of no values, or of fields that there aren't."""
    known = estimator.get_params(deep=False)
    for name, choice in space.items():
        if name not in known:
            raise UnknownNameError.among("field", name, known)
        if not isinstance(choice, Range) and not len(choice):
            raise ParameterError(
                f"space[{name!r}]={choice!r}", "a field has a value to take", "name one, or leave it out"
            )
    if not space:
        fix = "give the space: space={'learning_rate': Range(1e-4, 1e-2)}"
        raise ParameterError("nothing to search", "every field that a search tries was given", fix)


def _trial(one: Any, space: Space) -> Trial:
    """A trial of Optuna's as ours."""
    chosen = ((name, one.params[name], space.get(name)) for name in one.params)
    params = {n: value if choice is None or isinstance(choice, Range) else choice[value] for n, value, choice in chosen}
    state = one.state.name.lower()
    return Trial(one.number, params, one.value if state == "complete" else None, state)


def _found(model: Any, trials: list[Trial]) -> Tuned:
    """The best of the trials, whose options the model gets."""
    whole_ones = [(trial.validation_loss, trial) for trial in trials if trial.validation_loss is not None]
    if not whole_ones:
        allowed = "a search needs one that ends"
        raise ParameterError(f"{len(trials)} trials, none complete", allowed, "give it more trials or more time")
    loss, best = min(whole_ones, key=lambda pair: pair[0])
    return Tuned(model.set_params(**best.params), best.params, loss, tuple(trials))


@contextmanager
def _quiet(optuna: Any) -> Iterator[None]:
    """While Optuna works: no lines of its own, since `tell` is told."""
    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    try:
        yield
    finally:
        optuna.logging.set_verbosity(before)


def _library() -> Any:
    """Optuna."""
    try:
        import optuna
    except ImportError as missing:
        raise MissingExtraError.of("the search for good options", "optuna", "tune") from missing
    return optuna
