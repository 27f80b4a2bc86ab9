"""The one loop: who moves when, on what, and what happens to steps that go wrong."""

from __future__ import annotations

import warnings
from typing import Any

import pytest
import torch
from tests.training.runs import player, rebuilt, rows, run, two_parts, weights

from isthmus.core.code import Batch, Terms
from isthmus.core.player import Player, Stage
from isthmus.data.resident import Resident
from isthmus.errors import TrainingError
from isthmus.training.history import Meter
from isthmus.training.loop import train
from isthmus.training.run import Run, SkippedStepWarning


def bad_at(*steps: int) -> tuple[Any, list[int]]:
    """An objective whose cost is not finite at these steps, counted from 1; and the count."""
    done = [0]

    def objective(network: Any, batch: Batch) -> Terms:
        done[0] += 1
        cost = rebuilt("one")(network, batch)["distortion"]
        return {"distortion": cost * (torch.nan if done[0] in steps else 1.0)}

    return objective, done


def test_one_player_learns_and_the_history_says_what_it_paid() -> None:
    network = two_parts()
    training = run(network, [Stage([player(network, "one")])], epochs=30)
    train(training)
    first, last = training.history[0], training.history[-1]
    assert [line["epoch"] for line in training.history] == list(range(1, 31))
    assert last["loss"] == last["distortion"] < 0.5 * first["distortion"]
    assert {line["steps"] for line in training.history} == {4}
    with torch.no_grad():
        paid = (network["one"](rows()) - rows()).square().sum(1).mean().item()
    assert last["loss"] == pytest.approx(paid, rel=0.1)


def test_players_move_in_order_each_with_its_own_parameters_only() -> None:
    network, seen = two_parts(), []

    def watched(part: str) -> Any:
        def objective(network: Any, batch: Batch) -> Terms:
            learns = {name for name, p in network.named_parameters() if p.requires_grad}
            seen.append((part, learns, weights(network["one"])))
            answer = network["two"](network["one"](batch.x))
            return {"cost": (answer - batch.x).square().sum(1)}

        return objective

    players = [player(network, part, watched(part)) for part in ("two", "one")]
    train(run(network, [Stage(players)], epochs=1))
    assert [part for part, _, _ in seen] == ["two", "one"] * 4
    assert all(learns == {f"{part}.weight", f"{part}.bias"} for part, learns, _ in seen)
    moved = [not torch.equal(a, b) for (_, _, a), (_, _, b) in zip(seen, seen[1:], strict=False)]
    assert moved == [False, True] * 3 + [False]  # "one" moves after its own turn, not after the other's
    assert all(parameter.requires_grad for parameter in network.parameters())


def test_several_players_have_their_names_before_their_terms() -> None:
    network = two_parts()
    training = run(network, [Stage([player(network, "one"), player(network, "two")])], epochs=1)
    train(training)
    assert {"one/loss", "one/distortion", "two/loss", "two/distortion"} <= training.history[0].keys()


def test_players_of_one_stage_may_not_share() -> None:
    network = two_parts()
    both = Player("both", [network], rebuilt("two"))
    with pytest.raises(TrainingError, match="'one' and 'both' share a parameter of shape"):
        train(run(network, [Stage([player(network, "one"), both])]))
    train(run(network, [Stage([player(network, "one")], 0.5), Stage([both], 0.5)]))


def test_a_player_alone_leaves_the_others_parameters_still() -> None:
    network = two_parts()
    before = weights(network["two"])
    train(run(network, [Stage([player(network, "one")])], weight_decay=0.5))
    assert torch.equal(weights(network["two"]), before)


def test_a_player_may_own_what_lies_outside_the_network() -> None:
    network, critic = two_parts(), torch.nn.Linear(3, 1)
    before = weights(critic)

    def objective(network: Any, batch: Batch) -> Terms:
        return {"score": critic(network["one"](batch.x)).squeeze(1).square()}

    train(run(network, [Stage([player(network, "one"), Player("critic", [critic], objective)])]))
    assert not torch.equal(weights(critic), before)
    assert all(parameter.requires_grad for parameter in critic.parameters())


