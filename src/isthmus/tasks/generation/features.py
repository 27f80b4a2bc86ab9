"""A small network that describes images, trained here, by which drawn images are compared with real ones."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted
from torch import Tensor

from isthmus.core.code import Batch
from isthmus.data.memory import TensorSource
from isthmus.estimator import persistence, states
from isthmus.estimator.defaults import seed_of, whole
from isthmus.estimator.inputs import read
from isthmus.estimator.predictors import FineTunedClassifier
from isthmus.models.convolutional_autoencoder import ConvolutionalAutoencoder
from isthmus.parts.perceptual import disguised
from isthmus.tasks.generation.comparison import Comparison, compared

DIGITS = 8  # of the hash
FIRST = 0.25  # share of the passes in which the network learns to rebuild, before it learns to name


@dataclass(kw_only=True, eq=False)
class FeatureNetwork(BaseEstimator):
    """Convolutions that describe an image in F numbers, and a head that names it.

        image -> convolutions -> features (F) -> head -> classes

    It learns to rebuild the images first, then to name them by their labels. Without labels each image is turned by
    quarters and left clean, blurred or made noisy, and it must tell which of the 12. Figures by its features are
    printed with the hash of its weights, `FID*-1a2b3c4d`: the same seed and images give the same hash on the same
    machine, and a saved network keeps it. Figures of two networks cannot be compared.

    Args:
        n_features: F.
        epochs: Passes over the images.
        random_state: Seed of everything random, or None.

    Example:
        >>> from sklearn.datasets import load_digits
        >>> X = load_digits().images[:300].astype("uint8")
        >>> network = FeatureNetwork(n_features=8, epochs=4, random_state=0).fit(X[:200])
        >>> network.transform(X).shape, len(network.hash_)
        ((300, 8), 8)
    """

    n_features: int = 64
    epochs: int = 12
    random_state: Any = None

    if TYPE_CHECKING:  # what `fit` leaves behind
        classifier_: FineTunedClassifier
        hash_: str
        named_: bool

    def fit(self, X: Any, y: Any = None) -> Self:
        """Learn from images.

        Args:
            X: Images, as `ConvolutionalAutoencoder` takes them.
            y: Their labels, (n,), or None for a lesson of its own.
        """
        seed = seed_of(self.random_state)
        epochs, width = whole("epochs", self.epochs), whole("n_features", self.n_features)
        first = max(1, round(FIRST * epochs))
        member = ConvolutionalAutoencoder(latent_dim=width, epochs=first, random_state=seed).fit(X)
        self.named_ = y is not None
        rows, labels = (X, y) if self.named_ else lesson(member, X, seed)
        return self._take(member.finetune(rows, labels, epochs=max(1, epochs - first), random_state=seed))

    def transform(self, X: Any) -> NDArray[np.float64]:
        """Features of images, (n, F)."""
        check_is_fitted(self)
        features: NDArray[np.float64] = self.classifier_.model_.transform(X).astype(np.float64)
        return features

    def predict_proba(self, X: Any) -> NDArray[np.float64]:
        """Probability of each class, of the labels or of the lesson, (n, classes)."""
        check_is_fitted(self)
        return self.classifier_.predict_proba(X)

    def compare(self, real: Any, made: Any, *, draws: int = 100, random_state: Any = 0) -> Comparison:
        """How drawn images compare with real ones that nobody learnt from: distances, precision, recall.

        Args:
            real: Images, (n, ...); as many as `made` for figures that can be compared.
            made: Drawn ones.
            draws: Of the bootstrap, for the intervals of the distances.
            random_state: Its seed.
        """
        probabilities = self.predict_proba(made) if self.named_ else None
        return compared(self.hash_, self.transform(real), self.transform(made), probabilities, draws, random_state)

    def save(self, path: str | Path) -> Path:
        """Write the network as a folder of JSON and safetensors; `isthmus.load` reads it."""
        check_is_fitted(self)
        return persistence.save(self, path, f"# FeatureNetwork\n\n`{self!r}`, hash `{self.hash_}`.\n")

    def to_saved(self) -> tuple[dict[str, Any], dict[str, Tensor]]:
        """What `save` writes."""
        config, tensors = self.classifier_.to_saved()
        params = {name: states.plain(name, value) for name, value in self.get_params(deep=False).items()}
        return {"classifier": config, "params": params, "named": self.named_}, tensors

    @classmethod
    def from_saved(cls, config: dict[str, Any], tensors: dict[str, Tensor]) -> Self:
        """The network that `to_saved` described."""
        made = cls(**config["params"])
        made.named_ = config["named"]
        inner = {**config["classifier"], "device": config.get("device", "cpu")}
        return made._take(FineTunedClassifier.from_saved(inner, tensors))

    def _take(self, classifier: FineTunedClassifier) -> Self:
        """Hold a fitted classifier, and the hash of its weights."""
        self.classifier_, self.hash_ = classifier, hash_of(classifier.network_.state_dict())
        return self


def hash_of(tensors: dict[str, Tensor]) -> str:
    """The first digits of the SHA-256 of all tensors, by name.

    Example:
        >>> hash_of({"weight": torch.ones(2)}) != hash_of({"weight": torch.zeros(2)})
        True
    """
    digest = hashlib.sha256()
    for name in sorted(tensors):
        digest.update(name.encode() + tensors[name].detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()[:DIGITS]


def lesson(member: Any, X: Any, seed: int) -> tuple[TensorSource, NDArray[np.int64]]:
    """The images of a fitted member's kind, disguised; and what was done to each."""
    source = read(member, X)
    generator = torch.Generator().manual_seed(seed)
    seen, what = disguised(Batch(source.block(0, len(source)), generator=generator))
    return TensorSource(seen, member.spec_), what.numpy()
