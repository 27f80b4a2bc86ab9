"""What is hidden is never seen and alone is priced; what the encoder does not see costs it nothing."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from sklearn.datasets import load_breast_cancer, load_digits
from torch import nn

import isthmus
from isthmus import MaskedAutoencoder, Transformer
from isthmus.core.code import Batch
from isthmus.errors import AbilityError, InputError, ParameterError
from isthmus.estimator.summary import counted, stages_of
from isthmus.parts.backbones.attention import Block
from isthmus.parts.backbones.patches import cut, positions
from tests.models.rows import digits

IMAGES = (load_digits().images[:120, :, :, None] / 16).astype(np.float32)


def quick(**params: Any) -> Any:
    """A small model of images, trained for a moment."""
    options = {"hidden_dims": (16, 16), "epochs": 1, "batch_size": 32, "random_state": 0, **params}
    return MaskedAutoencoder(**options).fit(IMAGES)


@pytest.fixture(scope="module")
def model() -> Any:
    return quick()


def scaled(model: Any, images: Any) -> torch.Tensor:
    """Images as the network sees them."""
    return (torch.from_numpy(images).permute(0, 3, 1, 2) - model.spec_.offset) / model.spec_.factor


def drawn(network: Any, rows: int) -> Any:
    """The masks that training would draw for so many rows, caught on their way."""
    caught, asked = [], network.answer
    network.answer = lambda batch, hidden: caught.append(hidden) or asked(batch, hidden)
    network.train()(Batch(torch.zeros(rows, *network.shape), generator=torch.Generator().manual_seed(3)))
    del network.answer
    network.eval()
    return caught[0]


def test_each_row_hides_exactly_its_share_and_no_two_alike(model: Any) -> None:
    hidden = drawn(model.network_, 64)
    assert (hidden.sum(1) == 12).all()
    assert len({tuple(row.tolist()) for row in hidden}) > 60
    assert torch.equal(hidden, drawn(model.network_, 64))


@pytest.mark.parametrize("ratio", [0.1, 0.5, 0.75, 0.99])
def test_the_masks_of_scores_hide_every_place_about_as_often(ratio: float) -> None:
    counts = quick(ratio=ratio).network_.masks.sum(0)
    assert counts.min() >= 1
    assert counts.max() - counts.min() <= 1


def test_what_is_hidden_never_reaches_the_encoder(model: Any) -> None:
    network, x = model.network_, torch.from_numpy(IMAGES[:8]).permute(0, 3, 1, 2)
    hidden = network.masks[:1].expand(8, -1)
    changed = torch.where(network.as_x(hidden), torch.rand_like(x), x)
    with torch.no_grad():
        assert torch.equal(network.answer(Batch(x), hidden), network.answer(Batch(changed), hidden))


def test_visible_tokens_alone_are_those_of_attention_that_ignores_the_others(model: Any) -> None:
    network, x = model.network_, torch.from_numpy(IMAGES[:8]).permute(0, 3, 1, 2)
    hidden = network.masks[0]
    kept = (~hidden).nonzero().T.expand(8, -1)
    with torch.no_grad():
        few, all_in = network.encoder(x, kept), network.encoder(x, seen=~hidden.expand(8, -1))
    torch.testing.assert_close(few[:, 1:], all_in[:, 1:][:, ~hidden], rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(few[:, 0], all_in[:, 0], rtol=1e-4, atol=1e-5)


def test_at_three_quarters_hidden_the_encoder_does_a_quarter_of_the_work() -> None:
    pictures = np.zeros((4, 32, 32, 1), np.float32)
    network = MaskedAutoencoder(hidden_dims=(64, 64), epochs=1).fit(pictures).network_
    stages = {name: stage for name, stage in stages_of(network) if name.startswith("encoder")}
    x, encode = torch.zeros(1, 1, 32, 32), network.encoder.forward
    whole = sum(counted(network, stages, x)[0].values())
    network.encoder.forward = lambda view: encode(view, torch.arange(16)[None])
    network.decoder = nn.Identity()
    part = sum(counted(network, stages, x)[0].values())
    assert 0.2 < part / whole < 0.28


@pytest.mark.parametrize("heads", [1, 4])
def test_a_block_is_torchs_own(heads: int) -> None:
    ours = Block(16, heads, "gelu")
    theirs = nn.TransformerEncoderLayer(16, heads, 64, 0.0, "gelu", 1e-6, batch_first=True, norm_first=True)
    pairs = {
        "self_attn.in_proj_weight": ours.attend.ask.weight,
        "self_attn.in_proj_bias": ours.attend.ask.bias,
        "self_attn.out_proj.weight": ours.attend.answer.weight,
        "self_attn.out_proj.bias": ours.attend.answer.bias,
        "linear1.weight": ours.dense[0].weight,
        "linear1.bias": ours.dense[0].bias,
        "linear2.weight": ours.dense[2].weight,
        "linear2.bias": ours.dense[2].bias,
    }
    theirs.load_state_dict({**theirs.state_dict(), **pairs})
    tokens, seen = torch.randn(3, 5, 16), torch.rand(3, 5) < 0.7
    seen[:, 0] = True
    torch.testing.assert_close(ours(tokens), theirs(tokens), rtol=1e-4, atol=1e-5)
    there = theirs(tokens, src_key_padding_mask=~seen)
    torch.testing.assert_close(ours(tokens, seen), there, rtol=1e-4, atol=1e-5)


def test_positions_are_waves_of_column_then_row() -> None:
    marks = positions((3, 5), 16, base=10_000.0).view(3, 5, 16)
    angle = 2 * 10_000 ** -(1 / 4)
    assert marks[1, 2, 1] == pytest.approx(np.sin(angle))
    assert marks[1, 2, 4] == pytest.approx(np.cos(2))
    assert marks[1, 2, 8] == pytest.approx(np.sin(1))
    assert torch.equal(marks[0, :, :8], marks[2, :, :8])


def test_every_wave_tells_places_apart_unless_the_base_is_a_published_one() -> None:
    ours, published = positions((7, 7), 64), positions((7, 7), 64, base=10_000.0)
    assert ours.std(0).min() > 0.05
    assert (published.std(0) < 1e-3).float().mean() > 0.25
    backbone = Transformer(base=10_000.0)
    network = MaskedAutoencoder(architecture=backbone, hidden_dims=(16, 16), epochs=1).fit(IMAGES).network_
    assert torch.equal(network.encoder.marks, positions((4, 4), 16, base=10_000.0))


def test_a_token_asks_its_like_at_first() -> None:
    fresh = quick(learning_rate=1e-12).network_
    for block in (*fresh.encoder.blocks, *fresh.decoder.blocks):
        queries, keys, values = block.attend.ask.weight.chunk(3)
        torch.testing.assert_close(queries, keys, rtol=0, atol=1e-6)
        assert not torch.allclose(keys, values, atol=0.1)


def test_images_come_at_mean_0_and_variance_1_unless_they_are_priced_within_bounds() -> None:
    seen = scaled(quick(), IMAGES)
    assert seen.mean().item() == pytest.approx(0, abs=1e-4)
    assert seen.std().item() == pytest.approx(1, abs=1e-3)
    bounded = quick(likelihood="bernoulli")
    assert (bounded.spec_.offset, bounded.spec_.factor) == (0.0, 1.0)


def test_a_row_gives_the_same_tokens_at_every_call(model: Any) -> None:
    assert np.array_equal(model.transform(IMAGES), model.transform(IMAGES))
    assert model.latent_shape_ == (17, 16)
    assert np.array_equal(model.score_samples(IMAGES[:9]), model.score_samples(IMAGES)[:9])


def test_a_score_adds_up_each_cell_over_the_masks_that_hide_it(model: Any) -> None:
    network, x = model.network_, scaled(model, IMAGES[:5])
    total, counts = torch.zeros_like(x), torch.zeros(1, 8, 8)
    with torch.no_grad():
        for mask in network.masks:
            cells = network.as_x(mask[None].float())[0]
            total += cells * network.likelihood.cells(x, network.answer(Batch(x), mask.expand(5, -1)))
            counts += cells
    expected = (total / counts).sum((1, 2, 3)).numpy()
    np.testing.assert_allclose(model.anomaly_score(IMAGES[:5]), expected, rtol=1e-5)


def test_leveled_targets_take_no_notice_of_contrast_and_give_up_what_needs_it() -> None:
    leveled = quick(normalize_targets=True)
    x = torch.rand(4, 1, 8, 8)
    torch.testing.assert_close(leveled.network_.target(x), leveled.network_.target(3 * x + 2), rtol=1e-3, atol=1e-3)
    patches = cut(leveled.network_.target(x), 2)
    torch.testing.assert_close(patches.mean(2), torch.zeros(4, 16), atol=1e-4, rtol=0)
    assert leveled.reconstruct(IMAGES).shape == IMAGES.shape
    with pytest.raises(AbilityError, match="without their mean and contrast"):
        leveled.inverse_transform(leveled.transform(IMAGES))
    pytest.raises(AbilityError, leveled.fill, IMAGES)


def test_a_table_with_hidden_cells_is_filled_better_than_by_means(tmp_path: Any) -> None:
    rows = load_breast_cancer().data
    model = MaskedAutoencoder(ratio=0.5, epochs=40, random_state=0).fit(rows[:400])
    later = rows[400:]
    known = np.random.default_rng(0).random(later.shape) < 0.7
    lost = [((guess - later) / rows.std(0))[~known].std() for guess in (model.fill(later, known), rows[:400].mean(0))]
    assert lost[0] < 0.75 * lost[1]
    twin = isthmus.load(model.save(tmp_path / "model"))
    assert np.array_equal(twin.fill(later, known), model.fill(later, known))


def test_a_gap_in_training_is_hidden_but_not_priced() -> None:
    rows = digits()[0][:200].astype(np.float64)
    rows[::2, 20] = np.nan
    model = MaskedAutoencoder(epochs=1, random_state=0).fit(rows)
    x = torch.from_numpy(rows[:4].astype(np.float32))
    priced = model.network_.priced(Batch(x, ~x.isnan()), model.network_.masks[:1].expand(4, -1))
    assert not priced[::2, 20].any()


def test_series_are_cut_along_time() -> None:
    phase = np.random.default_rng(0).uniform(0, 6, (60, 1, 2))
    rows = np.sin(np.arange(48)[None, :, None] / 2 + phase).astype(np.float32)
    model = MaskedAutoencoder(hidden_dims=(16,), epochs=1, random_state=0).fit(rows)
    assert model.latent_shape_ == (7, 16)
    assert model.fill(rows, rows > 0).shape == rows.shape


@pytest.mark.parametrize(
    ("params", "error", "words"),
    [
        ({"ratio": 1.0}, ParameterError, r"ratio=1.0: some places are hidden"),
        ({"architecture": Transformer(patch=3)}, ParameterError, r"patch=3 .* those of 1, 2, 4, 8 cells do"),
        ({"architecture": Transformer(heads=3)}, ParameterError, r"heads=3 for tokens of 16"),
        ({"architecture": Transformer(patch=8)}, InputError, r"in 1 patches of 8"),
        ({"hidden_dims": (16, 8)}, ParameterError, r"hidden_dims=\(16, 8\): all levels"),
        ({"latent_dim": 5}, ParameterError, r"latent_dim=5.*272 numbers"),
        ({"architecture": "mlp"}, ParameterError, r"architecture='mlp' for an image.*transformer"),
        ({"normalize_targets": True, "likelihood": "bernoulli"}, ParameterError, r"a patch at mean 0"),
    ],
)
def test_what_does_not_fit_is_refused(params: dict[str, Any], error: Any, words: str) -> None:
    with pytest.raises(error, match=words):
        quick(**params)


@pytest.mark.slow
def test_it_learns_to_fill_digits() -> None:
    train, later = (rows.reshape(-1, 8, 8, 1) for rows in digits())
    model = MaskedAutoencoder(hidden_dims=(64, 64), epochs=150, batch_size=64, learning_rate=3e-3, random_state=0)
    model.fit(train)
    known = np.ones(later.shape, bool)
    known[:, 2:6, 2:6] = False
    lost = [((guess - later) ** 2)[~known].mean() for guess in (model.fill(later, known), train.mean(0))]
    assert lost[0] < 0.7 * lost[1]
