"""What a language model loses with a dictionary in it, against its own arithmetic."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tests.interpretation.networks import Reader
from torch.nn.functional import cross_entropy

import isthmus
from isthmus.errors import InputError, InputTypeError, ParameterError
from isthmus.metrics import cross_entropy_recovered

PLACE = "layers.0"


@pytest.fixture(scope="module")
def letters(real_data: Path) -> list[list[int]]:
    """Windows of 32 letters of plays, as numbers below 50."""
    text = (real_data / "text" / "tinyshakespeare.txt").read_text(encoding="utf-8").lower()
    known = {letter: number + 1 for number, letter in enumerate(sorted(set(text))[:48])}
    ids = [known.get(letter, 0) for letter in text[:16_384]]
    return [ids[first : first + 32] for first in range(0, len(ids), 32)]


@pytest.fixture(scope="module")
def speaker(letters: list[list[int]]) -> Reader:
    """A network that has learnt a little about the next letter."""
    torch.manual_seed(0)
    model = Reader(50, 16, 2)
    ids = torch.tensor(letters[:384])
    steps = torch.optim.Adam(model.parameters(), lr=0.02)
    for step in range(60):
        batch = ids[(64 * step) % 384 :][:64]
        lost = cross_entropy(model(batch[:, :-1]).logits.flatten(0, 1), batch[:, 1:].flatten())
        steps.zero_grad()
        lost.backward()
        steps.step()
    return model.eval()


def test_all_four_losses_are_those_of_the_formula(speaker: Reader, letters: list[list[int]]) -> None:
    rows = isthmus.collect_activations(speaker, PLACE, letters[:160])
    sae = isthmus.SAE(n_latents=64, k=8, epochs=6, random_state=0).fit(rows)
    held = [letter[: 20 + number % 12] for number, letter in enumerate(letters[384:448])]
    found = isthmus.spliced_loss(speaker, PLACE, sae, held, batch_size=16)
    x, mean = isthmus.collect_activations(speaker, PLACE, held)[:], None
    mean = torch.from_numpy(x.mean(0))

    def loss(change: Any) -> float:
        total = count = 0.0
        for document in held:
            ids = torch.tensor([document])
            with torch.no_grad():
                states = speaker.layers[0](speaker.embed(ids), attention_mask=torch.ones_like(ids)).states
                states = speaker.layers[1](change(states), attention_mask=torch.ones_like(ids)).states
                total += float(cross_entropy(speaker.head(states)[0, :-1], ids[0, 1:], reduction="sum"))
            count += len(document) - 1
        assert count == found.tokens
        return total / count

    assert found.clean == pytest.approx(loss(lambda states: states), abs=1e-4)
    assert found.zero == pytest.approx(loss(torch.zeros_like), abs=1e-4)
    assert found.mean == pytest.approx(loss(lambda states: mean.expand_as(states)), abs=1e-4)
    spliced = loss(lambda states: torch.from_numpy(sae.reconstruct(states[0].numpy()))[None])
    assert found.spliced == pytest.approx(spliced, abs=1e-3)
    assert found.clean < found.spliced < found.mean
    assert found.recovered_of_zero == cross_entropy_recovered(found.clean, found.spliced, found.zero) > 0.5
    assert 0 < found.recovered_of_mean < 1


def test_what_is_recovered_is_one_of_a_perfect_dictionary_and_none_of_the_ablation_itself() -> None:
    assert cross_entropy_recovered(2.0, 2.0, 5.0) == 1.0
    assert cross_entropy_recovered(2.0, 5.0, 5.0) == 0.0
    assert cross_entropy_recovered(2.0, 8.0, 5.0) == -1.0
    with pytest.raises(ParameterError, match="ablated=2 with clean=2"):
        cross_entropy_recovered(2.0, 2.5, 2.0)


def test_a_network_without_a_head_and_inputs_without_tokens_are_refused(network: Reader) -> None:
    ids = np.arange(24).reshape(4, 6)
    sae = isthmus.SAE(n_latents=32, k=2, epochs=1, random_state=0)
    sae.fit(np.random.default_rng(0).normal(size=(64, 16)).astype(np.float32))
    with pytest.raises(InputTypeError, match="next token"):
        isthmus.spliced_loss(network, PLACE, sae, np.ones((4, 6), np.float32))
    with pytest.raises(InputError, match="two tokens"):
        isthmus.spliced_loss(network, PLACE, sae, ids[:, :1])
    with pytest.raises(InputError, match="AutoModelForCausalLM"):
        isthmus.spliced_loss(torch.nn.Sequential(network.embed), "0", sae, ids)