@pytest.mark.parametrize(
    ("shares", "epochs", "wanted"),
    [((1.0,), 3, [3]), ((0.5, 0.5), 5, [2, 3]), ((1 / 3,) * 3, 10, [3, 4, 3]), ((0.01, 0.99), 4, [1, 4])],
)
def test_stages_take_their_share_of_the_epochs(shares: Any, epochs: int, wanted: list[int]) -> None:
    network = two_parts()
    stages = [Stage([player(network, "one")], share) for share in shares]
    training = run(network, stages, epochs=epochs)
    train(training)
    taken = [sum(line["stage"] == stage for line in training.history) for stage in range(len(shares))]
    assert taken == wanted
    assert training.total_epochs == len(training.history) == sum(wanted)


def test_a_stage_may_bring_batches_of_its_own_and_progress_runs_over_all() -> None:
    network, seen = two_parts(), []

    def objective(network: Any, batch: Batch) -> Terms:
        seen.append((len(batch.x), batch.progress))
        return rebuilt("one")(network, batch)

    own = Resident(rows(8), batch_size=8, seed=3)
    stages = [Stage([player(network, "one", objective)], 0.5), Stage([player(network, "one", objective)], 0.5, own)]
    train(run(network, stages))
    assert [size for size, _ in seen] == [5, 5, 5, 5, 8]
    assert [progress for _, progress in seen] == [0.0, 0.125, 0.25, 0.375, 0.5]


def test_hooks_see_gradients_before_a_step_and_weights_after_it() -> None:
    network, events = two_parts(), []

    def before(network: Any) -> None:
        events.append(("before", weights(network["one"]), network["one"].weight.grad.clone()))
        network["one"].bias.grad.zero_()

    def after(network: Any, batch: Batch) -> None:
        events.append(("after", weights(network["one"]), batch.x.clone()))

    bias = network["one"].bias.detach().clone()
    train(run(network, [Stage([player(network, "one", before_step=before, after_step=after)])], epochs=1))
    assert [name for name, *_ in events] == ["before", "after"] * 4
    assert all(gradient.any() for name, _, gradient in events if name == "before")
    assert not torch.equal(events[0][1], events[1][1])
    assert torch.equal(events[1][1], events[2][1])
    assert torch.equal(network["one"].bias, bias)  # its gradient was taken away before each step
    assert {tuple(x.shape) for name, _, x in events if name == "after"} == {(5, 3)}


@pytest.mark.parametrize("shape", [(), (1,), (5, 3), (4,)])
def test_a_term_that_is_not_one_number_a_row_is_refused(shape: tuple[int, ...]) -> None:
    network = two_parts()

    def objective(network: Any, batch: Batch) -> Terms:
        return {"rate": network["one"].weight.sum().expand(shape)}

    with pytest.raises(TrainingError, match="term 'rate' of player 'one'") as caught:
        train(run(network, [Stage([player(network, "one", objective)])]))
    assert str(shape) in caught.value.came
    assert all(p.requires_grad and p.grad is None for p in network.parameters())  # handed back all the same


def test_weights_of_rows_share_the_loss_out() -> None:
    weight = torch.tensor([1.0] * 10 + [0.0] * 10)
    weighed, plain = two_parts(), two_parts()
    half = Resident(rows()[:10], batch_size=10, seed=0)
    whole = Resident(rows(), weight=weight, batch_size=20, seed=0)
    for network, batches in ((weighed, whole), (plain, half)):
        train(run(network, [Stage([player(network, "one")])], batches=batches, epochs=5))
    torch.testing.assert_close(weights(weighed), weights(plain), rtol=1e-4, atol=1e-5)


def test_a_batch_without_weight_has_no_loss_and_is_no_fault() -> None:
    network = two_parts()
    weight = torch.zeros(20)
    weight[3] = 1.0
    training = run(
        network, [Stage([player(network, "one")])], batches=Resident(rows(), weight=weight, batch_size=2, seed=0)
    )
    train(training)
    assert all(line["skipped_steps"] == 0 and line["loss"] > 0 for line in training.history)
    assert weights(network).isfinite().all()


