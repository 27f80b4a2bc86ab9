"""Imports point one way, and the layer that a module stands in is the first word of its dotted name."""

from __future__ import annotations

import ast

import pytest
from tests.architecture.sources import imported, modules

# Who may import whom, lowest first; a layer sees every layer below it, and never one that it shares a line with.
LAYERS = (
    ("errors",),
    ("core", "codec", "report"),
    ("parts", "training", "metrics", "data"),
    ("estimator",),
    ("models",),
    ("tasks",),
    ("doctor", "bench", "displays"),
    ("service",),
    ("cli", "playground"),
)
HEIGHT = {layer: height for height, line in enumerate(LAYERS) for layer in line}
MODULES = modules()


def may_import(importer: str, target: str) -> bool:
    """Whether an arrow from `target` up to `importer` is allowed."""
    return importer == target or HEIGHT[target] < HEIGHT[importer]


def test_every_module_stands_in_a_layer() -> None:
    layers = {name.split(".")[0] for name in MODULES} - {"", "__main__"}
    assert layers <= HEIGHT.keys()


@pytest.mark.parametrize("name", [name for name in MODULES if name not in ("", "__main__")])
def test_imports_point_down(name: str) -> None:
    layer = name.split(".")[0]
    targets = {target.split(".")[0] for target in imported(MODULES[name])} - {"__version__"}
    wrong = sorted(target for target in targets if not may_import(layer, target))
    assert not wrong, f"{name} imports {wrong}, which stand beside or above it"


def test_a_wrong_direction_would_be_seen() -> None:
    source = "import isthmus.core.code\ndef late():\n    from isthmus.models.vae import VAE\n"
    assert list(imported(ast.parse(source))) == ["core.code", "models.vae.VAE"]
    assert may_import("models", "core")
    assert not may_import("core", "models")
    assert not may_import("parts", "training")


def test_variants_do_not_import_each_other() -> None:
    variants = {name for name in MODULES if name.startswith("models.")}
    crossing = [
        (name, target)
        for name in variants
        for target in imported(MODULES[name])
        if any(target == other or target.startswith(f"{other}.") for other in variants)
    ]
    assert not crossing
