"""The VQ-VAE: its costs, its alphabets, and a book that lives."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from isthmus import VQVAE, Convolutional
from isthmus.core.code import Batch
from isthmus.errors import ParameterError, UnknownNameError
from isthmus.metrics import code_use
from tests.models.rows import digits, error

BRIEF: dict[str, Any] = {"codes": 64, "epochs": 2, "random_state": 0}


@pytest.mark.parametrize("quantizer", ["fsq", "vq", "lfq", "residual"])
def test_costs_of_a_row_are_the_same_in_a_batch_of_1_16_and_64(quantizer: str) -> None:
    X = digits()[0][:64]
    model = VQVAE(quantizer=quantizer, **BRIEF).fit(X)
    network, x = model.network_.eval(), torch.from_numpy((X - model.spec_.center.numpy()) / model.spec_.scale.numpy())
    with torch.no_grad():
        costs = {
            size: [model.objective(network, Batch(part)) for part in x.float().split(size)] for size in (1, 16, 64)
        }
    for name in costs[64][0].keys() - set(model.batch_terms):
        whole = costs[64][0][name]
        assert whole.shape == (64,)
        for size in (1, 16):
            parts = torch.cat([terms[name] for terms in costs[size]])
            torch.testing.assert_close(parts, whole, rtol=1e-6, atol=1e-5)


def test_it_rebuilds_held_out_rows_from_a_few_symbols() -> None:
    train, held_out = digits()
    model = VQVAE(codes=64, hidden_dims=(64,), epochs=25, random_state=0).fit(train)
    assert model.tokens(held_out).shape == (300, 12)
    assert error(held_out, model.reconstruct(held_out)) < 0.25
    assert code_use(model.tokens(held_out), 64).share > 0.9
    assert model.network_.price(Batch(torch.zeros(2, 64)))[1].tolist() == pytest.approx([12 * np.log(64)] * 2)


def test_the_book_is_moved_by_the_fit_and_travels_with_the_model() -> None:
    train = digits()[0]
    model = VQVAE(quantizer="vq", **BRIEF).fit(train)
    book = model.network_.bottleneck.quantizer
    assert bool(book.begun)
    assert code_use(model.tokens(train), 64).share > 0.5
    before = book.embedding.clone()
    model.partial_fit(train)
    assert not torch.equal(book.embedding, before)
    after = book.embedding.clone()
    model.score_samples(train)
    model.transform(train)
    assert torch.equal(book.embedding, after)


def test_images_of_16_pixels_keep_their_places_unless_told_otherwise() -> None:
    X = np.random.default_rng(0).random((40, 16, 16, 1), dtype=np.float32)
    brief = {**BRIEF, "epochs": 1}
    assert VQVAE(**brief).fit(X).latent_shape_ == (2, 8, 8)
    assert VQVAE(latent_dim=6, **brief).fit(X).tokens(X).shape == (40, 3)
    placed = VQVAE(quantizer="vq", architecture=Convolutional(latent_channels=5), **brief).fit(X)
    assert placed.tokens(X).shape == (40, int(np.prod(placed.latent_shape_[1:])))


@pytest.mark.parametrize(
    ("params", "error", "part"),
    [
        ({"quantizer": "fqs"}, UnknownNameError, "'fsq'"),
        ({"codes": 1}, ParameterError, "codes=1"),
        ({"codes": 11}, ParameterError, "codes=1[02]"),
        ({"codes": 100, "quantizer": "lfq"}, ParameterError, "codes=64"),
        ({"latent_dim": 7}, ParameterError, "latent_dim=6"),
        ({"commitment": -1.0}, ParameterError, "commitment"),
        ({"depth": 0, "quantizer": "residual"}, ParameterError, "depth"),
        ({"rotation": True}, ParameterError, "only 'vq'"),
        ({"unit": True, "quantizer": "lfq"}, ParameterError, "unit=True"),
    ],
)
def test_what_no_alphabet_has_is_refused(params: dict[str, Any], error: type, part: str) -> None:
    with pytest.raises(error, match=part):
        VQVAE(**{**BRIEF, **params}).fit(digits()[0][:50])
