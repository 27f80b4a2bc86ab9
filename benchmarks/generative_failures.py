"""Is each way in which a generative member fails named by the doctor, and gone after the call that he names?

Scikit-learn's digits, or photographs, where a pattern or details are at stake. A line is the share of seeds whose
failure is named and then gone. Beside it stand the figures that the check looked at, before and after, and the call
itself. How often the doctor names what is not there is asked by `benchmarks/doctor.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from sklearn.base import clone
from sklearn.datasets import load_digits

import isthmus
from isthmus.bench.answers import Figure
from isthmus.bench.question import Desk, Question
from isthmus.data import photographs
from isthmus.metrics.intervals import wilson_interval

ROOT = Path(__file__).resolve().parents[1]
ABOUT = "Is each way in which a generative member fails named, and gone after the remedy?"
QUESTION = Question("generative_failures", ABOUT, ROOT)
ROWS, PHOTOGRAPHS, EPOCHS = 1200, 600, 20


def digits(seed: int) -> Any:
    """Grey digits in [0, 1], (n, 8, 8, 1), in an order of the seed's own."""
    order = np.random.default_rng(seed).permutation(1797)[:ROWS]
    return (load_digits().images[order] / 16).astype(np.float32)[..., None]


def faint(seed: int) -> Any:
    """The same digits at a fifth of their light, beside which a variance of 1 is far too large."""
    return digits(seed) / 5


def patches(seed: int) -> Any:
    """Pieces of photographs, (n, 16, 16, 3)."""
    return photographs.patches(PHOTOGRAPHS, seed, size=16).X


class Failure(NamedTuple):
    """A way to fail.

    Args:
        check: The doctor's name of it.
        model: What fails.
        images: What it fails on, given the seed.
        prior: A prior fitted on its codes afterwards, if that is what fails.
    """

    check: str
    model: Any
    images: Callable[[int], Any] = digits
    prior: str | None = None


FEW = 3  # numbers in a code whose gaps are looked for: in codes of many all distances are alike
USUAL = {"latent_dim": 16, "epochs": EPOCHS, "batch_size": 64, "architecture": "mlp"}
FAILURES = {
    "posterior collapse, a variance far too large": Failure(
        "rate-collapsed", isthmus.VAE(likelihood="gaussian", **USUAL), faint
    ),
    "wrong weight of the KL, a hundred": Failure("rate-collapsed", isthmus.BetaVAE(beta=100.0, **USUAL)),
    "wrong weight of the KL, a thousandth": Failure(
        "holes", isthmus.BetaVAE(beta=0.001, **{**USUAL, "latent_dim": FEW})
    ),
    "dead codes, none begins anew": Failure(
        "dead-codes", isthmus.VQVAE(quantizer="vq", codes=64, latent_dim=8, restarts=False, epochs=4, batch_size=8)
    ),
    "holes between codes, one normal over all digits": Failure(
        "holes", isthmus.Autoencoder(**{**USUAL, "latent_dim": FEW}), prior="normal"
    ),
    "checkerboards, transposed convolutions": Failure(
        "checkerboard",
        isthmus.Autoencoder(
            architecture=isthmus.Convolutional(upsampling="transposed"), hidden_dims=(16, 32), latent_dim=24, epochs=2
        ),
        patches,
    ),
    "blur, squared errors": Failure("blur", isthmus.Autoencoder(**{**USUAL, "latent_dim": 4}), patches),
}


def treated(name: str, seed: int) -> dict[str, Any]:
    """Whether the failure was named and is gone, with the check's figures of both and the call between."""
    check, model, images, prior = FAILURES[name]
    X = images(seed)
    model = clone(model).set_params(random_state=seed).fit(X)  # a remedy changes what it is called on
    if prior:
        model.fit_prior(X, prior)
    before = model.diagnose(X).answers[check]
    remedy = getattr(before, "remedy", None)
    found = {"named": remedy is not None, "cured": False, "before": figures(before), "remedy": remedy}
    if remedy is None:
        return found
    mended = eval(remedy, {"model": model, "X": X, "isthmus": isthmus})  # noqa: S307 -- a doctor's word
    after = mended.diagnose(X)
    return found | {"cured": check not in after.findings, "after": figures(after.answers[check])}


def figures(answer: Any) -> dict[str, float]:
    """What a check measured, to three figures."""
    return {name: float(f"{value:.3g}") for name, value in getattr(answer, "figures", {}).items()}


def measured(desk: Desk, name: str) -> Figure:
    """How often the doctor's word holds for one failure."""
    found = [desk.cache.get(partial(treated, name, seed), failure=name, seed=seed) for seed in desk.seeds]
    right = sum(one["named"] and one["cured"] for one in found)
    beside = {f"seed {seed}": one for seed, one in zip(desk.seeds, found, strict=True)}
    return Figure(wilson_interval(right, len(found)), note=f"{FAILURES[name].check}; {len(found)} seeds", beside=beside)


for name in FAILURES:
    ask = partial(measured, name=name)
    QUESTION.line(f"{name}: named, and gone after the remedy", at_least=0.9, unit="of the fits")(ask)


if __name__ == "__main__":
    raise SystemExit(QUESTION.main())
