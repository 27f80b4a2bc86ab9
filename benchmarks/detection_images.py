"""Does an image detector find defects, and show where they are?

Solar cells are ELPV's monocrystalline ones, 300 pixels averaged down to 60; heads are drawn. A seed deals the sound
images out to training, calibration and test, and draws the weights, the planted defects and the heads. Every model
sees about 6,000 images in training, 8 a step, whatever their number, so that all of it takes about 20 minutes on one
core. Pixels are judged on defects planted into sound cells, whose masks are known; every figure stands beside that of a
control which sees pixels alone.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import _defects
import _heat_pictures
import numpy as np
from _elpv import cells, with_cells
from _tables import Table, named, over_seeds

from isthmus.bench.answers import Figure
from isthmus.bench.question import Desk, Question
from isthmus.metrics.intervals import Interval

ROOT = Path(__file__).resolve().parents[1]
QUESTION = Question("detection_images", "Does an image detector find defects, and show where they are?", ROOT)
READINGS = tuple(_defects.READINGS)
CELL_CONTROLS = ("PCA", "nearest neighbours", "distance from the mean", "darkness")
PLAIN = tuple(_defects.PLAIN)
CELLS = "60 sound cells to learn from, 20 that set the threshold, 20 sound and 40 defective to judge"
HEADS = "200 heads to learn from, 100 that set the threshold at 1 %, 100 and 50 with a lesion to judge"


def picture(name: str) -> Path:
    """The file of a picture."""
    return QUESTION.home / "results" / QUESTION.name / f"{name}.png"


def joined(*tables: Table) -> Table:
    """Several tables as one."""
    return Table({name: of for table in tables for name, of in table.found.items()})


# ------------------------------------------------------------------------------------------- solar cells


def of_cells(desk: Desk, read: Callable[[Table], Interval]) -> Figure:
    """Every reading and control on the solar cells."""
    table = joined(
        Table.measured(desk, _defects.cell_detector, READINGS),
        Table.measured(desk, _defects.cell_control, CELL_CONTROLS),
    )
    first = cells(desk.seeds[0])
    _heat_pictures.planted(picture("planted"), {name: table.found[name][0] for name in (*READINGS, *PLAIN)})
    heat = {name: table.found[name][0]["heat of defective"] for name in READINGS}
    _heat_pictures.defective(picture("defective"), first.defective[: _defects.SHOWN], heat)
    return Figure(read(table), note=CELLS, beside=table.beside())


def share(table: Table, method: str, figure: str) -> Interval:
    """A method's figure that lies between 0 and 1, and so do the ends of its interval."""
    mean, low, high = table.mean(method, named(figure))
    return Interval(mean, max(low, 0.0), min(high, 1.0))


def best(table: Table, figure: str, rivals: tuple[str, ...]) -> str:
    """The control with the highest mean of a figure."""
    return max(rivals, key=lambda name: table.mean(name, named(figure)).value)


def lead(table: Table, method: str, figure: str, rivals: tuple[str, ...]) -> Interval:
    """How much further a method gets than the best control, seed by seed."""
    rival = best(table, figure, rivals)
    pairs = zip(table.found[method], table.found[rival], strict=True)
    return over_seeds(own[figure] - its[figure] for own, its in pairs)


def cell_line(name: str, read: Callable[[Table], Interval], **bounds: Any) -> None:
    """Add a line about the solar cells."""
    QUESTION.line(name, unit="", **bounds)(with_cells(partial(of_cells, read=read)))


for method in READINGS:
    cell_line(f"solar cells, {method}: AUROC of images", partial(share, method=method, figure="AUROC"))
on_maps = partial(share, method="ssim", figure=f"AUROC, {_defects.ON_MAPS}")
cell_line(f"solar cells, {_defects.ON_MAPS}: AUROC of images", on_maps)
for method in READINGS:
    read = partial(lead, method=method, figure="AUROC", rivals=CELL_CONTROLS)
    cell_line(f"solar cells, {method}: AUROC of images beyond the best control", read, at_least=0.0)
for method in READINGS:
    for figure, least in (("pixel AUROC", 0.87), ("AUPRO", 0.69)):  # AE-SSIM on MVTec AD: 0.87 and 0.694
        read = partial(share, method=method, figure=figure)
        cell_line(f"planted defects, {method}: {figure}, mean of three contrasts", read, at_least=least)
for method in READINGS:
    read = partial(lead, method=method, figure="AUPRO", rivals=PLAIN)
    cell_line(f"planted defects, {method}: AUPRO beyond the best control", read)


# ------------------------------------------------------------------------------------------- heads


def of_heads(desk: Desk, read: Callable[[Table], Interval]) -> Figure:
    """Every reading and control on drawn heads."""
    table = joined(
        Table.measured(desk, _defects.head_detector, READINGS), Table.measured(desk, _defects.head_control, PLAIN)
    )
    grids = {name: mean_grid(table, name) for name in (*READINGS, *PLAIN)}
    _heat_pictures.grids(picture("lesions"), grids)
    _heat_pictures.heads(picture("heads"), {name: table.found[name][0] for name in (*READINGS, *PLAIN)})
    return Figure(
        read(table), note=HEADS, beside={name: {**table.beside()[name], "grid": grids[name]} for name in grids}
    )


def mean_grid(table: Table, method: str) -> list[dict[str, float]]:
    """A method's figures by diameter and contrast, their mean over the seeds."""
    by_place = zip(*(one["grid"] for one in table.found[method]), strict=True)
    return [{name: round(float(np.mean([one[name] for one in of])), 3) for name in of[0]} for of in by_place]


def of_grid(table: Table, method: str, figure: str) -> Interval:
    """A figure's mean over all sizes and contrasts, between 0 and 1."""
    means = (float(np.mean([one[figure] for one in found["grid"]])) for found in table.found[method])
    mean, low, high = over_seeds(means)
    return Interval(mean, max(low, 0.0), min(high, 1.0))


def head_line(name: str, read: Callable[[Table], Interval], unit: str = "", **bounds: Any) -> None:
    """Add a line about the heads."""
    QUESTION.line(name, unit=unit, **bounds)(partial(of_heads, read=read))


for method in (*READINGS, *PLAIN):
    read = partial(Table.mean, method=method, figure=named("smallest"))
    head_line(f"heads, {method}: smallest diameter of which half is found, contrast 0.2", read, unit="pixels")
for method in (*READINGS, *PLAIN):
    head_line(f"heads, {method}: AUROC of images, mean of all lesions", partial(of_grid, method=method, figure="AUROC"))
    head_line(f"heads, {method}: AUPRO, mean of all lesions", partial(of_grid, method=method, figure="AUPRO"))
for method in READINGS:
    read = partial(share, method=method, figure="false alarms")
    head_line(f"heads, {method}: false alarms on new heads, promised 1 %", read, at_most=0.04)


if __name__ == "__main__":
    raise SystemExit(QUESTION.main())
