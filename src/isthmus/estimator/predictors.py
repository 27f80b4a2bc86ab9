"""What `finetune` gives: a classifier or a regressor on a member's encoder."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from sklearn.base import ClassifierMixin, RegressorMixin
from sklearn.utils.multiclass import type_of_target
from torch import Tensor
from torch.nn.functional import cross_entropy

from isthmus.errors import InputError
from isthmus.estimator.containers import array_of
from isthmus.estimator.finetuning import FineTuned
from isthmus.parts.likelihoods import plain_unit_cost


class FineTunedClassifier(ClassifierMixin, FineTuned):
    r"""Which class a row belongs to, from its code.

    .. math:: L = -\log p(y|z), \quad p(y|z) = \mathrm{softmax}(\text{head}(z))_y

    Example:
        >>> from isthmus import Autoencoder
        >>> from sklearn.datasets import load_iris
        >>> X, y = load_iris(return_X_y=True)
        >>> tuned = Autoencoder(latent_dim=2, random_state=0).fit(X).finetune(X, y, random_state=0)
        >>> tuned.predict_proba(X).shape, tuned.score(X, y) > 0.9
        ((150, 3), True)
    """

    classes_: NDArray[Any]

    def targets(self, y: NDArray[Any], rows: int) -> Tensor:
        """The position of each row's class among `classes_`, (n,)."""
        if kind_of(y) not in ("binary", "multiclass"):
            came = f"y of shape {y.shape} and type {y.dtype}. Unknown label type: {kind_of(y)}"
            allowed = f"each of the {rows} rows has one label: text, a boolean or a whole number"
            raise InputError(came, allowed, "give one label a row, or use FineTunedRegressor for numbers")
        self.classes_, places = np.unique(y, return_inverse=True)
        if len(self.classes_) < 2:
            came = f"y with the one class {self.classes_[0].item()!r}"
            raise InputError(came, "there is nothing to tell apart", "add rows")
        self.n_outputs_ = len(self.classes_)
        return torch.from_numpy(places.ravel())

    def cost(self, target: Tensor, answer: Tensor) -> Tensor:
        """Cross entropy of each row in nats, (B,)."""
        return cross_entropy(answer, target, reduction="none")

    def predict_proba(self, X: Any) -> NDArray[np.float64]:
        """Probability of each of `classes_`, (n, classes)."""
        return self._answer(X).softmax(1).numpy()

    def predict(self, X: Any) -> NDArray[Any]:
        """The likeliest class of each row, (n,)."""
        places = self._answer(X).argmax(1).numpy()
        return self.classes_[places]  # type: ignore[no-any-return]

    def answers(self) -> dict[str, Any]:
        """The classes, and their type."""
        return {"classes": self.classes_.tolist(), "dtype": self.classes_.dtype.str}

    def take_answers(self, told: dict[str, Any]) -> None:
        """Take up what `answers` gave."""
        self.classes_ = np.array(told["classes"], dtype=np.dtype(told["dtype"]))


class FineTunedRegressor(RegressorMixin, FineTuned):
    r"""The numbers that belong to a row, from its code.

    .. math:: L = -\log N(\tilde y; \text{head}(z), I), \quad \tilde y = (y - \text{mean}) / \text{scale}

    Example:
        >>> from isthmus import Autoencoder
        >>> from sklearn.datasets import load_diabetes
        >>> X, y = load_diabetes(return_X_y=True)
        >>> tuned = Autoencoder(latent_dim=5, epochs=40, random_state=0).fit(X).finetune(X, y, random_state=0)
        >>> tuned.predict(X).shape, tuned.score(X, y) > 0.4
        ((442,), True)
    """

    center_: NDArray[np.float64]
    scale_: NDArray[np.float64]

    def targets(self, y: NDArray[Any], rows: int) -> Tensor:
        """The numbers of each row at mean 0 and variance 1, (n, outputs)."""
        numbers = array_of(y, "y").astype(np.float64)
        if not np.isfinite(numbers).all():
            row = int(np.argwhere(~np.isfinite(numbers))[0][0])
            allowed = "Input y contains NaN or infinity, which nothing can be fitted to"
            raise InputError(f"y[{row}]={numbers[row]}", allowed, "drop the rows without a number")
        self.center_, spread = numbers.mean(0), numbers.std(0)
        self.scale_ = np.where(spread > 0, spread, 1.0)
        self.n_outputs_ = numbers[:1].size
        return torch.from_numpy(((numbers - self.center_) / self.scale_).reshape(rows, -1).astype(np.float32))

    def cost(self, target: Tensor, answer: Tensor) -> Tensor:
        """-log N(target; answer, I) of each row in nats, (B,)."""
        return plain_unit_cost(target, answer)

    def predict(self, X: Any) -> NDArray[np.float64]:
        """The numbers expected of each row, (n,) or (n, outputs) as `y` was."""
        answer = self._answer(X).numpy()
        return answer.reshape(len(answer), *self.center_.shape) * self.scale_ + self.center_

    def answers(self) -> dict[str, Any]:
        """The numbers' mean and scale."""
        return {"center": self.center_.tolist(), "scale": self.scale_.tolist()}

    def take_answers(self, told: dict[str, Any]) -> None:
        """Take up what `answers` gave."""
        self.center_, self.scale_ = np.array(told["center"]), np.array(told["scale"])


def finetune(estimator: Any, X: Any, y: ArrayLike, options: dict[str, Any]) -> FineTuned:
    """A fitted predictor of the kind that y asks for: text, booleans and integers are classes, floats are numbers."""
    cls = FineTunedRegressor if np.asarray(y).dtype.kind == "f" else FineTunedClassifier
    return cls(model=estimator, **options).fit(X, y)


def kind_of(y: NDArray[Any]) -> str:
    """scikit-learn's name for what y holds; "unknown" where it has none."""
    try:
        return str(type_of_target(y, input_name="y"))
    except ValueError as fault:  # gaps, mixed types
        return f"unknown ({fault})"
