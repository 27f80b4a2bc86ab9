"""A row's result does not depend on its neighbours, on their number or on the threads, bit for bit."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import isthmus
from isthmus.core.code import Batch
from isthmus.core.spec import Spec
from isthmus.data.memory import TensorSource
from isthmus.estimator.blocks import FEW, LARGE, MIDDLE, SMALL, TINY, Blocks

ROWS, IMAGES = 9000, 700
MODELS: dict[str, tuple[Callable[[], Any], tuple[int, ...]]] = {
    "table": (lambda: isthmus.Autoencoder(latent_dim=3, **BRIEF), (ROWS, 13)),
    "wide table": (lambda: isthmus.Autoencoder(hidden_dims=(64,), latent_dim=16, **BRIEF), (ROWS, 30)),
    "random code": (lambda: isthmus.VAE(latent_dim=3, **BRIEF), (ROWS, 13)),
    "around the code": (
        lambda: isthmus.Autoencoder(architecture=isthmus.MLP(skip_connections=True), latent_dim=3, **BRIEF),
        (ROWS, 13),
    ),
    "normalized": (lambda: isthmus.Autoencoder(architecture=isthmus.MLP(normalization="layer"), **BRIEF), (ROWS, 13)),
    "images": (lambda: isthmus.Autoencoder(architecture="conv", latent_dim=8, **BRIEF), (IMAGES, 20, 20, 1)),
    "images around the code": (
        lambda: isthmus.Autoencoder(
            architecture=isthmus.Convolutional(skip_connections=True), hidden_dims=(8, 16), latent_dim=8, **BRIEF
        ),
        (IMAGES, 16, 16, 1),
    ),
    "flat images": (lambda: isthmus.Autoencoder(architecture="mlp", latent_dim=8, **BRIEF), (IMAGES, 16, 16, 1)),
}
BRIEF = {"epochs": 1, "batch_size": 512, "random_state": 0}


@pytest.fixture(scope="module", params=MODELS)
def fitted(request: pytest.FixtureRequest) -> Any:
    """A model and rows, enough of them for large blocks, small ones and a filled one."""
    make, shape = MODELS[request.param]
    X = np.random.default_rng(0).random(shape, dtype=np.float32)
    return make().fit(X[: shape[0] // 8]), X


@pytest.mark.parametrize("verb", ["anomaly_score", "transform", "reconstruct"])
def test_a_row_gets_the_same_bits_alone_permuted_and_among_others(fitted: Any, verb: str) -> None:
    model, X = fitted
    call = getattr(model, verb)
    expected = call(X)
    order = np.random.default_rng(1).permutation(len(X))
    assert np.array_equal(call(X[order]), expected[order])
    assert np.array_equal(call(np.concatenate([X[5:], X[:5]])), np.concatenate([expected[5:], expected[:5]]))
    for start, count in (
        (0, 1),
        (7, 1),
        (300, 2),
        (41, 5),
        (10, 40),
        (3, 70),
        (100, 300),
        (50, 1000),
        (9, 2500),
        (1, 3900),
    ):
        assert np.array_equal(call(X[start : start + count]), expected[start : start + count]), (start, count)


def test_the_number_of_threads_changes_no_bit(fitted: Any) -> None:
    model, X = fitted
    before = torch.get_num_threads()
    found = []
    for threads in (1, 2, 3):
        torch.set_num_threads(threads)
        found.append((model.anomaly_score(X), model.reconstruct(X)))
        assert torch.get_num_threads() == threads
    torch.set_num_threads(before)
    assert all(np.array_equal(a, b) for pair in found[1:] for a, b in zip(pair, found[0], strict=True))


def test_a_copy_and_a_pickle_score_as_the_model_does(fitted: Any) -> None:
    model, X = fitted
    expected = model.anomaly_score(X[:100])
    assert np.array_equal(pickle.loads(pickle.dumps(model)).anomaly_score(X[:100]), expected)


class Felt(nn.Module):
    """A part whose answer differs in its last bits with the size of the block, which its sign hides."""

    def __init__(self, sizes: tuple[int, ...]) -> None:
        super().__init__()
        self.part = nn.Identity()
        self.sizes = sizes

    def forward(self, batch: Batch) -> Tensor:
        """1 for each positive number of a row."""
        nudge = 1e-6 if len(batch.x) in self.sizes else 0.0
        return self.part(batch.x + nudge).sign()  # type: ignore[no-any-return]


class Noted:
    """Rows that note which of them are read."""

    def __init__(self, n: int) -> None:
        self.spec, self.n = Spec("table", (2,)), n
        self.read: list[tuple[int, int]] = []

    def __len__(self) -> int:
        return self.n

    def block(self, start: int, stop: int) -> Tensor:
        """Ones, and the rows' own numbers."""
        self.read.append((start, stop))
        return torch.stack([torch.ones(stop - start), torch.arange(start, stop).float()], 1)


