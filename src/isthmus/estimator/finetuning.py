"""A head on the encoder: what unlabelled rows taught, put to use on labelled ones, as scikit-learn's predictors.

    x -> encoder -> z -> head -> label

The one loop trains the head alone first, so that its first random gradients do not undo the encoder, and then both.
"""

from __future__ import annotations

import copy
import warnings
from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, clone
from sklearn.exceptions import DataConversionWarning
from sklearn.utils.validation import check_is_fitted
from torch import Tensor, nn
from torch.nn.functional import batch_norm

from isthmus.core.code import Batch, Terms, written_out
from isthmus.core.player import Player, Stage
from isthmus.core.settings import Settings
from isthmus.data.resident import Resident
from isthmus.errors import InputError
from isthmus.estimator import persistence, states
from isthmus.estimator.blocks import Blocks
from isthmus.estimator.defaults import derive, seed_of, whole
from isthmus.estimator.fitting import working
from isthmus.estimator.inputs import check_weights, read
from isthmus.estimator.registry import saved_class
from isthmus.parts.backbones.activations import MODULES
from isthmus.parts.backbones.dense import Dense
from isthmus.parts.initialise import initialise
from isthmus.training.history import as_json, from_json
from isthmus.training.loop import train
from isthmus.training.run import Run

HEAD_ALONE = 0.25  # share of the epochs in which the encoder keeps still


class Headed(nn.Module):
    """A network's way to the code, and a head on it; the decoder is left out.

    Args:
        network: The fitted member's.
        head: z (B, Z) -> (B, outputs).
    """

    def __init__(self, network: Any, head: nn.Module) -> None:
        super().__init__()
        self.network, self.head = network, head

    def forward(self, batch: Batch) -> Tensor:
        """The head's answer, (B, outputs)."""
        answer: Tensor = self.head(self.read(self.network.encode(batch).z))
        return answer

    def read(self, z: Tensor) -> Tensor:
        """What the head reads of a code, (B, F): all of it, unless the network says better."""
        pooled: Tensor = self.network.pooled(z) if hasattr(self.network, "pooled") else written_out(z).flatten(1)
        return pooled

    def train(self, mode: bool = True) -> Self:
        """Let the encoder drop what it drops in training, but send the code itself: no noise, no cut."""
        super().train(mode)
        getattr(self.network, "bottleneck", self.network).eval()
        return self


class Standardized(nn.BatchNorm1d):
    """What the head reads at mean 0 and variance 1, without weights of its own.

    Args:
        width: F.
    """

    def __init__(self, width: int) -> None:
        super().__init__(width, affine=False)

    def forward(self, h: Tensor) -> Tensor:
        """By the batch's statistics in training, where one row has none, and by their running mean otherwise."""
        by_batch = self.training and len(h) > 1
        return batch_norm(h, self.running_mean, self.running_var, None, None, by_batch, self.momentum or 0.0, self.eps)


