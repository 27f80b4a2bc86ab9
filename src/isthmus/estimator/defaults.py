"""Every "auto", derived from the data in one place; and every parameter's domain, checked in one place."""

from __future__ import annotations

import math
from typing import Any

from sklearn.utils import check_random_state

from isthmus.core.settings import Settings
from isthmus.core.spec import Spec
from isthmus.errors import InputError, LatentTooWideError, ParameterError, UnknownNameError
from isthmus.parts.backbones.choose import ARCHITECTURES, Architecture, architecture, default_hidden_dims
from isthmus.parts.compose import with_places
from isthmus.training.devices import has_bfloat16_units, resolve_device

UPDATES = 2000  # steps that a fit with epochs="auto" takes at least, within EPOCHS
EPOCHS = (10, 200)
BATCHES = (32, 512)
DERIVED = ("latent_dim", "hidden_dims", "epochs", "batch_size")  # whole numbers that may be left "auto"
WIDE = 256  # hidden units from which bfloat16 products pay, where the processor has units for them


def derive(asked: Any, spec: Spec, rows: int, rank: int = 1) -> Settings:
    """The settings of one fit: what the caller gave, and for every "auto" what the data suggests.

    Args:
        asked: An estimator, whose parameters are read.
        spec: What its training rows are.
        rows: How many there are.
        rank: How wide a code they are worth at least.

    Raises:
        ParameterError: a parameter outside its domain; the message says the domain.
    """
    usual = asked.usual(spec)
    backbone = _backbone(asked, spec, usual)
    hidden_dims = _hidden_dims(asked.hidden_dims, usual.get("hidden_dims") or default_hidden_dims(backbone, spec))
    code_shape = backbone.code_shape(spec, hidden_dims)
    batch_size = batch_size_for(asked.batch_size, rows, usual.get("batches", BATCHES))
    if asked.activation not in asked.activations:
        raise UnknownNameError.among("activation", asked.activation, asked.activations)
    device = resolve_device(asked.device)
    return Settings(
        latent_dim=_latent_dim(asked, spec, usual.get("latent_dim", narrow(spec, rank)), code_shape),
        hidden_dims=hidden_dims,
        activation=asked.activation,
        architecture=backbone,
        likelihood=_likelihood(asked, spec, usual),
        epochs=_epochs(asked.epochs, rows, batch_size),
        batch_size=batch_size,
        learning_rate=_learning_rate(asked.learning_rate, batch_size, usual),
        weight_decay=real("weight_decay", asked.weight_decay, zero=True),
        device=device,
        precision=_precision(asked.precision, hidden_dims, device),
        rows=rows,
    )


def _likelihood(asked: Any, spec: Spec, usual: dict[str, Any]) -> str:
    """Asked for, or the member's own, or "gaussian" ("mixed" where columns are no numbers); with a variance if it pays.

    The columns of a table learn theirs, which begin near where they end. The one of an image or series lies far below
    1 and would take thousands of steps, while the rate empties the code: so it is what the residuals say.
    """
    if asked.likelihood != "auto" or "likelihood" in usual:
        return str(usual["likelihood"] if asked.likelihood == "auto" else asked.likelihood)
    name = "gaussian" if all(column.kind in ("numeric", "datetime") for column in spec.columns) else "mixed"
    if not asked.learns_variance:
        return name
    return f"{name}-learned" if spec.kind == "table" else f"{name}-optimal"


def whole(name: str, value: Any, least: int = 1) -> int:
    """A whole number of at least `least`.

    Raises:
        ParameterError: `value` is anything else.
    """
    if isinstance(value, bool) or not hasattr(value, "__index__") or value < least:
        allowed, fix = f"it is a whole number >= {least}", f"use {name}={least}"
        if name in DERIVED:
            allowed, fix = f"{allowed}, or 'auto'", f"use {name}='auto'"
        raise ParameterError(f"{name}={value!r}", allowed, fix)
    return int(value)


def seed_of(random_state: Any) -> int:
    """A whole number from a seed, a generator or nothing, as scikit-learn takes them.

    Raises:
        ParameterError: it is none of these.
    """
    try:
        return int(check_random_state(random_state).randint(2**31 - 1))
    except ValueError as fault:
        allowed = "it is a whole number from 0 to 2**32 - 1, a numpy RandomState, or None"
        raise ParameterError(f"random_state={random_state!r}", allowed, "use random_state=0") from fault


def real(name: str, value: Any, zero: bool = False) -> float:
    """A finite number above 0 (or from 0 on)."""
    number = value if isinstance(value, (int, float)) and not isinstance(value, bool) else math.nan
    if not (math.isfinite(number) and (number > 0 or (zero and number == 0))):
        bound = ">= 0" if zero else "> 0"
        raise ParameterError(f"{name}={value!r}", f"it is a finite number {bound}", f"leave {name} at its default")
    return float(number)


def share(name: str, value: Any) -> float:
    """A number from 0 to 1.

    Raises:
        ParameterError: `value` is anything else.
    """
    if not 0 <= real(name, value, zero=True) <= 1:
        raise ParameterError(f"{name}={value!r}", "it is a share of the run, from 0 to 1", f"use {name}=0.3")
    return float(value)


