"""Published weights as a fitted member: read, recognised, checked tensor by tensor, and ready to transform."""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import Any

import torch

from isthmus.core.spec import Spec
from isthmus.data.memory import TensorSource
from isthmus.errors import CorruptFileError, InputTypeError, ModelFileError, UnknownNameError
from isthmus.estimator.fitting import settle
from isthmus.parts.published import Published, read_published
from isthmus.tasks.importing.layouts import LAYOUTS, Imported

DTYPES = {"uint8": 255.0, "float32": 1.0}  # of the images that a member takes, and the value of white


def import_weights(
    path: str | Path, layout: str = "auto", *, size: int | tuple[int, int] | None = None, dtype: str = "uint8"
) -> Any:
    """A fitted member from weights that others have published.

    Nothing in the file is run: safetensors and JSON alone are read. The member can `transform`, `reconstruct`, score,
    be fine-tuned and be saved as any other; what it was trained on and how is for its authors to say.

    Args:
        path: A safetensors file with the JSON files beside it, or the folder that holds them. TAESD may come as two
            files, `*_encoder.safetensors` and `*_decoder.safetensors`.
        layout: "taesd", an `Autoencoder`; "autoencoder-kl" (diffusers), a `VAE` whose codes are scaled as its config
            says; "vit-mae" (transformers), a `MaskedAutoencoder`; "auto" goes by the names of the tensors.
        size: Height and width of its images in pixels, where the backbone allows others than its config says.
        dtype: Of its images: "uint8" from 0 to 255, or "float32" from 0 to 1; (n, h, w, c).

    Returns:
        The member, on the CPU.

    Raises:
        UnknownNameError: no such layout.
        MissingFileError: no weights, or a config that is needed, at that path.
        ModelFileError: pickled weights, or tensors of no known layout.
        CorruptFileError: a tensor is missing, foreign or of another shape.

    Example:
        >>> from pathlib import Path
        >>> from tempfile import TemporaryDirectory
        >>> from safetensors.torch import save_file
        >>> from isthmus.parts.backbones.tiny import TinyDecoder, TinyEncoder
        >>> encoder, decoder = TinyEncoder(3, (8,), 1, 4), TinyDecoder((4, 8, 8), (8,), 1, (3, 16, 16), 3)
        >>> both = torch.nn.ModuleDict({"encoder": encoder, "decoder": decoder})
        >>> with TemporaryDirectory() as folder:  # a file as TAESD's, but of one level
        ...     save_file(both.state_dict(), Path(folder) / "tiny.safetensors")
        ...     import_weights(folder, size=16).latent_shape_
        (4, 8, 8)
    """
    if layout not in ("auto", *LAYOUTS):
        raise UnknownNameError.among("layout", layout, ("auto", *LAYOUTS))
    if dtype not in DTYPES:
        raise InputTypeError(f"dtype={dtype!r}", f"images are {' or '.join(map(repr, DTYPES))}", "use dtype='uint8'")
    published = read_published(path)
    return fitted(LAYOUTS[recognised(published, layout)].read(published), published, size, dtype)


def recognised(published: Published, layout: str) -> str:
    """The layout asked for, or the one whose mark is among the tensors' names.

    Raises:
        ModelFileError: the tensors have the mark of none, or not of the one asked for.
    """
    names = published.tensors
    found = [name for name, known in LAYOUTS.items() if any(re.match(known.mark, tensor) for tensor in names)]
    if layout == "auto" and found:
        return found[0]
    if layout in found:
        return layout
    some = ", ".join(sorted(names)[:3])
    came = f"{published.path} with {len(names)} tensors ({some}, ...)"
    fix = f"use layout={found[0]!r}" if found else "convert them, or check the path"
    raise ModelFileError(came, f"known layouts are {', '.join(map(repr, LAYOUTS))}, and these are others", fix)


def fitted(imported: Imported, published: Published, size: int | tuple[int, int] | None, dtype: str) -> Any:
    """The member with its network built and filled."""
    model = imported.model
    height, width = (size, size) if isinstance(size, int) else size or imported.size
    white, (low, high) = DTYPES[dtype], imported.span
    factor = white / (high - low)
    spec = Spec(
        "image",
        (imported.channels, height, width),
        dtype=dtype,
        offset=-low * factor,
        factor=factor,
        value_range=imported.span,
        layout="hwc",
    )
    model.latent_dim = math.prod(model.architecture.code_shape(spec, model.hidden_dims))
    settle(model, TensorSource(torch.zeros(1, *spec.shape), spec), seed=0)
    fill_network(model.network_, imported, published)
    model.network_.eval()
    model.history_, model.n_iter_, model.n_features_in_ = [], 0, spec.n_features
    return model


def fill_network(network: Any, imported: Imported, published: Published) -> None:
    """Put the tensors in their places; what they lack is what is ours alone (fixed noise and masks).

    Raises:
        CorruptFileError: a tensor is missing, foreign or of another shape.
    """
    own = {name: tensor for name, tensor in network.state_dict().items() if name.startswith(("encoder.", "decoder."))}
    shapes = {name: tuple(tensor.shape) for name, tensor in own.items()}
    came = {name: tuple(tensor.shape) for name, tensor in imported.tensors.items()}
    wrong = sorted(name for name in shapes | came if shapes.get(name) != came.get(name))
    if wrong:
        name = wrong[0]
        told = f"of shape {came[name]}" if name in came else "missing"
        raise CorruptFileError(
            f"{published.path}: the tensor that goes to {name!r} is {told} ({len(wrong)} of {len(shapes)} differ)",
            f"a network of the sizes that the file gives has {shapes.get(name, 'none')} there",
            "download the file and its config again, or name another layout",
        )
    network.load_state_dict({**network.state_dict(), **imported.tensors})
