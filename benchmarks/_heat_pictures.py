"""The pictures of detection_images: heat beside what it is the heat of, and what is found by size and contrast."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
from _defects import CONTRASTS, DIAMETERS
from _pictures import SMALL, keep
from numpy.typing import ArrayLike, NDArray

from isthmus.displays.grid import Grid, Strip

HOTTEST = 1.0  # thresholds: what is that hot is drawn brightest
Floats = NDArray[np.float64]


def greys(images: ArrayLike) -> Floats:
    """Images (n, h, w) of bytes as colours, each over its own range."""
    shown = np.asarray(images, dtype=np.float64)
    low, high = shown.min((1, 2), keepdims=True), shown.max((1, 2), keepdims=True)
    return np.repeat(((shown - low) / (high - low).clip(1))[..., None], 3, axis=3)


def hot(maps: ArrayLike, top: float | None = HOTTEST) -> Floats:
    """Heat (n, h, w) as colours, dark where it is usual; None draws the hottest pixel of all brightest."""
    heat = np.asarray(maps, dtype=np.float64)
    scaled = (heat / (np.quantile(heat, 0.999) if top is None else top)).clip(0, 1)
    return np.asarray(mpl.colormaps["inferno"](scaled))[..., :3]


def planted(file: Path, found: Mapping[str, Mapping[str, Any]]) -> None:
    """Sound cells with planted defects, their masks, and the heat by each method, each over its own range."""
    first = next(iter(found.values()))
    strips = [Strip("planted", greys(first["planted"])), Strip("mask", hot(first["masks"], 1.0))]
    strips += [Strip(name, hot(of["heat of planted"], None)) for name, of in found.items()]
    strips_below(file, "Defects 10 % darker, planted into sound solar cells, and where each method is hot", strips)


def defective(file: Path, images: ArrayLike, heat: Mapping[str, ArrayLike]) -> None:
    """Cells with a defect, and their heat in thresholds."""
    strips = [Strip("defective", greys(images)), *(Strip(name, hot(maps)) for name, maps in heat.items())]
    strips_below(file, "Defective solar cells; the brightest colour is heat above the threshold", strips)


def heads(file: Path, found: Mapping[str, Mapping[str, Any]]) -> None:
    """One head for each diameter of a lesion, and its heat in thresholds."""
    first = next(iter(found.values()))
    strips = [Strip("lesion", greys([first[f"head, {one}"][0] for one in DIAMETERS]))]
    strips += [Strip(name, hot([of[f"heat, {one}"][0] for one in DIAMETERS])) for name, of in found.items()]
    columns = [f"{one} pixels" for one in DIAMETERS]
    caption = "Lesions of contrast 0.2; the brightest colour is heat above the threshold of 1 % false alarms"
    strips_below(file, caption, strips, columns)


def strips_below(file: Path, caption: str, strips: Sequence[Strip], columns: Sequence[str] = ()) -> None:
    """Strips of pictures below each other."""
    with mpl.rc_context(SMALL):
        grid = Grid(caption, strips, columns)
        figure, ax = plt.subplots(figsize=grid.size, layout="constrained")
        grid.draw(ax)
        figure.suptitle(caption, x=0.01, ha="left", size=10)
        keep(file, figure)


def grids(file: Path, found: Mapping[str, Sequence[Mapping[str, float]]]) -> None:
    """Recall and overlap by diameter and contrast, a panel for each method."""
    titles = {"recall": "found at 1 % false alarms", "AUPRO": "AUPRO up to 30 % false positives"}
    with mpl.rc_context(SMALL):
        size = (1.0 + 1.9 * len(found), 5.6)
        figure, axes = plt.subplots(
            len(titles), len(found), figsize=size, layout="constrained", sharex=True, sharey=True
        )
        for row, (name, title) in zip(axes, titles.items(), strict=True):
            for ax, (method, cells) in zip(row, found.items(), strict=True):
                values = np.array([one[name] for one in cells]).reshape(len(DIAMETERS), len(CONTRASTS))
                ax.imshow(values, cmap="viridis", vmin=0, vmax=1, aspect="auto")
                for (y, x), value in np.ndenumerate(values):
                    ax.text(x, y, f"{value:.2f}", ha="center", va="center", color="black" if value > 0.6 else "white")
                ax.set_title(method)
                ax.set_xticks(range(len(CONTRASTS)), [f"{one:g}" for one in CONTRASTS])
                ax.set_yticks(range(len(DIAMETERS)), [f"{one:g}" for one in DIAMETERS])
                ax.tick_params(length=0)
                ax.spines[:].set_visible(False)
            row[0].set_ylabel(f"{title}\ndiameter, pixels")
        for ax in axes[-1]:
            ax.set_xlabel("contrast")
        keep(file, figure)