def sizes_used(network: Felt, n: int) -> set[int]:
    """The sizes of the blocks that n rows went through."""
    scorer, seen = Blocks(network, 2), set[int]()
    scorer.run(Noted(10 * LARGE), network)  # probes come before
    scorer.run(Noted(1), network)

    def note(batch: Batch) -> Tensor:
        seen.add(len(batch.x))
        return network(batch)  # type: ignore[no-any-return]

    scorer.agree = {(note, size): agrees for (_, size), agrees in scorer.agree.items()}
    scorer.agree.setdefault((note, SMALL), True)
    scorer.run(Noted(n), note)
    return seen


@pytest.mark.parametrize(
    ("n", "felt", "used"),
    [
        (LARGE, (), {LARGE}),
        (2 * LARGE + 10, (), {LARGE, SMALL}),
        (1000, (), {MIDDLE}),  # a batch as services get them
        (MIDDLE + FEW, (), {MIDDLE, SMALL}),
        (LARGE - 10, (), {LARGE}),
        (2 * LARGE + 500, (), {LARGE, MIDDLE}),
        (2 * FEW, (MIDDLE,), {SMALL}),
        (1000, (MIDDLE,), {LARGE}),
        (2 * LARGE, (LARGE,), {MIDDLE}),
        (2 * LARGE, (MIDDLE, LARGE), {SMALL}),  # only the small ones are left
        (SMALL, (), {SMALL}),
        (1, (), {1}),
        (1, (1,), {2}),
        (1, (1, 2), {8}),
        (1, TINY, {SMALL}),
    ],
)
def test_a_size_that_rounds_otherwise_is_not_used(n: int, felt: tuple[int, ...], used: set[int]) -> None:
    assert sizes_used(Felt(felt), n) == used


def test_where_even_the_place_matters_each_row_has_a_block_of_its_own() -> None:
    def place(batch: Batch) -> Tensor:
        return torch.arange(len(batch.x))

    assert Blocks(nn.Identity(), 2).run(Noted(10), place).tolist() == [0] * 10
    assert Blocks(nn.Identity(), 2, exact=False).run(Noted(10), place).tolist() == list(range(10))


@pytest.mark.parametrize("threads", [1, 3])
def test_rows_are_read_once_and_in_order_and_land_where_they_belong(threads: int) -> None:
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    rows = Noted(5 * LARGE + 300)
    answer = Blocks(nn.Identity(), 2).run(rows, lambda batch: batch.x[:, 1])
    torch.set_num_threads(before)
    assert [stop for _, stop in rows.read[:-1]] == [start for start, _ in rows.read[1:]]
    assert (rows.read[0][0], rows.read[-1][1]) == (0, len(rows))
    assert torch.equal(answer, torch.arange(len(rows)).float())


def test_an_error_in_one_thread_ends_them_all() -> None:
    def refuse(batch: Batch) -> Tensor:
        if batch.x[0, 1] >= LARGE:
            raise RuntimeError("no")
        return batch.x

    rows = Noted(400 * LARGE)
    with pytest.raises(RuntimeError, match="no"):
        Blocks(nn.Identity(), 2, exact=False).run(rows, refuse)
    assert len(rows.read) < 100


def test_wide_rows_come_in_smaller_blocks_and_very_wide_ones_alone() -> None:
    assert [Blocks(nn.Identity(), width).large for width in (2, 64, 784, 3 * 64 * 64, 10**6)] == [
        4096,
        4096,
        256,
        SMALL,
        1,
    ]


def test_tests_reach_every_kind_of_block() -> None:
    """The real models above have rows enough."""
    assert ROWS > 2 * LARGE + 2 * FEW


@pytest.fixture(autouse=True)
def no_thread_is_left_set() -> Iterator[None]:
    """Scoring gives torch its threads back."""
    before = torch.get_num_threads()
    yield
    assert torch.get_num_threads() == before


def test_a_source_of_codes_is_decoded_alike() -> None:
    codes = torch.randn(300, 4, generator=torch.Generator().manual_seed(0))
    layer = nn.Linear(4, 20).requires_grad_(False)
    decode = lambda batch: layer(batch.x)  # noqa: E731
    scorer = Blocks(layer, 20)
    whole = scorer.run(TensorSource(codes, Spec("table", (4,))), decode)
    alone = scorer.run(TensorSource(codes[:1], Spec("table", (4,))), decode)
    assert torch.equal(whole[:1], alone)
