"""Alphabets: every code can be reached, costs know no neighbours, gradients pass, and dead codes come alive."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch import Tensor

from isthmus.core.code import Batch
from isthmus.errors import ParameterError
from isthmus.parts.bottlenecks.alphabets import QUANTIZERS, quantizer, token_dim
from isthmus.parts.bottlenecks.binary import Binary
from isthmus.parts.bottlenecks.discrete import Discrete
from isthmus.parts.bottlenecks.nearest import nearest, sums_by_code
from isthmus.parts.bottlenecks.quantizer import DEAD, FRESH, Codebook
from isthmus.parts.bottlenecks.residual import ResidualCodes
from isthmus.parts.bottlenecks.scalar import GAIN, Scalar, levels_for
from isthmus.parts.bottlenecks.tokens import Tokens, rotated, straight_through

BATCH_TERMS = ("diversity",)


def seeded(seed: int = 0) -> torch.Generator:
    """A generator of the test's own."""
    return torch.Generator().manual_seed(seed)


def normal(*shape: int, seed: int = 0) -> Tensor:
    """Numbers from N(0, 1), the same at every call."""
    return torch.randn(shape, generator=seeded(seed))


def batch_of(rows: int, seed: int = 0) -> Batch:
    """A batch that only brings noise."""
    return Batch(torch.zeros(rows, 1), generator=seeded(seed))


def bottleneck(name: str, codes: int = 64, count: int = 3) -> Discrete:
    """A bottleneck of this quantizer, with codes drawn."""
    dim = token_dim(name, codes)
    made = Discrete(Tokens(count, dim), quantizer(name, codes, dim, depth=3))
    for part in made.modules():
        if hasattr(part, "draw"):
            part.draw(seeded(5))
    return made.eval()


@pytest.mark.parametrize(("rows", "codes", "dim"), [(1, 2, 1), (63, 7, 3), (2500, 300, 8), (40, 9000, 4)])
def test_the_fast_assignment_is_the_plain_one(rows: int, codes: int, dim: int) -> None:
    x, book = normal(rows, dim), normal(codes, dim, seed=1)
    plain = (x[:, None].double() - book.double()).square().sum(-1).argmin(1)
    assert torch.equal(nearest(x, book), plain)
    assert nearest(x, book).dtype == torch.int64


def test_an_assignment_does_not_depend_on_its_neighbours() -> None:
    book, x = normal(512, 8, seed=1), normal(3000, 8)
    x[::2] = (book[:-1] + book[1:]).repeat(3, 1)[:1500] / 2  # half of them midway between two codes
    whole = nearest(x, book)
    turned = torch.randperm(len(x), generator=seeded())
    assert torch.equal(nearest(x[turned], book), whole[turned])
    assert all(torch.equal(nearest(x[i : i + 1], book), whole[i : i + 1]) for i in range(0, 3000, 100))


def test_sums_by_code_are_those_of_one_hot_rows() -> None:
    x, weights = normal(200, 4), normal(200, seed=2).abs()
    found = torch.randint(0, 9, (200,), generator=seeded())
    chosen = torch.nn.functional.one_hot(found, 9).float() * weights[:, None]
    counts, sums = sums_by_code(x, found, 9, weights)
    torch.testing.assert_close(counts, chosen.sum(0))
    torch.testing.assert_close(sums, chosen.T @ x)


