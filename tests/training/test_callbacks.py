"""Callbacks on real fits: when they stop, what they steer, what they write down."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.callback import ProgressBar, ScoringMonitor
from sklearn.datasets import load_wine
from sklearn.model_selection import GridSearchCV

import isthmus
from isthmus import Autoencoder, Checkpoint, EarlyStopping, GradientClipping, JSONLLog, LearningRate
from isthmus.errors import ParameterError, UnknownNameError
from isthmus.training.callbacks import Callback
from isthmus.training.run import Run

X = load_wine().data


def model(*callbacks: Any, **params: Any) -> Autoencoder:
    """A small autoencoder with these callbacks."""
    usual = {"latent_dim": 2, "hidden_dims": (8,), "epochs": 6, "batch_size": 32, "random_state": 0}
    return Autoencoder(**{**usual, **params}).set_callbacks(*callbacks)


class Told(Callback):
    """Writes down at each epoch's end what `look` sees, and puts `figures` into the history before others look."""

    def __init__(self, look: Any = None, **figures: list[float]) -> None:
        self.look, self.figures, self.seen = look or (lambda run: run.epoch), figures, []

    def epoch_ended(self, run: Run) -> bool:
        for name, values in self.figures.items():
            run.history[-1][name] = values[len(run.history) - 1]
        self.seen.append(self.look(run))
        return False


def state(run: Run) -> dict[str, torch.Tensor]:
    """The network's weights now."""
    return {name: tensor.clone() for name, tensor in run.network.state_dict().items()}


@pytest.mark.parametrize(
    ("figures", "options", "stops_after", "best"),
    [
        ([5, 4, 3, 3, 3, 3], {"patience": 2}, 5, 3),
        ([5, 4, 3, 2, 1, 0], {"patience": 1}, 6, 6),
        ([5, 4.9, 4.8, 4.7, 4.6, 4.5], {"patience": 2, "min_delta": 0.5}, 3, 1),
        ([5, math.nan, 4, math.nan, math.nan, 3], {"patience": 2}, 5, 3),
        ([5, 6, 4, 6, 3, 6], {"patience": 2}, 6, 5),
    ],
)
def test_early_stopping_stops_and_restores_the_best(
    figures: list[float], options: dict[str, Any], stops_after: int, best: int
) -> None:
    told = Told(state, figure=figures)
    fitted = model(told, EarlyStopping("figure", **options)).fit(X)
    assert fitted.n_iter_ == stops_after
    for name, tensor in fitted.network_.state_dict().items():
        assert torch.equal(tensor, told.seen[best - 1][name])


def test_early_stopping_may_keep_the_last() -> None:
    told = Told(state, figure=[1, 2, 3, 4, 5, 6])
    fitted = model(told, EarlyStopping("figure", patience=2, restore_best=False)).fit(X)
    assert fitted.n_iter_ == 3
    assert torch.equal(fitted.network_.encoder.linears[0].weight, told.seen[-1]["encoder.linears.0.weight"])


def test_early_stopping_watches_the_first_of_several_players() -> None:
    member = isthmus.FactorVAE(latent_dim=2, epochs=3, random_state=0).set_callbacks(EarlyStopping(patience=5)).fit(X)
    assert "loss" not in member.history_[0] and len(member.history_) == 3


def test_early_stopping_watches_held_out_rows_where_there_are_any() -> None:
    stopping = EarlyStopping(patience=1)
    fitted = model(stopping, epochs=200, learning_rate=0.05).fit(X[:20], validation=X[100:])
    losses = [line["validation_loss"] for line in fitted.history_]
    assert fitted.n_iter_ < 200
    assert losses[-1] >= min(losses) == stopping.patience.best
    with torch.no_grad():
        held_out = -fitted.score(X[100:])
    assert held_out == pytest.approx(min(losses), rel=1e-5)


def test_a_callback_forgets_the_last_fit() -> None:
    stopping = EarlyStopping("figure", patience=2)
    first = model(Told(figure=[1, 2, 3, 4, 5, 6]), stopping).fit(X)
    second = model(Told(figure=[9, 8, 7, 6, 5, 4]), stopping).fit(X)
    assert (first.n_iter_, second.n_iter_) == (3, 6)


def test_figures_that_are_not_there_are_refused_with_those_that_are() -> None:
    with pytest.raises(UnknownNameError, match="'loss'"):
        model(EarlyStopping("los")).fit(X)


