"""Which verbs a model has, and why it lacks the others."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn

from isthmus.errors import AbilityError

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
NO_PRIOR = "its code has no prior{}: use a VAE"
NO_DENSITY = "its codes have no density p(z) and no posterior q(z | x): use a VAE"


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
    found = {
        **dict.fromkeys(ALWAYS, True),
        "sample": estimator.has_prior or NO_PRIOR.format(" to draw from"),
        "interpolate": estimator.has_prior or NO_PRIOR.format(", so what lies between two codes means nothing"),
        "traverse": estimator.has_prior or NO_PRIOR.format(", which would say how far an axis reaches"),
        **dict.fromkeys(("log_likelihood", "elbo", "elbo_gap"), estimator.has_density or NO_DENSITY),
        "denoise": estimator.is_corrupted or "it was not trained to undo a corruption: use DenoisingAutoencoder",
        "fill": estimator.fills() or "it never saw a missing cell: fit on rows with gaps, or with corruption='masking'",
    }
    if has_decoder(estimator):
        return found
    return {verb: answer if verb in WITHOUT_DECODER else ENCODER_ALONE for verb, answer in found.items()}


def require(estimator: Any, verb: str) -> None:
    """Let a verb pass, or say why it cannot.

    Raises:
        AbilityError: the model lacks the verb.
    """
    answer = abilities_of(estimator)[verb]
    if answer is not True:
        able = ", ".join(name for name, has in abilities_of(estimator).items() if has is True)
        raise AbilityError(f"{type(estimator).__name__}.{verb}()", f"{answer}", f"verbs it has: {able}")
