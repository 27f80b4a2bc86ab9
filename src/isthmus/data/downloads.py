"""Data sets that are downloaded, and only where someone asks for them by name: each file is known by its checksum.

A checksum is that of the unpacked content, since mirrors pack the same content in different ways.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import tempfile
import urllib.request
import zlib
from dataclasses import dataclass
from pathlib import Path

from isthmus.data.datasets import Dataset
from isthmus.data.idx import read_idx
from isthmus.errors import DataFileError

SECONDS = 60.0  # without a byte from a server
MNIST_SOURCE = "https://ossci-datasets.s3.amazonaws.com/mnist"


@dataclass(frozen=True)
class Download:
    """One gzipped file.

    Args:
        name: Below its source.
        size: Bytes once unpacked.
        sha256: Of those bytes.
    """

    name: str
    size: int
    sha256: str


MNIST = {
    "train_images": Download(
        "train-images-idx3-ubyte.gz",
        47_040_016,
        "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    ),
    "train_labels": Download(
        "train-labels-idx1-ubyte.gz",
        60_008,
        "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    ),
    "test_images": Download(
        "t10k-images-idx3-ubyte.gz",
        7_840_016,
        "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    ),
    "test_labels": Download(
        "t10k-labels-idx1-ubyte.gz",
        10_008,
        "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
    ),
}


def mnist(source: str | None = None) -> Dataset:
    """MNIST: 70,000 written digits, those for training first, then the 10,000 for testing.

    Args:
        source: Where its four files lie, the address of a mirror or a folder; None for the usual mirror.

    Returns:
        X (70000, 28, 28) uint8 and y (70000,); truth: `is_test` (70000,).

    Raises:
        DataFileError: a file cannot be reached, or is not the one that was published.

    Source:
        Y. LeCun, C. Cortes, C. Burges, "The MNIST database"; CC BY-SA 3.0.
    """
    import numpy as np

    with tempfile.TemporaryDirectory() as folder:
        arrays = {}
        for part, download in MNIST.items():
            file = Path(folder) / download.name.removesuffix(".gz")
            file.write_bytes(fetched(download, source or MNIST_SOURCE))
            arrays[part] = read_idx(file)
    X = np.concatenate([arrays["train_images"], arrays["test_images"]])
    y = np.concatenate([arrays["train_labels"], arrays["test_labels"]])
    return Dataset(X, y, truth={"is_test": np.arange(len(X)) >= len(arrays["train_images"])})


def fetched(download: Download, source: str) -> bytes:
    """The content of a file, once it is known to be the published one.

    Args:
        download: What is wanted.
        source: An http address or a folder.

    Raises:
        DataFileError: it cannot be reached, or its content has another checksum.
    """
    packed = _packed(download, source)
    try:
        with gzip.open(io.BytesIO(packed)) as file:
            content = file.read(download.size + 1)  # whatever comes, no more is unpacked than one byte too many
    except (OSError, EOFError, zlib.error) as broken:
        raise _foreign(download, source, f"which cannot be unpacked ({broken})") from broken
    found = hashlib.sha256(content).hexdigest()
    if found != download.sha256:
        raise _foreign(download, source, f"whose content has the sha256 {found[:12]}...")
    return content


def _packed(download: Download, source: str) -> bytes:
    """The file as it lies there; nobody sends more than the content and a margin, for packing makes things smaller."""
    most = download.size + 65_536
    try:
        if not source.startswith(("https://", "http://")):
            with (Path(source) / download.name).open("rb") as file:
                return file.read(most)
        with urllib.request.urlopen(f"{source.rstrip('/')}/{download.name}", timeout=SECONDS) as answer:  # noqa: S310
            content: bytes = answer.read(most)
            return content
    except OSError as failed:
        came = f"{download.name} from {source} ({failed})"
        allowed = "a download needs a network, or a mirror within reach"
        raise DataFileError(came, allowed, "try again, or name another place: --source URL or FOLDER") from failed


def _foreign(download: Download, source: str, what: str) -> DataFileError:
    """The refusal of a file that is not the published one."""
    came = f"{download.name} from {source}, {what}"
    allowed = f"the published one has {download.size:,} bytes and the sha256 {download.sha256[:12]}..."
    return DataFileError(came, allowed, "it was cut short or changed on the way; try again, or another --source")
