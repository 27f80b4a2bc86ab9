"""Image files: PNG and JPEG in, PNG out."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from isthmus.data.extras import pillow
from isthmus.data.reading import reading
from isthmus.errors import DataFileError, InputError

# How each mode of Pillow is read: as it is, or turned into the mode that holds the same colours.
MODES = {"L": "L", "1": "L", "RGB": "RGB", "RGBA": "RGBA", "P": "RGB", "I;16": "I;16"}


def read_pictures(paths: Sequence[Path]) -> npt.NDArray[Any]:
    """Images of one size and mode, in the order given.

    Returns:
        (n, h, w) grey or (n, h, w, c) coloured, uint8; uint16 where the files have 16 bits.

    Raises:
        DataFileError: a file is no image, is cut short, or has another size or mode than the first.
        MissingExtraError: Pillow is not installed.
    """
    first = _read(paths[0])
    images = np.empty((len(paths), *first.shape), dtype=first.dtype)
    for place, path in enumerate(paths):
        image = first if place == 0 else _read(path)
        if (image.shape, image.dtype) != (first.shape, first.dtype):
            raise DataFileError(
                f"{path} of shape {image.shape} and {image.dtype}",
                f"the images of one data set are alike, and {paths[0].name} has shape {first.shape} and {first.dtype}",
                "resize or convert it, or put images of different kinds in folders of their own",
            )
        images[place] = image
    return images


def _read(path: Path) -> npt.NDArray[Any]:
    """One image, (h, w) or (h, w, c)."""
    library = pillow("reading images")
    with reading(path, "an image"), library.open(path) as file:
        mode = file.mode
        pixels = np.asarray(file.convert(MODES[mode])) if mode in MODES else None
    if pixels is None:
        fix = "convert it to RGB or grey"
        raise DataFileError(f"{path} in the mode {mode!r}", f"the modes {', '.join(MODES)} are read", fix)
    return pixels


def write_pictures(folder: Path, images: npt.NDArray[Any]) -> None:
    """Write each image as a PNG file, named by its row.

    Args:
        folder: Made if it is not there; it holds nothing yet.
        images: (n, h, w) or (n, h, w, 3 or 4) uint8.

    Raises:
        InputError: the array is none of those.
        DataFileError: the folder holds something.
        MissingExtraError: Pillow is not installed.
    """
    grey, coloured = images.ndim == 3, images.ndim == 4 and images.shape[3] in (3, 4)
    if images.dtype != np.uint8 or not (grey or coloured):
        raise InputError(
            f"an array of shape {images.shape} and {images.dtype} to be written as PNG",
            "PNG takes images (n, h, w) or (n, h, w, 3 or 4) of uint8",
            "write it to a name that ends in .npy, or scale it: (255 * images).astype('uint8')",
        )
    if folder.is_dir() and any(folder.iterdir()):
        raise DataFileError(f"{folder} holds files", "images are written into a new folder", "name another folder")
    library = pillow("writing images")
    folder.mkdir(parents=True, exist_ok=True)
    digits = max(6, len(str(len(images) - 1)))
    for row, image in enumerate(images):
        library.fromarray(image).save(folder / f"{row:0{digits}d}.png")
