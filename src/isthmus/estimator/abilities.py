"""Which verbs a model has, and why it lacks the others."""

from __future__ import annotations

from typing import Any

from isthmus.errors import AbilityError
from isthmus.parts.priors.choose import PRIORS, prior_of

ALWAYS = (
    "fit",
    "partial_fit",
    "transform",
    "inverse_transform",
    "reconstruct",
    "score_samples",
    "anomaly_score",
    "finetune",
    "summary",
    "diagnose",
    "save",
)
TOLD = "its encoder reads a condition beside each row, which this verb cannot give it: use a VAE"
NO_PRIOR = "its code has no prior{}: call fit_prior(X, 'mixture'), or use a VAE"
NO_POSTERIOR = "pseudo-inputs need a Gaussian posterior q(z | x), which its code has not: use a VAE"
NO_DENSITY = "its codes have no density p(z) and no posterior q(z | x): use a VAE"
NO_SYMBOLS = "its code has no integer form: use a VQVAE"


def abilities_of(estimator: Any) -> dict[str, bool | str]:
    """{verb: True, or the reason why not}."""
    draws = bool(estimator.has_prior) or prior_of(getattr(estimator, "network_", None)) is not None
    return {
        **dict.fromkeys(ALWAYS, True),
        **dict.fromkeys(("finetune", "diagnose"), not estimator.is_conditional or TOLD),
        **{f"fit_prior:{kind}": answer for kind, answer in prior_kinds(estimator).items()},
        "sample": draws or NO_PRIOR.format(" to draw from"),
        "interpolate": draws or NO_PRIOR.format(", so what lies between two codes means nothing"),
        "traverse": draws or NO_PRIOR.format(", which would say how far an axis reaches"),
        **dict.fromkeys(("log_likelihood", "elbo", "elbo_gap"), estimator.has_density or NO_DENSITY),
        **dict.fromkeys(("tokens", "from_tokens"), estimator.has_symbols or NO_SYMBOLS),
        "denoise": estimator.is_corrupted or "it was not trained to undo a corruption: use DenoisingAutoencoder",
        "fill": estimator.fills() or "it never saw a missing cell: fit on rows with gaps, or with corruption='masking'",
    }


def prior_kinds(estimator: Any) -> dict[str, bool | str]:
    """{kind of prior: True, or the reason why the code does not allow it}."""
    if estimator.is_conditional:
        return dict.fromkeys(PRIORS, TOLD)
    bottleneck = getattr(getattr(estimator, "network_", None), "bottleneck", None)
    has_posterior = estimator.has_density and (bottleneck is None or hasattr(bottleneck, "posterior"))
    has_symbols = hasattr(bottleneck, "from_symbols")
    refused = {"vamp": has_posterior or NO_POSTERIOR, "autoregressive": has_symbols or NO_SYMBOLS}
    return {kind: refused.get(kind, True) for kind in PRIORS}


def require(estimator: Any, verb: str) -> None:
    """Let a verb pass, or say why it cannot.

    Raises:
        AbilityError: the model lacks the verb.
    """
    answer = abilities_of(estimator)[verb]
    if answer is not True:
        able = ", ".join(name for name, has in abilities_of(estimator).items() if has is True)
        raise AbilityError(f"{type(estimator).__name__}.{verb}()", f"{answer}", f"verbs it has: {able}")
