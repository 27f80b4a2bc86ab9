"""pythae's VAE, doing what benchmarks ask of it: the same layers as ours, in its own trainer."""

from __future__ import annotations

import tempfile
import time
from typing import Any

import numpy as np
import torch
from pythae.data.datasets import BaseDataset
from pythae.models import VAE, VAEConfig
from pythae.models.base.base_utils import ModelOutput
from pythae.models.nn import BaseDecoder, BaseEncoder
from pythae.trainers import BaseTrainer, BaseTrainerConfig
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy

from isthmus.bench.worker import serve

LATENT = 16
kept: dict[str, Any] = {}


def dense_encoder() -> nn.Sequential:
    """784 - 512 - 256."""
    return nn.Sequential(nn.Flatten(), nn.Linear(784, 512), nn.ReLU(), nn.Linear(512, 256), nn.ReLU())


def dense_decoder() -> nn.Sequential:
    """16 - 256 - 512 - 784."""
    return nn.Sequential(
        *(nn.Linear(LATENT, 256), nn.ReLU(), nn.Linear(256, 512), nn.ReLU(), nn.Linear(512, 784), nn.Sigmoid())
    )


def conv_encoder() -> nn.Sequential:
    """1x28x28 - 32x14x14 - 64x7x7 - 256."""
    convolutions = (nn.Conv2d(1, 32, 3, 2, 1), nn.ReLU(), nn.Conv2d(32, 64, 3, 2, 1), nn.ReLU())
    return nn.Sequential(*convolutions, nn.Flatten(), nn.Linear(3136, 256), nn.ReLU())


def conv_decoder() -> nn.Sequential:
    """The way back."""
    dense = (nn.Linear(LATENT, 256), nn.ReLU(), nn.Linear(256, 3136), nn.Unflatten(1, (64, 7, 7)), nn.ReLU())
    first = nn.ConvTranspose2d(64, 32, 3, 2, 1, output_padding=1)
    return nn.Sequential(*dense, first, nn.ReLU(), nn.ConvTranspose2d(32, 1, 3, 2, 1, output_padding=1), nn.Sigmoid())


LAYERS = {"mlp": (dense_encoder, dense_decoder), "conv": (conv_encoder, conv_decoder)}


class Encoder(BaseEncoder):  # type: ignore[misc]
    """Layers, then means and log-variances."""

    def __init__(self, layers: nn.Module) -> None:
        super().__init__()
        self.layers, self.mean, self.log_var = layers, nn.Linear(256, LATENT), nn.Linear(256, LATENT)

    def forward(self, x: Tensor) -> Any:
        """As pythae asks for it."""
        h = self.layers(x)
        return ModelOutput(embedding=self.mean(h), log_covariance=self.log_var(h))


class Decoder(BaseDecoder):  # type: ignore[misc]
    """Layers."""

    def __init__(self, layers: nn.Module) -> None:
        super().__init__()
        self.layers = layers

    def forward(self, z: Tensor) -> Any:
        """As pythae asks for it."""
        return ModelOutput(reconstruction=self.layers(z).reshape(len(z), 1, 28, 28))


def load(file: str, architecture: str, batch_size: int, seed: int) -> None:
    """Read images (n, 784) in [0, 1], and make ready to train on them."""
    torch.manual_seed(seed)
    encoder, decoder = (make() for make in LAYERS[architecture])
    config = VAEConfig(input_dim=(1, 28, 28), latent_dim=LATENT, reconstruction_loss="bce")
    model = VAE(config, Encoder(encoder), Decoder(decoder))
    images = torch.from_numpy(np.load(file)).reshape(-1, 1, 28, 28)
    training = BaseTrainerConfig(
        output_dir=tempfile.mkdtemp(),
        num_epochs=1,
        learning_rate=1e-3,
        per_device_train_batch_size=batch_size,
        no_cuda=True,
        seed=seed,
    )
    kept["trainer"] = BaseTrainer(model, BaseDataset(images, torch.ones(len(images))), training_config=training)
    kept["trainer"].prepare_training()


def train() -> None:
    """One epoch, with nothing before or after it."""
    kept["trainer"].train_step(epoch=1)


def train_for(epochs: int) -> float:
    """So many epochs; the seconds that they took."""
    began = time.perf_counter()
    for _ in range(epochs):
        train()
    return time.perf_counter() - began


def bound(file: str) -> float:
    """Minus the evidence lower bound of other images in nats, by one draw of each posterior."""
    model = kept["trainer"].model.eval()
    images = torch.from_numpy(np.load(file)).reshape(-1, 1, 28, 28)
    generator, total = torch.Generator().manual_seed(0), 0.0
    with torch.inference_mode():
        for x in images.split(1000):
            h = model.encoder(x)
            mean, log_var = h.embedding, h.log_covariance
            z = mean + (0.5 * log_var).exp() * torch.randn(mean.shape, generator=generator)
            lost = binary_cross_entropy(model.decoder(z).reconstruction, x, reduction="sum")
            total += float(lost + 0.5 * (mean.square() + log_var.exp() - log_var - 1).sum())
    return total / len(images)


if __name__ == "__main__":
    serve(load=load, train=train, train_for=train_for, bound=bound)
