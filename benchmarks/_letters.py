"""A language model small enough to be trained in a benchmark: one layer, letter by letter, on Shakespeare's plays."""

from __future__ import annotations

import hashlib
import inspect
import os
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, scaled_dot_product_attention

ROOT = Path(__file__).resolve().parents[1]
TEXT = Path(os.environ.get("ISTHMUS_DATA", ROOT.parent / "shared" / "data")) / "text" / "tinyshakespeare.txt"
WIDTH, HEADS, HIDDEN, CONTEXT = 128, 4, 512, 128
STEPS, BATCH, RATE = 1000, 16, 3e-3
LEARNT = 0.9  # share of the text, from its beginning, that the model learns from


class Attention(nn.Module):
    """Each place looks at those before it."""

    def __init__(self) -> None:
        super().__init__()
        self.into, self.out = nn.Linear(WIDTH, 3 * WIDTH, bias=False), nn.Linear(WIDTH, WIDTH, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """(B, T, d) -> (B, T, d)."""
        parts = self.into(x).unflatten(-1, (3, HEADS, -1)).movedim(2, 0).transpose(2, 3)  # (3, B, heads, T, d / heads)
        return self.out(scaled_dot_product_attention(*parts, is_causal=True).transpose(1, 2).flatten(2))


class Hidden(nn.Module):
    """Each place by itself: 512 neurons."""

    def __init__(self) -> None:
        super().__init__()
        self.into, self.act, self.out = nn.Linear(WIDTH, HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, WIDTH)

    def forward(self, x: Tensor) -> Tensor:
        """(B, T, d) -> (B, T, d)."""
        return self.out(self.act(self.into(x)))


class Block(nn.Module):
    """One layer of a transformer; what it returns is the residual stream."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.attention = nn.LayerNorm(WIDTH), Attention()
        self.second, self.mlp = nn.LayerNorm(WIDTH), Hidden()

    def forward(self, x: Tensor) -> Tensor:
        """(B, T, d) -> (B, T, d)."""
        x = x + self.attention(self.first(x))
        return x + self.mlp(self.second(x))


class Letters(nn.Module):
    """Which letter comes next: (B, T) numbers of letters -> (B, T, V) logits."""

    def __init__(self, letters: int) -> None:
        super().__init__()
        self.letters, self.places = nn.Embedding(letters, WIDTH), nn.Embedding(CONTEXT, WIDTH)
        self.block, self.norm, self.head = Block(), nn.LayerNorm(WIDTH), nn.Linear(WIDTH, letters, bias=False)
        for embedding in (self.letters, self.places):
            nn.init.normal_(embedding.weight, std=0.02)

    def forward(self, text: Tensor) -> Tensor:
        """Logits of the letter after each place."""
        x = self.letters(text) + self.places(torch.arange(text.shape[1]))
        return self.head(self.norm(self.block(x)))


@cache
def letters() -> tuple[str, Tensor]:
    """The alphabet, and the whole text by the numbers of its letters."""
    text = TEXT.read_text(encoding="utf-8")
    alphabet = "".join(sorted(set(text)))
    number = {letter: place for place, letter in enumerate(alphabet)}
    return alphabet, torch.tensor([number[letter] for letter in text])


def windows(part: str, count: int, seed: int = 0) -> Tensor:
    """Pieces of text of the length that the model sees, and the letter after them, (count, 129)."""
    _, text = letters()
    cut = int(LEARNT * len(text))
    low, high = (0, cut) if part == "learnt" else (cut, len(text))
    starts = np.random.default_rng(seed).integers(low, high - CONTEXT - 1, count)
    return torch.stack([text[start : start + CONTEXT + 1] for start in starts])


def losses(model: nn.Module, pieces: Tensor) -> Tensor:
    """Cross-entropy of each letter after the first, in nats, (count, 128)."""
    logits = model(pieces[:, :-1])
    return cross_entropy(logits.flatten(0, 1), pieces[:, 1:].flatten(), reduction="none").view(len(pieces), -1)


@cache
def trained(folder: Path) -> Letters:
    """The model, trained now or read from where it was kept by this very code."""
    alphabet, _ = letters()
    code = hashlib.sha256(inspect.getsource(inspect.getmodule(Letters)).encode()).hexdigest()[:12]  # type: ignore[arg-type]
    torch.manual_seed(0)
    model, file = Letters(len(alphabet)), folder / f"letters-{code}.safetensors"
    if file.is_file():
        model.load_state_dict(load_file(file))
    else:
        learn(model)
        folder.mkdir(parents=True, exist_ok=True)
        save_file(model.state_dict(), file)
    return model.eval().requires_grad_(False)


def learn(model: Letters) -> None:
    """Adam with a warm start and a cosine to zero."""
    steps = torch.optim.AdamW(model.parameters(), RATE, betas=(0.9, 0.98), weight_decay=0.01)
    plan = torch.optim.lr_scheduler.OneCycleLR(steps, RATE, STEPS, pct_start=0.05)
    for number, pieces in enumerate(batches()):
        loss = losses(model, pieces).mean()
        steps.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        steps.step()
        plan.step()
        if number % 200 == 0:
            print(f"  letters, step {number}: {loss.item():.3f} nats", flush=True)


def batches() -> Iterator[Tensor]:
    """What each step learns from."""
    for step in range(STEPS):
        yield windows("learnt", BATCH, seed=step)
