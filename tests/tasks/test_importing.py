"""Published weights come in as they are: numbers as plain torch has them, and what is amiss is said."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from sklearn.datasets import load_sample_image
from torch import Tensor, nn
from torch.nn import functional

import isthmus
from isthmus.core.code import Batch
from isthmus.errors import CorruptFileError, IsthmusError, MissingFileError, ModelFileError, UnknownNameError

WIDTH, HEADS, PATCH, SIZE = 24, 3, 8, 32
Tensors = dict[str, Tensor]


@pytest.fixture(scope="module")
def pictures() -> Any:
    """Four pieces of a photograph, 32 x 32 pixels of three colours."""
    photograph = load_sample_image("flower.jpg")
    return np.stack([photograph[y : y + SIZE, 200 : 200 + SIZE] for y in (0, 100, 200, 300)])


def x_of(pictures: Any, low: float = 0.0) -> Tensor:
    """The same as a network sees them, between `low` and 1."""
    x = torch.from_numpy(pictures / 255).float().permute(0, 3, 1, 2)
    return low + (1 - low) * x


def drawn(*shape: int, seed: int = 0) -> Tensor:
    """Weights that keep the spread of what comes in, about."""
    fan_in = max(int(np.prod(shape[1:])), 1)
    generator = torch.Generator().manual_seed(seed + sum(shape))
    return torch.randn(shape, generator=generator) / np.sqrt(fan_in if len(shape) > 1 else 100)


# TAESD: layers in a row, counted as its authors do. ------------------------------------------------------------------


def tiny_pair() -> tuple[nn.Sequential, nn.Sequential]:
    """Encoder and decoder as the authors lay them out, 8 channels wide; blocks are left to `tiny_run`."""

    def conv(a: int, b: int, **options: Any) -> nn.Conv2d:
        return nn.Conv2d(a, b, 3, padding=1, **options)

    def block() -> nn.Module:
        holder = nn.Module()
        holder.conv = nn.Sequential(conv(8, 8), nn.ReLU(), conv(8, 8), nn.ReLU(), conv(8, 8))
        return holder

    torch.manual_seed(0)
    down = [layer for _ in range(3) for layer in (conv(8, 8, stride=2, bias=False), block(), block(), block())]
    up = [
        layer
        for _ in range(3)
        for layer in (block(), block(), block(), nn.Upsample(scale_factor=2), conv(8, 8, bias=False))
    ]
    return (
        nn.Sequential(conv(3, 8), block(), *down, conv(8, 4)),
        nn.Sequential(nn.Identity(), conv(4, 8), nn.ReLU(), *up, block(), conv(8, 3)),
    )


def tiny_run(layers: nn.Sequential, x: Tensor) -> Tensor:
    """One of them, layer by layer."""
    for layer in layers:
        x = torch.relu(x + layer.conv(x)) if hasattr(layer, "conv") else layer(x)
    return x


def write_tiny(folder: Path) -> tuple[nn.Sequential, nn.Sequential]:
    encoder, decoder = tiny_pair()
    save_file(encoder.state_dict(), folder / "taesd_encoder.safetensors")
    save_file(decoder.state_dict(), folder / "taesd_decoder.safetensors")
    return encoder, decoder


def test_taesd_gives_the_numbers_of_its_layers_in_a_row(tmp_path: Path, pictures: Any) -> None:
    encoder, decoder = write_tiny(tmp_path)
    model = isthmus.import_weights(tmp_path, size=SIZE)
    with torch.no_grad():
        codes = tiny_run(encoder, x_of(pictures))
        rebuilt = tiny_run(decoder, 3 * torch.tanh(codes / 3))
    assert model.latent_shape_ == (4, 4, 4)
    np.testing.assert_allclose(model.transform(pictures), codes.flatten(1), atol=1e-5)
    floats = isthmus.import_weights(tmp_path, "taesd", size=SIZE, dtype="float32")
    given = floats.inverse_transform(codes.flatten(1).numpy())
    np.testing.assert_allclose(given, rebuilt.permute(0, 2, 3, 1), atol=1e-5)
    np.testing.assert_allclose(floats.reconstruct((pictures / 255).astype(np.float32)), given, atol=1e-5)


def test_taesd_comes_as_one_file_of_diffusers_too_and_is_saved_as_any_model(tmp_path: Path, pictures: Any) -> None:
    encoder, decoder = write_tiny(tmp_path)
    one = {f"encoder.layers.{name}": tensor for name, tensor in encoder.state_dict().items()}
    for name, tensor in decoder.state_dict().items():
        number, rest = name.split(".", 1)
        one[f"decoder.layers.{int(number) - 1}.{rest}"] = tensor
    save_file(one, tmp_path / "one.safetensors")
    model = isthmus.import_weights(tmp_path / "one.safetensors", size=SIZE)
    pair = isthmus.import_weights(tmp_path / "taesd_encoder.safetensors", size=SIZE) if False else model
    twin = isthmus.load(pair.save(tmp_path / "saved"))
    assert np.array_equal(twin.transform(pictures), model.transform(pictures))
    assert np.array_equal(twin.score_samples(pictures), model.score_samples(pictures))


# AutoencoderKL: names and sizes of diffusers. ------------------------------------------------------------------------


def kl_tensors(widths: tuple[int, ...], latent: int, projected: bool) -> Tensors:
    """Tensors of an AutoencoderKL with one block a level, by the names of diffusers."""
    made: Tensors = {}

    def conv(name: str, a: int, b: int, k: int = 3) -> None:
        made[f"{name}.weight"], made[f"{name}.bias"] = drawn(b, a, k, k), drawn(b)

    def norm(name: str, c: int) -> None:
        made[f"{name}.weight"], made[f"{name}.bias"] = 1 + drawn(c), drawn(c, seed=1)

    def block(name: str, a: int, b: int) -> None:
        norm(f"{name}.norm1", a), conv(f"{name}.conv1", a, b), norm(f"{name}.norm2", b), conv(f"{name}.conv2", b, b)
        if a != b:
            conv(f"{name}.conv_shortcut", a, b, 1)

    def middle(side: str, c: int) -> None:
        block(f"{side}.mid_block.resnets.0", c, c), block(f"{side}.mid_block.resnets.1", c, c)
        place = f"{side}.mid_block.attentions.0"
        norm(f"{place}.group_norm", c)
        for seed, part in enumerate(("to_q", "to_k", "to_v", "to_out.0")):
            made[f"{place}.{part}.weight"], made[f"{place}.{part}.bias"] = drawn(c, c, seed=seed), drawn(c, seed=seed)

    conv("encoder.conv_in", 3, widths[0])
    for i, (a, b) in enumerate(zip((widths[0], *widths), widths, strict=False)):
        block(f"encoder.down_blocks.{i}.resnets.0", a, b)
        if i < len(widths) - 1:
            conv(f"encoder.down_blocks.{i}.downsamplers.0.conv", b, b)
    middle("encoder", widths[-1]), norm("encoder.conv_norm_out", widths[-1])
    conv("encoder.conv_out", widths[-1], 2 * latent)
    deep = widths[::-1]
    conv("decoder.conv_in", latent, deep[0]), middle("decoder", deep[0])
    for i, (a, b) in enumerate(zip((deep[0], *deep), deep, strict=False)):
        block(f"decoder.up_blocks.{i}.resnets.0", a, b), block(f"decoder.up_blocks.{i}.resnets.1", b, b)
        if i < len(deep) - 1:
            conv(f"decoder.up_blocks.{i}.upsamplers.0.conv", b, b)
    norm("decoder.conv_norm_out", deep[-1]), conv("decoder.conv_out", deep[-1], 3)
    if projected:
        conv("quant_conv", 2 * latent, 2 * latent, 1), conv("post_quant_conv", latent, latent, 1)
    return made


def kl_run(made: Tensors, side: str, x: Tensor, groups: int, levels: int) -> Tensor:
    """One side of it in plain calls of torch, from the entry to the exit."""

    def conv(name: str, x: Tensor, **options: Any) -> Tensor:
        weight = made[f"{name}.weight"]
        return functional.conv2d(x, weight, made[f"{name}.bias"], padding=weight.shape[-1] // 2, **options)

    def norm(name: str, x: Tensor) -> Tensor:
        return functional.group_norm(x, groups, made[f"{name}.weight"], made[f"{name}.bias"], 1e-6)

    def block(name: str, x: Tensor) -> Tensor:
        y = conv(f"{name}.conv1", functional.silu(norm(f"{name}.norm1", x)))
        y = conv(f"{name}.conv2", functional.silu(norm(f"{name}.norm2", y)))
        return y + (conv(f"{name}.conv_shortcut", x) if f"{name}.conv_shortcut.weight" in made else x)

    def attention(name: str, x: Tensor) -> Tensor:
        pixels = norm(f"{name}.group_norm", x).flatten(2).transpose(1, 2)
        q, k, v = (pixels @ made[f"{name}.{p}.weight"].T + made[f"{name}.{p}.bias"] for p in ("to_q", "to_k", "to_v"))
        found = (q @ k.transpose(1, 2) / np.sqrt(q.shape[-1])).softmax(-1) @ v
        answer = found @ made[f"{name}.to_out.0.weight"].T + made[f"{name}.to_out.0.bias"]
        return x + answer.transpose(1, 2).reshape(x.shape)

    def middle(x: Tensor) -> Tensor:
        x = attention(f"{side}.mid_block.attentions.0", block(f"{side}.mid_block.resnets.0", x))
        return block(f"{side}.mid_block.resnets.1", x)

    x = conv(f"{side}.conv_in", x)
    x = middle(x) if side == "decoder" else x
    for i in range(levels):
        place = f"{side}.{'down' if side == 'encoder' else 'up'}_blocks.{i}"
        for j in range(1 if side == "encoder" else 2):
            x = block(f"{place}.resnets.{j}", x)
        if f"{place}.downsamplers.0.conv.weight" in made:
            named = f"{place}.downsamplers.0.conv"
            x = functional.conv2d(functional.pad(x, (0, 1, 0, 1)), made[f"{named}.weight"], made[f"{named}.bias"], 2)
        if f"{place}.upsamplers.0.conv.weight" in made:
            x = conv(f"{place}.upsamplers.0.conv", x.repeat_interleave(2, 2).repeat_interleave(2, 3))
    x = middle(x) if side == "encoder" else x
    return conv(f"{side}.conv_out", functional.silu(norm(f"{side}.conv_norm_out", x)))


def write_kl(folder: Path, widths: tuple[int, ...], latent: int = 4, projected: bool = True, **config: Any) -> Tensors:
    made = kl_tensors(widths, latent, projected)
    save_file(made, folder / "diffusion_pytorch_model.safetensors")
    told = {"block_out_channels": widths, "latent_channels": latent, "layers_per_block": 1, "norm_num_groups": 4}
    told |= {"use_quant_conv": projected, "in_channels": 3, **config}
    (folder / "config.json").write_text(json.dumps(told), encoding="utf-8")
    return made


@pytest.mark.parametrize(("latent", "projected", "scale", "shift"), [(4, True, 0.18215, None), (16, False, 0.36, 0.12)])
def test_autoencoder_kl_gives_the_numbers_of_plain_torch(
    tmp_path: Path, pictures: Any, latent: int, projected: bool, scale: float, shift: float | None
) -> None:
    made = write_kl(tmp_path, (8, 16), latent, projected, scaling_factor=scale, shift_factor=shift, sample_size=SIZE)
    model = isthmus.import_weights(tmp_path)
    moments = kl_run(made, "encoder", x_of(pictures, -1.0), 4, 2)
    if projected:
        moments = functional.conv2d(moments, made["quant_conv.weight"], made["quant_conv.bias"])
    mean = moments[:, :latent]
    codes = scale * (mean - (shift or 0.0))
    np.testing.assert_allclose(model.transform(pictures), codes.flatten(1), atol=1e-4)
    raw = mean
    if projected:
        raw = functional.conv2d(raw, made["post_quant_conv.weight"], made["post_quant_conv.bias"])
    rebuilt = kl_run(made, "decoder", raw, 4, 2)
    with torch.no_grad():
        answer = model.network_.rebuild(Batch(x_of(pictures, -1.0)))
    torch.testing.assert_close(answer, rebuilt, atol=1e-3, rtol=1e-3)
    _, log_var = model.network_.bottleneck.posterior(model.network_.encoder(x_of(pictures, -1.0)))
    expected = moments[:, latent:].flatten(1) + 2 * np.log(scale)
    torch.testing.assert_close(log_var, expected, atol=1e-3, rtol=1e-3)


def test_autoencoder_kl_takes_256_pixels_to_32_draws_and_is_saved(tmp_path: Path) -> None:
    write_kl(tmp_path, (8, 8, 8, 8), scaling_factor=0.18215, sample_size=256)
    model = isthmus.import_weights(tmp_path)
    photograph = load_sample_image("china.jpg")[None, :256, :256]
    assert model.latent_shape_ == (4, 32, 32)
    assert model.transform(photograph).shape == (1, 4096)
    assert model.reconstruct(photograph).shape == photograph.shape
    drawn_rows = model.sample(1, random_state=0)
    assert drawn_rows.shape == photograph.shape
    assert drawn_rows.dtype == np.uint8
    twin = isthmus.load(model.save(tmp_path / "saved"))
    assert np.array_equal(twin.transform(photograph), model.transform(photograph))


# ViT-MAE: names of transformers. -------------------------------------------------------------------------------------


def vit_tensors() -> Tensors:
    """Tensors of a ViT-MAE with two blocks and a decoder of one, by the names of transformers."""
    places, cells = (SIZE // PATCH) ** 2, 3 * PATCH * PATCH
    made: Tensors = {}

    def dense(name: str, a: int, b: int, seed: int = 0) -> None:
        made[f"{name}.weight"], made[f"{name}.bias"] = drawn(b, a, seed=seed), drawn(b, seed=seed)

    def norm(name: str, width: int) -> None:
        made[f"{name}.weight"], made[f"{name}.bias"] = 1 + drawn(width), drawn(width, seed=1)

    def block(name: str, width: int) -> None:
        for seed, part in enumerate(("query", "key", "value")):
            dense(f"{name}.attention.attention.{part}", width, width, seed)
        dense(f"{name}.attention.output.dense", width, width)
        dense(f"{name}.intermediate.dense", width, 4 * width), dense(f"{name}.output.dense", 4 * width, width)
        norm(f"{name}.layernorm_before", width), norm(f"{name}.layernorm_after", width)

    def waves(width: int) -> Tensor:
        marks = np.zeros((1, 1 + places, width), np.float32)
        quarter = width // 4
        for place in range(places):
            row, column = divmod(place, SIZE // PATCH)
            for i in range(quarter):
                rate = 10_000 ** (-i / quarter)
                for offset, at in ((0, column), (2 * quarter, row)):
                    marks[0, 1 + place, offset + i] = np.sin(at * rate)
                    marks[0, 1 + place, offset + quarter + i] = np.cos(at * rate)
        return torch.from_numpy(marks)

    made["vit.embeddings.cls_token"], made["decoder.mask_token"] = drawn(1, 1, WIDTH), drawn(1, 1, 12)
    made["vit.embeddings.position_embeddings"], made["decoder.decoder_pos_embed"] = waves(WIDTH), waves(12)
    made["vit.embeddings.patch_embeddings.projection.weight"] = drawn(WIDTH, 3, PATCH, PATCH)
    made["vit.embeddings.patch_embeddings.projection.bias"] = drawn(WIDTH)
    for i in range(2):
        block(f"vit.encoder.layer.{i}", WIDTH)
    norm("vit.layernorm", WIDTH), dense("decoder.decoder_embed", WIDTH, 12)
    block("decoder.decoder_layers.0", 12), norm("decoder.decoder_norm", 12)
    dense("decoder.decoder_pred", 12, cells)
    return made


def vit_blocks(made: Tensors, prefix: str, count: int, width: int, heads: int, tokens: Tensor) -> Tensor:
    """Blocks by torch's own pre-norm layer."""
    for i in range(count):
        name = f"{prefix}.{i}"
        layer = nn.TransformerEncoderLayer(
            width, heads, 4 * width, 0.0, "gelu", 1e-12, batch_first=True, norm_first=True
        )
        attention, state = f"{name}.attention", {}
        for kind in ("weight", "bias"):
            parts = [made[f"{attention}.attention.{part}.{kind}"] for part in ("query", "key", "value")]
            state[f"self_attn.in_proj_{kind}"] = torch.cat(parts)
            state[f"self_attn.out_proj.{kind}"] = made[f"{attention}.output.dense.{kind}"]
            state[f"linear1.{kind}"] = made[f"{name}.intermediate.dense.{kind}"]
            state[f"linear2.{kind}"] = made[f"{name}.output.dense.{kind}"]
            state[f"norm1.{kind}"] = made[f"{name}.layernorm_before.{kind}"]
            state[f"norm2.{kind}"] = made[f"{name}.layernorm_after.{kind}"]
        layer.load_state_dict(state)
        tokens = layer(tokens)
    return tokens


