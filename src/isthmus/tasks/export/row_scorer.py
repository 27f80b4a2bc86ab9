"""Scores row after row with NumPy alone: this file, and the weights in its folder, are all that it needs.

    import scorer                       # this file, as it lies in the folder
    score = scorer.load()               # refuses weights without proof that they answer as their detector did
    score(row) > score.threshold        # an alarm

What a row needs is laid out once: each product writes into memory that is kept, and biases are a last column of the
weights, which meets a 1 that stands behind every layer. Where the score is the squared difference of the row and what
comes out, the row stands between the last layer and its 1, and the last product takes it away. So one scorer serves
one thread at a time.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

PROOF, PLAN, WEIGHTS = "parity.json", "plan.json", "weights.npz"
FORMAT = 2  # of the plan and the weights
LARGEST = 1e38  # numbers beyond this leave float32
ROUNDING = 2.0**-24  # what float32 rounds a number by
AGAIN = "export the model again"
Arrays = Mapping[str, NDArray[Any]]


class Refused(ValueError):
    """Something that cannot be used, in three parts: what came, what is allowed, what to do now."""

    def __str__(self) -> str:
        """The three parts as one line."""
        came, allowed, fix = map(str, self.args)
        return f"{came}: {allowed}. {fix[:1].upper()}{fix[1:]}."


def load(folder: str | Path | None = None) -> Scorer:
    """The scorer of a folder, whose proof is checked first.

    Args:
        folder: What the export wrote; None is where this file lies.

    Raises:
        Refused: there is no proof, or files differ from those that were proved, or verdicts flipped.
    """
    home = Path(__file__).resolve().parent if folder is None else Path(folder)
    proved(home)
    return read(home)


def read(home: Path) -> Scorer:
    """The scorer of a folder, without a look at its proof.

    Raises:
        Refused: another version of this file wrote it.
    """
    plan = json.loads((home / PLAN).read_text(encoding="utf-8"))
    if plan.get("format") != FORMAT:
        came = f"{home / PLAN} of format {plan.get('format')}"
        raise Refused(came, f"this scorer reads format {FORMAT}", "use the scorer that lies beside it, or export again")
    with np.load(home / WEIGHTS, allow_pickle=False) as arrays:
        return Scorer(plan, dict(arrays))


def proved(folder: Path) -> dict[str, Any]:
    """The proof that lies in a folder, once it holds for the files beside it.

    Raises:
        Refused: it is missing or unreadable, it speaks of other files, or not in their favour.
    """
    file = folder / PROOF
    if not file.is_file():
        raise Refused(f"{file} is not there", "an exported model is used only with the proof of its parity", AGAIN)
    try:
        proof: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
        digests = dict(proof["sha256"]["files"])
        flipped, apart, allowed = (float(proof[name]) for name in ("flipped", "largest_difference", "allowed"))
        names = [str(proof["model"]), *digests]
    except (ValueError, KeyError, TypeError, RecursionError) as fault:
        raise Refused(f"{file} is no proof ({fault!r:.100})", "it is JSON as the export wrote it", AGAIN) from fault
    for name in names:
        if Path(name).is_absolute() or ".." in Path(name).parts or digests.get(name) != _digest(folder / name):
            raise Refused(f"{folder / name} is not the file that was proved", "its SHA-256 must be the proof's", AGAIN)
    if flipped or not apart <= allowed:
        came = f"{file} with {flipped:g} flipped verdicts, and scores that differ by up to {apart:g}"
        raise Refused(came, f"no verdict may flip, and scores may differ by {allowed:g}", AGAIN)
    return proof


def _digest(file: Path) -> str:
    """SHA-256 of a file; nothing where there is none."""
    return hashlib.sha256(file.read_bytes()).hexdigest() if file.is_file() else ""


class Scorer:
    r"""The anomaly score of one row.

    .. math:: s(x) = \frac1M \sum_m (a_0 t_{m0} + a_1 t_{m1}) - c

    t are what is lost and what crosses for each of M networks, a and c make one score of them.

    Args:
        plan: Of the score: its columns, its terms, its threshold, its networks.
        arrays: Their weights, and all that was learnt about normal rows.
    """

    def __init__(self, plan: Mapping[str, Any], arrays: Arrays) -> None:
        self.columns, self.threshold = tuple(plan["columns"]), float(plan["threshold"])
        self.calibration, self.constant = arrays["calibration"], float(plan["constant"])
        self.center, self.scale = arrays["center"], arrays["scale"]
        room = _room(plan, arrays)  # of the last layer before the row, where the last product takes both
        self.moved, whole = np.zeros_like(self.center), _followed_by_one(room + len(self.center))
        self.x, self.shape = whole[room:-1], self.center.shape
        weights = [float(weight) for weight in plan["weights"]]
        self.costs = []
        for lead in (f"{number}." for number in range(int(plan["networks"]))):
            own = {name.removeprefix(lead): array for name, array in arrays.items() if name.startswith(lead)}
            self.costs.append(_Network(plan, own, whole, room, weights).cost)

    def __call__(self, row: ArrayLike) -> float:
        """The anomaly score of a row of D numbers.

        Raises:
            Refused: it has another width, or a cell that is missing, infinite or beyond float32.
        """
        cells = np.asarray(row)
        if cells.shape != self.shape:
            raise Refused(f"a row of shape {cells.shape}", f"it has {len(self.center)} columns", "give one row, (D,)")
        try:
            np.subtract(cells, self.center, self.moved)
        except TypeError as fault:
            raise Refused(f"a row of {cells.dtype}", f"it holds numbers ({fault})", "convert it") from fault
        if not self.moved.dot(self.moved) < LARGEST:  # one pass; where it fails a slower one looks closer
            self._check(cells)
        np.divide(self.moved, self.scale, self.x)
        score = sum([cost() for cost in self.costs]) / len(self.costs) - self.constant
        if not math.isfinite(score):
            raise Refused("a row far beyond the others", "float32 holds no score of it", "see to its largest cell")
        return score

    def p_value(self, score: float) -> float:
        """The share of calibration rows that score as high, the row itself included."""
        n = len(self.calibration)
        return float(1 + n - np.searchsorted(self.calibration, score)) / (n + 1)

    def _check(self, cells: NDArray[Any]) -> None:
        """Refuse cells that no score can be made of."""
        wrong = np.flatnonzero(~(np.abs(cells) < LARGEST))
        if len(wrong):
            came = f"cell {self.columns[wrong[0]]!r} holds {cells[wrong[0]]}"
            raise Refused(came, "a row has finite numbers, which float32 holds", "fill the cell, or leave the row out")


class _Network:
    """One network over the row that stands in `whole` behind so much room, and the price of what it answers."""

    def __init__(
        self, plan: Mapping[str, Any], arrays: Arrays, whole: NDArray[Any], room: int, weights: list[float]
    ) -> None:
        below, x, self.steps = whole[room:], whole[room:-1], list[Any]()
        depth, at_code = int(plan["depth"]), int(plan["code"])
        code = out = x
        for number in range(depth):
            matrix = arrays[f"layer{number}"]
            feeds_last = room and number == depth - 2
            after = whole if feeds_last else _followed_by_one(len(matrix))
            out = after[: len(matrix)]
            is_last = number in (at_code, depth - 1)
            self.steps.append((matrix.dot, below, out, None if is_last else _activation(plan["activation"], out)))
            below, code = after, out if number == at_code else code
        kind, self.weights = plan["score"], weights
        self.lost = _lost(kind, arrays, x, out)
        self.crossed = _crossed(kind, arrays, code)

    def cost(self) -> float:
        """The weighted sum of what is lost and what crosses."""
        for product, below, out, activate in self.steps:
            product(below, out)
            if activate is not None:
                activate()
        cost = 0.0 if self.lost is None else self.weights[0] * self.lost()
        return cost if self.crossed is None else cost + self.weights[1] * self.crossed()


def _lost(kind: str, arrays: Arrays, x: NDArray[Any], mean: NDArray[Any]) -> Callable[[], float] | None:
    """What prices the difference of the row and what came out for it; None where the score does not look at that."""
    if kind == "distortion":
        return partial(_squared, mean, 0.5 * math.log(2 * math.pi) * len(x))
    if kind in ("fusion", "mahalanobis"):
        priced = _Whitened(arrays, "lost")
        return partial(priced.heavy if kind == "fusion" else priced.square, x, mean)
    return None


def _squared(apart: NDArray[Any], constant: float) -> float:
    """Half the squared length of the difference that the last product gives, with the constant of a normal density."""
    return 0.5 * float(apart.dot(apart)) + constant


def _crossed(kind: str, arrays: Arrays, code: NDArray[Any]) -> Callable[[], float] | None:
    """What prices the code; None where the score does not look at it."""
    if kind == "density":
        return partial(_Whitened(arrays, "crossed").square, code, np.zeros_like(code))
    if kind in ("fusion", "latent"):
        return _Nearest(arrays["codes"], code, is_rooted=kind == "fusion")
    return None


class _Whitened:
    """Differences on one scale, w = R (v - m), in float64."""

    def __init__(self, arrays: Arrays, name: str) -> None:
        self.root, self.offset = arrays[f"{name}.root"], arrays[f"{name}.offset"]
        self.apart, self.white = np.zeros(len(self.offset)), np.zeros(len(self.offset))
        self.ones = np.ones(len(self.offset))

    def square(self, v: NDArray[Any], other: NDArray[Any]) -> float:
        """Half the squared length of w, where v - other is whitened."""
        white = self._white(v, other)
        return 0.5 * float(white.dot(white))

    def heavy(self, v: NDArray[Any], other: NDArray[Any]) -> float:
        """The root of the sum of ln(1 + w^2)."""
        white = self._white(v, other)
        np.multiply(white, white, white)
        np.log1p(white, white)
        return math.sqrt(white.dot(self.ones))

    def _white(self, v: NDArray[Any], other: NDArray[Any]) -> NDArray[Any]:
        np.subtract(v, other, self.apart)  # in float32, as the detector does, and then in float64
        if self.root.ndim == 1:
            np.multiply(self.apart, self.root, self.white)
        else:
            self.root.dot(self.apart, self.white)
        np.subtract(self.white, self.offset, self.white)
        return self.white


class _Nearest:
    """How far a code lies from the nearest of those kept: a product in float32 says which come into question."""

    def __init__(self, codes: NDArray[np.float64], code: NDArray[np.float32], is_rooted: bool) -> None:
        self.code, self.is_rooted, self.middle = code, is_rooted, codes.mean(axis=0)
        self.codes = codes - self.middle
        halves = 0.5 * (self.codes * self.codes).sum(axis=1)
        self.table = np.ascontiguousarray(np.column_stack([-self.codes, halves]), dtype=np.float32)
        self.reach = math.sqrt(2 * float(halves.max()))
        self.costs, self.z, self.apart = np.zeros(len(codes), np.float32), np.zeros(len(code)), np.zeros(len(code))
        self.entry = _followed_by_one(len(code))

    def __call__(self) -> float:
        """Its distance, or the root of that."""
        z, costs, apart = self.z, self.costs, self.apart
        np.subtract(self.code, self.middle, z)
        self.entry[:-1] = z
        self.table.dot(self.entry, costs)
        length = math.sqrt(z.dot(z))
        off = (len(z) + 8) * ROUNDING * self.reach * (length + self.reach)
        near = (costs <= np.minimum.reduce(costs) + 2 * off).nonzero()[0]
        squares = [np.subtract(self.codes[place], z, apart).dot(apart) for place in near]
        distance = math.sqrt(min(squares, default=math.nan))
        return math.sqrt(distance) if self.is_rooted else distance


def _activation(name: str, h: NDArray[np.float32]) -> Callable[[], object] | None:
    """The activation in place, as one or a few calls."""
    zeros, ones, spare = np.zeros_like(h), np.ones_like(h), np.zeros_like(h)
    if name == "relu":
        return partial(np.maximum, h, zeros, out=h)
    if name == "tanh":
        return partial(np.tanh, h, h)
    if name == "leaky-relu":
        slope = np.full_like(h, 0.01)
        return lambda: np.maximum(h, np.multiply(h, slope, spare), out=h)
    if name == "sigmoid":
        return lambda: np.divide(ones, np.add(np.exp(np.negative(h, h), h), ones, h), h)
    return None


def _room(plan: Mapping[str, Any], arrays: Arrays) -> int:
    """Numbers of the last layer but one, where the last product takes the row beside them; else 0."""
    if plan["score"] != "distortion" or int(plan["depth"]) < 2:
        return 0
    return len(arrays[f"0.layer{int(plan['depth']) - 2}"])


def _followed_by_one(n: int) -> NDArray[np.float32]:
    """Room for n numbers, and the 1 that biases are multiplied with."""
    room = np.zeros(n + 1, np.float32)
    room[n] = 1.0
    return room
