"""A critic who learns from the first step and is heard later, and what that costs."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits

from isthmus import VAE, VAEGAN
from isthmus.core.code import Batch
from isthmus.errors import ParameterError
from isthmus.metrics import psnr

IMAGES = (load_digits().images[:, :, :, None] / 16).astype(np.float32)
SHAPE: dict[str, Any] = {"latent_dim": 8, "hidden_dims": (16,), "architecture": "conv", "random_state": 0}


def test_the_critic_learns_at_once_and_reaches_the_decoder_behind_the_gate() -> None:
    model = VAEGAN(start=0.5, epochs=4, **SHAPE).fit(IMAGES[:300])
    lines = model.history_
    assert all("critic/judge" in line for line in lines)
    assert ["autoencoder/fool" in line for line in lines] == [False, False, True, True]
    network = model.network_.eval()
    x = torch.from_numpy(IMAGES[:20]).movedim(3, 1)
    for progress, heard in ((0.49, False), (0.5, True)):
        terms = model.objective(network, Batch(x, progress=progress, generator=torch.Generator().manual_seed(0)))
        assert ({"fool", "features"} <= set(terms)) == heard


def test_until_the_gate_opens_it_is_a_vae() -> None:
    model, twin = (
        cls(epochs=2, **SHAPE, **more).fit(IMAGES[:300]) for cls, more in ((VAEGAN, {"start": 1.0}), (VAE, {}))
    )
    ours = [line["autoencoder/distortion"] for line in model.history_]
    assert ours[0] == pytest.approx(twin.history_[0]["distortion"], rel=0.01)


def test_the_critics_word_pulls_as_hard_as_it_was_told() -> None:
    model = VAEGAN(weight=0.3, matching=0.0, epochs=1, **SHAPE).fit(IMAGES[:300])
    network, batch = model.network_.eval(), Batch(torch.from_numpy(IMAGES[:64]).movedim(3, 1))
    params = network(batch).params.detach().requires_grad_()

    class Answered(torch.nn.Module):
        """A decoder whose answer is a leaf, so that the pull at it can be read."""

        def forward(self, z: Any) -> Any:
            return params

    network.decoder = Answered()
    terms = model.objective(network, batch)
    costs = [terms[name].sum() for name in ("distortion", "fool")]
    rebuilding, fooling = (torch.autograd.grad(cost, params, retain_graph=True)[0] for cost in costs)
    # both halves, what is rebuilt and what is drawn, are the same answer here
    assert float(fooling.norm() / rebuilding.norm()) == pytest.approx(0.3, rel=0.02)


@pytest.mark.slow
def test_the_switch_on_costs_less_than_half_a_decibel_and_sharpens() -> None:
    train, held_out = IMAGES[:1400], IMAGES[1400:]
    # Under a learnt variance a VAE sends nothing across in so short a run, and there is nothing to lose.
    quick = {"latent_dim": 8, "hidden_dims": (64,), "likelihood": "bernoulli", "batch_size": 64, "learning_rate": 0.004}
    ratios, steps = {}, {}
    for start in (0.3, 1.0):
        model = VAEGAN(start=start, epochs=12, random_state=0, **quick).fit(train)
        rebuilt = np.clip(model.reconstruct(held_out), 0, 1)
        ratios[start], steps[start] = (
            float(psnr(held_out, rebuilt).mean()),
            float(np.abs(np.diff(rebuilt, axis=2)).mean()),
        )
    print(ratios, steps)
    assert ratios[1.0] - ratios[0.3] < 0.5
    assert steps[0.3] > steps[1.0]


@pytest.mark.parametrize("params", [{"weight": -1.0}, {"matching": float("nan")}, {"start": 1.5}])
def test_prices_outside_their_domain_are_refused(params: dict[str, float]) -> None:
    with pytest.raises(ParameterError, match=next(iter(params))):
        VAEGAN(epochs=1, **SHAPE, **params).fit(IMAGES[:50])
