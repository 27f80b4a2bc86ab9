"""Checkerboards: what stands out at the frequencies at which a decoder doubles the extent."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import torch
from _mnist import drawn, error, first_of_each, greys, part
from numpy.typing import NDArray

import isthmus
from isthmus.parts.initialise import initialise

ROWS, EPOCHS, SIDE = 10_000, 5, 28
CODES = 1000  # that untrained decoders are shown
UPSAMPLINGS = ("resize", "transposed")
ORIGINALS = "originals"
STRIDES = (2, 4)  # pixels after which the pattern of one doubling, and of two, comes again

Images = NDArray[np.float64]


def pictures(rows: Any) -> Images:
    """Rows or images of one channel as pictures, (n, 28, 28)."""
    found: Images = np.asarray(rows, dtype=np.float64).reshape(-1, SIDE, SIDE)
    return found


def spectrum(images: Images) -> Images:
    """Mean power at every frequency, (28, 28), the lowest first."""
    from_mean = images - images.mean((1, 2), keepdims=True)
    power: Images = (np.abs(np.fft.fft2(from_mean)) ** 2).mean(0)
    return power


def excess(power: Images, stride: int) -> float:
    """Mean power at the frequencies of a pattern that repeats after `stride` pixels, over that at those around them."""
    places = np.arange(1, stride) * SIDE // stride
    lattice = {(a, b) for a in (0, *places) for b in (0, *places)} - {(0, 0)}
    near = {((a + i) % SIDE, (b + j) % SIDE) for a, b in lattice for i in (-1, 0, 1) for j in (-1, 0, 1)} - lattice
    mean = {name: float(np.mean([power[place] for place in among])) for name, among in (("at", lattice), ("by", near))}
    return mean["at"] / mean["by"]


def along_rows(power: Images) -> list[float]:
    """The power by horizontal frequency, from none to the highest, (15,)."""
    found: list[float] = power.mean(0)[: SIDE // 2 + 1].tolist()
    return found


def board(method: str, seed: int) -> dict[str, Any]:
    """What stands out in reconstructions of the test rows, and in what an untrained decoder makes of random codes.

    Of the originals: what stands out in themselves.
    """
    train, test = as_images(drawn(ROWS, seed).x), as_images(part("test").x)
    if method == ORIGINALS:
        return seen(pictures(test) / 255)
    architecture = isthmus.Convolutional(upsampling=method)
    model = isthmus.ConvolutionalAutoencoder(architecture=architecture, epochs=EPOCHS, random_state=seed).fit(train)
    rebuilt = pictures(model.reconstruct(test)) / 255
    by_chance = spectrum(untrained(model, seed))
    return {
        **seen(rebuilt),
        "test error": error(pictures(test) / 255, rebuilt),
        **{f"untrained, every {stride} pixels": excess(by_chance, stride) for stride in STRIDES},
        "power, untrained": along_rows(by_chance),
    }


def seen(images: Images) -> dict[str, Any]:
    """What stands out in some images, their power, and the first few of them."""
    power = spectrum(images)
    standing = {f"stands out every {stride} pixels": excess(power, stride) for stride in STRIDES}
    return {**standing, "power": along_rows(power), "pictures": greys(images.reshape(len(images), -1)[first_of_each()])}


def untrained(model: Any, seed: int) -> Images:
    """What a decoder like the model's makes of random codes while its weights are as they were drawn."""
    blank = copy.deepcopy(model.network_).eval()
    initialise(blank, torch.Generator().manual_seed(seed))
    z = torch.randn(CODES, model.latent_dim_, generator=torch.Generator().manual_seed(seed))
    with torch.inference_mode():
        return pictures(blank.decode(z).numpy())


def as_images(x: Any) -> NDArray[np.uint8]:
    """Rows in [0, 1] as the images that users have, (n, 28, 28)."""
    found: NDArray[np.uint8] = np.round(255 * x).astype(np.uint8).reshape(-1, SIDE, SIDE)
    return found