def test_a_skipped_step_is_named_and_moves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("isthmus.training.run.READ_EVERY", 3)
    network = two_parts()
    objective, done = bad_at(6, 8)
    moved = []
    hook = {"after_step": lambda network, batch: moved.append(weights(network["one"]))}
    training = run(network, [Stage([player(network, "one", objective, **hook)])], epochs=3)
    with pytest.warns(SkippedStepWarning) as caught:
        train(training)
    assert done == [12]
    assert [str(warning.message).split(":")[0] for warning in caught] == ["step 6", "step 8"]
    assert [str(warning.message)[-11:] for warning in caught] == ["the last 3)", "the last 1)"]
    assert [line["skipped_steps"] for line in training.history] == [0, 2, 0]
    still = [step + 1 for step in range(1, 12) if torch.equal(moved[step - 1], moved[step])]
    assert still == [6, 8]


@pytest.mark.parametrize("read_every", [1, 2, 64])
@pytest.mark.parametrize("batch_size", [5, 20])
def test_steps_that_all_go_wrong_end_the_run(batch_size: int, read_every: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("isthmus.training.run.READ_EVERY", read_every)
    network = two_parts()
    objective, _ = bad_at(*range(3, 100))
    training = run(
        network,
        [Stage([player(network, "one", objective)])],
        batches=Resident(rows(), batch_size=batch_size, seed=0),
        epochs=9,
    )
    with warnings.catch_warnings(), pytest.raises(TrainingError, match="in any step from step") as caught:
        warnings.simplefilter("ignore", SkippedStepWarning)
        train(training)
    assert "from step 3 on" in str(caught.value) or "from step 5 on" in str(caught.value)
    assert "GradientClipping" in caught.value.fix
    assert weights(network).isfinite().all()


def test_the_step_size_runs_over_each_stage() -> None:
    network, rates = two_parts(), []
    hook = {"before_step": lambda network: rates.append(training.rate())}
    stages = [Stage([player(network, "one", **hook)], 0.5), Stage([player(network, "two", **hook)], 0.5)]
    training: Run = run(network, stages, epochs=2, schedule=lambda done: 1 - done)
    training.factor = 0.5
    train(training)
    assert rates == pytest.approx([0.005 * left for left in (1.0, 0.75, 0.5, 0.25)] * 2)


def test_a_player_may_take_steps_of_its_own_size() -> None:
    moved = {}
    for rate in (1.0, 0.25):
        network = two_parts()
        before = weights(network["two"])
        train(run(network, [Stage([player(network, "one"), player(network, "two", rate=rate)])], epochs=1))
        moved[rate] = (weights(network["two"]) - before).norm()
    assert 0.2 < moved[0.25] / moved[1.0] < 0.3


def test_batches_are_told_where_noise_comes_from() -> None:
    network, generators = two_parts(), []

    def objective(network: Any, batch: Batch) -> Terms:
        generators.append(batch.generator)
        return rebuilt("one")(network, batch)

    training = run(network, [Stage([player(network, "one", objective)])])
    train(training)
    assert set(generators) == {training.generator}


def test_the_network_trains_while_it_learns_and_is_asked_at_rest() -> None:
    network, modes = two_parts(), []

    def objective(network: Any, batch: Batch) -> Terms:
        modes.append(network.training)
        return rebuilt("one")(network, batch)

    def validate() -> dict[str, float]:
        modes.append(network.training)
        return {"validation_loss": 1.0, "validation_rate": float("nan")}

    training = run(network, [Stage([player(network, "one", objective)])], epochs=1, validate=validate)
    train(training)
    assert modes == [True] * 4 + [False]
    assert training.history[0]["validation_loss"] == 1.0
    assert "validation_rate" not in training.history[0]


def test_members_have_sums_of_their_own_and_losses_as_large_as_alone() -> None:
    terms = {"distortion": torch.tensor([1.0, 3.0, 10.0, 20.0]), "rate": torch.ones(4)}
    training = run(two_parts(), [])
    training.members = 2
    shares = training.shares(Batch(torch.zeros(4, 1)))
    assert shares.tolist() == [0.5] * 4
    meter = Meter("one", 2)
    meter.add(terms, shares)
    meter.add(terms, shares)
    figures = meter.read()
    assert figures == pytest.approx(
        {"0/loss": 3, "0/distortion": 2, "0/rate": 1, "1/loss": 16, "1/distortion": 15, "1/rate": 1}
    )
    alone = Meter("one")
    alone.add({name: term[2:] for name, term in terms.items()}, torch.full((2,), 0.5))
    assert alone.read() == pytest.approx({"loss": 16, "distortion": 15, "rate": 1})