@pytest.mark.parametrize("name", QUANTIZERS)
def test_costs_are_the_same_in_a_batch_of_1_16_and_64(name: str) -> None:
    part = bottleneck(name)
    h = normal(64, part.tokens.count * part.tokens.dim)
    whole = part(h, batch_of(64))
    for size in (1, 16):
        for start in range(0, 64, size):
            code = part(h[start : start + size], batch_of(size))
            assert torch.equal(code.symbols, whole.symbols[start : start + size])
            costs = {"rate": code.rate, **code.terms}
            for term in costs.keys() - set(BATCH_TERMS):
                expected = whole.rate if term == "rate" else whole.terms[term]
                torch.testing.assert_close(costs[term], expected[start : start + size], rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("name", QUANTIZERS)
def test_symbols_are_the_code(name: str) -> None:
    part = bottleneck(name)
    code = part(normal(40, part.tokens.count * part.tokens.dim), batch_of(40))
    assert code.symbols.dtype == torch.int64
    assert code.symbols.shape == (40, len(part.alphabet))
    assert torch.equal(part.from_symbols(code.symbols), code.z)
    torch.testing.assert_close(code.rate, torch.full((40,), len(part.alphabet) * math.log(part.quantizer.codes)))
    levels = part.levels(code.symbols)
    assert torch.equal(torch.cat(levels, 1), code.symbols)
    assert len(levels) == part.quantizer.depth


@pytest.mark.parametrize("name", QUANTIZERS)
def test_tokens_at_places_are_the_same_tokens(name: str) -> None:
    flat = bottleneck(name)
    placed = Discrete(Tokens(flat.tokens.count, flat.tokens.dim, are_places=True), flat.quantizer).eval()
    h = normal(8, flat.tokens.count * flat.tokens.dim)
    across = flat.tokens.split(h).transpose(1, 2).flatten(1)  # (B, N, d) -> (B, d, N)
    one, other = flat(h, batch_of(8)), placed(across, batch_of(8))
    assert torch.equal(one.symbols, other.symbols)
    assert torch.equal(placed.from_symbols(other.symbols), other.z)


@pytest.mark.parametrize("levels", [(2,), (3, 2), (8, 5, 5), (8, 8, 8), (7, 6, 4)])
def test_every_scalar_code_is_reached_by_itself_and_in_float32(levels: tuple[int, ...]) -> None:
    part = Scalar(levels).eval()
    symbols = torch.arange(part.codes)[None]
    assert len(part.vectors(symbols)[0].unique(dim=0)) == part.codes
    grid = torch.linspace(-6, 6, 4001) / GAIN
    reached = [
        set((part.bounded(grid[:, None]).round().long() + part.levels // 2)[:, j].tolist()) for j in range(len(levels))
    ]
    assert reached == [set(range(level)) for level in levels]
    found = part(3.0 / GAIN * normal(1, 60 * part.codes, len(levels)), batch_of(1)).symbols
    assert part.codes > 100 or len(found.unique()) == part.codes


def test_zero_is_a_scalar_code_and_codes_lie_between_minus_one_and_one() -> None:
    part = Scalar((8, 5))
    values = part.vectors(torch.arange(40)[None])
    assert values.abs().max() == 1
    assert part.bounded(torch.zeros(2)).abs().max() < 1e-6


def test_levels_are_refused_where_no_product_makes_them() -> None:
    assert math.prod(levels_for(4375)) == 4375
    with pytest.raises(ParameterError, match="use codes=500|Use codes=500"):
        levels_for(499)
    with pytest.raises(ParameterError, match="power of 2"):
        quantizer("lfq", 500, 9)


def test_a_binary_symbol_is_its_bits() -> None:
    part = Binary(9).eval()
    tokens = normal(5, 4, 9)
    found = part(tokens, batch_of(5))
    bits = (tokens > 0).long()
    assert torch.equal(found.symbols, sum(bits[..., j] * 2**j for j in range(9)))
    assert torch.equal(found.values, torch.where(tokens > 0, 1.0, -1.0))


def test_the_entropy_terms_of_bits_are_entropies() -> None:
    part = Binary(4)
    torch.testing.assert_close(
        part(torch.zeros(6, 3, 4), batch_of(6)).terms["confidence"], torch.full((6,), 12 * math.log(2))
    )
    alike, apart = torch.full((6, 3, 4), 30.0), torch.full((6, 3, 4), 30.0)
    apart[::2] *= -1
    terms = part(alike, batch_of(6)).terms
    assert terms["confidence"].abs().max() < 1e-5
    torch.testing.assert_close(terms["diversity"], torch.full((6,), 12 * math.log(2)))
    assert part(apart, batch_of(6)).terms["diversity"].abs().max() < 1e-5


def test_a_gradient_goes_straight_through() -> None:
    z, slope = normal(7, 3).requires_grad_(), normal(7, 3, seed=1)
    q = straight_through(z, z.round())
    assert torch.equal(q, z.detach().round())
    q.backward(slope)
    assert torch.equal(z.grad, slope)


def test_the_rotation_makes_q_of_z_and_keeps_the_angle_of_the_gradient() -> None:
    z, q, slope = normal(50, 6).requires_grad_(), normal(50, 6, seed=1), normal(50, 6, seed=2)
    turned = rotated(z, q)
    assert torch.equal(turned, q)
    turned.backward(slope)
    cosine = torch.nn.functional.cosine_similarity
    torch.testing.assert_close(cosine(z.grad, z.detach()), cosine(slope, q), rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(z.grad.norm(dim=1), slope.norm(dim=1) * q.norm(dim=1) / z.detach().norm(dim=1))


def test_the_rotation_is_finite_where_there_is_none() -> None:
    z = torch.tensor([[1.0, 0.0], [0.0, 0.0], [2.0, 1.0]], requires_grad=True)
    rotated(z, torch.tensor([[-1.0, 0.0], [1.0, 0.0], [0.0, 0.0]])).sum().backward()
    assert z.grad.isfinite().all()


def clusters(rows: int, seed: int, count: int = 600) -> Tensor:
    """Tokens around many centres, (rows, 1, 8)."""
    centres = normal(count, 8, seed=99)
    drawn = torch.randint(0, count, (rows,), generator=seeded(seed))
    return (centres[drawn] + 0.05 * normal(rows, 8, seed=seed))[:, None].requires_grad_()


def used_after(book: Codebook, steps: int) -> int:
    """Codes chosen among fresh tokens after a book that begins far off has followed so many batches."""
    book.train()
    book.draw(seeded())
    book.embedding += 8.0  # no token is near any of them, so one takes all
    book._trust(torch.full((book.codes,), FRESH))
    book.begun.fill_(True)
    for step in range(steps):
        book(clusters(512, step), batch_of(512, step))
        book.follow()
    return len(book.eval()(clusters(8192, 1000), batch_of(8192)).symbols.unique())


class CodesAlone(Codebook):
    """A book whose restart sets codes and not the averages that they are taken from, as a published codec does."""

    def follow(self) -> None:
        """Begin dead codes anew, then take all codes from the averages."""
        assert self.seen is not None
        self.embedding.copy_(torch.where((self.counts < DEAD)[:, None], self.seen[2], self.embedding))
        super().follow()


def test_dead_codes_come_alive_only_where_code_sum_and_count_begin_anew() -> None:
    alive = used_after(Codebook(512, 8), 250)
    never, alone = (used_after(kind(512, 8, restarts=False), 90) for kind in (Codebook, CodesAlone))
    assert alive > 0.95 * 512
    assert never == alone < 0.1 * 512


def test_a_book_begins_as_centres_of_its_first_batch() -> None:
    book = Codebook(64, 8)
    book.draw(seeded())
    book.train()
    tokens = clusters(2048, 0, count=64)
    assert not book.begun
    book(tokens, batch_of(2048))
    assert book.begun
    assert len(book.eval()(tokens, batch_of(2048)).symbols.unique()) > 50
    before = (tokens - normal(64, 8)[0]).square().mean()
    assert book(tokens, batch_of(2048)).terms["commitment"].mean() / 8 < 0.3 * before


def test_the_averages_are_those_of_the_paper() -> None:
    book = Codebook(3, 2, restarts=False)
    book.draw(seeded())
    book.begun.fill_(True)
    counts, sums = book.counts.clone(), book.sums.clone()
    tokens = normal(40, 2, 2).requires_grad_()
    found = book.train()(tokens, batch_of(40))
    book.follow()
    chosen = torch.nn.functional.one_hot(found.symbols.flatten(), 3).float()
    counts, sums = 0.99 * counts + 0.01 * chosen.sum(0), 0.99 * sums + 0.01 * chosen.T @ tokens.detach().flatten(0, 1)
    torch.testing.assert_close(book.counts, counts)
    torch.testing.assert_close(book.sums, sums)
    torch.testing.assert_close(book.embedding, sums / counts[:, None], rtol=1e-4, atol=1e-4)


def state(part: Any) -> list[Tensor]:
    """Everything that a part keeps."""
    return [tensor.clone() for tensor in part.state_dict().values()]


@pytest.mark.parametrize("name", ["vq", "residual"])
def test_statistics_move_only_in_training_in_the_turn_of_the_owner_and_by_finite_tokens(name: str) -> None:
    part = bottleneck(name)
    h = normal(64, part.tokens.count * part.tokens.dim)
    owned = h.clone().requires_grad_()
    part.train()(owned, batch_of(64))
    part.follow()
    began = state(part)
    broken = owned.detach().clone()
    broken[3, 2] = math.nan
    for features, training in ((owned, False), (h, True), (broken.requires_grad_(), True)):
        part.train(training)(features, batch_of(64))
        part.follow()
        assert all(map(torch.equal, state(part), began))
    part.train()(owned, batch_of(64))
    assert all(map(torch.equal, state(part), began))  # a forward pass alone moves nothing
    part.follow()
    assert not all(map(torch.equal, state(part), began))


def test_rows_without_weight_teach_a_book_nothing() -> None:
    books = [Codebook(8, 4), Codebook(8, 4)]
    tokens = normal(60, 2, 4).requires_grad_()
    weight = (torch.arange(60) < 30).float()
    for book, rows in zip(books, (60, 30), strict=True):
        book.draw(seeded())
        book.begun.fill_(True)
        batch = Batch(torch.zeros(rows, 1), weight=weight[:rows], generator=seeded())
        book.train()(tokens[:rows], batch)
        book.follow()
    torch.testing.assert_close(books[0].embedding, books[1].embedding)


def test_first_levels_of_a_residual_code_do_without_the_later_ones() -> None:
    books = [Codebook(32, 4, restarts=False) for _ in range(4)]
    part = ResidualCodes(books).train()
    for book in books:
        book.draw(seeded())
    tokens = normal(4000, 1, 4).requires_grad_()
    sent = part._sent(tokens, batch_of(4000))
    shares = torch.bincount(sent.long(), minlength=5)[1:] / 4000
    torch.testing.assert_close(shares, torch.tensor([0.125, 0.125, 0.125, 0.625]), atol=0.03, rtol=0)
    part(tokens, batch_of(4000))
    part.follow()
    found = part.eval()(tokens, batch_of(4000))
    lost, values = [], torch.zeros(tokens.shape)
    for book, symbols in zip(books, found.symbols.chunk(4, 1), strict=True):
        values = values + book.vectors(symbols)
        lost.append(float((tokens.detach() - values).square().mean()))
    assert lost == sorted(lost, reverse=True)
    assert lost[-1] < 0.3 * lost[0]


def test_unit_codes_are_compared_by_their_angle() -> None:
    book = Codebook(16, 4, unit=True)
    book.draw(seeded())
    book.begun.fill_(True)
    tokens = normal(20, 2, 4).requires_grad_()
    one, other = book.eval()(tokens, batch_of(20)), book(7 * tokens, batch_of(20))
    assert torch.equal(one.symbols, other.symbols)
    book.train()(tokens, batch_of(20))
    book.follow()
    torch.testing.assert_close(book.embedding.norm(dim=1), torch.ones(16))
