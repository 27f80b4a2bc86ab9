"""How fast is the core: against PyOD's AutoEncoder, and against what this machine can do at all?

Rows are made up (`_rows.py`), since speed does not depend on what they say; quality is compared where it is traded
for speed. Flops are the necessary ones: two per weight and row forward, four backward, none for the gradient of x.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import torch
from _rows import rows
from _training import epoch_of
from numpy.typing import NDArray
from sklearn.metrics import average_precision_score
from torch.utils.data import DataLoader, TensorDataset

import isthmus
from isthmus.bench.answers import Absent, Figure
from isthmus.bench.machine import COPIED, PEAK_WORK, limits, one_core, product
from isthmus.bench.question import Desk, Question
from isthmus.bench.timing import QUIET, latency, median_interval, seconds_of
from isthmus.data.resident import Resident
from isthmus.metrics.intervals import Interval
from isthmus.training.devices import has_bfloat16_units

ROOT = Path(__file__).resolve().parents[1]
QUESTION = Question("core_speed", "How fast is the core, against PyOD and against the machine's own limit?", ROOT)
QUESTION.peer("pyod", "pyod==3.6.7", "tqdm")

N, COLUMNS = 1_000_000, 30
PEER_ROWS = 100_000  # that PyOD trains on and scores in a turn: its time per row does not depend on their number
WIDTHS = dict(hidden_dims=(64,), latent_dim=16)  # the five widths of PyOD's hidden layers [64, 16]
MACS = [a * b for a, b in pairwise((COLUMNS, 64, 16, 64, COLUMNS))]
FLOPS = {"training": 2.0 * (3 * sum(MACS) - MACS[0]), "scoring": 2.0 * sum(MACS)}


@cache
def million() -> NDArray[np.float32]:
    """A million rows of thirty columns."""
    return rows(N, COLUMNS, seed=0)[0]


@cache
def fitted() -> Any:
    """A model to score with."""
    return isthmus.Autoencoder(**WIDTHS, batch_size=1024, epochs=1, random_state=0).fit(million()[:PEER_ROWS])


def stored(name: str, x: NDArray[Any]) -> str:
    """A file that holds rows, for a peer to read."""
    file = QUESTION.home / ".cache" / "rows" / f"{name}.npy"
    file.parent.mkdir(parents=True, exist_ok=True)
    np.save(file, x)
    return str(file)


def trainer(batch_size: int, **options: Any) -> Callable[[], None]:
    """One epoch of the loop over the million rows."""
    model = isthmus.Autoencoder(**WIDTHS, batch_size=batch_size, epochs=1, random_state=0, **options)
    return epoch_of(model, million())


def scorer() -> Callable[[], object]:
    """The scores of the million rows."""
    return lambda: fitted().anomaly_score(million())


def beside_pyod(desk: Desk, verb: str, **ours: Callable[[], object]) -> Figure:
    """How many times as many rows a second our `verb` takes as PyOD's, which is told 1024 rows in a batch as well."""
    peer = desk.peers["pyod"]
    n = peer.ask("load", file=stored("million", million()[:PEER_ROWS]), batch_size=1024)
    times = desk.interleave({**ours, "pyod": lambda: peer.ask(verb)})
    rates = {name: rate(times.time(name), n if name == "pyod" else N) for name in times.seconds}
    note = f"PyOD took {n} rows in a turn and ours {N}, compared per row"
    return Figure(times_n(times.ratio("pyod", verb), N / n), note=note, is_noisy=times.is_noisy, beside=rates)


def against_limit(desk: Desk, verb: str, ours: Callable[[], object], dtype: torch.dtype = torch.float32) -> Figure:
    """How many times as long ours takes as its necessary flops at the speed of the machine's own product."""
    times = desk.interleave({verb: ours, "product": product(dtype)})
    limit = PEAK_WORK / (FLOPS[verb] * N)  # of our turn that is worth one product
    peak = PEAK_WORK / times.time("product").value / 1e9
    beside = {"rows/s": rate(times.time(verb), N), "peak GFLOP/s": round(peak, 1)}
    return Figure(times_n(times.ratio(verb, "product"), limit), is_noisy=times.is_noisy, beside=beside)


def rate(seconds: Interval, n: int) -> int:
    """Rows a second."""
    return round(n / seconds.value)


def times_n(interval: Interval, factor: float) -> Interval:
    """An interval in another unit."""
    return Interval(*(factor * end for end in interval))


@QUESTION.line("training, batch 1024, 1 000 000 x 30: rows/s over PyOD's", at_least=6.0, stretch=10.0)
def training(desk: Desk) -> Figure:
    """One epoch each, without preparation on either side; our whole fit of one epoch is shown beside it."""
    whole = isthmus.Autoencoder(**WIDTHS, batch_size=1024, epochs=1, random_state=0)
    return beside_pyod(desk, "train", train=trainer(1024), whole_fit=lambda: whole.fit(million()))


@QUESTION.line("default against default, 100 000 x 50: PyOD's time of fit over ours", at_least=15.0)
def defaults(desk: Desk) -> Figure:
    """Both as they come; held out are as many rows again. It counts only where we detect as well or better."""
    found = [desk.cache.get(partial(duel, desk, seed), method="duel", seed=seed) for seed in desk.seeds]
    ratios = [one["seconds"]["pyod"] / one["seconds"]["ours"] for one in found]
    gains = [one["precision"]["ours"] - one["precision"]["pyod"] for one in found]
    ratio = Interval(float(np.median(ratios)), min(ratios), max(ratios))
    note = f"the ends are the extremes of {len(found)} seeds; 0.5 % of all rows are anomalies"
    noisy = max(one["others"] for one in found) > QUIET
    return Figure(ratio, holds=min(gains) >= 0, note=note, is_noisy=noisy, beside={"seeds": found})


