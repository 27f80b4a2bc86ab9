"""What is in a published file, layout by layout: the member that it becomes, and where its tensors go."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import torch
from torch import Tensor

from isthmus.errors import CorruptFileError
from isthmus.models.autoencoder import Autoencoder
from isthmus.models.masked_autoencoder import MaskedAutoencoder
from isthmus.models.vae import VAE
from isthmus.parts.backbones.kl import KL
from isthmus.parts.backbones.patches import positions
from isthmus.parts.backbones.tiny import Tiny
from isthmus.parts.backbones.transformer import Transformer
from isthmus.parts.published import Config, Published, Tensors

USUAL_SIZE = 256  # pixels along each axis where nothing says how large images were
IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))  # mean and deviation of each channel of [0, 1], published
ALIKE = 1e-3  # how far fixed positions may lie from ours


class Imported(NamedTuple):
    """A layout's answer.

    Args:
        model: The member, unfitted, with all sizes given.
        channels: Of its images.
        size: Of its images, (h, w).
        span: The values between which the network wants pixels.
        tensors: By our names.
    """

    model: Any
    channels: int
    size: tuple[int, int]
    span: tuple[float, float]
    tensors: Tensors


class Layout(NamedTuple):
    """How files of one kind are known and read.

    Args:
        mark: Pattern of a name that every such file has and no other kind does.
        read: What makes it a member.
    """

    mark: str
    read: Callable[[Published], Imported]


def taesd(published: Published) -> Imported:
    """TAESD, as its authors' two files or as one of diffusers."""
    names = published.tensors
    tensors = {name if ".layers." in name else _counted(name): tensor for name, tensor in names.items()}
    width = needed(published, tensors, "encoder.layers.0.weight").shape[0]
    latent = needed(published, tensors, "decoder.layers.0.weight").shape[1]
    levels = sum(1 for name in tensors if re.fullmatch(r"encoder\.layers\.\d+\.weight", name)) - 2
    blocks = sum(1 for name in tensors if re.fullmatch(r"encoder\.layers\.\d+\.conv\.0\.weight", name)) - 1
    backbone = Tiny(latent_channels=latent, blocks=max(round(blocks / max(levels, 1)), 1))
    model = Autoencoder(architecture=backbone, hidden_dims=(width,) * max(levels, 1))
    return Imported(model, 3, (USUAL_SIZE, USUAL_SIZE), (0.0, 1.0), tensors)


def _counted(name: str) -> str:
    """The name of a layer in our count: the authors' decoder counts the bend before its first convolution too."""
    side, number, rest = name.split(".", 2)
    return f"{side}.layers.{int(number) - (side == 'decoder')}.{rest}"


KL_NAMES = (
    (r"^quant_conv\.", "encoder.project."),
    (r"^post_quant_conv\.", "decoder.project."),
    (r"\.conv_in\.", ".entry."),
    (r"\.(?:down|up)_blocks\.", ".levels."),
    (r"\.mid_block\.resnets\.0\.", ".middle.0."),
    (r"\.mid_block\.attentions\.0\.", ".middle.1."),
    (r"\.mid_block\.resnets\.1\.", ".middle.2."),
    (r"\.resnets\.", ".blocks."),
    (r"\.(?:down|up)samplers\.0\.conv\.", ".resize."),
    (r"\.conv_shortcut\.", ".shortcut."),
    (r"\.(?:conv_norm_out|group_norm)\.", ".norm."),
    (r"\.conv_out\.", ".exit."),
    (r"\.(?:to_q)\.", ".query."),
    (r"\.(?:to_k)\.", ".key."),
    (r"\.(?:to_v)\.", ".value."),
    (r"\.(?:to_out\.0|proj_attn)\.", ".answer."),
)


def autoencoder_kl(published: Published) -> Imported:
    """AutoencoderKL of diffusers."""
    config = published.config("config.json", "the channels of each level and the scaling of the code")
    widths = tuple(config.get("block_out_channels", (64,)))
    latent = config.get("latent_channels", 4)
    tensors = {renamed(name, KL_NAMES): tensor for name, tensor in published.tensors.items()}
    flat = {name: t.flatten(1) if ".middle.1." in name and t.dim() == 4 else t for name, t in tensors.items()}
    backbone = KL(
        latent_channels=latent,
        blocks=config.get("layers_per_block", 1),
        groups=config.get("norm_num_groups", 32),
        attention=config.get("mid_block_add_attention", True),
        projected=config.get("use_quant_conv", True),
        scale=config.get("scaling_factor") or 1.0,
        shift=config.get("shift_factor") or 0.0,
    )
    size = config.get("sample_size", USUAL_SIZE)
    model = VAE(architecture=backbone, hidden_dims=widths, likelihood="gaussian", scaling="symmetric")
    return Imported(model, config.get("in_channels", 3), (size, size), (-1.0, 1.0), flat)


VIT_NAMES = (
    (r"^vit\.encoder\.layer\.", "encoder.blocks."),
    (r"^vit\.layernorm\.", "encoder.norm."),
    (r"^vit\.embeddings\.cls_token$", "encoder.first"),
    (r"^vit\.embeddings\.patch_embeddings\.projection\.", "encoder.embed."),
    (r"^decoder\.decoder_layers\.", "decoder.blocks."),
    (r"^decoder\.decoder_norm\.", "decoder.norm."),
    (r"^decoder\.decoder_embed\.", "decoder.embed."),
    (r"^decoder\.decoder_pred\.", "decoder.head."),
    (r"^decoder\.mask_token$", "decoder.hidden"),
    (r"\.layernorm_before\.", ".norm1."),
    (r"\.layernorm_after\.", ".norm2."),
    (r"\.attention\.output\.dense\.", ".attend.answer."),
    (r"\.intermediate\.dense\.", ".dense.0."),
    (r"\.output\.dense\.", ".dense.2."),
    (r"\.attention\.attention\.", ".attend."),
)
PARTS = ("query", "key", "value")
PUBLISHED_BASE = 10_000.0  # of the waves that mark the places


