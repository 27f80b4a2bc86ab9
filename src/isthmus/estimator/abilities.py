"""Which verbs a model has, and why it lacks the others."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn

from isthmus.errors import AbilityError
from isthmus.parts.bottlenecks.posteriors import Diagonal
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
TOLD = "its encoder reads a condition beside each row, and a predictor is given rows alone: use a VAE"
NO_MADE_UP = "pseudo-inputs would need made-up conditions beside them: call fit_prior(X, 'mixture', y=y)"
NO_PRIOR = "its code has no prior{}: call fit_prior(X, 'mixture'), or use a VAE"
NO_POSTERIOR = "pseudo-inputs need a normal posterior with independent units, which its code has not: use a VAE"
NO_PLACES = "no diffusion was fitted to places: call fit_prior(X, 'diffusion') for a map of codes, or with on='data'"
NO_GAPS = "it keeps no training codes and a density beside them: call fit_prior(X, 'mixture')"
NO_SLOPE = "it did not learn to take normal noise off numbers, which shows a slope: use DenoisingAutoencoder"
NO_DENSE = "its code is mostly zeros, which no prior here is made for: use SparseAutoencoder"
NO_DENSITY = "its codes have no density p(z) and no posterior q(z | x): use a VAE"
NO_SYMBOLS = "its code has no integer form: use a VQVAE"
ENCODER_ALONE = "the model was saved with encoder_only=True and has no decoder: load one that was saved whole"
WITHOUT_DECODER = ("fit", "transform", "finetune", "save")


class Absent(nn.Module):
    """Stands where a decoder was: a model that was saved with its encoder alone."""

    def forward(self, *_: Tensor) -> Tensor:
        """Refuse.

        Raises:
            AbilityError: always.
        """
        able = ", ".join(WITHOUT_DECODER)
        raise AbilityError("a decoder that is not there", ENCODER_ALONE, f"verbs that need none: {able}")


def has_decoder(estimator: Any) -> bool:
    """Whether there is a decoder, or will be once the model is fitted."""
    return not isinstance(getattr(getattr(estimator, "network_", None), "decoder", None), Absent)


def abilities_of(estimator: Any) -> dict[str, bool | str]:
    """{verb: True, or the reason why not}."""
    draws = bool(estimator.has_prior) or prior_of(getattr(estimator, "network_", None)) is not None
    found = {
        **dict.fromkeys(ALWAYS, True),
        "finetune": not estimator.is_conditional or TOLD,
        **{f"fit_prior:{kind}": answer for kind, answer in prior_kinds(estimator).items()},
        "sample": draws or NO_PRIOR.format(" to draw from"),
        "interpolate": draws or NO_PRIOR.format(", so what lies between two codes means nothing"),
        "traverse": draws or NO_PRIOR.format(", which would say how far an axis reaches"),
        "variations": draws or NO_PRIOR.format(", which would say what is common"),
        "gaps": has_gaps(estimator) or NO_GAPS,
        "inpaint": has_places(estimator) or NO_PLACES,
        **dict.fromkeys(("score_function", "langevin"), has_slope(estimator) or NO_SLOPE),
        **dict.fromkeys(("log_likelihood", "elbo", "elbo_gap"), estimator.has_density or NO_DENSITY),
        **dict.fromkeys(("tokens", "from_tokens"), estimator.has_symbols or NO_SYMBOLS),
        "denoise": estimator.is_corrupted or "it was not trained to undo a corruption: use DenoisingAutoencoder",
        "fill": estimator.fills() or "it never saw a missing cell: fit on rows with gaps, or with corruption='masking'",
    }
    if has_decoder(estimator):
        return found
    return {verb: answer if verb in WITHOUT_DECODER else ENCODER_ALONE for verb, answer in found.items()}


def has_gaps(estimator: Any) -> bool:
    """Whether a prior with a density remembers codes that it learnt from."""
    prior = prior_of(getattr(estimator, "network_", None))
    return prior is not None and prior.has_density and not prior.of_symbols and len(prior.seen) > 0


def has_places(estimator: Any) -> bool:
    """Whether a diffusion over a map of codes, or over rows of numbers, can draw a part to go with the rest."""
    prior = prior_of(getattr(estimator, "network_", None))
    if prior is None or prior.recipe["kind"] != "diffusion":
        return False
    return prior.recipe["on"] == "data" or len(estimator.latent_shape_) > 1


def has_slope(estimator: Any) -> bool:
    """Whether it learnt to take normal noise off every number of its rows."""
    spec = getattr(estimator, "spec_", None)
    return getattr(estimator, "corruption", "") == "gaussian" and (spec is None or spec.is_plain)


def prior_kinds(estimator: Any) -> dict[str, bool | str]:
    """{kind of prior: True, or the reason why the code does not allow it}."""
    if estimator.has_sparse_code:
        return dict.fromkeys(PRIORS, NO_DENSE)
    network = getattr(estimator, "network_", None)
    bottleneck = getattr(network, "bottleneck", None)
    is_normal = network is None or isinstance(getattr(bottleneck, "form", None), Diagonal)
    has_posterior = estimator.has_density and is_normal
    has_symbols = hasattr(bottleneck, "from_symbols")
    vamp = NO_MADE_UP if estimator.is_conditional else has_posterior or NO_POSTERIOR
    refused = {"vamp": vamp, "autoregressive": has_symbols or NO_SYMBOLS}
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
