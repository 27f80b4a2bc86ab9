"""How a model shows itself: in one line, and as a card for people."""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from typing import Any

DERIVED = (
    "latent_dim",
    "hidden_dims",
    "architecture",
    "likelihood",
    "epochs",
    "batch_size",
    "learning_rate",
    "precision",
)


def shown(estimator: Any, width: int) -> str:
    """`Name(parameter=value, ...)`: what was set, and after a fit what every "auto" became.

    Args:
        estimator: Fitted or not.
        width: Characters at most; the middle is left out beyond.
    """
    defaults = {name: field.default for name, field in type(estimator).__dataclass_fields__.items()}
    settings = getattr(estimator, "settings_", None)
    parts = []
    for name, value in estimator.get_params(deep=False).items():
        derived = isinstance(value, str) and value == "auto" and settings is not None
        if derived and name in DERIVED:
            parts.append(f"{name}={_short(getattr(settings, name))}")
        elif derived and hasattr(estimator, f"{name}_"):  # what a member derives itself
            parts.append(f"{name}={_short(getattr(estimator, f'{name}_'))}")
        elif repr(value) != repr(defaults[name]):
            parts.append(f"{name}={_short(value)}")
    text = f"{type(estimator).__name__}({', '.join(parts)})"
    return text if len(text) <= width else f"{text[: width // 2]}...{text[-width // 2 :]}"


def _short(value: Any) -> str:
    """A value as one would type it: a backbone by the options that were set, a number in three digits."""
    if is_dataclass(value):
        options = [(field.name, getattr(value, field.name)) for field in fields(value)]
        chosen = [
            f"{name}={v!r}" for (name, v), field in zip(options, fields(value), strict=True) if v != field.default
        ]
        return f"{type(value).__name__}({', '.join(chosen)})"
    return f"{value:.3g}" if isinstance(value, float) else repr(value)


def card(estimator: Any) -> str:
    """The README of a saved model: what it is, what it was fitted on, how to use it."""
    spec, name = estimator.spec_, type(estimator).__name__
    last = estimator.history_[-1] if estimator.history_ else {}
    figures = "\n".join(f"| {key} | {value:.4g} |" for key, value in last.items() if isinstance(value, float))
    columns = ", ".join(column.name for column in spec.columns[:12]) + (", ..." if len(spec.columns) > 12 else "")
    rows = [
        f"# {name}",
        "",
        f"`{estimator!r}`",
        "",
        f"Paper: {estimator.paper}",
        "",
        f"Fitted on a {spec.kind} of shape {spec.shape}" + (f": {columns}." if columns else "."),
        "",
        "| last epoch | |",
        "|---|---|",
        figures,
        "",
        "```python",
        "import isthmus",
        'model = isthmus.load("this/folder")',
        "model.anomaly_score(rows)  # nats; higher = more anomalous",
        "```",
        "",
    ]
    return "\n".join(rows)
