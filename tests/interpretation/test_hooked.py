"""A place in a network is changed as the formula says, while the block lasts and nowhere else."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits
from tests.interpretation.networks import Reader
from torch import Tensor, nn

import isthmus
from isthmus.errors import InputError, InputTypeError, ParameterError, UnknownNameError

PLACE = "layers.0"
IDS = torch.from_numpy(np.random.default_rng(0).integers(1, 50, (30, 12)))


@pytest.fixture(scope="module")
def sae(network: Reader) -> Any:
    """A dictionary of what comes out of the first layer."""
    rows = isthmus.collect_activations(network, PLACE, IDS)
    return isthmus.SAE(n_latents=48, k=5, epochs=8, random_state=0).fit(rows)


@torch.no_grad()
def states(network: Reader, ids: Tensor = IDS) -> Tensor:
    """What comes out of the first layer, (B, T, d)."""
    return network.layers[0](network.embed(ids), attention_mask=torch.ones_like(ids)).states


@torch.no_grad()
def onward(network: Reader, x: Tensor) -> Tensor:
    """The logits of a network whose first layer gives x."""
    return network.head(network.layers[1](x, attention_mask=torch.ones(x.shape[:2])).states)


@torch.no_grad()
def logits(network: Reader) -> Tensor:
    """What the network answers as it is now."""
    return network(IDS).logits


def in_units(sae: Any, x: Tensor) -> tuple[Tensor, Tensor]:
    """Codes of activations and what each latent adds, by the estimator's own verbs."""
    z = torch.from_numpy(sae.transform(x.reshape(-1, x.shape[-1]).numpy()).toarray())
    n = z.shape[1]
    nothing = sae.inverse_transform(np.zeros((1, n), np.float32))
    directions = torch.from_numpy(sae.inverse_transform(np.eye(n, dtype=np.float32)) - nothing)
    return z.reshape(*x.shape[:-1], n), directions


def test_splicing_with_the_error_changes_no_bit_and_without_it_is_the_reconstruction(network: Reader, sae: Any) -> None:
    clean = logits(network)
    with isthmus.hooked(network, PLACE) as h:
        assert torch.equal(logits(network), clean)
        h.splice(sae, error=True)
        assert float((logits(network) - clean).abs().max()) == 0.0
        h.reset().splice(sae)
        spliced = logits(network)
    x = states(network)
    rebuilt = torch.from_numpy(sae.reconstruct(x.reshape(-1, 16).numpy())).reshape(x.shape)
    torch.testing.assert_close(spliced, onward(network, rebuilt), atol=1e-4, rtol=1e-4)
    assert not torch.allclose(spliced, clean)
    assert torch.equal(logits(network), clean)


def test_steering_and_ablating_add_up_whatever_their_order(network: Reader, sae: Any) -> None:
    x = states(network)
    z, directions = in_units(sae, x)
    often = [int(j) for j in (z > 0).sum((0, 1)).argsort(descending=True)[:3]]
    wanted = x + 1.5 * directions[often[0]] - z[..., often[1:]] @ directions[often[1:]]
    with isthmus.hooked(network, PLACE) as h:
        h.steer(sae, often[0], 1.5).ablate(sae, often[1:])
        one = logits(network)
        h.reset().ablate(sae, often[1]).ablate(sae, [often[2], often[1]]).steer(sae, often[0], 1.5)
        torch.testing.assert_close(logits(network), one)
        torch.testing.assert_close(one, onward(network, wanted), atol=1e-4, rtol=1e-4)
        h.splice(sae, error=True)
        torch.testing.assert_close(logits(network), one)
        h.reset().splice(sae).ablate(sae, range(48))
        bias = torch.from_numpy(sae.inverse_transform(np.zeros((1, 48), np.float32)))
        torch.testing.assert_close(logits(network), onward(network, bias.expand_as(x)), atol=1e-3, rtol=1e-3)


def test_only_what_the_mask_shows_is_changed(network: Reader, sae: Any) -> None:
    mask = torch.zeros(IDS.shape, dtype=torch.bool)
    mask[:, 7:] = True
    clean = logits(network)
    with isthmus.hooked(network, PLACE, where=lambda: mask) as h:
        h.steer(sae, 3, 5.0)
        changed = logits(network)
        assert torch.equal(changed[:, :7], clean[:, :7])
        assert (changed[:, 7:] != clean[:, 7:]).any(-1).all()
    with isthmus.hooked(network, PLACE, where=mask[:, :3]) as h, pytest.raises(ParameterError, match="where of shape"):
        h.steer(sae, 3, 5.0)
        logits(network)


