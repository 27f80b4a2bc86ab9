"""Parameters outside their domain, unknown names, verbs that a model does not have."""

from __future__ import annotations

from typing import Any

import numpy as np

import isthmus
from isthmus.errors import AbilityError, LatentTooWideError, ParameterError, UnknownNameError
from tests.bad_input.case import IMAGES, ROWS, Case, fit, fitted, model


def number(name: str, value: Any, allowed: str, fix: str) -> Case:
    """The case of a parameter whose value is not in its domain."""
    return Case(f"{name}={value!r}", fit(ROWS, **{name: value}), ParameterError, f"{name}={value!r}", allowed, fix)


def misspelt(name: str, value: Any, nearest: str) -> Case:
    """The case of a name that nothing has, and the one that was meant."""
    call = fit(ROWS, **{name: value})
    return Case(
        f"{name}={value!r}", call, UnknownNameError, f"{name}={value!r}", "known are", f"did you mean {nearest!r}"
    )


def denoise(**params: Any) -> Any:
    """The call that fits a denoising autoencoder."""
    return lambda folder: isthmus.DenoisingAutoencoder(epochs=1, latent_dim=2, **params).fit(ROWS)


DOMAINS = [
    number("latent_dim", 0, "a whole number >= 1", "latent_dim='auto'"),
    number("latent_dim", 2.5, "a whole number >= 1", "latent_dim='auto'"),
    number("latent_dim", "big", "a whole number >= 1", "latent_dim='auto'"),
    number("epochs", 0, "a whole number >= 1", "epochs='auto'"),
    number("batch_size", -1, "a whole number >= 1", "batch_size='auto'"),
    number("batch_size", True, "a whole number >= 1", "batch_size='auto'"),
    number("learning_rate", 0, "a finite number > 0", "default"),
    number("learning_rate", float("nan"), "a finite number > 0", "default"),
    number("weight_decay", -1, "a finite number >= 0", "default"),
    number("hidden_dims", 8, "a tuple of widths", "hidden_dims=(64, 32)"),
    number("device", "gpu", "this machine has", "device='auto'"),
    Case("a hidden layer of nothing", fit(ROWS, hidden_dims=(8, 0)), ParameterError, "hidden_dims", ">= 1", "auto"),
    Case(
        "a convolution over columns",
        fit(ROWS, architecture="conv"),
        ParameterError,
        "a table of shape (5,)",
        "not neighbours",
        "architecture='mlp'",
    ),
    Case(
        "a held-out share of two",
        lambda folder: model().fit(ROWS, validation=2),
        ParameterError,
        "validation=2",
        "between 0 and 1",
        "validation=0.1",
    ),
    Case("noise below zero", denoise(amount=-1), ParameterError, "amount=-1", "0 or more", "amount=0.2"),
    Case(
        "all cells masked",
        denoise(corruption="masking", amount=1.5),
        ParameterError,
        "amount=1.5",
        "in [0, 1)",
        "amount=0.2",
    ),
    Case(
        "a mixed likelihood for images",
        fit(IMAGES, likelihood="mixed"),
        ParameterError,
        "likelihood='mixed' for data of kind 'image'",
        "columns of a table",
        "likelihood='gaussian'",
    ),
]

WIDTHS = [
    Case(
        f"a code of {width} for 5 columns",
        fit(ROWS, latent_dim=width),
        LatentTooWideError,
        f"latent_dim={width}, but the data has n_features=5",
        "could copy its input",
        "latent_dim <= 4",
    )
    for width in (5, 64)
]

NAMES = [
    misspelt("likelihood", "gausian", "gaussian"),
    misspelt("activation", "rel", "relu"),
    misspelt("architecture", "mpl", "mlp"),
    misspelt("scaling", "standart", "standard"),
    misspelt("precision", "bfloat", "bfloat16"),
    Case("no likelihood", fit(ROWS, likelihood=None), UnknownNameError, "likelihood=None", "'gaussian'", "those"),
    Case(
        "a corruption",
        denoise(corruption="gausian"),
        UnknownNameError,
        "corruption='gausian'",
        "known are 'blocks', 'gaussian'",
        "did you mean 'gaussian'",
    ),
    Case("scaling of images", fit(IMAGES, scaling="robust"), UnknownNameError, "scaling='robust'", "'unit'", "those"),
]

VERBS = [
    Case(
        "sampling without a prior",
        lambda folder: fitted("rows").sample(3),
        AbilityError,
        "Autoencoder.sample()",
        "its code has no prior to draw from: call fit_prior(X, 'mixture'), or use a VAE",
        "verbs it has: fit",
    ),
    Case(
        "filling without ever having seen a gap",
        lambda folder: fitted("rows").fill(ROWS, np.ones_like(ROWS)),
        AbilityError,
        "Autoencoder.fill()",
        "it never saw a missing cell: fit on rows with gaps",
        "verbs it has: fit",
    ),
]

CASES = DOMAINS + WIDTHS + NAMES + VERBS
