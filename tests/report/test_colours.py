"""Colours that everyone can read: contrast by WCAG 2.2, and apart for the three kinds of colour blindness."""

from __future__ import annotations

import itertools
import re

import numpy as np
import numpy.typing as npt
import pytest

from isthmus.report.charts.drawing import INK, PAPER, RULE, SERIES, SOFT
from isthmus.report.page import style_sheet

Array = npt.NDArray[np.float64]
AA_TEXT, AA_GRAPHICS = 4.5, 3.0
FEWEST_APART = 15.0  # CIELAB units: well beyond a just noticeable difference of 2.3

# Machado, Oliveira & Fernandes 2009, table 1, severity 1.0; in linear sRGB.
SIGHT = {
    "usual": np.eye(3),
    "protan": np.array([[0.1523, 1.0526, -0.2049], [0.1145, 0.7863, 0.0992], [-0.0039, -0.0481, 1.0520]]),
    "deutan": np.array([[0.3673, 0.8606, -0.2280], [0.2801, 0.6725, 0.0474], [-0.0118, 0.0429, 0.9689]]),
    "tritan": np.array([[1.2555, -0.0767, -0.1788], [-0.0784, 0.9308, 0.1476], [0.0047, 0.6914, 0.3039]]),
}
TO_XYZ = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])


def scheme(dark: bool) -> dict[str, str]:
    """The custom properties of one colour scheme."""
    first, second = re.findall(r":root \{([^}]*--ink[^}]*)\}", style_sheet())
    return dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6})", second if dark else first))


def linear(colour: str) -> Array:
    """Linear sRGB, (3,) in [0, 1]."""
    channels = np.array([int(colour[at : at + 2], 16) for at in (1, 3, 5)]) / 255
    return np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)


def contrast(one: str, other: str) -> float:
    """WCAG 2.2: (lighter + 0.05) / (darker + 0.05) in relative luminance."""
    darker, lighter = sorted(float(TO_XYZ[1] @ linear(colour)) for colour in (one, other))
    return (lighter + 0.05) / (darker + 0.05)


def lab(colour: Array) -> Array:
    """CIELAB under D65, (3,)."""
    relative = TO_XYZ @ colour.clip(0, 1) / [0.9505, 1.0, 1.089]
    x, y, z = np.where(relative > 0.008856, np.cbrt(relative), 7.787 * relative + 16 / 116)
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_text_and_lines_stand_out(dark: bool) -> None:
    colours = scheme(dark)
    pairs = [(text, paper) for text in ("ink", "soft") for paper in ("paper", "raised")]
    pairs += [(text, f"{kind}-paper") for kind in ("note", "good", "warning") for text in (kind, "ink")]
    faint = {pair: contrast(*(colours[name] for name in pair)) for pair in pairs}
    assert not {pair: ratio for pair, ratio in faint.items() if ratio < AA_TEXT}
    series = [value for name, value in colours.items() if name.startswith("series")]
    assert len(series) == len(SERIES)
    assert min(contrast(one, colours["paper"]) for one in series) >= AA_GRAPHICS


@pytest.mark.parametrize("sight", SIGHT)
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_series_can_be_told_apart(dark: bool, sight: str) -> None:
    series = [value for name, value in scheme(dark).items() if name.startswith("series")]
    seen = [lab(SIGHT[sight] @ linear(colour)) for colour in series]
    assert min(float(np.linalg.norm(one - other)) for one, other in itertools.combinations(seen, 2)) >= FEWEST_APART


def test_charts_are_drawn_in_the_colours_of_the_light_page() -> None:
    colours = scheme(dark=False)
    assert (colours["ink"], colours["soft"], colours["rule"], colours["paper"]) == (INK, SOFT, RULE, PAPER)
    assert tuple(colours[f"series-{number}"] for number in range(1, 7)) == SERIES