def duel(desk: Desk, seed: int) -> dict[str, Any]:
    """Seconds of fit and held-out average precision of both, one after the other."""
    x, is_anomaly = rows(200_000, 50, seed, anomalies=0.005)
    half = len(x) // 2
    files = {"train": stored("train", x[:half]), "test": stored("test", x[half:]), "scores": stored("scores", x[:0])}
    peer = desk.peers["pyod"]
    peer.start()
    before = desk.load.read()
    theirs = peer.ask("fit", seed=seed, **files)
    model = isthmus.Autoencoder(random_state=seed)
    ours = seconds_of(lambda: model.fit(x[:half]).anomaly_score(x[:half]))  # PyOD's fit scores its rows as well
    others = desk.load.read().others_since(before)
    scores = {"ours": model.anomaly_score(x[half:]), "pyod": np.load(files["scores"])}
    precision = {name: float(average_precision_score(is_anomaly[half:], score)) for name, score in scores.items()}
    return {"seed": seed, "seconds": {"ours": ours, "pyod": theirs}, "precision": precision, "others": others}


@QUESTION.line("scoring 1 000 000 x 30: rows/s over PyOD's decision_function", at_least=35.0)
def scoring(desk: Desk) -> Figure:
    """All rows through each one's own verb, checks and scaling included."""
    return beside_pyod(desk, "score", score=scorer())


@QUESTION.line("training, batch 8192: time over the float32 limit", at_most=3.2)
def training_limit(desk: Desk) -> Figure:
    """One epoch of the loop."""
    return against_limit(desk, "training", trainer(8192))


@QUESTION.line("scoring: time over the float32 limit", at_most=2.6)
def scoring_limit(desk: Desk) -> Figure:
    """The verb, checks and scaling included."""
    return against_limit(desk, "scoring", scorer())


@QUESTION.line("training in bfloat16, batch 8192: time over the bfloat16 limit")
def training_limit_low(desk: Desk) -> Figure | Absent:
    """For processors with units for it."""
    if not has_bfloat16_units():
        return Absent("not applicable: this processor has no bfloat16 matrix units")
    return against_limit(desk, "training", trainer(8192, precision="bfloat16"), torch.bfloat16)


@QUESTION.line("encode and decode one row of 50 columns, latent 8: median", at_most=1.0, unit="ms")
def one_row(desk: Desk) -> Figure:
    """One core, both verbs, from array to array."""
    x = rows(2000, 50, seed=0)[0]
    return there_and_back(desk, isthmus.Autoencoder(latent_dim=8, epochs=1, random_state=0).fit(x), x[:1])


@QUESTION.line("encode and decode one image of 28x28, convolutional, latent 32: median", at_most=1.0, unit="ms")
def one_image(desk: Desk) -> Figure:
    """One core, both verbs, from array to array."""
    x = np.random.default_rng(0).random((256, 28, 28, 1), dtype=np.float32)
    model = isthmus.Autoencoder(architecture="conv", latent_dim=32, epochs=1, random_state=0)
    return there_and_back(desk, model.fit(x), x[:1])


def there_and_back(desk: Desk, model: Any, x: NDArray[Any]) -> Figure:
    """Milliseconds of transform and inverse_transform for these rows."""
    with one_core():
        times = latency(lambda: model.inverse_transform(model.transform(x)), desk.load)
    slow = {"99th percentile": round(1e3 * times.time("p99").value, 3)}
    return Figure(times_n(times.time("p50"), 1e3), is_noisy=times.is_noisy, beside=slow)


@QUESTION.line("data path, 1 000 000 x 30, batch 1024: rows/s over torch's DataLoader", at_least=20.0)
def data_path(desk: Desk) -> Figure:
    """One shuffled epoch of batches that nobody uses."""
    x = torch.from_numpy(million())
    resident, loader = Resident(x, batch_size=1024, seed=0), DataLoader(TensorDataset(x), batch_size=1024, shuffle=True)
    times = desk.interleave({"resident": lambda: exhaust(resident.epoch(0)), "loader": lambda: exhaust(loader)})
    rates = {name: rate(times.time(name), N) for name in times.seconds}
    return Figure(times.ratio("loader", "resident"), is_noisy=times.is_noisy, beside=rates)


def exhaust(batches: Any) -> None:
    """Ask for every batch."""
    for _ in batches:
        pass


@QUESTION.line("the machine: float32 product on all threads", unit="GFLOP/s")
def peaks(desk: Desk) -> Figure:
    """What all limits are made of."""
    times = limits(desk.load, desk.seconds)
    speeds = {name: PEAK_WORK / times.time(name).value / 1e9 for name in times.seconds if name != "copy"}
    speeds["copy GB/s"] = 2 * COPIED / times.time("copy").value / 1e9
    best = f"float32 product, {torch.get_num_threads()} threads"
    interval = median_interval(PEAK_WORK / times.seconds[best] / 1e9)
    return Figure(interval, is_noisy=times.is_noisy, beside={name: round(speed, 1) for name, speed in speeds.items()})


if __name__ == "__main__":
    raise SystemExit(QUESTION.main())
