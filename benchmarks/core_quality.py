"""Does each classical member do what it is said to do?

Digits are MNIST's, photographs scikit-learn's. A seed draws the rows to learn from, the weights and the noise; all are
judged on the same test rows. Every figure stands beside that of something plain: principal components, pixels,
filters, or the same network without what its member is for. An interval is Student's over the seeds.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import _atoms
import _checkerboards
import _denoising
import _members
import _pictures
import _stacks
import _tables
import _widths
import _words
import numpy as np
from _mnist import first_of_each, greys, part, with_mnist
from _tables import Found, Table, named, over_seeds, times_over_seeds, wrong

from isthmus.bench.answers import Figure
from isthmus.bench.question import Desk, Question
from isthmus.metrics.intervals import Interval, wilson_interval

ROOT = Path(__file__).resolve().parents[1]
QUESTION = Question("core_quality", "Does each classical member do what it is said to do?", ROOT)
QUESTION.peer("skimage", "scikit-image==0.26.0")
REPEATS = 20  # seeds of 8-3-8

Compared = Callable[[Table], Interval]
"""What a line reads off a table."""


def line(name: str, answer: Callable[[Desk, Compared], Figure], read: Compared, **bounds: Any) -> None:
    """Add a line that reads its figure off a table of MNIST."""
    QUESTION.line(name, **bounds)(with_mnist(lambda desk: answer(desk, read)))


def picture(name: str) -> Path:
    """The file of a picture."""
    return QUESTION.home / "results" / QUESTION.name / f"{name}.png"


def originals() -> list[Any]:
    """The first test row of each digit."""
    return greys(part("test").x[first_of_each()])


def ratio(figure: _tables.Figure, method: str, rival: str) -> Compared:
    """How many times a rival's figure a method's is."""
    return lambda table: table.times(figure, method, rival)


# ------------------------------------------------------------------------------------------- narrow codes


def widths(desk: Desk, read: Compared) -> Figure:
    """Plain members beside as many principal components."""
    table = Table.measured(desk, _widths.width, _widths.METHODS)
    caption = "What comes back of the first test row of each digit"
    _pictures.digits(picture("widths"), caption, {"original": originals(), **table.first("pictures")})
    note = f"{_widths.ROWS} rows, default options but for scaling='none'"
    return Figure(read(table), note=note, beside=table.beside())


LOST = named("test error")
for units, bounds in ((8, {"at_least": None, "at_most": 0.7}), (32, {})):
    compared = ratio(LOST, f"autoencoder, {units}", f"components, {units}")
    line(f"{units} units: test error over that of {units} principal components", widths, compared, **bounds)


# ------------------------------------------------------------------------------------------- deep stacks


def stacks(desk: Desk, read: Compared) -> Figure:
    """Ways to train a deep stack in as many epochs, beside principal components."""
    table = Table.measured(desk, _stacks.stack, [*_stacks.WAYS, _stacks.COMPONENTS])
    titles = {name: name for name in ("test error", "kNN accuracy", "NMI of clusters")}
    titles |= {"1 % of the labels": _stacks.FEW, "the same, from scratch": _stacks.SCRATCH}
    caption = "784-1000-500-250-30 and back; a dot for each seed, a stroke at their mean"
    _pictures.dots(picture("stacks"), caption, table.by_seed(titles))
    caption = "What comes back through 30 numbers"
    _pictures.digits(picture("stacks-digits"), caption, {"original": originals(), **table.first("pictures")})
    note = f"{_stacks.ROWS} rows and {_stacks.EPOCHS} epochs for every way, of which pairs or machines have half"
    return Figure(read(table), note=note, beside=table.beside())


def tuned(table: Table) -> Interval:
    """Errors of the fine-tuned stack over those of the same layers from weights as they are drawn."""
    few, scratch = wrong(_stacks.FEW), wrong(_stacks.SCRATCH)
    return times_over_seeds(few(one) / scratch(one) for one in table.found["pairs first"])


STACK, MACHINES = "784-1000-500-250-30, pairs first", "784-1000-500-250-30, sigmoid, machines first"
beside_components = partial(ratio, method="pairs first", rival=_stacks.COMPONENTS)
line(f"{STACK}: test error over that of 30 components", stacks, beside_components(LOST), at_most=0.7)
line(f"{STACK}: kNN errors over those of 30 components", stacks, beside_components(wrong("kNN accuracy")), at_most=1.0)
line(f"{STACK}: NMI over that of 30 components", stacks, beside_components(named("NMI of clusters")), at_least=1.0)
line(f"{STACK}: test error over that of all at once", stacks, ratio(LOST, "pairs first", "all at once"), at_most=1.0)
of_machines = ratio(LOST, "machines first, sigmoid", "all at once, sigmoid")
line(f"{MACHINES}: test error over that of all at once", stacks, of_machines, at_most=1.0)
line(f"{STACK}, fine-tuned with 1 % of the labels: errors over those from scratch", stacks, tuned, at_most=1.0)


# ------------------------------------------------------------------------------------------- members of equal width

SPECTRA = ("plain", "denoising, gaussian", "denoising, masking", "contractive", "sparse, topk", _members.COMPONENTS)
NOISY = {kind: f"accuracy, {kind}" for kind in _members.NOISES}


def members(desk: Desk, read: Compared) -> Figure:
    """Members of equal width, beside principal components and pixels."""
    table = Table.measured(desk, _members.member, [*_members.MEMBERS, *_members.CONTROLS])
    titles = {"probe: clean": "accuracy, clean", **NOISY, "|dz/dx| over spread": _members.MOVED}
    caption = f"Accuracy of a linear probe on {_members.WIDTH} units by what the rows suffered, and how far codes move"
    figures = table.without(_members.PIXELS).by_seed(titles)  # which are so far off that all else would be one dot
    _pictures.dots(picture("members"), caption, figures)
    spectra = table.first("spectrum")
    _pictures.spectra(picture("members-jacobian"), {method: spectra[method] for method in SPECTRA})
    note = f"{_members.ROWS} rows, {_members.EPOCHS} epochs, one hidden layer of {_members.HIDDEN}"
    return Figure(read(table), note=note, beside=table.beside())


def over_plain(figure: _tables.Figure, method: str) -> Compared:
    """How many times the plain member's figure a member's is."""
    return ratio(figure, method, "plain")


CLEAN = wrong("accuracy, clean")
line("plain: errors of a linear probe over those of as many components", members,
     ratio(CLEAN, "plain", _members.COMPONENTS))  # fmt: skip
for kind, accuracy in NOISY.items():
    name, compared = f"denoising, {kind}", over_plain(wrong(accuracy), f"denoising, {kind}")
    line(f"{name}: errors of a linear probe under that noise over plain", members, compared, at_most=1.0)
moved, there = over_plain(named(_members.MOVED), "contractive"), over_plain(named(_members.THERE), "contractive")
line("contractive: |dz/dx| over the code's spread, over plain", members, moved, at_most=1.0)
line("contractive: steps towards a neighbour over any steps, over plain", members, there, at_least=1.0)
shaken = over_plain(wrong(*NOISY.values()), "contractive")
line("contractive: errors of a linear probe under noise over plain", members, shaken, at_most=1.0)
for kind in _members.SPARSITIES:
    line(f"sparse, {kind}: errors of a linear probe over plain", members, over_plain(CLEAN, f"sparse, {kind}"))
for method in _members.MEMBERS:
    gap = partial(Table.mean, method=method, figure=named(_members.GAP))
    line(f"{method}: held-out minus training error", members, gap, unit="of a grey value squared")


# ------------------------------------------------------------------------------------------- atoms of photographs


def atoms(desk: Desk, method: str) -> Figure:
    """The share of a code's atoms that are Gabor functions, more than a dense code has."""
    table = Table.measured(desk, _atoms.atoms, _atoms.CODES)
    share = named(_atoms.SHARE)
    fits, shown = table.first("fits"), table.first("atoms")
    told = {name: f"{name}: {share(of[0]):.0%} of the atoms are Gabor functions" for name, of in table.found.items()}
    _pictures.atoms(picture("atoms"), {told[name]: (shown[name], fits[name]) for name in told})
    note = f"{_atoms.PATCHES} patches of 12 x 12, {_atoms.UNITS} units, {_atoms.EPOCHS} epochs; R2 >= {_atoms.GOOD}"
    found = table.mean(method, share)
    return Figure(found, found.value > table.mean("dense", share).value, note, beside=table.beside())


