"""Does training several members in one run beat training them in turn?

Rows are made up (`_rows.py`), since speed does not depend on what they say. Models are as they come; both ways are
timed whole, with reading and settling, and must end with scores that agree.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from _rows import rows

import isthmus
from isthmus.bench.answers import Figure
from isthmus.bench.question import Desk, Question

ROOT = Path(__file__).resolve().parents[1]
QUESTION = Question("fit_together", "Does training several members in one run beat training them in turn?", ROOT)

AGREE = 1e-3  # how far scores may lie apart, as a share of themselves
PLAIN, DENOISING = isthmus.Autoencoder, isthmus.DenoisingAutoencoder


def beside_turns(desk: Desk, cls: Callable[..., Any], n: int, columns: int, members: int, threads: int) -> Figure:
    """How many times as long the members take in turn; the scores of the last round say whether they agree."""
    x, before = rows(n, columns, seed=0)[0], torch.get_num_threads()
    ended: dict[str, list[Any]] = {}

    def unfitted() -> list[Any]:
        return [cls(random_state=seed, device="cpu") for seed in range(members)]

    def in_turn() -> None:
        ended["in turn"] = [model.fit(x) for model in unfitted()]

    def together() -> None:
        ended["together"] = isthmus.fit_together(unfitted(), x)

    torch.set_num_threads(threads)
    try:
        times = desk.interleave({"in turn": in_turn, "together": together}, rounds=7)
    finally:
        torch.set_num_threads(before)
    scores = [np.stack([model.score_samples(x) for model in models]) for models in ended.values()]
    gap = float((np.abs(scores[0] - scores[1]) / np.abs(scores[0])).max())
    beside = {f"{name}, s": round(times.time(name).value, 3) for name in times.seconds} | {"scores apart": gap}
    return Figure(times.ratio("in turn", "together"), holds=gap <= AGREE, is_noisy=times.is_noisy, beside=beside)


def line(cls: Callable[..., Any], n: int, columns: int, members: int, threads: int, **bounds: float) -> None:
    """Add the line of one case."""
    kind, size = "plain" if cls is PLAIN else "denoising", f"{n:,}".replace(",", " ") if n >= 10_000 else f"{n}"
    run = f"{members} {kind} members, {size} x {columns}, {'one thread' if threads == 1 else 'two threads'}"
    case = partial(beside_turns, cls=cls, n=n, columns=columns, members=members, threads=threads)
    QUESTION.line(f"{run}: time in turn over time together", **bounds)(case)


for rows_and_columns in ((10_000, 20), (1000, 30)):  # steps of 128 rows and of 32
    for count in (1, 2):  # products this small stay on one thread, whatever torch may use
        line(PLAIN, *rows_and_columns, members=4, threads=count, at_least=1.4)
line(DENOISING, 1000, 30, members=4, threads=1, at_least=1.4)  # noise is drawn for each member by itself
line(PLAIN, 1000, 30, members=2, threads=1)  # as many as a detector has unless told otherwise
line(PLAIN, 10_000, 100, members=4, threads=1)  # where products, and not calls, take the most time


if __name__ == "__main__":
    raise SystemExit(QUESTION.main())