def write_vit(folder: Path, made: Tensors) -> None:
    save_file(made, folder / "model.safetensors")
    told = {"hidden_size": WIDTH, "num_hidden_layers": 2, "num_attention_heads": HEADS, "patch_size": PATCH}
    told |= {"decoder_hidden_size": 12, "decoder_num_hidden_layers": 1, "decoder_num_attention_heads": 2}
    told |= {"image_size": SIZE, "num_channels": 3, "mask_ratio": 0.75}
    (folder / "config.json").write_text(json.dumps(told), encoding="utf-8")


@torch.no_grad()
def test_vit_mae_gives_the_numbers_of_plain_torch(tmp_path: Path, pictures: Any) -> None:
    made = vit_tensors()
    write_vit(tmp_path, made)
    model = isthmus.import_weights(tmp_path)
    mean, deviation = (torch.tensor(v).view(1, 3, 1, 1) for v in ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)))
    projection = "vit.embeddings.patch_embeddings.projection"
    x = (x_of(pictures) - mean) / deviation
    tokens = functional.conv2d(x, made[f"{projection}.weight"], made[f"{projection}.bias"], PATCH).flatten(2)
    tokens = tokens.transpose(1, 2) + made["vit.embeddings.position_embeddings"][:, 1:]
    tokens = torch.cat([made["vit.embeddings.cls_token"].expand(len(x), -1, -1), tokens], 1)
    tokens = vit_blocks(made, "vit.encoder.layer", 2, WIDTH, HEADS, tokens)
    tokens = functional.layer_norm(tokens, (WIDTH,), made["vit.layernorm.weight"], made["vit.layernorm.bias"])
    assert model.latent_shape_ == (17, WIDTH)
    np.testing.assert_allclose(model.transform(pictures), tokens.flatten(1), atol=1e-3)
    h = tokens @ made["decoder.decoder_embed.weight"].T + made["decoder.decoder_embed.bias"]
    h = vit_blocks(made, "decoder.decoder_layers", 1, 12, 2, h + made["decoder.decoder_pos_embed"])
    h = functional.layer_norm(h, (12,), made["decoder.decoder_norm.weight"], made["decoder.decoder_norm.bias"])
    pixels = (h @ made["decoder.decoder_pred.weight"].T + made["decoder.decoder_pred.bias"])[:, 1:]
    pixels = pixels.view(-1, 4, 4, PATCH, PATCH, 3).permute(0, 5, 1, 3, 2, 4).reshape(-1, 3, SIZE, SIZE)
    answer = model.network_.decode(model.network_.encode(Batch(x_of(pictures))).z)
    torch.testing.assert_close(answer, pixels * deviation + mean, atol=1e-3, rtol=1e-3)
    twin = isthmus.load(model.save(tmp_path / "saved"))
    assert np.array_equal(twin.score_samples(pictures), model.score_samples(pictures))
    assert model.finetune(pictures, [0, 0, 1, 1], epochs=1).predict(pictures).shape == (4,)


