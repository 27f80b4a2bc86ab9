"""What the checks measure is what it says, and chance alone sets none of them off."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy.stats import mannwhitneyu
from sklearn.datasets import load_breast_cancer, load_digits
from sklearn.metrics import r2_score
from torch import Tensor

import isthmus
from isthmus.core.source import MOST_CELLS, MOST_ROWS, STRETCHES, sample
from isthmus.data.memory import TensorSource
from isthmus.doctor.findings import Finding, NotAsked, Sound
from isthmus.doctor.holes import EMPTY, _drawn, emptiness, holes
from isthmus.doctor.limits import crossing, limits
from isthmus.doctor.patient import Patient, Rows, shuffled
from isthmus.doctor.scale import FINE
from isthmus.doctor.unseen import SURE, Party, _mann_whitney, memorisation
from isthmus.estimator.inputs import read
from tests.contract.cases import mixed


def patient(model: isthmus.Autoencoder, X: object, held_out: object = None) -> Patient:
    """A model fitted on X, before the doctor."""
    model.fit(X)
    return Patient(model, read(model, X), None if held_out is None else read(model, held_out))


def test_the_share_kept_is_the_coefficient_of_determination() -> None:
    X = load_breast_cancer().data
    one = patient(isthmus.Autoencoder(epochs=3, random_state=0), X)
    x = one.rows.x.numpy()
    expected = one.spec.scale.numpy()
    rebuilt = (one.model.reconstruct(X) - one.spec.center.numpy()) / expected
    assert one.kept == pytest.approx(r2_score(x, rebuilt, multioutput="variance_weighted"), abs=1e-6)


def test_without_its_code_a_network_answers_one_row() -> None:
    one = patient(isthmus.Autoencoder(epochs=3, random_state=0), load_breast_cancer().data)
    assert one.kept_without_code < 0.02 < one.kept


def test_a_missing_cell_is_no_error() -> None:
    one = patient(isthmus.Autoencoder(epochs=3, random_state=0), mixed())
    missing = one.rows.x.isnan()
    assert missing.any()
    place = one.entry.numbers.tolist().index(2)  # "ash", the column with gaps
    assert (one.rows.numbers - one.rows.rebuilt)[missing[:, 2], place].abs().max() == 0


def test_shuffled_columns_keep_their_values_and_lose_each_other() -> None:
    x = torch.randn(500, 1, generator=torch.Generator().manual_seed(0)).expand(500, 3).contiguous()
    loose = shuffled(x)
    assert torch.equal(loose.sort(0).values, x.sort(0).values)
    assert (torch.corrcoef(loose.T) - torch.eye(3)).abs().max() < 0.15


@pytest.mark.parametrize("rows", [10, MOST_ROWS, 5000])
def test_a_sample_comes_from_all_over_the_rows(rows: int) -> None:
    spec = isthmus.Autoencoder(epochs=1).fit(np.eye(3)).spec_
    taken = sample(TensorSource(torch.arange(rows).float()[:, None].expand(rows, 3), spec))[:, 0]
    assert len(taken) == min(rows, MOST_ROWS) == len(taken.unique())
    assert taken.min() == 0 and taken.max() == rows - 1
    assert STRETCHES * 3 < MOST_CELLS


def test_what_crosses_is_counted_in_units_that_speak() -> None:
    X = load_breast_cancer().data
    narrow = isthmus.Autoencoder(latent_dim=20, hidden_dims=(6,), epochs=2, random_state=0)
    assert crossing(patient(narrow, X)) <= 6  # six hidden units pass no more
    assert crossing(patient(isthmus.SparseAutoencoder(k=4, epochs=2, random_state=0), X)) == 4
    assert crossing(patient(isthmus.OrderedAutoencoder(latent_dim=20, epochs=2, random_state=0), X)) < 14


def test_limits_are_what_training_asks() -> None:
    X = load_breast_cancer().data
    assert limits(patient(isthmus.Autoencoder(epochs=1), X)) == {}
    assert limits(patient(isthmus.DenoisingAutoencoder(corruption="masking", amount=0.3, epochs=1), X)) == {
        "corruption": pytest.approx(0.3, abs=0.05)
    }
    assert limits(patient(isthmus.DenoisingAutoencoder(amount=1e-4, epochs=1), X)) == {}
    assert list(limits(patient(isthmus.VAE(epochs=1), X))) == ["rate"]


def test_ranks_are_those_of_mann_and_whitney() -> None:
    generator = torch.Generator().manual_seed(0)
    first, second = torch.randn(60, generator=generator) + 0.4, torch.randn(90, generator=generator)
    p = mannwhitneyu(first, second, alternative="greater", method="asymptotic", use_continuity=False).pvalue
    assert 0.5 * math.erfc(_mann_whitney(first, second) / math.sqrt(2)) == pytest.approx(p)


class Made(Rows):
    """Rows with answers made up for them, without a network."""

    def __init__(self, x: Tensor, rebuilt: Tensor) -> None:
        self.x, self.numbers, self.rebuilt = x, x, rebuilt  # type: ignore[misc]
        self.neighbours, self.total = x, len(x)  # type: ignore[misc]


class Nobody:
    """A patient made of two sets of rows."""

    def __init__(self, rows: Rows, held_out: Rows) -> None:
        self.rows, self.held_out = rows, held_out


@pytest.mark.parametrize("answer", ["like the rows", "all alike", "two kinds"])
def test_by_chance_nobody_knows_rows_by_heart(answer: str) -> None:
    sureness = []
    for seed in range(200):
        generator = torch.Generator().manual_seed(seed)
        x, held = torch.randn(100, 3, generator=generator), torch.randn(80, 3, generator=generator)
        spread = {"like the rows": held, "all alike": 0 * held, "two kinds": (held > 0).float()[:, :1].expand(80, 3)}
        rebuilt = 0.5 * spread[answer]
        told = memorisation(Nobody(Made(x, x), Made(held, rebuilt)))  # type: ignore[arg-type]
        sureness.append(told.figures["standard_errors"])  # type: ignore[union-attr]
    assert max(sureness) < SURE
    assert abs(np.mean(sureness)) < 0.25
    assert 0.7 < np.std(sureness) < 1.3


def test_who_answers_with_rows_of_training_is_found() -> None:
    generator = torch.Generator().manual_seed(0)
    x, held = torch.randn(60, 3, generator=generator), torch.randn(80, 3, generator=generator)
    nearest = x[torch.cdist(held, x).argmin(1)]
    told = memorisation(Nobody(Made(x, x), Made(held, nearest)))  # type: ignore[arg-type]
    assert isinstance(told, Finding)
    assert told.figures["nearest_to_training"] == 1
    assert told.figures["copies"] == pytest.approx(1)


def test_few_unseen_rows_beside_many_of_training_show_nothing() -> None:
    x, held = torch.randn(2000, 3), torch.randn(200, 3)
    told = memorisation(Nobody(Made(x, x), Made(held, held)))  # type: ignore[arg-type]
    assert told == NotAsked("200 unseen rows beside 2000 of training are too few.")


def test_equal_rows_do_not_meet_themselves() -> None:
    x = torch.arange(60.0)[:, None].expand(60, 2)
    party = Party(Made(x, x), Made(x[:30], x[:30]))
    assert 0 < len(party.answers) < 30
    assert not set(party.answers[:, 0].tolist()) & set(range(30))
    assert Party(Made(x, x), Made(x, x)).power == 0


def test_below_a_quarter_the_bound_is_nine_tenths_of_a_nat_too_low() -> None:
    def bound(variance: float) -> float:
        return -0.5 * (FINE**2 / variance + math.log(2 * math.pi * variance))

    assert bound(FINE**2) - bound(1.0) == pytest.approx(math.log(1 / FINE) - 0.5 * (1 - FINE**2))
    assert bound(FINE**2) - bound(1.0) > 0.9


def test_a_tenth_of_a_nat_names_one_row_of_two_at_most_72_times_in_100() -> None:
    assert (1 + 2 * math.sqrt(0.1 / 2)) / 2 == pytest.approx(0.72, abs=0.005)


def test_images_are_looked_at_as_a_few_large_rows() -> None:
    X = (load_digits().images[:100] / 16).astype(np.float32)
    one = patient(isthmus.Autoencoder(architecture="conv", epochs=1, random_state=0), X)
    assert one.rows.numbers.shape == (100, 64)
    assert one.codes.shape[0] == 100 and one.units == one.model.latent_dim_


def test_draws_from_where_codes_are_lie_in_no_hole_and_are_counted_where_none_are() -> None:
    shares = []
    for seed in range(40):
        generator = torch.Generator().manual_seed(seed)
        codes, draws = (torch.randn(n, 3, generator=generator) for n in (200, 500))
        shares.append(emptiness(codes, draws))
    assert 0.002 < np.mean([share for share, _ in shares]) < 0.03
    assert max(share for share, _ in shares) < EMPTY
    two = torch.cat([codes - 4, codes + 4])
    assert emptiness(two, 0.3 * draws)[0] == 1  # between the two


def test_a_posterior_is_looked_at_by_its_draws() -> None:
    X = load_breast_cancer().data
    one = patient(isthmus.VAE(epochs=40, random_state=0), X)
    told = holes(one)
    assert isinstance(told, Sound)
    assert emptiness(one.codes.flatten(1).double(), _drawn(one))[0] > 0.5  # means alone leave the prior empty


def test_of_codes_without_a_prior_and_of_symbols_no_holes_are_asked() -> None:
    X = load_digits().data[:200]
    assert holes(patient(isthmus.Autoencoder(epochs=1), X)) == NotAsked("The code has no prior.")
    model = isthmus.VQVAE(codes=8, latent_dim=4, epochs=1, random_state=0).fit(X)
    model.fit_prior(X, "autoregressive", epochs=1)
    assert isinstance(holes(Patient(model, read(model, X), None)), NotAsked)
