"""Sound files: uncompressed .wav as series in [-1, 1]."""

from __future__ import annotations

import wave
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from isthmus.data.reading import reading
from isthmus.errors import DataFileError

Floats32 = npt.NDArray[np.float32]


def read_waves(paths: Sequence[Path]) -> Floats32:
    """Recordings of one length, rate and number of channels, in the order given.

    Returns:
        (n, t, c) float32 in [-1, 1].

    Raises:
        DataFileError: a file is cut short, not PCM of 8, 16, 24 or 32 bits, or differs in form from the first.
    """
    first, rate = _read(paths[0])
    series = np.empty((len(paths), *first.shape), dtype=np.float32)
    for place, path in enumerate(paths):
        samples, its_rate = (first, rate) if place == 0 else _read(path)
        if (samples.shape, its_rate) != (first.shape, rate):
            raise DataFileError(
                f"{path} with (samples, channels) {samples.shape} at {its_rate} Hz",
                f"the recordings of one data set are alike, and {paths[0].name} has {first.shape} at {rate} Hz",
                "cut or pad the recordings to one length, or put different kinds in folders of their own",
            )
        series[place] = samples
    return series


def _read(path: Path) -> tuple[Floats32, int]:
    """One recording, (t, c) in [-1, 1], and its samples per second."""
    with reading(path, "WAV"), wave.open(str(path)) as file:
        channels, width, rate, promised = file.getparams()[:4]
        content = file.readframes(promised)
    came = len(content) // max(1, channels * width)
    if came != promised or promised == 0:
        again = "copy or write the file again; it is cut short"
        raise DataFileError(f"{path} with {came} samples", f"its header promises {promised}, at least 1", again)
    return _scaled(path, content, width).reshape(promised, channels), rate


def _scaled(path: Path, content: bytes, width: int) -> Floats32:
    """Whole numbers of `width` bytes as float32 in [-1, 1]; one byte is unsigned, more are signed, lowest first."""
    if width not in (1, 2, 3, 4):
        fix = "convert it to 16 bits"
        raise DataFileError(f"{path} with {8 * width} bits a sample", "8, 16, 24 and 32 bits are read", fix)
    if width == 1:
        return ((np.frombuffer(content, np.uint8).astype(np.float32) - 128) / 128).astype(np.float32)
    # Put below the empty low bytes of 32 bits, every width has the same range and sign.
    padded = np.zeros((len(content) // width, 4), dtype=np.uint8)
    padded[:, 4 - width :] = np.frombuffer(content, np.uint8).reshape(-1, width)
    return (padded.view("<i4")[:, 0] / 2.0**31).astype(np.float32)