@dataclass(kw_only=True, eq=False, repr=False)
class FineTuned(states.Persists, BaseEstimator, ABC):
    """What the classifier and the regressor share; `finetune` of a fitted model makes one.

    Args:
        model: The member whose encoder is used; one that is not fitted is fitted on the same rows first.
        hidden_dims: Widths of the head's hidden layers; () for a linear head.
        train_encoder: Whether the encoder learns too, or the head alone.
        normalize: Whether what the head reads is brought to mean 0 and variance 1 by the statistics of batches. With
            train_encoder=False and a linear head this is the linear probe of masked autoencoders.
        epochs: Passes over the labelled rows; None for what the model's own parameters say for so many rows.
        learning_rate: Peak step size; None likewise.
        weight_decay: Decoupled decay of the weights.
        random_state: Seed of everything random, or None.
    """

    model: Any = None
    hidden_dims: tuple[int, ...] = ()
    train_encoder: bool = True
    normalize: bool = False
    epochs: int | None = None
    learning_rate: float | None = None
    weight_decay: float = 0.0
    random_state: Any = None

    if TYPE_CHECKING:  # what `fit` leaves behind
        model_: Any
        network_: Headed
        settings_: Settings
        history_: list[dict[str, Any]]
        n_outputs_: int

    @abstractmethod
    def targets(self, y: NDArray[Any], rows: int) -> Tensor:
        """What the head must answer for each row; leaves behind what `predict` needs."""

    @abstractmethod
    def cost(self, target: Tensor, answer: Tensor) -> Tensor:
        """-log p(y | z) of each row in nats, (B,)."""

    def fit(self, X: Any, y: ArrayLike, sample_weight: ArrayLike | None = None) -> Self:
        """Learn from labelled rows.

        Args:
            X: Rows like those of the model.
            y: Labels or numbers, (n,) or (n, outputs).
            sample_weight: Weight of each row in the loss, (n,).
        """
        seed = seed_of(self.random_state)
        self.model_ = self._fitted(X, seed)
        source = read(self.model_, X)
        target = self.targets(labels(y, len(source)), len(source))
        weight = check_weights(sample_weight, len(source))
        self.settings_ = settings = self._settings(len(source))
        self.network_ = self._headed(seed)
        x, device = source.block(0, len(source)), settings.device
        on_device = {"condition": target.to(device), "weight": None if weight is None else weight.to(device)}
        batches = Resident(x.to(device), **on_device, batch_size=settings.batch_size, seed=seed)
        run = Run(
            network=self.network_,
            stages=self._stages(),
            batches=batches,
            epochs=settings.epochs,
            learning_rate=settings.learning_rate,
            weight_decay=settings.weight_decay,
            generator=torch.Generator(device).manual_seed(seed + 1),
        )
        with working(self, run):
            train(run)
        self.history_, self.n_features_in_ = run.history, self.model_.n_features_in_
        self._scorer = Blocks(self.network_, self.model_.spec_.width)
        return self

    def objective(self, network: nn.Module, batch: Batch) -> Terms:
        """L = -log p(y | z)."""
        return {"label": self.cost(torch.as_tensor(batch.condition), network(batch))}

    def save(self, path: str | Path, *, encoder_only: bool = False) -> Path:
        """Write the predictor as a folder of JSON and safetensors; `isthmus.load` reads it.

        Args:
            path: The folder.
            encoder_only: Whether to leave out the member's decoder, which no prediction needs.
        """
        check_is_fitted(self)
        saved = copy.copy(self)
        if encoder_only:
            saved.model_ = states.without_decoder(self.model_)
        card = f"# {type(self).__name__}\n\nA head on the encoder of `{self.model_!r}`.\n"
        return persistence.save(saved, path, card)

    def to_saved(self) -> tuple[dict[str, Any], dict[str, Tensor]]:
        """What `save` writes: the member's own saved form beside the head's."""
        member, tensors = states.to_saved(self.model_)
        own = {name: value for name, value in self.get_params(deep=False).items() if name != "model"}
        config = {
            "member": {"class": type(self.model_).__name__, **member},
            "params": {name: states.plain(name, value) for name, value in own.items()},
            "outputs": self.n_outputs_,
            "answers": self.answers(),
            "history": [as_json(line) for line in self.history_],
        }
        head = {f"head.{name}": tensor for name, tensor in self.network_.head.state_dict().items()}
        return config, {**{f"member.{name}": tensor for name, tensor in tensors.items()}, **head}

    @classmethod
    def from_saved(cls, config: dict[str, Any], tensors: dict[str, Tensor]) -> Self:
        """The predictor that `to_saved` described."""
        member: Any = saved_class(config["member"]["class"])
        own = {name.removeprefix("member."): t for name, t in tensors.items() if name.startswith("member.")}
        params = {name: states.revived(value) for name, value in config["params"].items()}
        made = cls(model=member.from_saved({**config["member"], "device": config.get("device", "cpu")}, own), **params)
        made.model_, made.settings_ = made.model, made.model.settings_
        made.n_outputs_, made.history_ = config["outputs"], [from_json(line) for line in config["history"]]
        made.n_features_in_ = made.model_.n_features_in_
        made.take_answers(config["answers"])
        made.network_ = made._headed(0)
        head = {name.removeprefix("head."): t for name, t in tensors.items() if name.startswith("head.")}
        states.load_weights(made.network_.head, head)
        return made

    @abstractmethod
    def answers(self) -> dict[str, Any]:
        """What turns the head's answer into a prediction, as JSON values."""

    @abstractmethod
    def take_answers(self, told: dict[str, Any]) -> None:
        """Take up what `answers` gave."""

    def __sklearn_is_fitted__(self) -> bool:
        """Whether there is a network."""
        return hasattr(self, "network_")

    def __sklearn_tags__(self) -> Any:
        """What the model can read, this can."""
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        tags.input_tags.allow_nan = True
        return tags

    def _fitted(self, X: Any, seed: int) -> Any:
        """A copy of the model, fitted on these rows if it is not fitted yet."""
        if hasattr(self.model, "network_"):
            return copy.deepcopy(self.model)
        model = clone(self.model)
        if model.random_state is None:
            model.set_params(random_state=seed)
        return model.fit(X)

    def _settings(self, rows: int) -> Settings:
        """The model's own settings for so many rows, where nothing else was asked for."""
        derived = derive(self.model_, self.model_.spec_, rows)
        return replace(
            derived,
            epochs=derived.epochs if self.epochs is None else whole("epochs", self.epochs),
            learning_rate=self.learning_rate or derived.learning_rate,
            weight_decay=self.weight_decay,
        )

    def _headed(self, seed: int) -> Headed:
        """The model's network with a head whose first weights follow from the seed."""
        settings: Settings = self.model_.settings_
        headed = Headed(self.model_.network_, nn.Identity())
        entry = headed.read(torch.zeros(1, *self.model_.latent_shape_)).shape[1]
        with torch.random.fork_rng(devices=[]):
            activation = settings.activation if settings.activation in MODULES else "relu"  # of a head of its own
            head = Dense((entry, *self.hidden_dims, self.n_outputs_), activation)
            head.opening = Standardized(entry) if self.normalize else None
        initialise(head, torch.Generator().manual_seed(seed))
        headed.head = head.to(settings.device)
        return headed.eval()

    def _stages(self) -> list[Stage]:
        """The head alone; then with the encoder, if that learns too."""
        network, head = self.network_.network, self.network_.head
        alone = Stage([Player("head", [head], self.objective)], HEAD_ALONE if self.train_encoder else 1.0)
        both = Stage([Player("all", [getattr(network, "encoder", network), head], self.objective)], 1 - HEAD_ALONE)
        return [alone, both] if self.train_encoder else [alone]

    def _answer(self, X: Any) -> Tensor:
        """The head's answer for every row, (n, outputs) float64, whatever rows come with it."""
        check_is_fitted(self)
        if "_scorer" not in vars(self):  # a copy or pickle comes without
            self._scorer = Blocks(self.network_, self.model_.spec_.width)
        return self._scorer.run(read(self.model_, X), self.network_.forward).double()


def labels(y: ArrayLike, rows: int) -> NDArray[Any]:
    """What came beside the rows as an array, one entry a row; a column of them is flattened, with a warning.

    Raises:
        InputError: nothing came, or not one entry for each row.
    """
    if y is None:
        allowed = "a predictor requires y to be passed, but the target y is None"
        raise InputError("y=None", allowed, "give each row its label or number")
    found = np.asarray(y)
    if found.shape[:1] != (rows,) or found.ndim > 2:
        came, allowed = f"y of shape {found.shape}", f"it has one entry for each of the {rows} rows"
        raise InputError(came, allowed, "give it the shape (n,) or (n, outputs)")
    if found.shape == (rows, 1):
        told = "A column-vector y was passed when a 1d array was expected: it is read as y.ravel()"
        warnings.warn(told, DataConversionWarning, stacklevel=3)
        return found.ravel()
    return found
