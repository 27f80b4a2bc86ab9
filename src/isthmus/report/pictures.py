"""What is looked at: charts (inline SVG, drawn by `report.charts`), and images in a grid or in rows (inline PNG)."""

from __future__ import annotations

import base64
import re
import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from isthmus.errors import InputError, ValueRangeError
from isthmus.report.blocks import Place
from isthmus.report.markup import escape, inline
from isthmus.report.svg import checked

_TAG = re.compile(r"<[^<>]*>")
_OWN_ID = re.compile(r'(?<=[ "(])(id="|href="#|url\(#)')


@dataclass(frozen=True)
class Chart:
    """A drawing with a title, words for those who cannot see it, and a second drawing for narrow screens.

    The functions of `isthmus.report.charts` make these; a drawing of one's own is welcome if it is plain SVG.

    Args:
        svg: One `<svg>` element with a viewBox; no scripts, no styles sheets, nothing fetched.
        title: The line above it.
        description: What the drawing shows, in words, for screen readers.
        caption: How to read it, below the title, marked as in `Text`; "" for none.
        narrow: The same for columns narrower than a phone held sideways; "" to scale the wide one.

    Raises:
        InputError: A drawing holds anything but shapes and text.

    Example:
        >>> chart = Chart('<svg viewBox="0 0 9 9"><path d="M0 0h9"/></svg>', "A line", "A flat line.")
        >>> 'role="img"' in chart.html(Place("part", 2))
        True
    """

    svg: str
    title: str
    description: str
    caption: str = ""
    narrow: str = ""

    def __post_init__(self) -> None:
        for name, drawing in (("svg", self.svg), ("narrow", self.narrow)):
            if drawing or name == "svg":
                checked(name, drawing)

    def html(self, place: Place) -> str:
        """A figure: title and caption, then the drawings, of which the page shows the one that fits."""
        caption = f"<span>{inline(self.caption)}</span>" if self.caption else ""
        wide = self._drawing(self.svg, f"{place.name}-wide", "wide" if self.narrow else "only")
        narrow = self._drawing(self.narrow, f"{place.name}-narrow", "narrow") if self.narrow else ""
        title = f"<figcaption><strong>{escape(self.title)}</strong>{caption}</figcaption>"
        return f'<figure class="chart">{title}{wide}{narrow}</figure>'

    def _drawing(self, svg: str, name: str, kind: str) -> str:
        """One drawing with its words, its ids made unique on the page."""
        owned = _TAG.sub(lambda tag: _OWN_ID.sub(rf"\g<1>{name}-", tag[0]), svg)
        opening, rest = owned.removeprefix("<svg").split(">", 1)
        words = (
            f'<title id="{name}-title">{escape(self.title)}</title>'
            f'<desc id="{name}-desc">{escape(self.description)}</desc>'
        )
        about = f'class="{kind}" role="img" aria-labelledby="{name}-title {name}-desc"'
        return f"<svg {about}{opening}>{words}{rest}"


@dataclass(frozen=True)
class Images:
    """A grid of small images, each with its label: inputs beside reconstructions, say.

    Args:
        images: (pixels, label) each; pixels (h, w), (h, w, 1) or (h, w, 3), uint8 or floats in [0, 1].
        caption: What the grid shows, marked as in `Text`.

    Raises:
        InputError: Pixels of another shape or type.
        ValueRangeError: Floats outside [0, 1] or not finite.

    Example:
        >>> grid = Images([(np.zeros((8, 8)), "a black square")], caption="One image")
        >>> "data:image/png;base64," in grid.html(Place("part", 2))
        True
    """

    images: Sequence[tuple[npt.ArrayLike, str]]
    caption: str

    def __post_init__(self) -> None:
        for number, (pixels, _) in enumerate(self.images):
            _bytes_of(f"images[{number}]", np.asarray(pixels))

    def html(self, place: Place) -> str:
        """A figure that holds the grid as a list."""
        items = "".join(f"<li>{_image(np.asarray(pixels), label)}</li>" for pixels, label in self.images)
        caption = f"<figcaption>{inline(self.caption)}</figcaption>"
        return f'<figure class="images">{caption}<ul>{items}</ul></figure>'


