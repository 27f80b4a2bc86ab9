"""Images, series and volumes to tensors (n, C, ...) and back, in the caller's layout and type.

A bare array of three axes is a stack of grey images where it is uint8, else of series; one of four axes is images,
one of five volumes. `Images`, `Series` and `Volumes` say otherwise.
"""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from isthmus.core.spec import Kind, Spec
from isthmus.data.contract import LARGEST, are_tame
from isthmus.data.scaling import scaled, whole
from isthmus.errors import InputError, InputTypeError, MissingValueError


class Tagged:
    """An array that says what its axes mean; it can be indexed and split by rows as the array itself.

    Args:
        array: The samples, one a row.
    """

    kind: ClassVar[Kind]
    layouts: ClassVar[tuple[str, ...]]

    def __init__(self, array: npt.ArrayLike) -> None:
        self.array: npt.NDArray[Any] = array if isinstance(array, np.ndarray) else np.asarray(array)

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the array."""
        return self.array.shape

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of the array."""
        return self.array.dtype

    @property
    def layout(self) -> str:
        """The axes of one sample, by letter.

        Raises:
            InputError: the array has another number of axes.
        """
        for layout in self.layouts:
            if len(layout) + 1 == self.array.ndim:
                return layout
        allowed = " or ".join(f"({', '.join('n' + layout)})" for layout in self.layouts)
        fix = f"reshape the array to one of those before you wrap it in {type(self).__name__}"
        raise InputError(f"{type(self).__name__} of an array of shape {self.shape}", f"its axes are {allowed}", fix)

    def __len__(self) -> int:
        """n, the number of samples."""
        return len(self.array)

    def __getitem__(self, rows: Any) -> Any:
        """These rows, tagged alike."""
        return type(self)(self.array[rows])


class Images(Tagged):
    """The array is a stack of images, (n, h, w) or (n, h, w, c), whatever its type.

    Example:
        >>> tagged = Images(np.zeros((5, 8, 8)))
        >>> tagged.layout, len(tagged[:2])
        ('hw', 2)
    """

    kind = "image"
    layouts = ("hw", "hwc")


class Series(Tagged):
    """The array is a stack of series, (n, t) or (n, t, c)."""

    kind = "series"
    layouts = ("t", "tc")


class Volumes(Tagged):
    """The array is a stack of volumes, (n, d, h, w) or (n, d, h, w, c)."""

    kind = "volume"
    layouts = ("dhw", "dhwc")


def tagged(array: Any) -> Tagged:
    """The array as images, series or volumes: as it is tagged, else by its axes and type.

    Raises:
        InputError: no kind of data has that many axes.

    Example:
        >>> tagged(np.zeros((5, 8, 8), dtype="uint8")).kind, tagged(np.zeros((5, 8, 8))).kind
        ('image', 'series')
    """
    if isinstance(array, Tagged):
        return array
    if array.ndim not in (3, 4, 5):
        allowed = "a table has 2 axes, series 3, images 3 or 4, volumes 5"
        raise InputError(f"X of shape {array.shape}", allowed, "Reshape your data to (n, features) or one of those")
    if array.ndim == 3:
        return Images(array) if array.dtype == np.uint8 else Series(array)
    return Images(array) if array.ndim == 4 else Volumes(array)


def check_samples(samples: Tagged, shape: tuple[int, ...], dtype: str, first_row: int = 0) -> None:
    """Refuse samples of another shape or kind of number than was learnt, and cells that are no finite number.

    Args:
        samples: What came.
        shape: Shape of one sample of training, in the caller's layout.
        dtype: Its type.
        first_row: Row number of the first sample, for the message.

    Raises:
        InputError: another shape, or an infinite cell.
        InputTypeError: whole numbers where training had fractions, or the reverse.
        MissingValueError: a cell is NaN.
    """
    if samples.shape[1:] != tuple(shape):
        fix = "crop, pad or resize them to the shape of training"
        raise InputError(f"X with samples of shape {samples.shape[1:]}", f"training had {tuple(shape)}", fix)
    if (samples.dtype.kind == "f") != (np.dtype(dtype).kind == "f"):
        allowed = f"training had {dtype}, whose scaling would be wrong for it"
        raise InputTypeError(
            f"X of type {samples.dtype}", allowed, f"bring it to the same units and X.astype({dtype!r})"
        )
    if samples.dtype.kind != "f" or are_tame(samples.array):
        return
    wrong = ~(np.abs(samples.array) <= LARGEST)
    if wrong.any():
        place = tuple(int(i) for i in np.argwhere(wrong)[0])
        value = samples.array[place]
        came = f"sample {first_row + place[0]} holds {value} at {place[1:]}"
        error = MissingValueError if np.isnan(value) else InputError
        allowed = f"Input X contains {'NaN' if np.isnan(value) else 'infinity or a value too large for float32'}"
        raise error(came, f"{allowed}, and {samples.kind} samples have no missing cells", "fill or drop it")


def encode_array(X: Any, spec: Spec, first_row: int = 0) -> Tensor:
    """Samples as x, (n, C, ...) float32.

    Args:
        X: Samples in the layout that `spec` learnt.
        spec: What was learnt.
        first_row: Row number of the first sample, for messages.

    Raises:
        InputError: samples of another shape, or an infinite cell.
        InputTypeError: another kind of number.
        MissingValueError: a cell is NaN.
    """
    samples = matched(X, spec)
    check_samples(samples, sample_shape(spec), spec.dtype, first_row)
    return torch.from_numpy(scaled(channels_first(samples.array, spec.layout), spec.offset, spec.factor))


def matched(X: Any, spec: Spec) -> Tagged:
    """X tagged as training was; its own tag, where it has one, must agree.

    Raises:
        InputError: X is tagged otherwise.
    """
    tag = next(tag for tag in (Images, Series, Volumes) if tag.kind == spec.kind)
    if isinstance(X, Tagged) and not isinstance(X, tag):
        raise InputError(f"X tagged {type(X).__name__}", f"training had {tag.__name__}", "tag it as in training")
    return X if isinstance(X, Tagged) else tag(X)


def decode_array(x: Tensor, spec: Spec) -> npt.NDArray[Any]:
    """x in the caller's layout, units and type: integers rounded and clipped, booleans cut at one half.

    Args:
        x: (n, C, ...) float32.
        spec: What was learnt.

    Example:
        >>> spec = Spec("image", (1, 1, 3), dtype="uint8", factor=255.0, layout="hw")
        >>> decode_array(torch.tensor([[[[0.0, 0.5, 2.0]]]]), spec)
        array([[[  0, 128, 255]]], dtype=uint8)
    """
    values = (x.detach().cpu() * spec.factor + spec.offset).numpy()
    values = values.transpose(0, *range(2, values.ndim), 1) if "c" in spec.layout else values[:, 0]
    dtype = np.dtype(spec.dtype)
    if dtype.kind != "f":
        values = values >= 0.5 if dtype.kind == "b" else whole(values.astype(np.float64), spec.dtype)
    return np.ascontiguousarray(values, dtype=dtype)


def channels_first(array: npt.NDArray[Any], layout: str) -> npt.NDArray[Any]:
    """A view with the channels behind the samples: (n, ..., c) -> (n, c, ...), (n, ...) -> (n, 1, ...)."""
    last = array.ndim - 1
    return array.transpose(0, last, *range(1, last)) if layout.endswith("c") else array[:, None]


def sample_shape(spec: Spec) -> tuple[int, ...]:
    """Shape of one sample in the caller's layout."""
    return (*spec.shape[1:], spec.shape[0]) if spec.layout.endswith("c") else spec.shape[1:]
