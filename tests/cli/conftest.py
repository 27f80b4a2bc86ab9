"""Data in files, and the command as a function."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest
from sklearn.datasets import load_breast_cancer, load_digits, load_iris

from isthmus.data import files
from tests.cli.command import Isthmus


@pytest.fixture
def isthmus(capsys: pytest.CaptureFixture[str]) -> Isthmus:
    """The command, called in this process."""
    return Isthmus(capsys)


@pytest.fixture(scope="session")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """scikit-learn's sets as files: iris with its labels, breast cancer without, digits as images."""
    folder = tmp_path_factory.mktemp("data")
    for ending in (".csv", ".parquet"):
        files.write(folder / f"iris{ending}", load_iris(as_frame=True).frame)
    for ending in (".npy", ".npz"):
        files.write(folder / f"cancer{ending}", load_breast_cancer().data)
    digits = (load_digits().images[:120] * 15).astype(np.uint8)
    files.write(folder / "digits", digits)
    header = struct.pack(">BBBB3I", 0, 0, 0x08, 3, *digits.shape)
    (folder / "digits.idx").write_bytes(header + digits.tobytes())
    return folder


@pytest.fixture(scope="session")
def vae(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small VAE of the iris table in a folder."""
    from isthmus.cli.main import run

    out = tmp_path_factory.mktemp("runs") / "vae"
    words = ["fit", str(data / "iris.csv"), "--model", "vae", "--out", str(out)]
    assert run([*words, "--target", "target", "--epochs", "3", "--validation", "0.2", "--quiet"]) == 0
    return out
