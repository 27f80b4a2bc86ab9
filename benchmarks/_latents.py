"""What sparse dictionaries make of a small language model's activations: what is lost by them, and what latents are."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from _letters import letters, trained, windows
from _tables import Found
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import f1_score
from torch import Tensor

import isthmus
from isthmus.metrics import Residuals, best_latents, dead_share, l0
from isthmus.tasks.interpretation.recovery import spliced_loss

CACHE = Path(__file__).parent / ".cache" / "sparse_language"
LEARNT, JUDGED = 800, 240  # windows of 128 letters
K, EPOCHS = 32, 6
STEPS = {"batch_size": 512, "learning_rate": 1.5e-3}  # smaller and larger than usual, since letters are few
SITES = {"neurons": ("block.mlp.act", 512), "residual stream": ("block", 128)}
TIMES = (4, 8, 16)
RARE = 100  # letters of a class among those that judge, below which nothing is said of it
PROBED = (4, 16)  # latents that a probe reads

CLASSES: dict[str, Callable[[str], bool]] = {
    "capital": str.isupper,
    "quote": lambda letter: letter in "'\"",
    "vowel": lambda letter: letter in "aeiouAEIOU",
    "end of line": lambda letter: letter == "\n",
    "space": lambda letter: letter == " ",
    "end of sentence": lambda letter: letter in ".!?",
    "colon": lambda letter: letter == ":",
}
CAPITALS = ("capital after a capital", "other capital")  # in plays the former are names of those who speak
Rows = NDArray[np.float32]


@cache
def collected(part: str) -> Any:
    """What goes through both sites, one row a letter in the order of the pieces."""
    paths = [path for path, _ in SITES.values()]
    return isthmus.collect_activations(trained(CACHE), paths, pieces_of(part), shuffle=False)


def activations(site: str, part: str) -> Rows:
    """What goes through one site, (n, d)."""
    return np.asarray(collected(part).of(SITES[site][0]))


@cache
def pieces_of(part: str) -> Tensor:
    """Pieces of the text that dictionaries learn from, or are judged by."""
    which, count, seed = ("learnt", LEARNT, 10_000) if part == "learnt" else ("held out", JUDGED, 10_001)
    return windows(which, count, seed)[:, :-1]


@cache
def dictionary(site: str, times: int, seed: int) -> Any:
    """A dictionary so many times as wide as the site."""
    latents = times * SITES[site][1]
    sae = isthmus.SAE(n_latents=latents, k=K, epochs=EPOCHS, random_state=seed, **STEPS)
    return sae.fit(activations(site, "learnt"))


def judged(site: str, times: int, seed: int) -> Found:
    """All figures of one dictionary."""
    sae, rows = dictionary(site, times, seed), activations(site, "held out")
    codes = sae.transform(rows)
    left = Residuals.of(rows, sae.inverse_transform(codes))
    loss = spliced_loss(trained(CACHE), SITES[site][0], sae, pieces_of("held out"))
    found: Found = {"explained variance": left.explained_variance, "L0": l0(codes), "dead share": dead_share(codes)}
    found |= {f"nats, {name}": value for name, value in loss._asdict().items() if name != "tokens"}
    found |= {"recovered, zero": loss.recovered_of_zero, "recovered, mean": loss.recovered_of_mean}
    for unit, values in (("latent", codes), ("neuron", activations("neurons", "held out"))):
        for name, (f1, which) in best_units(values).items():
            found |= {f"{name}, best {unit}": f1, f"{name}, which {unit}": which}
    for count in PROBED:
        found |= {f"{name}, best {count}": f1 for name, f1 in probed(codes, count).items()}
    return found


def best_units(values: Any) -> dict[str, tuple[float, int]]:
    """Of each class the unit and threshold that tell it best on half of the letters, and their F1 on the other half."""
    firing, names = classes()
    half = len(firing) // 2
    chosen = best_latents(values[:half], firing[:half], threshold="best")
    found = {}
    for number, name in enumerate(names):
        unit = int(chosen.latent[number])
        column = values[half:][:, [unit]]
        on = np.asarray(column.todense() if hasattr(column, "todense") else column).ravel() > chosen.threshold[number]
        there = firing[half:, number]
        found[name] = float(2 * (on & there).sum() / max(on.sum() + there.sum(), 1)), unit
    return found


def probed(codes: Any, count: int) -> dict[str, float]:
    """F1 of a logistic regression for each class on so many latents, chosen and fitted on half of the letters.

    They are those whose mean differs most between letters of the class and all others: a sparse probe.
    """
    firing, names = classes()
    half, found = len(firing) // 2, dict[str, float]()
    for there, name in zip(firing.T, names, strict=True):
        sides = np.where(there[:half], 1 / there[:half].sum(), -1 / (~there[:half]).sum())
        chosen = np.argsort(-np.abs(codes[:half].T @ sides))[:count]
        rows = codes[:, chosen].toarray()
        rows /= rows[:half].std(0) + 1e-6
        probe = LogisticRegression().fit(rows[:half], there[:half])
        found[name] = float(f1_score(there[half:], probe.predict(rows[half:])))
    return found


@cache
def classes() -> tuple[NDArray[np.bool_], list[str]]:
    """Where the letters of each class are, (n, classes), of classes that are not rare; and two kinds of capitals."""
    text = letters_of("held out")
    table = {name: np.array([rule(letter) for letter in text]) for name, rule in CLASSES.items()}
    capital = table["capital"].reshape(JUDGED, -1)
    follows = np.pad(capital, ((0, 0), (1, 0)))[:, :-1]
    table |= {name: (capital & before).ravel() for name, before in zip(CAPITALS, (follows, ~follows), strict=True)}
    kept = {name: there for name, there in table.items() if there.sum() >= RARE}
    return np.column_stack(list(kept.values())), list(kept)


def letters_of(part: str) -> list[str]:
    """The letter of each row of activations."""
    alphabet, _ = letters()
    return [alphabet[number] for number in pieces_of(part).flatten().tolist()]


def taken_apart(seed: int) -> Found:
    """The neuron that is on for the most different letters, and what the latents are that it takes part in."""
    sae, rows = dictionary("neurons", TIMES[0], seed), activations("neurons", "held out")
    text = np.array(letters_of("held out"))
    spread = [entropy(text[np.argsort(-column)[:200]]) * (column > 0).any() for column in rows.T]
    neuron = int(np.argmax(spread))
    codes, directions = sae.transform(rows).tocsc(), sae.components_
    share = np.asarray(codes.power(2).sum(0)).ravel() * directions[:, neuron] ** 2  # what a latent makes it do
    latents = np.argsort(-np.where(directions[:, neuron] > 0, share, 0))[:6]
    return {
        "neuron": neuron,
        "entropy of its letters, nats": float(spread[neuron]),
        "entropy of its latents' letters, nats": float(np.mean([entropy(text[top(codes, one)]) for one in latents])),
        "its letters": shares(text[np.argsort(-rows[:, neuron])[:200]]),
        "its latents": {int(one): shares(text[top(codes, one)]) for one in latents},
    }


def top(codes: Any, latent: int) -> NDArray[np.int64]:
    """The rows on which a latent is strongest, up to 200."""
    span = slice(codes.indptr[latent], codes.indptr[latent + 1])
    found: NDArray[np.int64] = codes.indices[span][np.argsort(-codes.data[span])[:200]]
    return found


def shares(text: NDArray[np.str_]) -> dict[str, float]:
    """The commonest letters and their shares."""
    kinds, counts = np.unique(text, return_counts=True)
    order = np.argsort(-counts)[:6]
    return {repr(str(kinds[place])): round(float(counts[place] / len(text)), 2) for place in order}


def entropy(text: NDArray[np.str_]) -> float:
    """Of the letters, in nats."""
    counts = np.unique(text, return_counts=True)[1] / max(len(text), 1)
    return float(-(counts * np.log(counts)).sum())
