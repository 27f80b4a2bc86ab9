"""What git tracks names no machine and no package registry, and stays small."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from tests.architecture.sources import ROOT, tracked

# Written so that this file does not match itself.
MACHINE_PATH = re.compile(r"(?<![\w.])/(?:work|tmp|root|opt|home|Users)/\w")
REGISTRY = re.compile(r"py[p]i\.org|pythonhoste[d]|npm[j]s\.org|deb\.debia[n]")
LARGEST_BYTES = 1_000_000


def text_of(file: Path) -> str:
    """A tracked file's text, or nothing where it holds bytes that are no text."""
    content = file.read_bytes()
    return "" if b"\0" in content else content.decode("utf-8")


@pytest.mark.parametrize("pattern", [MACHINE_PATH, REGISTRY], ids=["machine path", "registry host"])
def test_no_tracked_file_names(pattern: re.Pattern[str]) -> None:
    found = {str(file.relative_to(ROOT)): pattern.findall(text_of(file)) for file in tracked()}
    assert not {name: hits for name, hits in found.items() if hits}


def test_no_tracked_file_is_large() -> None:
    assert not [file for file in tracked() if file.stat().st_size > LARGEST_BYTES]


def test_the_patterns_find_what_they_look_for() -> None:
    assert MACHINE_PATH.search("see " + "/tmp" + "/x")
    assert not MACHINE_PATH.search("api/v1" + "/work" + "/x")
    assert REGISTRY.search("https://" + "py" + "pi.org")
