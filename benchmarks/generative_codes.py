"""Do symbols carry what they cost: are all codes used, what is lost at equal bits, and how fast are they found?

Digits are MNIST's, photographs the three of imagecompression.info, learnt from the left of each and judged by the
right. A seed draws the images to learn from and the weights. An interval is Student's over the seeds.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import _codes
import torch
from _codes import BOOK, FSQ, KMEANS, LEVELS, LOSS, NO_RESTART, PHOTOGRAPHS, USE
from _mnist import with_mnist
from _tables import Figure as Read
from _tables import Table, named, over_seeds

from isthmus.bench.answers import Absent, Figure
from isthmus.bench.question import Desk, Question
from isthmus.core.code import Batch
from isthmus.metrics.intervals import Interval
from isthmus.parts.bottlenecks.nearest import nearest
from isthmus.parts.bottlenecks.quantizer import Codebook

ROOT = Path(__file__).resolve().parents[1]
QUESTION = Question("generative_codes", "Do symbols carry what they cost, and how fast are they found?", ROOT)
QUESTION.peer("vector_quantize", "vector-quantize-pytorch==1.32.0")

ROWS, DIM, CODES = 65_536, 64, 1024
BLOCK = 4096  # rows of the chunked distances


def judged(desk: Desk, data: str) -> Table:
    """What all methods make of one kind of images."""
    make = partial(_codes.judged, data)
    make.__name__ = data  # type: ignore[attr-defined]  # under which what it makes is kept
    return Table.measured(desk, make, _codes.METHODS)


def answer(desk: Desk, data: str, read: Callable[[Table], Interval]) -> Figure | Absent:
    """A figure read off the table of one kind of images."""
    if data == "photographs" and not PHOTOGRAPHS.is_dir():
        return Absent("the photographs are not at hand: ISTHMUS_DATA names the folder that holds images/", is_due=True)
    table = judged(desk, data)
    size = f"{_codes.ROWS} images, {_codes.EPOCHS} epochs, judged by {_codes.JUDGED}"
    return Figure(read(table), note=size, beside=table.beside())


def beyond(figure: Read, method: str, rival: str) -> Callable[[Table], Interval]:
    """How much more than a rival's figure a method's is."""

    def read(table: Table) -> Interval:
        pairs = zip(table.found[method], table.found[rival], strict=True)
        return over_seeds(figure(own) - figure(its) for own, its in pairs)

    return read


def lines_of(data: str) -> None:
    """Add the lines of one kind of images."""

    def line(name: str, read: Callable[[Table], Interval], **bounds: Any) -> None:
        QUESTION.line(f"{data}, {name}", **bounds)(with_mnist(partial(answer, data=data, read=read)))

    used, kept = named(USE), named(LOSS)
    for method in (FSQ, BOOK):
        share = partial(Table.mean, method=method, figure=used)
        line(f"{method}: share of 512 codes chosen", share, at_least=0.95, unit="")
    line(f"{BOOK}: share of codes chosen beyond that without restart", beyond(used, BOOK, NO_RESTART), unit="")
    line(f"{FSQ}: PSNR beyond that of a book at equal bits", beyond(kept, FSQ, BOOK), unit="dB")
    line(f"{BOOK}: PSNR beyond {KMEANS} at equal bits", beyond(kept, BOOK, KMEANS), at_least=0.0, unit="dB")
    line(f"{LEVELS}: PSNR beyond one level at equal bits", beyond(kept, LEVELS, FSQ), at_least=0.0, unit="dB")


lines_of("digits")
lines_of("photographs")


# ------------------------------------------------------------------------------------------------------------- speed


def vectors() -> tuple[torch.Tensor, torch.Tensor]:
    """What is looked up, and the book."""
    generator = torch.Generator().manual_seed(0)
    return torch.randn(ROWS, DIM, generator=generator), torch.randn(CODES, DIM, generator=generator)


def distances(x: torch.Tensor, codes: torch.Tensor) -> torch.Tensor:
    """The nearest code of each vector from tables of all distances, 4096 rows at a time."""
    return torch.cat([torch.cdist(rows, codes).argmin(1) for rows in x.split(BLOCK)])


def trained(x: torch.Tensor, codes: torch.Tensor) -> Callable[[], None]:
    """Looking up, counting and moving the book by its averages, in training."""
    book = Codebook(CODES, DIM).train()
    book.embedding.copy_(codes)
    book.begun.fill_(True)
    tokens = x[None].requires_grad_()
    batch = Batch(torch.zeros(1, 1), generator=torch.Generator().manual_seed(0))

    def step() -> None:
        book(tokens, batch)
        book.follow()

    return step


def beside_peer(desk: Desk, mode: str, ours: Callable[[], object]) -> Figure:
    """How many times as long the peer takes, with as many threads."""
    peer = desk.peers["vector_quantize"]
    peer.ask("load", rows=ROWS, dim=DIM, codes=CODES, threads=torch.get_num_threads())
    times = desk.interleave({"ours": ours, "peer": lambda: peer.ask("call", mode=mode)})
    beside = {f"{name}, ms": round(1e3 * times.time(name).value, 1) for name in times.seconds}
    return Figure(times.ratio("peer", "ours"), is_noisy=times.is_noisy, beside=beside)


SIZE = f"{ROWS} x {DIM} in {CODES} codes"


@QUESTION.line(f"lookup, {SIZE}: vector-quantize-pytorch's time in evaluation over ours", at_least=14.0)
def looked_up(desk: Desk) -> Figure:
    """From vectors to symbols; the peer also gathers the codes, which is a hundredth of it."""
    x, codes = vectors()
    return beside_peer(desk, "eval", lambda: nearest(x, codes))


@QUESTION.line(f"lookup and averages, {SIZE}: vector-quantize-pytorch's time in training over ours", at_least=18.0)
def followed(desk: Desk) -> Figure:
    """One forward pass and one step of the book; ours draws tokens for dead codes besides."""
    return beside_peer(desk, "train", trained(*vectors()))


@QUESTION.line(f"lookup, {SIZE}: time of distances in blocks of {BLOCK} rows over ours", at_least=3.0)
def beside_distances(desk: Desk) -> Figure:
    """Both must find the same codes."""
    x, codes = vectors()
    times = desk.interleave({"ours": lambda: nearest(x, codes), "distances": lambda: distances(x, codes)})
    agree = float((nearest(x, codes) == distances(x, codes)).double().mean())
    beside = {f"{name}, ms": round(1e3 * times.time(name).value, 1) for name in times.seconds} | {"agree": agree}
    return Figure(times.ratio("distances", "ours"), holds=agree > 0.9999, is_noisy=times.is_noisy, beside=beside)


if __name__ == "__main__":
    raise SystemExit(QUESTION.main())
