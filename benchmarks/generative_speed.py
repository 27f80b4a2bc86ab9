"""How fast is a VAE trained: against pythae's, layer for layer the same, and against what this machine can do at all?

60 000 digits of 784 pixels from a multilayer network (784-512-256-16 and back), and the same as images of 28 x 28 from
a convolutional one (32 and 64 channels, 256 units, 16 numbers). Flops are the necessary ones: two per weight and place
forward, four backward, none for the gradient of x.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from _mnist import part, with_mnist
from _training import epoch_of
from numpy.typing import NDArray

import isthmus
from isthmus.bench.answers import Figure
from isthmus.bench.machine import PEAK_WORK, product
from isthmus.bench.question import Desk, Question
from isthmus.bench.timing import QUIET, seconds_of
from isthmus.metrics.intervals import Interval

ROOT = Path(__file__).resolve().parents[1]
QUESTION = Question("generative_speed", "How fast is a VAE trained, against pythae and against the machine?", ROOT)
QUESTION.peer("pythae", "pythae==0.1.2")

EPOCHS = 5  # that pythae has to reach its bound
NAT = 1.0  # that ours may lie above it
BACKBONES: dict[str, Any] = {
    "mlp": {"hidden_dims": (512, 256), "architecture": "mlp"},
    "conv": {"hidden_dims": (32, 64), "architecture": isthmus.Convolutional(upsampling="transposed", hidden=256)},
}
NAMES = {"mlp": "MLP", "conv": "convolutional"}
DENSE = [a * b for a, b in pairwise((784, 512, 256, 32))] + [a * b for a, b in pairwise((16, 256, 512, 784))]
CONVOLVED = [32 * 9 * 14**2, 64 * 32 * 9 * 7**2, 3136 * 256, 256 * 32, 16 * 256, 256 * 3136, 64 * 32 * 9 * 7**2]
MACS = {"mlp": DENSE, "conv": [*CONVOLVED, 32 * 9 * 14**2]}  # a transposed convolution: by the places that it reads


@cache
def images(name: str) -> NDArray[np.float32]:
    """Digits of the training or the test part, (n, 784) in [0, 1]."""
    return np.ascontiguousarray(part(name).x)


@cache
def stored(name: str) -> str:
    """A file that holds them, for the peer to read."""
    file = QUESTION.home / ".cache" / "rows" / f"mnist_{name}.npy"
    file.parent.mkdir(parents=True, exist_ok=True)
    np.save(file, images(name))
    return str(file)


def shaped(name: str, backbone: str) -> NDArray[np.float32]:
    """Digits as the backbone takes them."""
    return images(name) if backbone == "mlp" else images(name).reshape(-1, 28, 28, 1)


def vae(backbone: str, **options: Any) -> Any:
    """Our VAE of pythae's layers."""
    return isthmus.VAE(**BACKBONES[backbone], latent_dim=16, likelihood="bernoulli", **options)


def trainer(backbone: str, batch_size: int) -> Callable[[], None]:
    """One epoch of the loop over the training digits."""
    model = vae(backbone, batch_size=batch_size, epochs=1, learning_rate=1e-3, random_state=0)
    return epoch_of(model, shaped("train", backbone))


def epoch_beside_pythae(desk: Desk, backbone: str, batch_size: int) -> Figure:
    """How many times as long pythae's epoch takes as ours, and ours over the machine's own product."""
    peer = desk.peers["pythae"]
    peer.ask("load", file=stored("train"), architecture=backbone, batch_size=batch_size, seed=0)
    things = {"pythae": partial(peer.ask, "train"), "ours": trainer(backbone, batch_size), "product": product()}
    times = desk.interleave(things, rounds=7)
    macs = MACS[backbone]
    flops = 2.0 * (3 * sum(macs) - macs[0]) * len(images("train"))
    seconds = {f"{name}, seconds": round(times.time(name).value, 3) for name in ("ours", "pythae")}
    limit = round(times.ratio("ours", "product").value * PEAK_WORK / flops, 2)
    return Figure(
        times.ratio("pythae", "ours"), is_noisy=times.is_noisy, beside={**seconds, "ours over the limit": limit}
    )


for backbone, batch_size, least in (("mlp", 64, 1.7), ("mlp", 512, 3.0), ("conv", 64, 1.9), ("conv", 256, 2.4)):
    name = f"an epoch of the {NAMES[backbone]} VAE, batch {batch_size}: pythae's seconds over ours"
    measure = partial(epoch_beside_pythae, backbone=backbone, batch_size=batch_size)
    QUESTION.line(name, at_least=least)(with_mnist(measure))


@QUESTION.line("to pythae's held-out bound after 5 epochs plus 1 nat, MLP VAE: our seconds over its", at_most=0.4)
@with_mnist
def to_the_same_bound(desk: Desk) -> Figure:
    """Both fits whole, one after the other; it counts only where our bound on the test digits is that good."""
    found = [desk.cache.get(partial(duel, desk, seed), method="duel", seed=seed) for seed in desk.seeds]
    shares = [one["seconds"]["ours"] / one["seconds"]["pythae"] for one in found]
    reached = all(one["nats"]["ours"] <= one["nats"]["pythae"] + NAT for one in found)
    note = f"the ends are the extremes of {len(found)} seeds; ours: 5 epochs, batch 128, step size 2e-3"
    noisy = max(one["others"] for one in found) > QUIET
    interval = Interval(float(np.median(shares)), min(shares), max(shares))
    return Figure(interval, holds=reached, note=note, is_noisy=noisy, beside={"seeds": found})


def duel(desk: Desk, seed: int) -> dict[str, Any]:
    """Seconds of training and the held-out bound of both, one after the other."""
    peer = desk.peers["pythae"]
    peer.ask("load", file=stored("train"), architecture="mlp", batch_size=64, seed=seed)
    before = desk.load.read()
    theirs = peer.ask("train_for", epochs=EPOCHS)
    model = vae("mlp", batch_size=128, epochs=5, learning_rate=2e-3, random_state=seed)
    ours = seconds_of(lambda: model.fit(images("train")))
    others = desk.load.read().others_since(before)
    nats = {"ours": -float(model.elbo(images("test")).mean()), "pythae": peer.ask("bound", file=stored("test"))}
    return {"seed": seed, "seconds": {"ours": ours, "pythae": theirs}, "nats": nats, "others": others}


if __name__ == "__main__":
    raise SystemExit(QUESTION.main())
