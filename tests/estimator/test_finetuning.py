"""A head on the encoder learns what labels say; the member that lent the encoder stays as it was."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from sklearn.datasets import load_diabetes, load_digits

import isthmus
from isthmus import Autoencoder
from isthmus.errors import InputError

PIXELS, LABELS = load_digits(return_X_y=True)
FEW = np.concatenate([np.flatnonzero(LABELS == digit)[:4] for digit in range(10)])
REST = np.setdiff1d(np.arange(len(LABELS)), FEW)
SHAPE: dict[str, Any] = {"hidden_dims": (64,), "latent_dim": 24, "random_state": 0}


@pytest.fixture(scope="module")
def model() -> Any:
    """A member that has seen all rows, and no label."""
    return Autoencoder(epochs=15, **SHAPE).fit(PIXELS)


def weights(model: Any) -> dict[str, torch.Tensor]:
    """Everything that the network has learnt."""
    return {name: tensor.clone() for name, tensor in model.network_.state_dict().items()}


def test_a_head_learns_what_labels_say_and_nothing_where_they_say_nothing(model: Any) -> None:
    known, rest = np.arange(500), np.arange(500, len(LABELS))
    options = {"epochs": 20, "random_state": 0}
    assert model.finetune(PIXELS[known], LABELS[known], **options).score(PIXELS[rest], LABELS[rest]) > 0.8
    shuffled = np.random.default_rng(0).permutation(LABELS[known])
    assert model.finetune(PIXELS[known], shuffled, **options).score(PIXELS[rest], LABELS[rest]) < 0.25


def test_the_member_stays_as_it_was(model: Any) -> None:
    before = weights(model)
    model.finetune(PIXELS[FEW], LABELS[FEW], epochs=3, random_state=0)
    after = weights(model)
    assert all(torch.equal(before[name], after[name]) for name in before)


@pytest.mark.parametrize("train_encoder", [False, True])
def test_the_encoder_learns_where_it_may(model: Any, train_encoder: bool) -> None:
    tuned = model.finetune(PIXELS[FEW], LABELS[FEW], epochs=8, train_encoder=train_encoder, random_state=0)
    old, new = model.network_.encoder.state_dict(), tuned.network_.network.encoder.state_dict()
    assert any(not torch.equal(old[name], new[name]) for name in old) == train_encoder
    assert [line["stage"] for line in tuned.history_] == ([0] * 2 + [1] * 6 if train_encoder else [0] * 8)


def test_a_linear_probe_reads_codes_at_mean_0_and_variance_1(model: Any, tmp_path: Any) -> None:
    """As masked autoencoders are probed: a linear head, the encoder still, no scale of the codes to be learnt."""
    options = {"train_encoder": False, "epochs": 30, "random_state": 0}
    probe = model.finetune(PIXELS[:600], LABELS[:600], normalize=True, **options)
    with torch.no_grad():  # the encoder keeps still, so these are the codes that the head was told
        read = probe.network_.head.opening.eval()(torch.from_numpy(model.transform(PIXELS[:600])).float())
    moving = model.transform(PIXELS[:600]).std(0) > 1e-3
    assert read.mean(0)[moving].abs().max() < 0.3
    assert (read.std(0)[moving] - 1).abs().max() < 0.3
    assert probe.score(PIXELS[600:], LABELS[600:]) > 0.7
    shares = probe.predict_proba(PIXELS[600:])
    assert np.array_equal(probe.predict_proba(PIXELS[700:701])[0], shares[100])
    assert np.array_equal(isthmus.load(probe.save(tmp_path / "probe")).predict_proba(PIXELS[600:]), shares)


def test_a_predictor_comes_back_from_disk(model: Any, tmp_path: Any) -> None:
    tuned = model.finetune(PIXELS[FEW], LABELS[FEW].astype(str), epochs=3, random_state=0)
    again = isthmus.load(tuned.save(tmp_path / "tuned"))
    assert np.array_equal(again.predict_proba(PIXELS[REST]), tuned.predict_proba(PIXELS[REST]))
    assert again.predict(PIXELS[:3]).dtype.kind == "U"
    assert np.array_equal(tuned.predict_proba(PIXELS[7:8]), tuned.predict_proba(PIXELS)[7:8])


def test_numbers_are_predicted_in_their_own_unit() -> None:
    rows, disease = load_diabetes(return_X_y=True)
    tuned = (
        Autoencoder(latent_dim=6, epochs=60, random_state=0)
        .fit(rows)
        .finetune(rows[:350], disease[:350], random_state=0)
    )
    assert tuned.score(rows[350:], disease[350:]) > 0.35
    assert abs(tuned.predict(rows).mean() - disease.mean()) < 10
    two = Autoencoder(latent_dim=6, epochs=2, random_state=0).fit(rows)
    both = two.finetune(rows, np.column_stack([disease, -disease]), epochs=2, random_state=0)
    assert both.predict(rows).shape == (len(rows), 2)


@pytest.mark.parametrize(
    ("labels", "came"),
    [
        (np.zeros(40, dtype=int), "the one class 0:"),
        (np.full(40, np.nan), r"y\[0\]=nan"),
        (np.zeros((40, 2), dtype=int), "Unknown label type"),
        (np.arange(39), "39"),
    ],
)
def test_labels_that_teach_nothing_are_refused(model: Any, labels: Any, came: str) -> None:
    with pytest.raises(InputError, match=came):
        model.finetune(PIXELS[FEW], labels, epochs=1)
