"""An informed forger: inside the budget, the same at every call, lower scores, and only where there are gradients."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

import isthmus
from isthmus.errors import AbilityError, ParameterError, UnknownNameError
from isthmus.tasks.anomaly.evasion import descend


@pytest.fixture(scope="module")
def found(detector: Any, tumours: Any) -> Any:
    """Malignant rows that raise an alarm."""
    return tumours.malignant[detector.predict(tumours.malignant) == -1][:60]


@pytest.fixture(scope="module")
def evasion(detector: Any, found: Any) -> Any:
    """What a forger makes of them."""
    return isthmus.evade(detector, found, budget=0.5)


def test_no_cell_leaves_the_budget(evasion: Any, found: Any, detector: Any) -> None:
    assert np.abs(evasion.moved).max() <= 0.5 + 1e-5
    deviations = detector.model_.spec_.scale.numpy()
    np.testing.assert_allclose((evasion.rows - found) / deviations, evasion.moved, atol=1e-4)


def test_scores_fall_and_are_those_that_are_served(evasion: Any, found: Any, detector: Any) -> None:
    assert (evasion.before == detector.anomaly_score(found)).all()
    assert (evasion.after == detector.anomaly_score(evasion.rows)).all()
    assert (evasion.after < evasion.before).all()
    assert evasion.found.value == 1.0
    assert evasion.still_found.value == (detector.predict(evasion.rows) == -1).mean() < 1.0
    assert str(evasion).startswith(f"{len(found)} rows, no cell moved by more than 0.5: 100 % raised an alarm, ")


def test_a_forger_does_better_than_random_moves_of_the_same_size(evasion: Any, found: Any, detector: Any) -> None:
    signs = np.random.default_rng(0).choice([-1, 1], (20, *found.shape))
    scores = [detector.anomaly_score(found + 0.5 * detector.model_.spec_.scale.numpy() * one) for one in signs]
    assert (evasion.after < np.min(scores, axis=0)).all()


def test_the_same_call_gives_the_same_rows_whoever_comes_along(evasion: Any, found: Any, detector: Any) -> None:
    again = isthmus.evade(detector, found, budget=0.5)
    assert (again.rows == evasion.rows).all()
    some = isthmus.evade(detector, found[:7], budget=0.5)
    np.testing.assert_allclose(some.after, evasion.after[:7], atol=0.05)


def test_a_larger_budget_leads_further_down(evasion: Any, found: Any, detector: Any) -> None:
    assert isthmus.evade(detector, found, budget=0.1).after.mean() > evasion.after.mean()


def test_only_the_columns_that_were_named_are_moved(found: Any, detector: Any) -> None:
    moved = isthmus.evade(detector, found, columns=[0, 3], steps=10).moved
    assert np.flatnonzero(np.abs(moved).max(0)).tolist() == [0, 3]


@pytest.mark.parametrize(
    "options", [{"score": "distortion"}, {"score": "latent"}, {"score": "mahalanobis"}, {"critic": True}]
)
def test_every_score_has_gradients(options: dict[str, Any], tumours: Any) -> None:
    model = isthmus.Autoencoder(epochs=2, latent_dim=3, hidden_dims=(8,), device="cpu")
    detector = isthmus.AnomalyDetector(model, alpha=0.05, random_state=0, **options).fit(tumours.benign)
    evasion = isthmus.evade(detector, tumours.malignant[:20], steps=15)
    assert (evasion.after < evasion.before).all()


def test_descent_reaches_the_nearest_place_of_a_bowl() -> None:
    x = torch.tensor([[2.0, -0.3, 1.0], [0.1, torch.nan, -4.0]])
    free = torch.tensor([True, True, False])
    place = descend(lambda rows: rows.nan_to_num().square().sum(1), x, 0.5, free, 100)
    torch.testing.assert_close(
        place, torch.tensor([[1.5, 0.0, 1.0], [0.0, torch.nan, -4.0]]), atol=0.02, rtol=0, equal_nan=True
    )


@pytest.fixture(scope="module")
def mixed() -> tuple[Any, pd.DataFrame]:
    """A detector of numbers, whole numbers, names and gaps, and its rows."""
    random, n = np.random.default_rng(0), 300
    size = random.normal(size=n)
    frame = pd.DataFrame({"size": size, "count": np.rint(50 + 9 * size).astype(int), "weight": size + 1})
    frame["kind"] = np.where(size > 0, "large", "small")
    frame.loc[::15, "weight"] = np.nan
    model = isthmus.Autoencoder(epochs=3, latent_dim=2, hidden_dims=(8,), device="cpu")
    return isthmus.AnomalyDetector(model, alpha=0.1, random_state=0).fit(frame), frame


def test_names_and_gaps_stay_and_whole_numbers_stay_whole(mixed: Any) -> None:
    detector, frame = mixed
    odd = frame.assign(size=-frame["size"])
    evasion = isthmus.evade(detector, odd, budget=0.5, steps=20)
    assert list(evasion.rows.columns) == list(frame.columns)
    assert (evasion.rows["kind"] == odd["kind"]).all()
    assert (evasion.rows["weight"].isna() == odd["weight"].isna()).all()
    assert evasion.rows["count"].dtype == odd["count"].dtype
    assert (evasion.rows["count"] - odd["count"]).abs().max() <= 0.5 * frame["count"].std() + 1e-6
    assert (evasion.rows["count"] != odd["count"]).any()
    assert (evasion.after <= evasion.before).all()
    assert (evasion.after < evasion.before).mean() > 0.9


def test_columns_without_gradients_are_refused(mixed: Any) -> None:
    detector, frame = mixed
    with pytest.raises(ParameterError, match="column that is categorical.*no gradient"):
        isthmus.evade(detector, frame, columns=["kind"])
    with pytest.raises(UnknownNameError, match="Did you mean 'weight'"):
        isthmus.evade(detector, frame, columns=["wight"])
    names = frame[["kind"]].assign(other=frame["kind"] == "small")
    model = isthmus.Autoencoder(epochs=1, latent_dim=1, hidden_dims=(4,), device="cpu")
    only_names = isthmus.AnomalyDetector(model, alpha=0.4, score="distortion", random_state=0)
    only_names.fit(names.assign(third=["a", "b", "c"] * 100))
    with pytest.raises(AbilityError, match="a table without numbers"):
        isthmus.evade(only_names, names.assign(third="a"))


def test_scores_without_gradients_are_refused(tumours: Any, detector: Any) -> None:
    counts = np.random.default_rng(0).poisson(3.0, (120, 6)).astype(float)
    model = isthmus.Autoencoder(epochs=1, likelihood="poisson", latent_dim=2, device="cpu")
    with pytest.raises(AbilityError, match="likelihood='poisson'"):
        isthmus.evade(isthmus.AnomalyDetector(model, alpha=0.1, random_state=0).fit(counts), counts)
    with pytest.raises(AbilityError, match="evade\\(\\) of a Autoencoder|evade\\(\\) of a"):
        isthmus.evade(isthmus.Autoencoder(), tumours.malignant)
    several = isthmus.AnomalyDetector(detector.model_, alpha=0.1, score="disagreement", random_state=0)
    with pytest.raises(AbilityError, match="score='disagreement'"):
        isthmus.evade(several.fit(tumours.benign[:100]), tumours.malignant)
    for options, match in (({"budget": 0}, "budget=0"), ({"steps": 0}, "steps=0")):
        with pytest.raises(ParameterError, match=match):
            isthmus.evade(detector, tumours.malignant, **options)
