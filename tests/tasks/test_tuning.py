"""The search: it finds what it is meant to find, judges by the same rows, goes on where it stopped."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.datasets import load_wine
from sklearn.model_selection import GridSearchCV

import isthmus
from isthmus.core.spec import Spec
from isthmus.data import factors
from isthmus.displays import LatentCurveDisplay
from isthmus.errors import MissingExtraError, ParameterError, UnknownNameError
from isthmus.tasks.latent_curve import latent_curve
from isthmus.tasks.tuning import Range, Trial, tune, usual_space
from isthmus.training.callbacks import Callback
from isthmus.training.run import Run

ROWS = factors(240, columns=10, rank=2, anomalies=0.0, random_state=0).X


@pytest.fixture
def optuna() -> Any:
    return pytest.importorskip("optuna", reason='optuna is not installed: pip install "isthmus[tune]"')


def model(**fields: Any) -> Any:
    return isthmus.Autoencoder(**{"latent_dim": 2, "epochs": 6, "random_state": 0, **fields})


LINEAR = model(hidden_dims=(), activation="linear", learning_rate=0.02, epochs=40)  # bound to find the plane


def test_the_better_option_is_found_and_the_model_has_it(optuna: Any) -> None:
    seen: list[Trial] = []
    found = tune(model(), ROWS, trials=4, space={"learning_rate": [1e-6, 1e-2]}, tell=seen.append)
    assert found.params == {"learning_rate": 1e-2}
    assert found.model.learning_rate == 1e-2 and not hasattr(found.model, "network_")
    assert seen == list(found.trials)
    assert [trial.number for trial in seen] == [0, 1, 2, 3]
    again = found.model.fit(ROWS, validation=0.2)
    assert again.history_[-1]["validation_loss"] == found.validation_loss


def test_every_trial_is_judged_by_the_same_rows(optuna: Any) -> None:
    class Count(Callback):
        """Counts epochs, and notes how many rows a run has."""

        def __init__(self) -> None:
            self.steps: list[int] = []

        def epoch_ended(self, run: Run) -> bool:
            self.steps.append(run.history[-1]["steps"])
            return False

    count, held = Count(), ROWS[:40]
    watched = model(batch_size=40).set_callbacks(count)
    found = tune(watched, ROWS[40:], trials=2, space={"activation": ["relu", "tanh"]}, validation=held)
    assert set(count.steps) == {5} and len(count.steps) == 12
    best = found.model.set_callbacks().fit(ROWS[40:], validation=held)
    assert best.history_[-1]["validation_loss"] == found.validation_loss


def test_what_falls_behind_is_cut_short(optuna: Any) -> None:
    found = tune(model(epochs=20), ROWS, trials=9, space={"learning_rate": Range(1e-7, 1e-2)})
    states = [trial.state for trial in found.trials]
    assert states[:5] == ["complete"] * 5
    assert "pruned" in states
    assert all(trial.validation_loss is None for trial in found.trials if trial.state == "pruned")


@pytest.mark.slow
def test_a_search_goes_on_where_it_is_kept(optuna: Any, tmp_path: Path) -> None:
    options: dict[str, Any] = {
        "space": {"learning_rate": Range(1e-4, 1e-2)},
        "storage": f"sqlite:///{tmp_path}/study.db",
    }
    first = tune(model(epochs=2), ROWS, trials=2, **options)
    second = tune(model(epochs=2), ROWS, trials=3, **options)
    assert second.trials[:2] == first.trials
    assert len(second.trials) == 3
    assert tune(model(epochs=2), ROWS, trials=3, **options).trials == second.trials


def test_the_seed_is_all_that_matters(optuna: Any) -> None:
    searches = [tune(model(epochs=2), ROWS, trials=3).trials for _ in range(2)]
    assert searches[0] == searches[1]


def test_what_is_searched_is_what_was_left_open() -> None:
    table, image = Spec("table", (10,)), Spec("image", (1, 8, 8))
    assert set(usual_space(isthmus.Autoencoder(), table)) == {"learning_rate", "weight_decay", "hidden_dims"}
    assert "latent_dim" in usual_space(isthmus.VAE(), table)
    assert "amount" in usual_space(isthmus.DenoisingAutoencoder(), table)
    assert "hidden_dims" not in usual_space(isthmus.VAE(), image)
    assert set(usual_space(isthmus.VAE(latent_dim=3, learning_rate=1e-3), table)) == {"weight_decay", "hidden_dims"}


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"space": {"lerning_rate": [1e-3]}}, UnknownNameError, "Did you mean 'learning_rate'"),
        ({"space": {"activation": []}}, ParameterError, r"space\['activation'\]=\[\]"),
        ({"space": {}}, ParameterError, "nothing to search"),
        ({"trials": 1, "seconds": 0.0, "space": {"learning_rate": [1e-3]}}, ParameterError, "0 trials, none complete"),
    ],
)
def test_what_cannot_be_searched_is_refused(
    optuna: Any, options: dict[str, Any], error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words):
        tune(model(), ROWS, **options)


def test_without_optuna_it_is_said_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "optuna", None)
    with pytest.raises(MissingExtraError, match=r"isthmus\[tune\]"):
        tune(model(), ROWS)


def test_scikit_learns_own_search_works_as_well() -> None:
    search = GridSearchCV(LINEAR, {"latent_dim": [1, 3]}, cv=2).fit(ROWS)
    assert search.best_params_ == {"latent_dim": 3}
    assert search.best_score_ == pytest.approx(search.cv_results_["mean_test_score"].max())


def test_the_curve_bends_where_the_factors_end() -> None:
    told: list[tuple[int, float]] = []
    curve = latent_curve(LINEAR, ROWS, dims=[1, 2, 3, 5], repeats=2, tell=lambda *one: told.append(one))
    assert curve.knee == 2
    assert curve.repeats.shape == (2, 4)
    assert np.array_equal(curve.distortion, curve.repeats.mean(0))
    assert told == [(dim, lost) for row in curve.repeats for dim, lost in zip([1, 2, 3, 5], row.tolist(), strict=True)]
    display = LatentCurveDisplay(curve)
    assert display.picture().mark == (2, curve.distortion[1])


def test_widths_are_chosen_below_that_of_the_data() -> None:
    curve = latent_curve(model(epochs=1), load_wine().data)
    assert curve.dims.tolist() == [1, 2, 3, 5, 6, 9, 12]
    for dims in ([3], [2, 1]):
        with pytest.raises(ParameterError, match="two rising widths"):
            latent_curve(model(), ROWS, dims=dims)
