"""Downloads from a server on this machine: the published file is taken, and no other."""

from __future__ import annotations

import functools
import gzip
import hashlib
import threading
from collections.abc import Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest

from isthmus.data import downloads, load
from isthmus.data.downloads import MNIST, Download, fetched
from isthmus.errors import DataFileError

CONTENT = bytes(range(256)) * 40
FILE = Download("rows-ubyte.gz", len(CONTENT), hashlib.sha256(CONTENT).hexdigest())


class Quiet(SimpleHTTPRequestHandler):
    """Serves a folder, and keeps no log."""

    def log_message(self, format: str, *words: object) -> None:
        """Say nothing."""


@pytest.fixture
def mirror(tmp_path: Path) -> Iterator[str]:
    """The address of a server for the test's folder."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(tmp_path)))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    server.server_close()
    thread.join()


def test_the_published_content_is_taken_however_it_is_packed(mirror: str, tmp_path: Path) -> None:
    for level in (1, 9):
        (tmp_path / FILE.name).write_bytes(gzip.compress(CONTENT, level))
        assert fetched(FILE, mirror) == fetched(FILE, str(tmp_path)) == CONTENT


@pytest.mark.parametrize(
    ("packed", "words"),
    [
        (gzip.compress(CONTENT[:-1] + b"x"), "whose content has the sha256"),
        (gzip.compress(CONTENT[:-1]), "whose content has the sha256"),
        (gzip.compress(CONTENT * 1000), "whose content has the sha256"),
        (gzip.compress(CONTENT)[:-20], "cannot be unpacked"),
        (b"<html>moved</html>", "cannot be unpacked"),
        (b"", "whose content has the sha256"),
    ],
    ids=["changed", "short", "endless", "cut", "a page", "empty"],
)
def test_any_other_content_is_refused(mirror: str, tmp_path: Path, packed: bytes, words: str) -> None:
    (tmp_path / FILE.name).write_bytes(packed)
    with pytest.raises(DataFileError, match=rf"{FILE.name} from http.*{words}.*{FILE.sha256[:12]}.*--source"):
        fetched(FILE, mirror)


def test_what_is_out_of_reach_says_so(mirror: str, tmp_path: Path) -> None:
    with pytest.raises(DataFileError, match="404.*or a mirror within reach.*--source URL"):
        fetched(FILE, mirror)
    with pytest.raises(DataFileError, match="No such file"):
        fetched(FILE, str(tmp_path))


def test_mnist_is_put_together_from_its_four_files(
    mirror: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    parts = {}
    for part, rows in {"train": 6, "test": 2}.items():
        images = np.random.default_rng(rows).integers(256, size=(rows, 28, 28), dtype=np.uint8)
        for kind, array in {"images": images, "labels": np.arange(rows, dtype=np.uint8)}.items():
            head = bytes([0, 0, 8, array.ndim]) + np.array(array.shape, ">u4").tobytes()
            content = head + array.tobytes()
            (tmp_path / f"{part}-{kind}-ubyte.gz").write_bytes(gzip.compress(content))
            name, digest = f"{part}-{kind}-ubyte.gz", hashlib.sha256(content).hexdigest()
            parts[f"{part}_{kind}"] = Download(name, len(content), digest)
    monkeypatch.setattr(downloads, "MNIST", parts)
    found = load("mnist", source=mirror)
    assert (found.X.shape, found.X.dtype) == ((8, 28, 28), np.uint8)
    assert found.y.tolist() == [0, 1, 2, 3, 4, 5, 0, 1]
    assert found.truth["is_test"].tolist() == [False] * 6 + [True] * 2


@pytest.mark.parametrize("part", ["train_labels", "test_images", "test_labels"])
def test_the_checksums_are_those_of_mnist(real_data: Path, part: str) -> None:
    folder = real_data / "mnist"
    if not folder.is_dir():
        pytest.skip("no MNIST in the folder of real data")
    assert len(fetched(MNIST[part], str(folder))) == MNIST[part].size
