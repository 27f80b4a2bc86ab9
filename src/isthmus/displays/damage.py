"""Three ways to damage an image by the same squared error, and what each is held to be worth."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Self, TypeAlias

import numpy as np
import torch
from scipy.ndimage import gaussian_filter, shift

from isthmus.core.spec import Spec
from isthmus.displays.display import Display
from isthmus.displays.grid import Floats, Grid, Strip, looks
from isthmus.displays.seen import numbers, spread
from isthmus.errors import AbilityError, ParameterError
from isthmus.metrics.similarity import LEAST, ssim

CAPTION = "The same squared error three times: how alike the images are by their structure, and how far apart they seem"
Columns: TypeAlias = dict[str, Floats]

STRONGEST = 8.0  # pixels of a shift and of a blur
HALVINGS = 30


class DamageDisplay(Display):
    """Images beside themselves shifted, paler and blurred by equal squared errors, with what each is worth.

    Above each stands its structural similarity (1 for equal images) and its perceptual distance in nats, by the
    features of a model with likelihood="perceptual". Where the images are too small for a window, they are repeated
    pixel by pixel for the similarity.

    Args:
        images: In scaled units, one list a column: {"original": (n, C, H, W), "shifted": ...}.
        alike: {"shifted": structural similarity of each image, (n,), ...}.
        apart: {"shifted": perceptual distance of each in nats, (n,), ...}.
        spec: What the data is.
        names: What each row is called.

    Example:
        >>> from isthmus.data import load
        >>> from isthmus import Autoencoder
        >>> images = load("digits").X[:200]
        >>> model = Autoencoder(latent_dim=4, epochs=1, likelihood="perceptual").fit(images)
        >>> sorted(DamageDisplay.of(model, images, rows=2).apart)
        ['blurred', 'paler', 'shifted']
    """

    def __init__(self, images: Columns, alike: Columns, apart: Columns, spec: Spec, names: list[str]) -> None:
        self.images, self.alike, self.apart, self.spec, self.names = images, alike, apart, spec, names

    @classmethod
    def of(cls, estimator: Any, X: Any, *, rows: int = 4, error: float = 0.25) -> Self:
        """Damage a few images.

        Args:
            estimator: A fitted model with likelihood="perceptual".
            X: Images like those of training.
            rows: How many to show, evenly from first to last.
            error: Squared error of each damage, as a share of the image's variance, above 0 and below 0.9.

        Raises:
            AbilityError: the model has no features to see with.
            ParameterError: no rows, or an error beyond its range.
        """
        price = getattr(estimator.network_, "likelihood", None)
        if not hasattr(price, "perceived"):
            came, allowed = (
                f"{type(estimator).__name__} with likelihood={estimator.settings_.likelihood!r}",
                "it sees no features",
            )
            raise AbilityError(came, allowed, "fit it with likelihood='perceptual'")
        if not 0 < error < 0.9:
            raise ParameterError(f"error={error!r}", "it is a share of the variance, in (0, 0.9)", "use error=0.25")
        x, chosen = spread(estimator, X, rows)
        original = numbers(x)
        images = {name: np.stack([to_error(of, one, error) for one in original]) for name, of in DAMAGES.items()}
        apart = {name: perceived(price, original, other) for name, other in images.items()}
        alike = {name: structure(original, other) for name, other in images.items()}
        names = [f"row {row}" for row in chosen]
        return cls({"original": original, **images}, alike, apart, estimator.spec_, names)

    def picture(self) -> Grid:
        """A strip for each image."""
        looked = {name: looks(of, self.spec) for name, of in self.images.items()}
        strips = [
            Strip(name, np.stack([of[place] for of in looked.values()]), self._titles(place))
            for place, name in enumerate(self.names)
        ]
        return Grid(CAPTION, strips)

    def _titles(self, place: int) -> list[str]:
        """What is said above each picture of a strip."""
        said = [
            f"{name}\nSSIM {self.alike[name][place]:.2f}, {self.apart[name][place]:.3g} nats" for name in self.apart
        ]
        return ["original", *said]


def to_error(damage: Callable[[Floats, float], Floats], image: Floats, error: float) -> Floats:
    """The image, damaged just so much that its squared error is this share of its variance (by halving)."""
    low, high, wanted = 0.0, STRONGEST, error * image.var()
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        is_less = float(((damage(image, middle) - image) ** 2).mean()) < wanted
        low, high = (middle, high) if is_less else (low, middle)
    return damage(image, high)


def shifted(image: Floats, pixels: float) -> Floats:
    """Moved to the right, (C, H, W); what enters is what stood at the edge."""
    moved: Floats = shift(image, (0, 0, pixels), order=1, mode="nearest")
    return moved


def paler(image: Floats, strength: float) -> Floats:
    """Nearer to its mean by strength / 8."""
    pale: Floats = image + strength / STRONGEST * (image.mean() - image)
    return pale


def blurred(image: Floats, pixels: float) -> Floats:
    """Blurred by a normal distribution of this deviation."""
    soft: Floats = gaussian_filter(image, (0, pixels, pixels), mode="nearest")
    return soft


DAMAGES: dict[str, Callable[[Floats, float], Floats]] = {"shifted": shifted, "paler": paler, "blurred": blurred}


def perceived(price: Any, x: Floats, other: Floats) -> Floats:
    """Perceptual distance of each pair in nats, (n,)."""
    device = next(price.parameters()).device
    pair = (torch.from_numpy(np.ascontiguousarray(images, dtype=np.float32)).to(device) for images in (x, other))
    with torch.inference_mode():
        apart: Floats = price.perceived(*pair).flatten(1).sum(1).double().cpu().numpy()
    return apart


def structure(x: Floats, other: Floats) -> Floats:
    """Structural similarity of each pair of images (C, H, W) in [0, 1], (n,)."""
    times = -(-LEAST // min(x.shape[2:]))
    large = (np.moveaxis(of, 1, 3).repeat(times, 1).repeat(times, 2) for of in (x, other))
    return ssim(*large, span=1.0)
