"""Quantizers by name, and codes cut into tokens for them."""

from __future__ import annotations

from isthmus.core.settings import Settings
from isthmus.core.spec import Spec
from isthmus.errors import ParameterError, UnknownNameError
from isthmus.parts.bottlenecks.binary import Binary, bits_for
from isthmus.parts.bottlenecks.discrete import Discrete, Quantizer
from isthmus.parts.bottlenecks.quantizer import Codebook
from isthmus.parts.bottlenecks.residual import ResidualCodes
from isthmus.parts.bottlenecks.scalar import Scalar, levels_for
from isthmus.parts.bottlenecks.tokens import tokens_of

QUANTIZERS = ("fsq", "lfq", "residual", "vq")
USUAL_DIM = 8  # numbers in a token of a book: in few dimensions most codes are near some token


def token_dim(name: str, codes: int, latent_dim: int | None = None) -> int:
    """d, the numbers in a token: what the alphabet says, or for a book the largest divisor of Z up to 8.

    Raises:
        UnknownNameError: no quantizer of this name.
        ParameterError: its codes are never so many.

    Example:
        >>> token_dim("fsq", 512), token_dim("lfq", 512), token_dim("vq", 512), token_dim("vq", 512, 30)
        (3, 9, 8, 6)
    """
    if name not in QUANTIZERS:
        raise UnknownNameError.among("quantizer", name, QUANTIZERS)
    if name == "fsq":
        return len(levels_for(codes))
    if name == "lfq":
        return bits_for(codes)
    return book_dim(latent_dim)


def book_dim(latent_dim: int | None = None) -> int:
    """d of a book's tokens: 8, or of a code that is already so long its largest divisor up to 8.

    Example:
        >>> book_dim(), book_dim(30), book_dim(7)
        (8, 6, 7)
    """
    return USUAL_DIM if latent_dim is None else max(d for d in range(1, USUAL_DIM + 1) if latent_dim % d == 0)


def quantizer(
    name: str,
    codes: int,
    dim: int,
    depth: int = 1,
    *,
    restarts: bool = True,
    rotation: bool = False,
    unit: bool = False,
) -> Quantizer:
    """The quantizer of this name for tokens of d numbers.

    Args:
        name: "fsq", "lfq", "vq" or "residual" (L books of "vq").
        codes: K.
        dim: d, as `token_dim` says where the alphabet does.
        depth: L; only "residual" has more than one.
        restarts: Whether codes of a book that nothing chooses begin anew.
        rotation: Whether the gradient of "vq" is turned as its token was.
        unit: Whether tokens and codes of "vq" have length 1.

    Raises:
        ParameterError: an option that this quantizer does not have.

    Example:
        >>> quantizer("fsq", 512, 3).codes, quantizer("residual", 64, 8, depth=2).depth
        (512, 2)
    """
    if (rotation or unit) and name != "vq":
        option = "rotation" if rotation else "unit"
        raise ParameterError(f"{option}=True with quantizer={name!r}", "only 'vq' has this option", "leave it out")
    if name == "fsq":
        return Scalar(levels_for(codes))
    if name == "lfq":
        return Binary(bits_for(codes))
    if name == "vq":
        return Codebook(codes, dim, restarts=restarts, rotation=rotation, unit=unit)
    return ResidualCodes([Codebook(codes, dim, restarts=restarts) for _ in range(depth)])


def spelled(spec: Spec, settings: Settings, name: str, codes: int, depth: int = 1, **options: bool) -> Discrete:
    """A bottleneck that cuts the code of these settings into tokens, and sends each as symbols of a quantizer.

    Args:
        spec: What the data is.
        settings: Say how long the code is, and whether it keeps the places of the data.
        name: As in `quantizer`.
        codes: K.
        depth: L.
        options: As in `quantizer`.

    Raises:
        ParameterError: the code cannot be cut so.
    """
    shape = settings.architecture.code_shape(spec, settings.hidden_dims)
    dim = token_dim(name, codes, settings.latent_dim if shape is None else shape[0])
    tokens = tokens_of(settings.latent_dim, shape, dim)
    return Discrete(tokens, quantizer(name, codes, dim, depth, **options))
