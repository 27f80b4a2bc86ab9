"""Kernels that torch.compile writes: the same numbers as the plain functions, and only where a GPU takes them."""

from __future__ import annotations

import shutil
from typing import Any

import pytest
import torch
from torch import Tensor

from isthmus.parts.dictionary import fused
from isthmus.parts.dictionary.selection import largest
from isthmus.parts.dictionary.upkeep import bring_to_length, shorten


class Elsewhere(Tensor):
    """A tensor that says it lies on a GPU."""

    is_cuda = True  # type: ignore[assignment]


@pytest.mark.parametrize(("triton", "made"), [(True, 1), (False, 0)])
def test_only_what_lies_on_a_gpu_is_compiled(triton: bool, made: int, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = list[Any]()
    monkeypatch.setattr(fused, "has_triton", lambda: triton)
    monkeypatch.setattr(fused, "compiled", lambda function: asked.append(function) or function)
    rows = torch.eye(3) * 2
    bring_to_length(rows)
    assert torch.equal(rows, torch.eye(3)) and not asked
    bring_to_length(torch.Tensor._make_subclass(Elsewhere, rows))
    assert len(asked) == made


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.filterwarnings("ignore")  # the compiler's own
def test_what_is_compiled_gives_the_same_numbers() -> None:
    if shutil.which("g++") is None:
        pytest.skip("torch.compile asks for a C++ compiler on a processor: g++ is not installed")
    generator = torch.Generator().manual_seed(0)
    for size in (64, 200):  # a second size is not compiled for by itself
        h = torch.randn(size, 3072, generator=generator)
        for function in (largest, fused.compiled(largest.__wrapped__)):
            values, places = function(h, 32)
            assert torch.equal(values.sort(1).values, h.topk(32).values.sort(1).values)
            assert torch.equal(h.gather(1, places), values)
        plain, other = h.clone(), h.clone()
        bring_to_length(plain)
        fused.compiled(bring_to_length.__wrapped__)(other)
        torch.testing.assert_close(other, plain)
        gradient = torch.randn(size, 3072, generator=generator)
        once, again = gradient.clone(), gradient.clone()
        shorten(once, plain)
        fused.compiled(shorten.__wrapped__)(again, plain)
        torch.testing.assert_close(again, once)