def _backbone(asked: Any, spec: Spec, usual: dict[str, Any]) -> Architecture:
    """Asked for, or the member's own, or what the kind of data gets."""
    who = type(asked).__name__
    if spec.kind not in asked.kinds:
        allowed = f"{who} takes data of kind {' or '.join(map(repr, asked.kinds))}"
        raise InputError(f"X, a {spec.kind} of shape {spec.shape}", allowed, "use a member made for it: Autoencoder()")
    wanted = usual.get("architecture", "auto") if asked.architecture == "auto" else asked.architecture
    backbone = architecture(wanted, spec)
    if not isinstance(backbone, tuple(ARCHITECTURES[name] for name in asked.backbones)):
        allowed = f"{who} is built of {' or '.join(map(repr, asked.backbones))}"
        raise ParameterError(f"architecture={asked.architecture!r}", allowed, "use architecture='auto'")
    return backbone


def narrow(spec: Spec, rank: int = 1) -> int:
    """1.5 times the root of the features, or their rank where that is more; always fewer than there are to copy.

    Example:
        >>> narrow(Spec("table", (30,))), narrow(Spec("image", (1, 28, 28))), narrow(Spec("table", (2,)))
        (8, 42, 1)
    """
    return max(1, min(spec.width - 1, max(round(1.5 * math.sqrt(spec.width)), rank), 64))


def tokenized(asked: Any, spec: Spec, dim: int) -> dict[str, Any]:
    """What "auto" is for a code of tokens: one at each place, else as many as a plain code has numbers.

    Who asks for a backbone, or for a code of some length, gets a code without places unless the backbone has them.

    Args:
        asked: An estimator, whose parameters are read.
        spec: What its training rows are.
        dim: Numbers in a token.
    """
    flat = {"latent_dim": dim * narrow(spec)}
    return flat | with_places(spec, dim) if asked.architecture == asked.latent_dim == "auto" else flat


def _latent_dim(asked: Any, spec: Spec, usual: int, shape: tuple[int, ...] | None) -> int:
    """Asked for, or what the shape of the code says, or the usual one."""
    if asked.latent_dim == "auto" and shape is None:
        return usual
    latent_dim = whole("latent_dim", asked.latent_dim) if asked.latent_dim != "auto" else math.prod(shape or ())
    if shape is not None and latent_dim != math.prod(shape):
        allowed = f"a code of shape {shape} has {math.prod(shape)} numbers"
        raise ParameterError(
            f"latent_dim={latent_dim} with latent_channels={shape[0]}", allowed, "leave out latent_dim"
        )
    if latent_dim >= spec.width and not asked.may_be_wide():
        narrower = f"latent_dim <= {spec.width - 1}, or " if spec.width > 1 else ""
        raise LatentTooWideError(
            f"latent_dim={latent_dim}, but the data has n_features={spec.width}",
            "so the code could copy its input and learn nothing",
            f"use {narrower}a code made to be wide, such as a denoising or sparse one",
        )
    return latent_dim


def _hidden_dims(asked: Any, usual: tuple[int, ...]) -> tuple[int, ...]:
    """Asked for, or the usual ones."""
    if isinstance(asked, str) and asked == "auto":
        return usual
    if isinstance(asked, str) or not hasattr(asked, "__iter__"):
        raise ParameterError(
            f"hidden_dims={asked!r}", "it is a tuple of widths, the outermost first", "use hidden_dims=(64, 32)"
        )
    return tuple(whole("hidden_dims", width) for width in asked)


def batch_size_for(asked: Any, rows: int, within: tuple[int, int] = BATCHES) -> int:
    """A 64th of the rows, as a power of two within these bounds."""
    if asked != "auto":
        return whole("batch_size", asked)
    low, high = within
    return int(min(max(2 ** round(math.log2(rows / 64)), low), high))


def _epochs(asked: Any, rows: int, batch_size: int) -> int:
    """Enough for `UPDATES` steps, within `EPOCHS`."""
    if asked != "auto":
        return whole("epochs", asked)
    low, high = EPOCHS
    return min(max(math.ceil(UPDATES / math.ceil(rows / batch_size)), low), high)


def _learning_rate(asked: Any, batch_size: int, usual: dict[str, Any]) -> float:
    """1e-3 at 32 rows a step, growing with the root of the batch, to at most 6e-3; or the member's own at 512 rows."""
    if asked != "auto":
        return real("learning_rate", asked)
    if "learning_rate" in usual:
        return float(usual["learning_rate"] * min(1.0, math.sqrt(batch_size / BATCHES[1])))
    return min(1e-3 * math.sqrt(batch_size / 32), 6e-3)


def _precision(asked: str, hidden_dims: tuple[int, ...], device: str) -> str:
    """Asked for, or: bfloat16 where the processor has units for it and every layer is wide, else float32."""
    if asked == "auto":
        wide = bool(hidden_dims) and min(hidden_dims) >= WIDE
        return "bfloat16" if wide and device == "cpu" and has_bfloat16_units() else "float32"
    if asked not in ("float32", "bfloat16"):
        raise UnknownNameError.among("precision", str(asked), ("auto", "bfloat16", "float32"))
    return asked