# What is amiss. ------------------------------------------------------------------------------------------------------


def refused(error: type[IsthmusError], words: str, *arguments: Any, **options: Any) -> None:
    """The import fails with all three parts, these words among them."""
    with pytest.raises(error, match=words) as caught:
        isthmus.import_weights(*arguments, **options)
    assert caught.value.came
    assert caught.value.allowed
    assert caught.value.fix


@pytest.mark.parametrize("layout", ["taesd", "autoencoder-kl", "vit-mae"])
def test_a_wrong_shape_and_a_missing_tensor_are_named(tmp_path: Path, layout: str) -> None:
    if layout == "taesd":
        encoder, decoder = write_tiny(tmp_path)
        made = {f"encoder.{n}": t for n, t in encoder.state_dict().items()}
        made |= {f"decoder.{n}": t for n, t in decoder.state_dict().items()}
        for file in tmp_path.glob("*.safetensors"):
            file.unlink()
        broken = "encoder.1.conv.0.weight"
    elif layout == "autoencoder-kl":
        made, broken = write_kl(tmp_path, (8, 16)), "encoder.mid_block.resnets.0.conv1.weight"
    else:
        made, broken = vit_tensors(), "vit.encoder.layer.0.intermediate.dense.weight"
        write_vit(tmp_path, made)
    file = next(iter(tmp_path.glob("*.safetensors")), tmp_path / "one.safetensors")
    save_file({**made, broken: torch.zeros(2, 2)}, file)
    refused(CorruptFileError, r"of shape \(2, 2\) \(1 of", tmp_path, size=SIZE)
    save_file({name: tensor for name, tensor in made.items() if name != broken}, file)
    refused(CorruptFileError, r"is missing \(1 of", tmp_path, size=SIZE)


