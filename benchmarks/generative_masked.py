"""What does hiding most of each row teach?

Images: MNIST without labels to learn from, 1 % of the labels to fine-tune with; beside it the same network from first
weights, and a linear probe. The encoder's work at three quarters hidden beside all of it. Tables: cells of Adult
hidden and filled, beside imputers of scikit-learn.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from _adult import FILE, IMPUTERS, by_imputer, by_masking, gaps, judged
from _mnist import drawn, part, with_mnist
from sklearn.linear_model import LogisticRegression
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

import isthmus
from isthmus.bench.answers import Absent, Figure
from isthmus.bench.question import Desk, Question
from isthmus.metrics.intervals import Interval

ROOT = Path(__file__).resolve().parents[1]
QUESTION = Question("generative_masked", "What does hiding most of each row teach?", ROOT)

SIZES = (  # from so many seconds: images, epochs, epochs with labels, labelled images, test images
    (10_000.0, 60_000, 20, 20, 600, 10_000),
    (300.0, 10_000, 12, 20, 600, 2000),
    (0.0, 500, 2, 4, 100, 500),
)
SHAPE = {"hidden_dims": (64,) * 4, "batch_size": 16, "learning_rate": 1e-3, "device": "cpu"}
TABLE_EPOCHS = ((120.0, 60), (0.0, 15))  # from so many seconds
BLOCK, SIDE = 256, 28  # images whose encoding is timed


def sized(seconds: float) -> tuple[int, int, int, int, int]:
    """Images, epochs, epochs with labels, labelled images and test images that fit into so many seconds."""
    return next(rest for least, *rest in SIZES if seconds >= least)  # type: ignore[return-value]


def images(x: Any) -> Any:
    """Rows of 784 numbers as images of one channel."""
    return x.reshape(-1, SIDE, SIDE, 1)


def spread(values: list[float]) -> Interval:
    """The mean of a few seeds between the least and the greatest."""
    return Interval(sum(values) / len(values), min(values), max(values))


def tuned(seed: int, rows: int, epochs: int, tuning: int, labels: int, tested: int) -> dict[str, float]:
    """Accuracies with 1 % of the labels: fine-tuned, from first weights, and a linear probe."""
    unlabelled, labelled, test = drawn(rows, seed), drawn(labels, seed + 100), part("test")
    options = {**SHAPE, "epochs": epochs, "random_state": seed}
    model = isthmus.MaskedAutoencoder(**options).fit(images(unlabelled.x))
    fresh = isthmus.MaskedAutoencoder(**{**options, "epochs": 1, "learning_rate": 1e-12}).fit(images(unlabelled.x[:64]))
    told = {"epochs": tuning, "learning_rate": 1e-3, "normalize": True, "random_state": seed}
    ways = {
        "fine-tuned": (model, told),
        "from first weights": (fresh, told),
        "linear probe": (model, {**told, "epochs": 3 * tuning, "learning_rate": 1e-2, "train_encoder": False}),
    }
    x, y = images(test.x[:tested]), test.y[:tested]
    return {name: by.finetune(images(labelled.x), labelled.y, **how).score(x, y) for name, (by, how) in ways.items()}


def of_pixels(seed: int, labels: int, tested: int) -> float:
    """Accuracy of a logistic regression of the pixels from the same labels."""
    labelled, test = drawn(labels, seed + 100), part("test")
    plain = LogisticRegression(max_iter=300).fit(labelled.x, labelled.y)
    return float(plain.score(test.x[:tested], test.y[:tested]))


@QUESTION.line("MNIST, 1 % of the labels: accuracy gained over first weights", at_least=0.0, unit="")
@with_mnist
def gained(desk: Desk) -> Figure:
    """Fine-tuned minus the same network from first weights; the probe and a regression of pixels stand beside."""
    size = rows, epochs, tuning, labels, tested = sized(desk.seconds)
    seeds = desk.seeds if labels > SIZES[-1][4] else desk.seeds[:1]
    found = [desk.cache.get(lambda seed=seed: tuned(seed, *size), what="tuned", seed=seed, rows=rows) for seed in seeds]
    beside = {name: round(sum(each[name] for each in found) / len(found), 4) for name in found[0]}
    pixels = [of_pixels(seed, labels, tested) for seed in seeds]
    beside["logistic regression of pixels"] = round(sum(pixels) / len(pixels), 4)
    gains = [each["fine-tuned"] - each["from first weights"] for each in found]
    note = f"{rows} images, {epochs} epochs, {labels} labels for {tuning}, {len(seeds)} seeds"
    return Figure(spread(gains), note=note, beside=beside)


@QUESTION.line("encoder at 75 % hidden: time over that of the whole image", at_most=0.5)
def cheaper(desk: Desk) -> Figure:
    """Time of encoding the visible patches over that of all; multiply-adds stand beside."""
    x = torch.rand(BLOCK, 1, SIDE, SIDE, generator=torch.Generator().manual_seed(0))
    model = isthmus.MaskedAutoencoder(epochs=1, batch_size=64, device="cpu").fit(images(x[:64].numpy()))
    encoder, masks = model.network_.encoder, model.network_.masks
    kept = (~masks[:1]).nonzero()[:, 1].expand(BLOCK, -1)

    def work(*places: Any) -> float:
        with FlopCounterMode(display=False) as counter, sdpa_kernel(SDPBackend.MATH):
            encoder(x, *places)
        return counter.get_total_flops() / 2 / BLOCK

    with torch.no_grad():
        whole, visible = work(), work(kept)
        times = desk.interleave({"visible": lambda: encoder(x, kept), "whole": lambda: encoder(x)})
    products = {"multiply-adds, visible": visible, "multiply-adds, whole": whole}
    beside = {**products, "their ratio": round(visible / whole, 4)}
    return Figure(times.ratio("visible", "whole"), is_noisy=times.is_noisy, beside=beside)


@QUESTION.line("Adult, 30 % of the cells hidden: error of numbers over that of iterated regressions", at_most=1.0)
def filled(desk: Desk) -> Figure | Absent:
    """Error of the masked autoencoder over that of the strongest usual imputer; names and rivals stand beside."""
    if not FILE.is_file():
        return Absent("Adult is not at hand: ISTHMUS_DATA names the folder that holds tabular/", is_due=True)
    epochs = next(epochs for least, epochs in TABLE_EPOCHS if desk.seconds >= least)
    seeds = desk.seeds if epochs > TABLE_EPOCHS[-1][1] else desk.seeds[:1]
    ratios, beside = [], dict[str, float]()
    for seed in seeds:
        found = gaps(seed)
        answers = {"masked": judged(found, by_masking(found, seed, epochs))}
        answers |= {name: judged(found, by_imputer(found, make())) for name, make in IMPUTERS.items()}
        ratios.append(answers["masked"]["error of numbers"] / answers["iterated regressions"]["error of numbers"])
        for name, answer in answers.items():
            for what, value in answer.items():
                beside[f"{name}: {what}"] = round(beside.get(f"{name}: {what}", 0.0) + value / len(seeds), 4)
    return Figure(spread(ratios), note=f"{epochs} epochs, {len(seeds)} seeds", beside=beside)


if __name__ == "__main__":
    raise SystemExit(QUESTION.main())
