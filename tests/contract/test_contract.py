"""What every member promises, checked for each by what it says it can do."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

import isthmus
from isthmus.errors import AbilityError, IsthmusError
from isthmus.estimator.conditions import read_told
from tests.contract.cases import DEVICE, Case, dense, every_case, once_a_member, take


@pytest.fixture(scope="module")
def fitted() -> Any:
    """Each case fitted once for the checks that change nothing."""
    made: dict[Case, Any] = {}

    def get(case: Case) -> Any:
        if case not in made:
            made[case] = case.fitted()
        return made[case]

    return get


def batch_of(model: Any, case: Case, size: int = 24) -> Any:
    """The first rows as the batch that a fit would see."""
    first = take(case.rows(), slice(0, size))
    source = read_told(model, first, case.told(first).get("y"))
    x = source.block(0, size).to(DEVICE)
    observed = None if model.spec_.is_plain else ~torch.isnan(x)
    condition = source.condition.block(0, size).to(DEVICE) if model.is_conditional else None
    noise = torch.Generator(DEVICE).manual_seed(7)
    return isthmus.core.code.Batch(x, observed, condition, generator=noise, progress=0.5)


@every_case
def test_constructor_stores_and_clone_copies(case: Case) -> None:
    model = case.make()
    twin = clone(model)
    assert twin.get_params() == model.get_params()
    assert set(vars(twin)) == set(twin.get_params())


@every_case
def test_unfitted_model_says_so(case: Case) -> None:
    with pytest.raises(NotFittedError):
        case.make().transform(case.rows(), **case.told(case.rows()))


@every_case
def test_same_seed_same_bits_other_seed_other_bits(case: Case, fitted: Any) -> None:
    rows, told = case.rows(), case.told(case.rows())
    scores = fitted(case).score_samples(rows, **told)
    assert np.array_equal(case.fitted().score_samples(rows, **told), scores)
    assert not np.array_equal(case.fitted(random_state=1).score_samples(rows, **told), scores)


@every_case
def test_fit_leaves_rows_and_global_randomness_alone(case: Case) -> None:
    rows = case.rows()
    before = copy.deepcopy(rows)
    torch_state, numpy_state = torch.get_rng_state(), np.random.get_state()[1].copy()  # noqa: NPY002
    told = case.told(rows)
    model = case.make().fit(rows, **told)
    model.score_samples(rows, **told)
    model.reconstruct(rows, **told)
    assert torch.equal(torch.get_rng_state(), torch_state)
    assert np.array_equal(np.random.get_state()[1], numpy_state)  # noqa: NPY002
    if isinstance(rows, pd.DataFrame):
        pd.testing.assert_frame_equal(rows, before)
    else:
        assert np.array_equal(rows, before)


@every_case
@pytest.mark.parametrize("verb", ["score_samples", "transform", "reconstruct"])
def test_a_row_does_not_depend_on_its_neighbours(case: Case, verb: str, fitted: Any) -> None:
    verb_of, rows = getattr(fitted(case), verb), case.rows()

    def call(some: Any) -> Any:
        return dense(verb_of(some, **case.told(some)))

    whole = call(rows)
    order = np.random.default_rng(1).permutation(len(rows))
    shuffled = call(take(rows, order))
    alone = [call(take(rows, slice(i, i + 1))) for i in (0, 5, len(rows) - 1)]
    for answer, places in [(shuffled, order), *zip(alone, ([0], [5], [len(rows) - 1]), strict=True)]:
        expected = take(whole, places)
        if isinstance(expected, pd.DataFrame):
            pd.testing.assert_frame_equal(
                answer.reset_index(drop=True), expected.reset_index(drop=True), check_exact=True
            )
        else:
            assert np.array_equal(answer, expected)


@every_case
def test_scores_are_minus_distortion_minus_rate(case: Case, fitted: Any) -> None:
    model, rows = fitted(case), case.rows()
    told = case.told(rows)
    scores = model.score_samples(rows, **told)
    assert scores.dtype == np.float64
    assert scores.shape == (len(rows),)
    assert np.isfinite(scores).all()
    assert np.array_equal(model.anomaly_score(rows, **told), -scores)
    assert np.array_equal(model.score_samples(rows, **told), scores)
    distortion, rate = model.network_.eval().price(batch_of(model, case))
    assert np.allclose(-(distortion + rate).detach().cpu().numpy(), scores[:24], rtol=1e-4, atol=1e-4)


@every_case
def test_saved_model_comes_back_the_same(case: Case, fitted: Any, tmp_path: Any) -> None:
    model, rows = fitted(case), case.rows()
    twin, told = isthmus.load(model.save(tmp_path / "model"), device=DEVICE), case.told(rows)
    for other in (twin, copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        assert np.array_equal(other.score_samples(rows, **told), model.score_samples(rows, **told))
        assert np.array_equal(dense(other.transform(rows, **told)), dense(model.transform(rows, **told)))
    assert twin.spec_ == model.spec_
    assert repr(twin) == repr(model)


@every_case
def test_codes_have_the_shape_they_say(case: Case, fitted: Any) -> None:
    model, rows = fitted(case), case.rows()
    codes = model.transform(rows, **case.told(rows))
    assert codes.shape == (len(rows), int(np.prod(model.latent_shape_)))
    back = model.inverse_transform(codes, **case.told(rows))
    assert type(back) is type(rows)
    assert back.shape == rows.shape


@every_case
def test_reconstruction_has_container_types_and_columns_of_the_input(case: Case, fitted: Any) -> None:
    rows = case.rows()
    rebuilt = fitted(case).reconstruct(rows, **case.told(rows))
    assert type(rebuilt) is type(rows)
    assert rebuilt.shape == rows.shape
    if isinstance(rows, pd.DataFrame):
        assert list(rebuilt.dtypes) == list(rows.dtypes)
        assert rebuilt.index.equals(rows.index)
    else:
        assert rebuilt.dtype == rows.dtype


@every_case
def test_gradient_reaches_every_parameter(case: Case) -> None:
    model = case.fitted(epochs=1)
    network, batch = model.network_.train(), batch_of(model, case)
    for stage in model.stages(network):
        for player in stage.players:
            network.zero_grad()
            sum(player.objective(network, batch).values()).sum().backward()
            silent = [
                f"{type(module).__name__}.{name}"
                for module in player.modules
                for name, parameter in module.named_parameters()
                if parameter.grad is None or not parameter.grad.abs().sum() > 0
            ]
            assert not silent


@every_case
def test_every_part_may_run_twice_in_one_objective(case: Case) -> None:
    follows = case.make().learns_variance and case.data in ("images", "series")  # a variance that follows each pass
    model = case.fitted(epochs=1, **({"likelihood": "gaussian"} if follows else {}))
    network = model.network_.train()
    player = model.stages(network)[0].players[0]

    def gradients(times: int) -> list[torch.Tensor]:
        network.zero_grad()
        losses = [sum(player.objective(network, batch_of(model, case)).values()).sum() for _ in range(times)]
        sum(losses).backward()
        return [parameter.grad.clone() for module in player.modules for parameter in module.parameters()]

    for once, twice in zip(gradients(1), gradients(2), strict=True):
        assert torch.allclose(2 * once, twice, rtol=1e-4, atol=1e-5 * float(once.abs().max()))


@every_case
def test_terms_are_one_number_a_row_and_row_by_row(case: Case, fitted: Any) -> None:
    model = fitted(case)
    network = model.network_.eval()
    with torch.no_grad():
        of_size = {size: model.objective(network, batch_of(model, case, size)) for size in (1, 16, 64)}
    for name, whole in of_size[64].items():
        assert whole.shape == (64,)
        for size in (1, 16) if name not in model.batch_terms else ():
            assert of_size[size][name].shape == (size,)
            torch.testing.assert_close(of_size[size][name], whole[:size], rtol=1e-6, atol=1e-6)


@once_a_member
def test_training_beats_the_untrained_copy(case: Case, fitted: Any) -> None:
    rows, y = case.rows(), case.told(case.rows()).get("y")
    trained = case.fitted(epochs=60 if case.model == "iwae" else 12)  # several draws hide what is not yet learnt
    untrained = case.fitted(epochs=1, learning_rate=1e-12)
    assert trained.score(rows, y) > untrained.score(rows, y)
    # Prices may rise with progress, so losses of the history cannot be compared: these are of one moment.

    def paid(model: Any) -> float:
        terms = model.objective(model.network_.eval(), batch_of(model, case, len(rows)))
        return float(sum(term.detach().mean() for name, term in terms.items() if name not in ("fool", "features")))

    assert paid(trained) < paid(untrained)  # but for what an opponent makes of it, who learns as well


@every_case
def test_history_has_both_curves(case: Case) -> None:
    model = case.make().fit(case.rows(), validation=0.2, **case.told(case.rows()))
    assert [line["epoch"] for line in model.history_] == [1, 2, 3]
    assert model.n_iter_ == 3
    for line in model.history_:
        total = line["validation_distortion"] + line["validation_rate"]
        assert line["validation_loss"] == pytest.approx(total)
        losses = [value for name, value in line.items() if name.rpartition("/")[2] == "loss"]  # one for each player
        assert losses
        assert np.isfinite(losses).all()


@every_case
def test_partial_fit_goes_on(case: Case) -> None:
    rows, told = case.rows(), case.told(case.rows())
    model = case.fitted()
    before = model.score_samples(rows, **told)
    spec = model.spec_
    model.partial_fit(rows, **told)
    assert not np.array_equal(model.score_samples(rows, **told), before)
    assert model.spec_ is spec
    assert model.n_iter_ == 4


@once_a_member
def test_weights_weigh(case: Case) -> None:
    rows = case.rows()
    heavy = np.where(np.arange(len(rows)) < len(rows) // 2, 1.0, 1e-6)
    told, first = case.told(rows), take(rows, slice(0, len(rows) // 2))
    model = case.make(epochs=8).fit(rows, sample_weight=heavy, **told)
    equal = case.make(epochs=8).fit(rows, sample_weight=np.full(len(rows), 3.0), **told)
    assert model.score(first, **case.told(first)) > equal.score(first, **case.told(first)) - 0.5
    scores = [one.score_samples(rows, **told) for one in (equal, case.fitted(epochs=8))]
    assert np.allclose(*scores, rtol=1e-2, atol=0.3)


@every_case
def test_abilities_tell_the_truth(case: Case, fitted: Any, tmp_path: Any) -> None:
    model, rows = fitted(case), case.rows()
    labels, told, pair = np.arange(len(rows)) % 2, case.told(rows), take(rows, slice(0, 2))
    arguments = {
        "sample": (3,),
        "interpolate": (pair, take(rows, slice(2, 4)), 3),
        "traverse": (pair, 0, [-1.0, 1.0]),
        "log_likelihood": (rows, 2),
        "variations": (take(rows, slice(0, 2)), 2),
        "gaps": (2,),
        "langevin": (2, 3),
        "elbo_gap": (rows, 2),
        "finetune": (rows, labels),
        "summary": (),
        "save": (tmp_path / "saved",),
        "inverse_transform": (model.transform(rows, **told),),
    }
    if model.abilities()["tokens"] is True:
        arguments["from_tokens"] = (model.tokens(rows),)
    beside = dict.fromkeys(("interpolate", "traverse", "variations", "gaps"), case.told(pair))
    beside["sample"] = case.told(take(rows, slice(0, 3)))
    silent = ("finetune", "summary", "save")
    for verb, answer in model.abilities().items():
        if verb in ("fit", "partial_fit"):
            continue
        verb, _, kind = verb.partition(":")
        call = getattr(copy.deepcopy(model) if kind else model, verb)
        if kind:
            arguments[verb] = (rows, kind)
        if answer is True:
            options = {"epochs": 1, **told} if kind else {} if verb in silent else beside.get(verb, told)
            call(*arguments.get(verb, (rows,)), **options)
        else:
            with pytest.raises(AbilityError, match=str(answer)[:20]):
                call(*arguments.get(verb, (rows,)))


@every_case
def test_samples_look_like_rows(case: Case, fitted: Any) -> None:
    model, rows = fitted(case), case.rows()
    if model.abilities()["sample"] is not True:
        pytest.raises(AbilityError, model.sample, 2)
        return
    told = case.told(take(rows, slice(0, 7)))
    drawn = model.sample(7, random_state=3, **told)
    assert type(drawn) is type(rows)
    assert drawn.shape == (7, *rows.shape[1:])
    again, other = (model.sample(7, random_state=seed, **told) for seed in (3, 4))
    assert np.array_equal(np.asarray(again), np.asarray(drawn))
    assert not np.array_equal(np.asarray(other), np.asarray(drawn))


@every_case
def test_filled_cells_are_those_that_were_hidden(case: Case, fitted: Any) -> None:
    model, rows = fitted(case), case.rows()
    if model.abilities()["fill"] is not True:
        pytest.raises(AbilityError, model.fill, rows)
        return
    filled = model.fill(rows, **case.told(rows))
    known = ~np.asarray(pd.isna(rows))
    assert not np.asarray(pd.isna(filled)).any()
    if isinstance(rows, np.ndarray):
        some = np.random.default_rng(0).random(rows.shape) < 0.8
        assert np.allclose(model.fill(rows, some)[some], rows[some], rtol=1e-4, atol=1e-5)
        assert not np.allclose(model.fill(rows, some)[~some], rows[~some])
        return
    for place in range(rows.shape[1]):
        column, whole = rows.iloc[:, place][known[:, place]], filled.iloc[:, place][known[:, place]]
        if pd.api.types.is_float_dtype(column):
            assert np.allclose(column, whole, rtol=1e-4)
        elif not pd.api.types.is_datetime64_any_dtype(column):
            assert (column == whole).all()


@every_case
def test_repr_shows_what_auto_became(case: Case, fitted: Any) -> None:
    text = repr(fitted(case))
    assert text.startswith(type(fitted(case)).__name__ + "(")
    assert "likelihood='" in text or "likelihood" not in fitted(case).get_params()
    assert "auto" not in text.replace("autoencoder", "")


@every_case
def test_other_data_is_refused_in_three_parts(case: Case, fitted: Any) -> None:
    with pytest.raises(IsthmusError) as caught:
        fitted(case).score_samples(np.zeros((4, 3, 2, 2, 2, 2)))
    assert caught.value.came
    assert caught.value.allowed
    assert caught.value.fix


@pytest.mark.gpu
@every_case
def test_a_model_of_the_gpu_loads_on_the_cpu(case: Case, tmp_path: Any) -> None:
    if not torch.cuda.is_available():
        pytest.skip("no CUDA device on this machine")
    model, rows = case.fitted(device="cuda"), case.rows()
    twin = isthmus.load(model.save(tmp_path / "model"))
    assert next(twin.network_.parameters()).device.type == "cpu"
    scores = [one.score_samples(rows, **case.told(rows)) for one in (twin, model)]
    assert np.allclose(*scores, rtol=1e-3, atol=1e-2)