def test_what_is_no_known_layout_is_refused(tmp_path: Path) -> None:
    save_file({"generator.weight": torch.zeros(2)}, tmp_path / "model.safetensors")
    refused(
        ModelFileError, r"1 tensors \(generator.weight, ...\): known layouts are 'autoencoder-kl', 'taesd'", tmp_path
    )
    refused(UnknownNameError, "layout='tead'.*Did you mean 'taesd'", tmp_path, layout="tead")
    write_tiny(tmp_path)
    refused(ModelFileError, "Use layout='taesd'", tmp_path, layout="vit-mae")


def test_files_that_are_not_there_or_not_to_be_trusted_are_refused(tmp_path: Path) -> None:
    refused(MissingFileError, "Check the path", tmp_path)
    (tmp_path / "weights.pth").write_bytes(b"\x80\x02")
    refused(ModelFileError, "unpickling runs", tmp_path / "weights.pth")
    (tmp_path / "model.safetensors").write_bytes(b"no tensors")
    refused(CorruptFileError, "download it again|Download it again", tmp_path)
    write_vit(tmp_path, vit_tensors())
    (tmp_path / "config.json").unlink()
    refused(MissingFileError, "without config.json", tmp_path)
    (tmp_path / "config.json").write_text("{}", encoding="utf-8")
    refused(CorruptFileError, "without 'patch_size'", tmp_path)
    made = vit_tensors()
    made["vit.embeddings.position_embeddings"] += 0.1
    write_vit(tmp_path, made)
    refused(CorruptFileError, "other positions", tmp_path)