def test_attributions_of_a_linear_answer_are_what_ablating_each_latent_costs(network: Reader, sae: Any) -> None:
    """Behind the last layer only a linear head comes, so the slope is the whole truth."""
    rows = isthmus.collect_activations(network, "layers.1", IDS)
    last = isthmus.SAE(n_latents=40, k=4, epochs=4, random_state=0).fit(rows)

    def metric() -> Tensor:
        return network(IDS).logits[2, -1, 7]

    with isthmus.hooked(network, "layers.1") as h:
        found = h.attribute(last, metric)
        clean = float(metric().detach())
        for latent, score in found.top(3):
            h.reset().ablate(last, latent)
            assert clean - float(metric().detach()) == pytest.approx(score, abs=1e-4)
    assert found.metric == pytest.approx(clean)
    assert found.places.shape == (IDS.numel(), 40)
    np.testing.assert_allclose(np.asarray(found.places.sum(0)).ravel(), found.scores, atol=1e-5)
    assert all(weight.grad is None for weight in network.parameters())


def test_with_many_steps_attributions_add_up_to_what_all_latents_change(network: Reader, sae: Any) -> None:
    def metric() -> Tensor:
        return torch.logsumexp(network(IDS).logits[:, -1], -1).sum()

    with isthmus.hooked(network, PLACE) as h:
        found = h.attribute(sae, metric, steps=24)
        clean = float(metric().detach())
        without = float(h.ablate(sae, range(48)) and metric().detach())
    assert found.scores.sum() == pytest.approx(clean - without, rel=0.02, abs=0.02)


def test_the_input_side_and_the_channels_of_images_are_places_too() -> None:
    X = torch.from_numpy(load_digits().images[:40, None]).float() / 16
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv2d(1, 6, 3), nn.ReLU(), nn.Flatten(), nn.Linear(216, 3)).eval()
    sae = isthmus.SAE(n_latents=24, k=3, epochs=1, random_state=0).fit(isthmus.collect_activations(network, "0", X))
    with torch.no_grad():
        clean = network(X)
        for module, side in (("0", "output"), ("1", "input")):
            with isthmus.hooked(network, module, side=side) as h:
                h.splice(sae, error=True)
                assert torch.equal(network(X), clean)
                h.steer(sae, 0, 3.0)
                maps = network[0](X)
                steered = network(X)
        assert torch.equal(maps, network[0](X))
        direction = in_units(sae, maps.movedim(1, -1))[1][0]
        torch.testing.assert_close(steered, network[1:](maps + 3 * direction[:, None, None]), atol=1e-4, rtol=1e-4)


def test_what_cannot_be_done_is_said(network: Reader, sae: Any) -> None:
    with pytest.raises(ParameterError, match="2 modules"):
        isthmus.hooked(network, "layers.*")
    with pytest.raises(UnknownNameError, match=r"did you mean|Did you mean"):
        isthmus.hooked(network, "layer.0")
    with isthmus.hooked(network, PLACE) as h:
        with pytest.raises(ParameterError, match="latent=48"):
            h.steer(sae, 48, 1.0)
        with pytest.raises(InputTypeError, match="not fitted"):
            h.splice(isthmus.SAE(n_latents=4, k=1))
        with pytest.raises(InputTypeError, match="sae=int"):
            h.ablate(3, 0)
        with pytest.raises(InputError, match="one number"):
            h.attribute(sae, lambda: network(IDS).logits)
        with pytest.raises(InputError, match="0 times"):
            h.attribute(sae, lambda: torch.ones(()))
    with isthmus.hooked(network, "head") as h, pytest.raises(InputError, match="d=50"):
        h.splice(sae)
        logits(network)


@pytest.mark.slow
def test_it_works_on_a_real_encoder(minilm: tuple[Any, Any], speeches: list[str]) -> None:
    model, tokenizer = minilm
    rows = isthmus.collect_activations(model, "encoder.layer.3", speeches[:60], tokenizer=tokenizer)
    sae = isthmus.SAE(n_latents=512, k=16, epochs=2, random_state=0).fit(rows)
    tokens = tokenizer(speeches[60:64], return_tensors="pt", padding=True)
    with torch.no_grad(), isthmus.hooked(model, "encoder.layer.3", where=tokens["attention_mask"] > 0) as h:
        clean = model(**tokens).last_hidden_state
        h.splice(sae, error=True)
        assert float((model(**tokens).last_hidden_state - clean).abs().max()) == 0.0
        h.reset().splice(sae)
        assert float((model(**tokens).last_hidden_state - clean).abs().max()) > 0.0
