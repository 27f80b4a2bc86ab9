"""How fast does a sparse dictionary learn: beside SAELens, beside a dense step of our own, beside the machine's limit?

d = 512, n = 8192, k = 32, batches of 4096 rows that are made of known features, on all threads, in float32. SAELens
takes its own trainer's steps, with its defaults and with sparse activations, its best setting in float32. Each is a
process of its own, so that what it holds at most can be compared. Necessary are the flops of the product with the
encoder, 2 d n a row; everything else is sparse.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from isthmus.bench.answers import Absent, Figure
from isthmus.bench.machine import PEAK_WORK, product
from isthmus.bench.question import Desk, Question
from isthmus.data import toy_dictionary
from isthmus.errors import PeerError
from isthmus.metrics.intervals import Interval

ROOT = Path(__file__).resolve().parents[1]
QUESTION = Question("sparse_speed", "How fast does a sparse dictionary learn, and in how much memory?", ROOT, (0,))
FEATURES, LATENTS, K, BATCH, ROWS = 512, 8192, 32, 4096, 32768
STEPS = 24  # after which losses are compared
RATE = 3e-4
OURS, DENSE, DEFAULT, BEST = "ours", "dense", "SAELens", "SAELens, sparse"
WAYS: dict[str, tuple[str, dict[str, Any]]] = {
    OURS: ("sae_own", {"way": "loop"}),
    DENSE: ("sae_own_dense", {"way": "dense"}),
    DEFAULT: ("sae_lens", {"sparse": False}),
    BEST: ("sae_lens_sparse", {"sparse": True}),
}
for peer, requirements, worker in (
    ("sae_own", (), "sae_own"),
    ("sae_own_dense", (), "sae_own"),
    ("sae_lens", ("sae-lens",), "sae_lens"),
    ("sae_lens_sparse", ("sae-lens",), "sae_lens"),
):
    QUESTION.peer(peer, *requirements)
    made = QUESTION.peers[peer]
    made.worker, made.folder = QUESTION.home / "peers" / f"{worker}_worker.py", made.folder.with_name(worker)


def stored() -> str:
    """A file with the rows, for all ways to read."""
    file = QUESTION.home / ".cache" / "rows" / f"dictionary_{FEATURES}.npy"
    if not file.is_file():
        file.parent.mkdir(parents=True, exist_ok=True)
        np.save(file, toy_dictionary(ROWS, 0, dimensions=FEATURES, features=2 * FEATURES, active=16).X)
    return str(file)


def ready(desk: Desk, way: str) -> Any:
    """A process that takes steps of this way."""
    name, own = WAYS[way]
    peer = desk.peers[name]
    peer.ask("load", file=stored(), latents=LATENTS, k=K, batch_size=BATCH, rate=RATE, seed=0, **own)
    return peer


def absent(fault: PeerError) -> Absent:
    """Why there is no figure."""
    return Absent(f"not measured: {fault}", is_due=True)


def faster(desk: Desk, rival: str) -> Figure | Absent:
    """How many times as long the rival's step takes as ours."""
    try:
        peers = {way: ready(desk, way) for way in (OURS, rival)}
    except PeerError as fault:
        return absent(fault)
    times = desk.interleave({way: partial(peer.ask, "train", steps=1) for way, peer in peers.items()}, rounds=9)
    rates = {f"{way}, rows/s": round(BATCH / times.time(way).value) for way in peers}
    return Figure(times.ratio(rival, OURS), is_noisy=times.is_noisy, beside=rates)


def leaner(desk: Desk, rival: str) -> Figure | Absent:
    """What ours holds at most over what the rival does, each after the same steps in a process of its own."""
    found = {}
    for way in (OURS, rival):
        peer = desk.peers[WAYS[way][0]]
        try:
            peer.close()
            ready(desk, way).ask("train", steps=4)
            found[way] = peer.ask("most_held")
        except PeerError as fault:
            return absent(fault)
    share = found[OURS] / found[rival]
    note = "whole processes, their libraries included, which weigh some 300 MiB"
    return Figure(Interval(share, share, share), note=note, beside={f"{k}, MiB": round(v) for k, v in found.items()})


def alike(desk: Desk, rival: str) -> Figure | Absent:
    """How far apart the losses are after the same steps on the same batches, over the rival's."""
    try:
        losses = {way: ready(desk, way).ask("train", steps=STEPS) for way in (OURS, rival)}
    except PeerError as fault:
        return absent(fault)
    ends = {way: float(of[-1]) for way, of in losses.items()}
    share = (ends[OURS] - ends[rival]) / ends[rival]
    beside = {f"{way}, half the squared error": round(end, 4) for way, end in ends.items()}
    return Figure(Interval(abs(share), abs(share), abs(share)), note=f"signed: {share:+.2e}", beside=beside)


@QUESTION.line("a step's necessary flops at the speed of the machine's own product, over a step of ours", unit="")
def limit(desk: Desk) -> Figure:
    """The share of the machine's limit that a step reaches."""
    peer = ready(desk, OURS)
    times = desk.interleave({OURS: partial(peer.ask, "train", steps=1), "product": product()}, rounds=9)
    share = 2.0 * FEATURES * LATENTS * BATCH / PEAK_WORK
    ratio = times.ratio("product", OURS)
    beside = {"peak GFLOP/s": round(PEAK_WORK / times.time("product").value / 1e9, 1)}
    return Figure(Interval(*(share * end for end in ratio)), is_noisy=times.is_noisy, beside=beside)


GOALS: tuple[tuple[str, str, dict[str, Any]], ...] = (
    ("with its defaults", DEFAULT, {"at_least": 6.0}),
    ("with sparse activations, its best", BEST, {"at_least": 3.0}),
)
for how, rival, bounds in GOALS:
    QUESTION.line(f"SAELens {how}: seconds of its step over ours", **bounds)(partial(faster, rival=rival))
QUESTION.line("a dense step of our own: its seconds over ours")(partial(faster, rival=DENSE))
QUESTION.line("the most memory ever held, over SAELens's with its defaults", at_most=0.5)(
    partial(leaner, rival=DEFAULT)
)
QUESTION.line("the most memory ever held, over that of a dense step")(partial(leaner, rival=DENSE))
QUESTION.line(f"loss after {STEPS} steps: how far from the dense step's, as a share", unit="", at_most=1e-3)(
    partial(alike, rival=DENSE)
)
QUESTION.line(f"loss after {STEPS} steps: how far from SAELens's, as a share", unit="")(partial(alike, rival=DEFAULT))


if __name__ == "__main__":
    raise SystemExit(QUESTION.main())
