"""Solar cells as the benchmarks take them, defects planted into sound ones, and the controls that see pixels alone."""

from __future__ import annotations

import csv
import io
import os
import zipfile
from collections.abc import Callable
from functools import cache, wraps
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from isthmus.bench.answers import Absent, Figure
from isthmus.bench.question import Desk

ROOT = Path(__file__).resolve().parents[1]
FILE = Path(os.environ.get("ISTHMUS_DATA", ROOT.parent / "shared" / "data")) / "industrial/elpv_mono_100good_40bad.zip"
BLOCK = 5  # pixels of 300 along an edge that become one: 60 are left
TRAIN, CALIBRATE = 60, 20  # sound cells; the last 20 are judged

Greys = NDArray[np.uint8]
Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


class Cells(NamedTuple):
    """Solar cells by electroluminescence, (n, 60, 60): sound ones in three parts, and all with a defect."""

    train: Greys
    calibration: Greys
    sound: Greys
    defective: Greys


@cache
def pictures() -> tuple[Greys, Bools]:
    """All 140 cells, each block of 5 by 5 pixels averaged, and which are defective."""
    from PIL import Image

    with zipfile.ZipFile(FILE) as archive:
        names = [name for name in archive.namelist() if name.endswith(".png")]
        lines = archive.read(next(name for name in archive.namelist() if name.endswith("labels.csv"))).decode()
        opened = [Image.open(io.BytesIO(archive.read(name))).convert("L") for name in names]
    chances = {line[0]: float(line[1]) for line in csv.reader(lines.splitlines(), delimiter=" ") if line}
    shown = np.stack([np.asarray(image, dtype=np.float64) for image in opened])
    edge = shown.shape[1] // BLOCK
    small = shown.reshape(-1, edge, BLOCK, edge, BLOCK).mean((2, 4))
    defective = np.array([next(p for path, p in chances.items() if name.endswith(path)) for name in names]) > 0.5
    return np.round(small).astype(np.uint8), defective


def cells(seed: int) -> Cells:
    """The sound cells in an order of the seed's own."""
    images, defective = pictures()
    sound = images[~defective][np.random.default_rng(seed).permutation((~defective).sum())]
    parts = np.split(sound, [TRAIN, TRAIN + CALIBRATE])
    return Cells(*parts, images[defective])


def with_cells(measure: Callable[[Desk], Figure]) -> Callable[[Desk], Figure | Absent]:
    """The same measurement, absent where the file is."""

    @wraps(measure)
    def measured(desk: Desk) -> Figure | Absent:
        if not FILE.is_file():
            return Absent("ELPV is not at hand: ISTHMUS_DATA names the folder that holds industrial/", is_due=True)
        return measure(desk)

    return measured


def planted(images: Greys, contrast: float, seed: int) -> tuple[Greys, Bools]:
    """A scratch in every image, and a blot in every other one, darker by a contrast than what they lie on.

    A scratch is a straight line, a fifth to half of the image long and 1.2 pixels wide; a blot an ellipse of 3 to 9
    pixels across. Their edges are a pixel wide; a mask holds what is more than half covered.
    """
    draws, size = np.random.default_rng([seed, 1]), images.shape[1]
    down, right = np.mgrid[:size, :size] + 0.5
    marked, masks = images.astype(np.float64), np.zeros(images.shape, dtype=bool)
    for number in range(len(images)):
        for kind in ("scratch", "blot")[: 1 + number % 2]:
            y, x, turn = *draws.uniform(0.15 * size, 0.85 * size, 2), draws.uniform(0, np.pi)
            u = np.cos(turn) * (right - x) + np.sin(turn) * (down - y)
            v = np.cos(turn) * (down - y) - np.sin(turn) * (right - x)
            if kind == "scratch":
                far = np.hypot((abs(u) - draws.uniform(0.1, 0.25) * size).clip(0), v) - 0.6
            else:
                a, b = draws.uniform(1.5, 4.5, 2)
                far = (np.hypot(u / a, v / b) - 1) * np.sqrt(a * b)
            cover = (0.5 - far).clip(0, 1)
            marked[number] *= 1 - contrast * cover
            masks[number] |= cover > 0.5
    return np.round(marked).astype(np.uint8), masks


# ------------------------------------------------------------------------------------------- controls


def vectors(images: Greys, edge: int) -> Floats:
    """Images averaged down to edge x edge pixels, as rows."""
    block = images.shape[1] // edge
    cut = images[:, : edge * block, : edge * block].reshape(-1, edge, block, edge, block)
    small: Floats = cut.mean((2, 4)).reshape(len(images), -1)
    return small


def from_mean(train: Greys) -> Callable[[Greys], Floats]:
    """Maps of the distance from the mean image in each pixel's deviation, smoothed by a pixel."""
    centre, spread = train.mean(0), train.std(0) + 1.0
    return lambda images: smoothed(abs(images - centre) / spread)


def from_plane(train: Greys, components: int = 16) -> Callable[[Greys], Floats]:
    """Maps of the squared residual of principal components, over its mean in training, smoothed by a pixel."""
    from sklearn.decomposition import PCA

    shape = train.shape[1:]
    flat = train.reshape(len(train), -1).astype(np.float64)
    plane = PCA(min(components, len(train) - 1), svd_solver="full").fit(flat)

    def left(images: Greys) -> Floats:
        rows = images.reshape(len(images), -1).astype(np.float64)
        squares: Floats = (rows - plane.inverse_transform(plane.transform(rows))) ** 2
        return squares.reshape(-1, *shape)

    usual = left(train).mean(0)
    usual += usual.mean()
    return lambda images: smoothed(left(images) / usual)


def smoothed(maps: Floats) -> Floats:
    """The window that an `ImageDetector` uses at this size."""
    found: Floats = gaussian_filter(maps, (0, 1, 1))
    return found
