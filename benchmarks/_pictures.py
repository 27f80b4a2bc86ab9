"""The pictures of core_quality, drawn from what was kept, so that they can be drawn again without measuring."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from isthmus.displays import colours
from isthmus.displays.grid import Grid, Strip
from isthmus.displays.plots import Curves
from isthmus.report.charts.drawing import INK, RULE, SERIES, SOFT

mpl.use("Agg")

DOTS = 100  # an inch
WIDTH = 8.0  # inches
SMALL: dict[Any, Any] = {"font.size": 9.0, "axes.titlesize": 9.5, "axes.titlelocation": "left", "axes.titlecolor": SOFT}

Numbers = Mapping[str, Mapping[str, Sequence[float]]]
"""Panel -> what is compared -> its figure for each seed."""


def keep(file: Path, figure: Figure) -> None:
    """Write a figure, and be done with it."""
    file.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(file, dpi=DOTS)
    plt.close(figure)


def digits(file: Path, caption: str, rows: Mapping[str, ArrayLike], columns: Sequence[str] = ()) -> None:
    """Strips of digits below each other, (n, 784) each, whole numbers from 0 to 255."""
    with mpl.rc_context(SMALL):
        picture = Grid(caption, [strip(name, pictures) for name, pictures in rows.items()], columns)
        figure, ax = plt.subplots(figsize=picture.size, layout="constrained")
        picture.draw(ax)
        figure.suptitle(caption, x=0.01, ha="left", size=10)
        keep(file, figure)


def strip(name: str, pictures: ArrayLike) -> Strip:
    """Digits side by side."""
    greys = np.asarray(pictures, dtype=np.float64).reshape(-1, 28, 28) / 255
    return Strip(name, np.repeat(greys[..., None], 3, axis=3))


def dots(file: Path, caption: str, panels: Numbers) -> None:
    """A panel for each figure: a dot for each seed, a stroke at their mean, one line for each thing compared."""
    names = list(next(iter(panels.values())))
    with mpl.rc_context(SMALL):
        size = (2.5 + 1.8 * len(panels), 1.1 + 0.27 * len(names))
        figure, axes = plt.subplots(1, len(panels), figsize=size, layout="constrained", sharey=True, squeeze=False)
        for ax, (title, values) in zip(axes[0], panels.items(), strict=True):
            for place, name in enumerate(names):
                if found := values.get(name):
                    ax.plot(found, [place] * len(found), "o", color=SERIES[0], ms=4, alpha=0.7, clip_on=False)
                    ax.plot(np.mean(found), place, "|", color=INK, ms=11)
            ax.set(title=title, ylim=(len(names) - 0.5, -0.5))
            ax.set_yticks(range(len(names)), names)
            ax.locator_params("x", nbins=3)
            ax.xaxis.set_major_formatter("{x:.3g}")
            ax.tick_params(length=0)
            ax.grid(color=RULE, linewidth=0.6)
            ax.set_axisbelow(True)
            ax.spines[:].set_visible(False)
        figure.suptitle(caption, x=0.01, ha="left", size=10)
        keep(file, figure)


def spectra(file: Path, lines: Mapping[str, Sequence[float]]) -> None:
    """Singular values of dz/dx, largest first, for each method."""
    with mpl.rc_context(SMALL):
        figure, ax = plt.subplots(figsize=(WIDTH, 0.5 * WIDTH), layout="constrained")
        drawn = {name: (np.arange(1, len(line) + 1), line) for name, line in lines.items()}
        title = "How far the code moves, by direction: singular values of dz/dx over the code's spread, mean of rows"
        Curves(title, drawn, "direction, the most moving first", "singular value").draw(ax)
        ax.set(title=title, ylim=(0, None))
        quiet(ax)
        keep(file, figure)


def quiet(ax: Axes) -> None:
    """Thin lines behind the curves, no frame."""
    ax.grid(color=RULE, linewidth=0.6)
    ax.set_axisbelow(True)
    ax.spines[["top", "right"]].set_visible(False)


def atoms(file: Path, captions: Mapping[str, tuple[ArrayLike, Sequence[float]]], across: int = 16) -> None:
    """Galleries of atoms (n, h, w), each at its own scale, with what a Gabor function explains of it above it."""
    with mpl.rc_context(SMALL):
        figure, axes = plt.subplots(len(captions), 1, figsize=(WIDTH + 1.0, 1.75 * len(captions)), layout="constrained")
        for ax, (caption, (found, fits)) in zip(np.atleast_1d(axes), captions.items(), strict=True):
            shown = np.asarray(found, dtype=np.float64)
            even = shown / np.maximum(np.abs(shown).max((1, 2), keepdims=True), 1e-9)
            titles = [f"{max(fit, 0):.2f}".lstrip("0") if fit < 0.995 else "1" for fit in fits]
            lines = [
                Strip("", colours.signed(even[at : at + across], 1.0), titles[at : at + across])
                for at in range(0, len(even) - across + 1, across)
            ]
            Grid(caption, lines).draw(ax)
            ax.set_title(caption, pad=10)
        keep(file, figure)


def boards(
    file: Path,
    caption: str,
    rows: Mapping[str, ArrayLike],
    powers: Mapping[str, Mapping[str, Sequence[float]]],
) -> None:
    """Digits above; below, side by side, the powers of several kinds over the horizontal frequency."""
    with mpl.rc_context(SMALL):
        figure = plt.figure(figsize=(WIDTH, 5.6), layout="constrained")
        grid = figure.add_gridspec(2, len(powers), height_ratios=(4, 5))
        above = figure.add_subplot(grid[0, :])
        Grid(caption, [strip(name, pictures) for name, pictures in rows.items()]).draw(above)
        for place, (title, power) in enumerate(powers.items()):
            ax = figure.add_subplot(grid[1, place])
            lines = {name: (np.arange(len(line)) / (2 * (len(line) - 1)), line) for name, line in power.items()}
            Curves("", lines, "horizontal frequency (cycles per pixel)", "power").draw(ax)
            ax.set(title=title, yscale="log")
            quiet(ax)
        figure.suptitle(caption, x=0.01, ha="left", size=10)
        keep(file, figure)


def tables(file: Path, caption: str, codes: Mapping[str, ArrayLike]) -> None:
    """Small tables of units' answers between 0 and 1, (rows, units) each, dark where a unit is on."""
    with mpl.rc_context(SMALL):
        figure, axes = plt.subplots(1, len(codes), figsize=(WIDTH, 2.9), layout="constrained", sharey=True)
        for ax, (title, code) in zip(axes, codes.items(), strict=True):
            values = np.asarray(code, dtype=np.float64)
            ax.imshow(values, vmin=0, vmax=1, cmap="Blues", aspect="auto")
            for (row, unit), value in np.ndenumerate(values):
                ax.text(unit, row, f"{value:.1f}", ha="center", va="center", color="white" if value > 0.6 else INK)
            ax.set_title(title)
            ax.set_xticks(range(values.shape[1]), [f"z{unit}" for unit in range(values.shape[1])])
            ax.set_yticks(range(len(values)), [f"input {row}" for row in range(len(values))])
            ax.tick_params(length=0)
            ax.spines[:].set_visible(False)
        figure.suptitle(caption, x=0.01, ha="left", size=10)
        keep(file, figure)
