"""Labels of which some are unknown: what a member that learns from them keeps, and how it names new rows."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.utils import ClassifierTags
from sklearn.utils.validation import check_is_fitted
from torch import Tensor

from isthmus.core.network import Bottleneck
from isthmus.core.settings import Settings
from isthmus.errors import AbilityError, InputError, ParameterError
from isthmus.estimator import states
from isthmus.estimator.abilities import abilities_of
from isthmus.parts.bottlenecks.classed import Classed
from isthmus.parts.bottlenecks.plain import Plain

UNKNOWN = -1  # what stands for a label that nobody gave
MOST_TIMES = 64.0  # that a row with a label may count, where few have one: else a single row would move all weights
NO_LABELS = "no label came with the rows that it was fitted on: use fit(X, y)"


class Labelled:
    """The verbs of a member whose code begins with the probabilities of classes, if labels came with its rows."""

    if TYPE_CHECKING:
        classes_: NDArray[Any]
        label_share_: float  # of the rows of the last fit that had one, as far as it counts
        settings_: Settings
        transform: Callable[..., NDArray[Any]]
        get_params: Callable[..., dict[str, Any]]

    @property
    def n_classes(self) -> int:
        """K; 0 where no label came."""
        return len(vars(self).get("classes_", ()))

    def targets(self, y: Any, rows: int, learnt: bool = False) -> Tensor | None:
        """The place of each row's label among `classes_`, (n,), -1 where it is unknown; None where all are.

        Raises:
            InputError: not one label for each row, fractions, or labels that an earlier fit has not seen.
        """
        if not learnt:
            vars(self).pop("classes_", None)
        if y is None:
            return None
        labels, is_known = told(y, rows)
        self.label_share_ = max(float(is_known.mean()), 1 / MOST_TIMES)
        if len(labels) and not learnt:
            self.classes_ = np.unique(labels)
        if not self.n_classes:
            return None
        unseen = labels[~np.isin(labels, self.classes_)]
        if len(unseen):
            came, allowed = f"the label {unseen[0].item()!r}", f"the first fit saw {self.classes_.tolist()}"
            raise InputError(came, allowed, "fit anew on rows of all classes")
        places = np.full(rows, UNKNOWN)
        places[is_known] = np.searchsorted(self.classes_, labels)
        return torch.from_numpy(places)

    def bottleneck(self) -> Bottleneck:
        """A plain one, or one that begins with the classes.

        Raises:
            ParameterError: the code keeps places, or has no room beside the classes.
        """
        settings, classes = self.settings_, self.n_classes
        if not classes:
            return Plain()
        if getattr(settings.architecture, "latent_channels", None) is not None:
            came = f"latent_channels={settings.architecture.latent_channels} with labels"
            raise ParameterError(came, "a code that begins with classes is flat", "use latent_channels=None")
        if settings.latent_dim < classes:
            came, allowed = f"latent_dim={settings.latent_dim}", f"the first {classes} numbers of the code name a class"
            raise ParameterError(came, allowed, f"use latent_dim={classes + 2}, or give no y")
        return Classed(classes)

    def predict_proba(self, X: Any) -> NDArray[Any]:
        """Probability of each of `classes_`, (n, K).

        Raises:
            AbilityError: no label came with the rows of the fit.
        """
        check_is_fitted(self)
        if not self.n_classes:
            able = "fit(X, y) with -1 for each label that is unknown"
            raise AbilityError(f"{type(self).__name__}.predict()", NO_LABELS, able)
        probabilities: NDArray[Any] = self.transform(X)[:, : self.n_classes]
        return probabilities

    def predict(self, X: Any) -> NDArray[Any]:
        """The likeliest class of each row, (n,)."""
        places = self.predict_proba(X).argmax(1)
        named: NDArray[Any] = self.classes_[places]
        return named

    def abilities(self) -> dict[str, bool | str]:
        """{verb: True, or the reason why not}."""
        return {**abilities_of(self), "predict": self.n_classes > 0 or NO_LABELS}

    def __sklearn_tags__(self) -> Any:
        """Whoever has probabilities of classes says how many there may be."""
        tags: Any = super().__sklearn_tags__()  # type: ignore[misc]
        tags.classifier_tags = ClassifierTags()
        return tags

    def to_saved(self) -> tuple[dict[str, Any], dict[str, Tensor]]:
        """What `save` writes: the classes beside the rest."""
        config, tensors = states.to_saved(self)
        classes = {"names": self.classes_.tolist(), "dtype": self.classes_.dtype.str} if self.n_classes else None
        return {**config, "classes": classes}, tensors

    @classmethod
    def from_saved(cls, config: dict[str, Any], tensors: dict[str, Tensor]) -> Self:
        """The model that `to_saved` described."""
        model = cls(**{name: states.revived(value) for name, value in config["params"].items()})
        if config["classes"] is not None:
            model.classes_ = np.array(config["classes"]["names"], dtype=np.dtype(config["classes"]["dtype"]))
        states.restore(model, config, tensors)
        return model


def told(y: Any, rows: int) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    """The labels that are known, (m,), and which rows they belong to, (n,).

    Raises:
        InputError: not one label for each row, or fractions, which are no classes.

    Example:
        >>> told([2, -1, 0], 3), told(np.array(["a", None], dtype=object), 2)[0].tolist()
        ((array([2, 0]), array([ True, False,  True])), ['a'])
    """
    given = np.asarray(y)
    if given.shape not in ((rows,), (rows, 1)):
        came, allowed = f"y of shape {given.shape}", f"it has one label for each of the {rows} rows"
        raise InputError(came, allowed, "give -1 or None where a label is unknown")
    given = given.ravel()
    is_known = np.array([not is_unknown(label) for label in given.tolist()], dtype=bool)
    labels = np.array(given[is_known].tolist())
    if labels.dtype.kind == "f":
        if (labels % 1 != 0).any():
            came = f"y with the label {labels[labels % 1 != 0][0]}"
            raise InputError(
                came, "a label names a class: text, a boolean or a whole number", "round it, or leave y out"
            )
        labels = labels.astype(np.int64)
    return labels, is_known


def is_unknown(label: Any) -> bool:
    """Whether it is -1, None, NaN or another library's gap.

    Example:
        >>> [is_unknown(label) for label in (-1, None, float("nan"), 0, "-1")]
        [True, True, True, False, False]
    """
    try:
        return label is None or bool(label != label) or label == UNKNOWN
    except TypeError:  # a gap that is neither equal to itself nor different
        return True