@dataclass(frozen=True)
class Gallery:
    """Images in rows that have names: originals above reconstructions, say.

    Args:
        rows: (name, images) each, with equally many images of one shape; pixels as in `Images`.
        caption: What is shown, marked as in `Text`.
        columns: What stands above each column; none for nothing.

    Raises:
        InputError: Rows of different lengths, or pixels of another shape or type.
        ValueRangeError: Floats outside [0, 1] or not finite.

    Example:
        >>> gallery = Gallery([("original", [np.zeros((8, 8))])], caption="One image", columns=["row 3"])
        >>> gallery.html(Place("part", 2)).count("<img")
        1
    """

    rows: Sequence[tuple[str, Sequence[npt.ArrayLike]]]
    caption: str
    columns: Sequence[str] = ()

    def __post_init__(self) -> None:
        lengths = {len(images) for _, images in self.rows} | ({len(self.columns)} if self.columns else set())
        if len(lengths) != 1 or 0 in lengths:
            came = f"rows of {sorted(lengths)} images"
            raise InputError(came, "each row has one image for each column, and at least one", "fill the gaps")
        for name, images in self.rows:
            for number, pixels in enumerate(images):
                _bytes_of(f"image {number} of {name!r}", np.asarray(pixels))

    def html(self, place: Place) -> str:
        """A captioned table of images in a frame that scrolls sideways on a narrow screen."""
        heads = "".join(f'<th scope="col">{escape(name)}</th>' for name in self.columns)
        head = f"<thead><tr><td></td>{heads}</tr></thead>" if heads else ""
        name, body = f"{place.name}-caption", "".join(map(self._row, self.rows))
        caption = f'<caption id="{name}"><span>{inline(self.caption)}</span></caption>'
        return (
            f'<div class="table gallery" role="region" aria-labelledby="{name}" tabindex="0">'
            f"<table>{caption}{head}<tbody>{body}</tbody></table></div>"
        )

    def _row(self, row: tuple[str, Sequence[npt.ArrayLike]]) -> str:
        """One row: its name, then its images."""
        name, images = row
        columns = self.columns or [str(number) for number in range(1, len(images) + 1)]
        cells = (
            f"<td>{_element(np.asarray(pixels), f'{name} {column}'.strip())}</td>"
            for pixels, column in zip(images, columns, strict=True)
        )
        return f'<tr><th scope="row">{escape(name)}</th>{"".join(cells)}</tr>'


def _image(pixels: npt.NDArray[np.generic], label: str) -> str:
    """One image with its visible label, which is its text for screen readers."""
    return f"{_element(pixels)}<span>{escape(label)}</span>"


def _element(pixels: npt.NDArray[np.generic], alternative: str = "") -> str:
    """One image as an element that fetches nothing."""
    encoded = base64.b64encode(png(_bytes_of("pixels", pixels))).decode("ascii")
    height, width = pixels.shape[:2]
    size = f'width="{width}" height="{height}"'
    return f'<img src="data:image/png;base64,{encoded}" alt="{escape(alternative)}" {size}>'


def _bytes_of(name: str, pixels: npt.NDArray[np.generic]) -> npt.NDArray[np.uint8]:
    """Pixels as bytes, (h, w) or (h, w, 3)."""
    shown = pixels[..., 0] if pixels.ndim == 3 and pixels.shape[2] == 1 else pixels
    if shown.ndim not in (2, 3) or shown.shape[2:] not in ((), (3,)) or not shown.size:
        raise InputError(f"{name} has shape {pixels.shape}", "an image is (h, w), (h, w, 1) or (h, w, 3)", "reshape it")
    if shown.dtype == np.uint8:
        return shown.astype(np.uint8, copy=False)
    if shown.dtype.kind not in "fb":
        raise InputError(f"{name} has dtype {pixels.dtype}", "pixels are uint8 or floats in [0, 1]", "convert it first")
    scaled = shown.astype(np.float64)
    if not (scaled.min() >= 0 and scaled.max() <= 1):
        came = f"{name} holds values from {scaled.min():.4g} to {scaled.max():.4g}"
        raise ValueRangeError(came, "floating pixels are in [0, 1]", "clip or rescale them: pixels.clip(0, 1)")
    return np.round(scaled * 255).astype(np.uint8)


def png(pixels: npt.NDArray[np.uint8]) -> bytes:
    """Encode bytes, (h, w) grey or (h, w, 3) colour, as a PNG file without any metadata.

    Paper:
        Portable Network Graphics specification, third edition, W3C 2025, section 11: IHDR, IDAT, IEND.

    Example:
        >>> png(np.zeros((2, 2), np.uint8))[1:4]
        b'PNG'
    """
    height, width = pixels.shape[:2]
    header = struct.pack(">IIBBBBB", width, height, 8, 2 if pixels.ndim == 3 else 0, 0, 0, 0)
    rows = np.ascontiguousarray(pixels).reshape(height, -1)  # (h, w [* 3]); each row is led by its filter, none
    lines = np.hstack([np.zeros((height, 1), np.uint8), rows]).tobytes()
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(lines, 9)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(map(_chunk, *zip(*chunks, strict=True)))


def _chunk(kind: bytes, body: bytes) -> bytes:
    """One chunk: its length, its kind, its body and their checksum."""
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