for method in _atoms.SPARSE:
    name = f"{method}: share of atoms that are Gabor functions, whitened photographs"
    QUESTION.line(name, at_least=0.5, unit="")(partial(atoms, method=method))


# ------------------------------------------------------------------------------------------- noise taken off


def gained(desk: Desk, kind: str, level: float) -> Figure:
    """How many dB a denoising member gains beyond the best of its rivals."""

    def denoise(method: str, seed: int) -> Found:
        with tempfile.TemporaryDirectory() as folder:
            return _denoising.denoised(kind, level, desk.peers["skimage"], Path(folder), seed)

    table = Table.measured(desk, denoise, [f"{kind}, {level}"])
    (of_seeds,) = table.found.values()
    beyond = over_seeds(one["gain, ours"] - max(one[f"gain, {name}"] for name in _denoising.RIVALS) for one in of_seeds)
    _pictures.digits(picture(f"denoising-{kind}"), f"{kind} noise, {level}", of_seeds[0]["pictures"])
    note = (
        f"{_denoising.ROWS} rows, {_denoising.EPOCHS} epochs, {_denoising.WIDTH} units; judged on {_denoising.JUDGED}"
    )
    return Figure(beyond, note=note, beside=table.beside())


for kind, levels in _denoising.LEVELS.items():
    for level in levels:
        name = f"denoising, {kind} {level}: PSNR beyond the best of median, non-local means and components"
        QUESTION.line(name, at_least=1.0, unit="dB")(with_mnist(partial(gained, kind=kind, level=level)))


