"""A fitted estimator as JSON values and tensors, and back."""

from __future__ import annotations

import copy
import dataclasses
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
from sklearn.utils.validation import check_is_fitted
from torch import Tensor, nn

from isthmus.core.settings import Settings
from isthmus.core.spec import Spec
from isthmus.data.conditions import Condition
from isthmus.errors import AbilityError, CorruptFileError, ParameterError
from isthmus.estimator import persistence, printing, prior_states
from isthmus.estimator.abilities import Absent, has_decoder
from isthmus.estimator.fitting import built
from isthmus.parts.backbones.choose import ARCHITECTURES
from isthmus.training.devices import resolve_device
from isthmus.training.history import as_json, from_json

BACKBONES = {cls.__name__: cls for cls in ARCHITECTURES.values()}


class Persists:
    """The verbs that carry a fitted estimator to disk and through copies."""

    def save(self, path: str | Path, *, encoder_only: bool = False) -> Path:
        """Write the model as a folder of JSON and safetensors; `isthmus.load` reads it.

        Args:
            path: The folder.
            encoder_only: Whether to leave out the decoder. What is loaded then can `transform` and `finetune`, which
                is all that codes are needed for, and says of every other verb why not.

        Raises:
            AbilityError: the network has no decoder of its own to leave out.
        """
        check_is_fitted(self)
        model: Any = without_decoder(self) if encoder_only else self
        return persistence.save(model, path, printing.card(self))

    def to_saved(self) -> tuple[dict[str, Any], dict[str, Tensor]]:
        """What `save` writes."""
        return to_saved(self)

    @classmethod
    def from_saved(cls, config: dict[str, Any], tensors: dict[str, Tensor]) -> Self:
        """The model that `to_saved` described."""
        model = cls(**{name: revived(value) for name, value in config["params"].items()})
        model.recall(config)
        restore(model, config, tensors)
        return model

    def recall(self, config: dict[str, Any]) -> None:
        """Take up what a member of its own keeps in the configuration, before its network is built."""

    def __getstate__(self) -> dict[str, Any]:
        """A copy or pickle carries the network, not the scorer made from it."""
        state: Any = super().__getstate__()
        return {name: value for name, value in state.items() if name != "_scorer"}


def without_decoder(estimator: Any) -> Any:
    """A copy of the estimator whose network has its encoder alone.

    Raises:
        AbilityError: its network is not made of the two.
    """
    network = copy.deepcopy(estimator.network_)
    if not isinstance(getattr(network, "decoder", None), nn.Module):
        came = f"{type(estimator).__name__}.save(encoder_only=True)"
        raise AbilityError(came, "its network has no decoder of its own", "save it whole")
    twin = copy.copy(estimator)
    twin.network_, network.decoder = network, Absent()
    return twin


def to_saved(estimator: Any) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """Everything that makes the fitted estimator, as JSON values and tensors."""
    names = getattr(estimator, "feature_names_in_", None)
    config = {
        "params": {name: plain(name, value) for name, value in estimator.get_params(deep=False).items()},
        "settings": {
            field.name: plain(field.name, getattr(estimator.settings_, field.name))
            for field in dataclasses.fields(Settings)
        },
        "spec": estimator.spec_.to_json(),
        **({"condition": estimator.condition_.spec.to_json()} if estimator.is_conditional else {}),
        "latent_shape": list(estimator.latent_shape_),
        "n_features_in": getattr(estimator, "n_features_in_", None),
        "feature_names_in": None if names is None else [str(name) for name in names],
        "history": [as_json(line) for line in estimator.history_],
        **prior_states.to_config(estimator),
        **({} if has_decoder(estimator) else {"encoder_only": True}),
    }
    return config, dict(estimator.network_.state_dict())


def restore(estimator: Any, config: dict[str, Any], tensors: dict[str, Tensor]) -> None:
    """Make an unfitted estimator the one that `to_saved` described.

    Raises:
        CorruptFileError: the tensors are not those of the network that the configuration describes.
    """
    settings = {name: revived(value) for name, value in config["settings"].items()}
    estimator.spec_ = Spec.from_json(config["spec"])
    if estimator.is_conditional:
        estimator.condition_ = Condition(Spec.from_json(config["condition"]))
    estimator.settings_ = Settings(**{**settings, "device": resolve_device(config.get("device", "cpu"))})
    estimator.network_ = built(estimator, torch.Generator().manual_seed(0)).eval()
    prior_states.revive(estimator, config, tensors)
    if config.get("encoder_only"):
        estimator.network_.decoder = Absent()
    load_weights(estimator.network_, tensors)
    estimator.latent_dim_ = estimator.settings_.latent_dim
    estimator.latent_shape_ = tuple(config["latent_shape"])
    estimator.history_ = [from_json(line) for line in config["history"]]
    estimator.n_iter_ = len(estimator.history_)
    if config["n_features_in"] is not None:
        estimator.n_features_in_ = config["n_features_in"]
    if config["feature_names_in"] is not None:
        estimator.feature_names_in_ = np.asarray(config["feature_names_in"], dtype=object)


def load_weights(network: Any, tensors: dict[str, Tensor]) -> None:
    """Fill the network, refusing tensors that are missing, foreign or of another shape."""
    expected = {name: tuple(tensor.shape) for name, tensor in network.state_dict().items()}
    found = {name: tuple(tensor.shape) for name, tensor in tensors.items()}
    if expected != found:
        wrong = sorted(name for name in expected | found if expected.get(name) != found.get(name))
        name = wrong[0]
        raise CorruptFileError(
            f"tensor {name!r} has shape {found.get(name)} ({len(wrong)} differ)",
            f"the network that the configuration describes has {expected.get(name)} there",
            "save the model again",
        )
    network.load_state_dict(tensors)


def plain(name: str, value: Any) -> Any:
    """A parameter as a JSON value.

    Raises:
        ParameterError: it has no such form.

    Example:
        >>> plain("hidden_dims", (64, 32)), plain("epochs", np.int64(5))
        ([64, 32], 5)
    """
    if type(value).__name__ in BACKBONES:
        return {"backbone": type(value).__name__, **dataclasses.asdict(value)}
    if isinstance(value, (np.generic, np.ndarray)):
        return value.tolist()
    if isinstance(value, (list, tuple)):
        return [plain(name, item) for item in value]
    if isinstance(value, np.random.RandomState):
        return None
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    raise ParameterError(f"{name}={value!r}", "a saved model's parameters are plain values", f"set {name} to one")


def revived(value: Any) -> Any:
    """The parameter that `plain` wrote."""
    if isinstance(value, list):
        return tuple(revived(item) for item in value)
    if isinstance(value, dict):
        options = {key: revived(item) for key, item in value.items() if key != "backbone"}
        return BACKBONES[value["backbone"]](**options)
    return value
