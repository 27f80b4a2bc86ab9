"""The classed bottleneck: first how sure the encoder is of each class, then what is left to say."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import one_hot

from isthmus.core.code import Batch, Code
from isthmus.core.network import Bottleneck


class Classed(Bottleneck):
    """z = (softmax(h_1 ... h_K), the rest of h) at rate 0; the prior has one class at random, and normal numbers.

    Args:
        classes: K.

    Example:
        >>> code = Classed(2)(torch.zeros(1, 5), Batch(torch.zeros(1, 9)))
        >>> code.z
        tensor([[0.5000, 0.5000, 0.0000, 0.0000, 0.0000]])
    """

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.classes = classes

    def forward(self, features: Tensor, batch: Batch) -> Code:
        """Probabilities of the classes beside the rest of the features, (B, Z)."""
        z = torch.cat([self.logits(features).softmax(1), features[:, self.classes :]], 1)
        return Code(z, features.new_zeros(len(features)))

    def logits(self, features: Tensor) -> Tensor:
        """What the probabilities are the softmax of, (B, K)."""
        return features[:, : self.classes]

    def from_normal(self, noise: Tensor) -> Tensor:
        """The largest of the first K draws names the class, each as often; the rest stay as they are."""
        named = one_hot(noise[:, : self.classes].argmax(1), self.classes).to(noise.dtype)
        return torch.cat([named, noise[:, self.classes :]], 1)