# ------------------------------------------------------------------------------------------- checkerboards


def boards(desk: Desk, read: Compared) -> Figure:
    """What stands out of pictures at the frequencies of the upsampling."""
    table = Table.measured(desk, _checkerboards.board, [*_checkerboards.UPSAMPLINGS, _checkerboards.ORIGINALS])
    caption = "What comes back where the decoder resizes and convolves, and where it convolves transposed"
    powers = {"reconstructions": table.first("power"), "untrained decoders": table.first("power, untrained")}
    _pictures.boards(picture("checkerboards"), caption, table.first("pictures"), powers)
    note = f"{_checkerboards.ROWS} rows, {_checkerboards.EPOCHS} epochs; power over that of the frequencies around"
    return Figure(read(table), note=note, beside=table.beside())


TRAINED, UNTRAINED = named("stands out every 2 pixels"), named("untrained, every 2 pixels")
BOARDS = "checkerboards of resizing and convolution"
line(f"{BOARDS} over those of originals", boards, ratio(TRAINED, "resize", _checkerboards.ORIGINALS), at_most=1.25)
line(f"{BOARDS} over those of transposed", boards, ratio(TRAINED, "resize", "transposed"), at_most=0.5)
line(f"{BOARDS} over those of transposed, untrained", boards, ratio(UNTRAINED, "resize", "transposed"), at_most=0.5)


# ------------------------------------------------------------------------------------------- eight words


@QUESTION.line("8-3-8: share of seeds whose units make eight different words", at_least=0.5, unit="")
def counting(desk: Desk) -> Figure:
    """It holds where every seed gives every input back."""
    found = [desk.cache.get(partial(_words.words, seed), what="8-3-8", seed=seed) for seed in range(REPEATS)]
    codes = {f"seed {seed}: {found[seed]['words']} words": found[seed]["codes"] for seed in range(4)}
    _pictures.tables(picture("words"), "What three sigmoid units answer to each of eight inputs", codes)
    beside = {"rebuilt": float(np.mean([one["rebuilt"] for one in found])), "words": [one["words"] for one in found]}
    interval = wilson_interval(sum(one["words"] == _words.INPUTS for one in found), REPEATS)
    note = f"{REPEATS} seeds, {_words.EPOCHS} epochs; one word for each input, each unit on or off at a half"
    return Figure(interval, beside["rebuilt"] == 1.0, note, beside=beside)


if __name__ == "__main__":
    raise SystemExit(QUESTION.main())
