"""The idx format, in which MNIST is published: a short header, then one array of big-endian numbers."""

from __future__ import annotations

import gzip
import math
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from isthmus.data.reading import reading
from isthmus.errors import DataFileError

TYPES = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
"""Numpy's name of each type code."""


def read_idx(path: Path) -> npt.NDArray[Any]:
    """The array of an idx file, in this machine's byte order; a name that ends in .gz is unpacked on the way.

    The header is two zero bytes, a type code, the number of axes, and the length of each axis as a big-endian
    32-bit number.

    Raises:
        DataFileError: the header is not that of idx, or the file holds fewer or more bytes than it promises.

    Source:
        The description below the files at Y. LeCun, C. Cortes, C. Burges, "The MNIST database".
    """
    with reading(path, "idx"), gzip.open(path) if path.suffix.lower() == ".gz" else path.open("rb") as file:
        content = file.read()
    dtype, shape = _header(path, content)
    body = 4 + 4 * len(shape)
    promised = math.prod(shape) * dtype.itemsize
    if len(content) - body != promised:
        raise DataFileError(
            f"{path} with {len(content) - body} bytes of data",
            f"its header promises {promised}: shape {shape} of {dtype.itemsize} bytes each",
            "copy or download the file again; it was cut short or changed on the way",
        )
    array = np.frombuffer(content, dtype, offset=body).reshape(shape)
    return array.astype(dtype.newbyteorder("="))


def _header(path: Path, content: bytes) -> tuple[np.dtype[Any], tuple[int, ...]]:
    """Type and shape of the array."""
    known = len(content) >= 4 and content[:2] == b"\0\0" and content[2] in TYPES and content[3] > 0
    if not known or len(content) < 4 + 4 * content[3]:
        codes = ", ".join(f"0x{code:02X}" for code in TYPES)
        raise DataFileError(
            f"{path} begins with {content[:4]!r}",
            f"an idx file begins with two zero bytes, a type code ({codes}), the number of axes, and their lengths",
            "give the file an ending that says what it holds, or copy it again",
        )
    lengths = np.frombuffer(content, ">u4", count=content[3], offset=4)
    return np.dtype(TYPES[content[2]]), tuple(map(int, lengths))