def vit_mae(published: Published) -> Imported:
    """ViT-MAE of transformers: the model of pre-training, encoder and decoder."""
    config = published.config("config.json", "how many heads attend and how large patches are")
    patch, channels, size = config["patch_size"], config.get("num_channels", 3), config["image_size"]
    tensors = {renamed(name, VIT_NAMES): tensor for name, tensor in published.tensors.items()}
    for side, name in (("vit.embeddings", "position_embeddings"), ("decoder", "decoder_pos_embed")):
        _check_positions(published, tensors.pop(f"{side}.{name}", None), size // patch)
    joined = _joined(tensors)
    leveled = config.get("norm_pix_loss", False)
    _fold(joined, published, patch, channels, leveled)
    backbone = Transformer(
        patch=patch,
        heads=config["num_attention_heads"],
        decoder_width=config["decoder_hidden_size"],
        decoder_blocks=config["decoder_num_hidden_layers"],
        decoder_heads=config["decoder_num_attention_heads"],
        base=PUBLISHED_BASE,
    )
    model = MaskedAutoencoder(
        ratio=config.get("mask_ratio", 0.75),
        normalize_targets=leveled,
        scaling="unit",
        architecture=backbone,
        hidden_dims=(config["hidden_size"],) * config["num_hidden_layers"],
    )
    return Imported(model, channels, (size, size), (0.0, 1.0), joined)


def _joined(tensors: Tensors) -> Tensors:
    """Queries, keys and values of each block as one product; single tokens without their axes of rows."""
    joined: Tensors = {}
    for name, tensor in tensors.items():
        if name in ("encoder.first", "decoder.hidden"):
            joined[name] = tensor.flatten()
        elif ".attend.query." in name:
            parts = [tensors.get(name.replace("query", part)) for part in PARTS]
            if all(part is not None for part in parts):
                joined[name.replace("query", "ask")] = torch.cat([part for part in parts if part is not None])
        elif not any(f".attend.{part}." in name for part in PARTS):
            joined[name] = tensor
    return joined


def _fold(tensors: Tensors, published: Published, patch: int, channels: int, leveled: bool) -> None:
    """Let the first layer take pixels in [0, 1] and the last give them, where the published ones had normal scores.

    In a patch we have the channels first, the published decoder has them last. A decoder of leveled patches answers in
    no unit, so its answers stay.
    """
    usual = dict(zip(("image_mean", "image_std"), IMAGENET, strict=True))
    told = usual | published.configs.get("preprocessor_config.json", Config())
    mean, deviation = (torch.tensor(told[key]) for key in usual)
    cells = patch * patch
    if len(mean) != channels or not {"encoder.embed.weight", "decoder.head.weight"} <= tensors.keys():
        return
    middle, spread = mean.repeat_interleave(cells), deviation.repeat_interleave(cells)
    weight = tensors["encoder.embed.weight"].flatten(1)
    if weight.shape[1] == len(middle):
        tensors["encoder.embed.weight"] = weight / spread
        tensors["encoder.embed.bias"] = tensors["encoder.embed.bias"] - (weight / spread) @ middle
    for name in ("decoder.head.weight", "decoder.head.bias"):
        rows = tensors.get(name)
        if rows is not None and len(rows) == len(spread):
            ours = rows.unflatten(0, (cells, channels)).transpose(0, 1).flatten(0, 1)
            scale, offset = (torch.ones_like(spread), 0 * middle) if leveled else (spread, middle)
            ours = ours * scale.view(-1, *[1] * (ours.dim() - 1))
            tensors[name] = ours + offset if name.endswith("bias") else ours


def _check_positions(published: Published, found: Tensor | None, side: int) -> None:
    """Refuse positions that are not the fixed waves, which we do not store."""
    if found is None:
        return
    ours = positions((side, side), found.shape[-1], PUBLISHED_BASE)
    if found.shape[1:] != (1 + side * side, found.shape[-1]) or not torch.allclose(found[0, 1:], ours, atol=ALIKE):
        allowed = f"a masked transformer has the fixed waves of {side} x {side} places"
        came = f"{published.path}: other positions, of shape {tuple(found.shape)}"
        raise CorruptFileError(came, allowed, "use the file as it was published")


def renamed(name: str, table: Iterable[tuple[str, str]]) -> str:
    """Our name for a published tensor.

    Example:
        >>> renamed("encoder.down_blocks.0.resnets.1.norm1.weight", KL_NAMES)
        'encoder.levels.0.blocks.1.norm1.weight'
    """
    for theirs, ours in table:
        name = re.sub(theirs, ours, name)
    return name


def needed(published: Published, tensors: Tensors, name: str) -> Tensor:
    """One tensor, which must be there.

    Raises:
        CorruptFileError: it is not.
    """
    if name not in tensors:
        allowed = f"every file of this layout has it, beside {len(tensors)} others that came"
        raise CorruptFileError(f"{published.path} without the tensor {name!r}", allowed, "download the file again")
    return tensors[name]


LAYOUTS = {
    "autoencoder-kl": Layout(r"encoder\.mid_block\.resnets\.", autoencoder_kl),
    "taesd": Layout(r"(?:en|de)coder\.(?:layers\.)?\d+\.conv\.\d\.", taesd),
    "vit-mae": Layout(r"vit\.(?:embeddings|encoder)\.", vit_mae),
}