def rates(*callbacks: Any, **params: Any) -> list[float]:
    """The step size at each epoch's end, as a share of the peak."""
    fitted = model(*callbacks, learning_rate=0.01, **params).fit(X)
    return [line["learning_rate"] / 0.01 for line in fitted.history_]


def test_the_usual_rate_falls_along_a_cosine() -> None:
    assert rates() == rates(LearningRate("cosine"))
    assert rates(epochs=40)[0] < 1.0
    assert rates(epochs=40)[1] == pytest.approx(1.0, abs=0.01)
    assert rates(epochs=40)[-1] == pytest.approx(0.02)
    assert rates(epochs=40)[1:] == sorted(rates(epochs=40)[1:], reverse=True)


def test_a_constant_rate_stays() -> None:
    assert rates(LearningRate("constant")) == [1.0] * 6


def test_on_a_plateau_the_rate_is_lowered() -> None:
    figures = [5, 4, 4, 4, 4, 3]
    callback = LearningRate("plateau", "figure", patience=2, decay=0.5)
    assert rates(Told(figure=figures), callback) == [1.0, 1.0, 1.0, 1.0, 0.5, 0.5]


def test_clipping_bounds_the_step_that_is_taken() -> None:
    clips = Told(lambda run: run.clip)
    free, clipped = model().fit(X), model(GradientClipping(1e-3), clips).fit(X)
    assert clips.seen == [1e-3] * 6
    assert not np.array_equal(free.transform(X), clipped.transform(X))


@pytest.mark.parametrize(
    ("make", "error"),
    [
        (lambda: LearningRate("cosin"), UnknownNameError),
        (lambda: LearningRate("plateau", decay=1.0), ParameterError),
        (lambda: LearningRate("plateau", patience=0), ParameterError),
        (lambda: EarlyStopping(patience=0), ParameterError),
        (lambda: EarlyStopping(patience=1.5), ParameterError),
        (lambda: GradientClipping(0.0), ParameterError),
        (lambda: Checkpoint("."), ParameterError),
    ],
)
def test_options_outside_their_domain_are_refused(make: Any, error: type) -> None:
    with pytest.raises(error) as caught:
        make()
    assert caught.value.fix


def test_the_log_has_the_history_line_by_line(tmp_path: Path) -> None:
    path = tmp_path / "logs" / "run.jsonl"
    for _ in range(2):  # a second fit begins the file anew
        fitted = model(JSONLLog(path)).fit(X)
        assert [json.loads(line) for line in path.read_text().splitlines()] == fitted.history_


def test_the_log_stays_json_where_a_figure_is_none(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    model(Told(figure=[math.inf] * 6), JSONLLog(path)).fit(X)
    lines = [json.loads(line, parse_constant=pytest.fail) for line in path.read_text().splitlines()]
    assert [line["figure"] for line in lines] == [None] * 6


def test_callbacks_are_kept_by_clones_and_searches() -> None:
    told = Told()
    twin = clone(model(told))
    assert twin._skl_callbacks == [told]
    GridSearchCV(model(told), {"latent_dim": [1, 2]}, cv=2).fit(X)
    assert len(told.seen) == 6 * (2 * 2 + 1)


def test_the_scoring_monitor_of_scikit_learn_sees_models_as_good_as_their_epoch() -> None:
    monitor = ScoringMonitor(scoring={"score": lambda model, X, y: model.score(X)})
    fitted = model(monitor, epochs=4).fit(X)
    scores = [entry["score"] for entry in monitor.get_logs().data if entry["task_name"] == "epoch"]
    assert len(scores) == 4
    assert scores == sorted(scores)
    assert scores[-1] == pytest.approx(fitted.score(X))


def test_progress_bars_are_shown_once_and_taken_away(capsys: pytest.CaptureFixture[str]) -> None:
    model().fit(X)
    assert capsys.readouterr().out == ""
    for callbacks, verbose in (((), 1), ((ProgressBar(),), 1), ((ProgressBar(),), 0)):
        fitted = model(*callbacks, verbose=verbose).fit(X)
        assert capsys.readouterr().out.count("Autoencoder - fit") == 1
        assert len(getattr(fitted, "_skl_callbacks", [])) == len(callbacks)


def test_a_search_over_verbose_models_has_its_bars_to_itself() -> None:
    GridSearchCV(model(verbose=1), {"latent_dim": [1, 2]}, cv=2).fit(X)
