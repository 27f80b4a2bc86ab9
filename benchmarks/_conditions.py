"""What is drawn for a condition: digits for a class or for their edges, colours for a grey picture."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
from _mnist import drawn, part
from _patches import LEFT, RIGHT, Images, patches
from scipy.ndimage import binary_erosion, generate_binary_structure
from sklearn.datasets import load_sample_images
from sklearn.linear_model import LinearRegression
from sklearn.svm import SVC

import isthmus
from isthmus.data.photographs import GREY

ROWS, EPOCHS, EACH = 20_000, 40, 100
SHAPE = {"latent_dim": 4, "hidden_dims": (512, 256), "architecture": "mlp"}  # of 16 numbers a tenth more are misread
OPTIONS = {**SHAPE, "likelihood": "bernoulli", "scaling": "unit"}
METHODS = ("told the digit", "told shuffled digits", "test rows")
RECOGNISED = "recognised"

PICTURES, PASSES, SHOWN = 3000, 15, 500  # images that learn from images, and how long; and as many to judge by
BY_IMAGES = {"hidden_dims": (16, 32), "architecture": "conv", "epochs": PASSES, "batch_size": 64}
EDGES = ("told its edges", "told another's edges")
INK = 0.5  # above which a pixel belongs to a stroke
CROSS = generate_binary_structure(2, 1)[None, :, :, None]  # a pixel and its four neighbours
COLOURS = ("told the grey picture", "a straight line from each grey pixel")
PATCH = 16  # pixels along an edge
LOST = "squared error of colours"


@cache
def judge(rows: int = 10_000) -> Any:
    """A classifier of real digits: a support vector machine with a radial kernel, on rows of no seed's own."""
    seen = drawn(rows, 1_000)
    return SVC(C=10.0).fit(seen.x, seen.y)


def conditional(method: str, seed: int, rows: int = ROWS, epochs: int = EPOCHS) -> dict[str, Any]:
    """The share of drawn digits that the judge recognises as the class asked for; of test rows as their own."""
    asked = np.repeat(np.arange(10), EACH)
    if method == "test rows":
        test = part("test")
        return {RECOGNISED: float((judge().predict(test.x) == test.y).mean())}
    train = drawn(rows, seed)
    y = train.y if method == "told the digit" else np.random.default_rng(seed).permutation(train.y)
    model = isthmus.ConditionalVAE(**OPTIONS, epochs=epochs, random_state=seed).fit(_images(train.x), y)
    new = model.sample(len(asked), y=asked, random_state=seed).reshape(len(asked), -1)
    pictures = np.round(255 * new[::EACH].clip(0, 1)).astype(int).tolist()
    return {RECOGNISED: float((judge().predict(new) == asked).mean()), "pictures": pictures}


def _images(x: Any) -> Any:
    """Rows as pictures of one channel."""
    return x.reshape(-1, 28, 28, 1)


# ------------------------------------------------------------------------------------------------------ told an image


def edged(method: str, seed: int) -> dict[str, Any]:
    """The share of digits drawn for edges that the judge recognises as the digit they were to be."""
    train, test = drawn(PICTURES, seed), part("test")
    options = {"latent_dim": 4, "likelihood": "bernoulli", "random_state": seed, **BY_IMAGES}
    model = isthmus.ConditionalVAE(**options).fit(_images(train.x), edges(_images(train.x)))
    told = edges(_images(test.x[:SHOWN]))
    if method == EDGES[1]:
        told = told[np.random.default_rng(seed).permutation(SHOWN)]
    new = model.sample(SHOWN, y=told, random_state=seed).reshape(SHOWN, -1)
    return {RECOGNISED: float((judge().predict(new) == test.y[:SHOWN]).mean())}


def edges(images: Images) -> Images:
    """1 on the outermost pixels of each stroke, 0 elsewhere, (n, h, w, 1)."""
    strokes = images > INK
    return (strokes & ~binary_erosion(strokes, CROSS)).astype(np.float32)


def coloured(method: str, seed: int) -> dict[str, Any]:
    """The squared error of colours that are guessed from grey, on the right quarter of photographs."""
    photographs = load_sample_images().images
    train, test = patches(photographs, PICTURES, PATCH, seed, LEFT), patches(photographs, SHOWN, PATCH, -1, RIGHT)
    (grey, colour), (told, true) = (apart(images) for images in (train, test))
    if method == COLOURS[1]:
        line = LinearRegression().fit(grey.reshape(-1, 1), colour.reshape(-1, 3))
        guess = line.predict(told.reshape(-1, 1)).reshape(true.shape)
    else:
        model = isthmus.ConditionalVAE(latent_dim=4, random_state=seed, **BY_IMAGES).fit(colour, grey)
        guess = model.inverse_transform(np.zeros((len(told), 4), dtype=np.float32), y=told)
    return {LOST: float(((guess - true) ** 2).mean()), "variance of colours": float(true.var(0).mean())}


def apart(images: Images) -> tuple[Images, Images]:
    """The grey picture, (n, h, w, 1), and the colours, (n, h, w, 3)."""
    return (images @ np.array(GREY, dtype=np.float32))[..., None], images
