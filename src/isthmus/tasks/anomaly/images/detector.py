"""`ImageDetector`: which images have a defect, and where, under a stated budget of false alarms."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, Self, cast

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from isthmus.data.arrays import Images
from isthmus.errors import AbilityError, ParameterError, UnknownNameError
from isthmus.estimator.containers import opened
from isthmus.estimator.defaults import real
from isthmus.estimator.face import Estimator
from isthmus.tasks.anomaly.beyond import in_numbers
from isthmus.tasks.anomaly.calibration import check_budget
from isthmus.tasks.anomaly.digests import Digests
from isthmus.tasks.anomaly.evidence import Evidence, check_shared_out, fresh, given, held_out
from isthmus.tasks.anomaly.images import states
from isthmus.tasks.anomaly.images.heat import Heat, HeatRecipe
from isthmus.tasks.anomaly.recipe import unfitted
from isthmus.tasks.anomaly.scored import Floats
from isthmus.tasks.anomaly.scorer import Scorer
from isthmus.tasks.anomaly.thresholds import conformal
from isthmus.tasks.anomaly.verdicts import Verdicts

CHOICES: dict[str, dict[Any, str]] = {
    "distortion": {"mse": "gaussian", "ssim": "ssim"},  # and the likelihood that says the same
    "features": {None: "what pixels lose", "encoder": "what the levels of the encoder answer"},
    "image_score": {"peak": "the hottest pixel", "fusion": "what is lost and what crosses"},
}
COLOURS = 4  # channels up to which an array is taken for pixels, and not for features
SHARPEST = 64  # of the extent: the deviation of the window that "auto" smooths heat with, at least one pixel


@dataclass(eq=False, repr=False)
class ImageDetector(Verdicts, BaseEstimator):
    r"""Finds defects in images: an alarm for at most a share alpha of the good ones, and a map of where it is hot.

        images -> model -> what each pixel loses -> how unusual that is there -> hottest pixel above the threshold?

    The model learns good images only. What a pixel loses is smoothed and set against what the images of training lose
    at the same place, so that an edge which never comes out sharp stays cold; the heat is in their spreads. An image
    is scored by its hottest pixel. The threshold is a quantile of the scores of good images that training never saw:
    at most a share alpha of good images has any pixel above it, wherever it is.

    Arrays of features are taken as images are: (n, h, w, c) from any network gives heat on the grid of the features.
    Vectors (n, d) have no places, so they are scored by the fusion of `AnomalyDetector` and have no heat.

    Args:
        model: "auto" (a `ConvolutionalAutoencoder`, for vectors an `Autoencoder`), a member's name, or an unfitted
            estimator of ours.
        distortion: What a pixel loses: "mse", its squared error, or "ssim", what its window lacks in structural
            similarity; "auto" is "ssim" for images of up to 4 channels, else "mse". An estimator that names its
            likelihood keeps that.
        features: None reads what pixels lose, "encoder" how unusual the answers of the encoder's levels are at each
            place; the model learns by its distortion either way.
        image_score: "peak" scores an image by its hottest pixel, "fusion" as `AnomalyDetector` does.
        smooth: Deviation in pixels of the Gaussian window over which heat is averaged, 0 for none; "auto" is a 64th of
            the shorter edge, at least 1.
        alpha: The budget of false alarms: the share of good images that may raise one.
        calibration: Share of the images that `fit(X)` holds out to set the threshold.
        random_state: Seed of the shares and of the model's fit (an estimator with a seed of its own keeps that).
        device: Where a model given by name runs; an estimator has its own device.
        verbose: 1 shows the progress of a model given by name.

    Paper:
        Bergmann, Loewe, Fauser, Sattlegger & Steger 2019, VISAPP ("ssim"); "encoder" is a relative of PaDiM, Defard et
        al. 2021, ICPR Workshops, on a network that has seen good images only.

    Example:
        >>> from isthmus.data import phantoms
        >>> good = phantoms(60, 0, size=32)[0]
        >>> ill, masks = phantoms(20, 1, size=32, lesions=1, contrast=0.4)
        >>> from isthmus.models import family
        >>> model = family()["autoencoder"](architecture="mlp", epochs=40)
        >>> detector = ImageDetector(model, distortion="mse", alpha=0.1, random_state=0).fit(good)
        >>> heat = detector.heatmap(ill)
        >>> heat.shape, bool(heat[masks].mean() > 2 * heat[~masks].std())
        ((20, 32, 32), True)
    """

    _states: ClassVar[Any] = states

    model: Any = "auto"
    _: KW_ONLY
    distortion: str = "auto"
    features: str | None = None
    image_score: str = "peak"
    smooth: float | str = "auto"
    alpha: float = 0.01
    calibration: float = 0.2
    random_state: Any = None
    device: str = "auto"
    verbose: int = 0

    if TYPE_CHECKING:  # what `fit` leaves behind
        heat_: Heat = field(init=False)
        scorer_: Scorer = field(init=False)
        trained_: Digests = field(init=False)
        trimmed_: None = field(init=False)
        n_features_in_: int = field(init=False)

    def fit(self, X: Any, y: Any = None, *, X_calibration: Any = None, groups: ArrayLike | None = None) -> Self:
        """Learn what good images are, and set the threshold on images that training never saw.

        Args:
            X: Good images, (n, h, w) or (n, h, w, c), or features, (n, h, w, c) or (n, d).
            y: Ignored; X is taken to be good.
            X_calibration: Good images that set the threshold, none of them in X; None takes them from X.
            groups: (n,) images of one group (a part, a patient) stay on one side, as equal ones always do.

        Raises:
            ParameterError: a parameter outside its domain, or groups beside X_calibration.
            LeakageError: images of X_calibration are equal to images of X.
            TooFewRowsError: too few different images to hold some out.

        Warns:
            FewCalibrationRowsWarning: too few images for the budget, see `promise_`.
        """
        alpha, random = self._checked(), check_random_state(self.random_state)
        rows = pictures(X)
        recipe: Any = self._recipe(rows, int(random.randint(2**31 - 1)))
        check_shared_out(X_calibration, None, groups, None)
        if X_calibration is None:
            held = held_out(recipe, rows, self.calibration, alpha, random, groups=groups)
        else:
            held = given(recipe, rows, pictures(X_calibration), None)
        heat: Any = held.scorer
        self.heat_, self.scorer_, self.trained_, self.trimmed_ = heat, heat.scorer, held.trained, None
        self.n_features_in_ = heat.model.n_features_in_
        return self._settled(held.evidence, conformal(held.evidence.scores, alpha))

    def heatmap(self, X: Any) -> NDArray[np.float32]:
        """How much more each pixel loses than good images lose there, (n, h, w), in their spreads: 0 is usual.

        Args:
            X: Images like those of training.

        Raises:
            AbilityError: the detector was fitted on vectors, which have no places.
        """
        check_is_fitted(self)
        if self.heat_.usual is None:
            allowed = f"it was fitted on vectors of {self.n_features_in_} features, which have no places"
            raise AbilityError("ImageDetector.heatmap()", allowed, "fit it on images, or on features (n, h, w, c)")
        return self.heat_.heat(pictures(X))

    def defects(self, X: Any) -> NDArray[np.bool_]:
        """Which pixels are above the threshold, (n, h, w): at most a share alpha of good images has one at all.

        Args:
            X: Images like those of training.

        Raises:
            AbilityError: images are not scored by their hottest pixel.
        """
        heat = self.heatmap(X)
        if not self.heat_.is_peak:
            allowed = "the threshold is one of whole images, scored by fusion"
            raise AbilityError("ImageDetector.defects()", allowed, "use image_score='peak'")
        return in_numbers(heat.astype(np.float64)) > self.threshold_

    def anomaly_score(self, X: Any) -> Floats:
        """How anomalous each image is, (n,): its hottest pixel, or the fusion; an alarm above `threshold_`."""
        check_is_fitted(self)
        return self.heat_.scores(pictures(X))

    @property
    def model_(self) -> Estimator:
        """The fitted model."""
        check_is_fitted(self)
        model: Estimator = self.scorer_.model
        return model

    def _checked(self) -> float:
        """The budget, once every parameter is known to be in its domain."""
        for name, known in CHOICES.items():
            value = getattr(self, name)
            if value not in known and (name, value) != ("distortion", "auto"):
                raise UnknownNameError.among(name, str(value), [str(one) for one in known])
        if self.smooth != "auto":
            real("smooth", self.smooth, zero=True)
        if not (isinstance(self.calibration, (int, float)) and 0 < self.calibration < 1):
            allowed = "it is the share of the images that sets the threshold, between 0 and 1"
            raise ParameterError(f"calibration={self.calibration!r}", allowed, "use calibration=0.2")
        return check_budget(self.alpha)

    def _recipe(self, rows: Any, seed: int) -> HeatRecipe:
        """How these rows are read: as images by what is set, as vectors by the fusion."""
        shape: tuple[int, ...] = rows.shape
        has_places = len(shape) > 2
        smooth = max(1.0, min(shape[1:3]) / SHARPEST) if self.smooth == "auto" and has_places else self.smooth
        wanted = self.distortion
        if wanted == "auto":
            wanted = "ssim" if has_places and (len(shape) == 3 or shape[3] <= COLOURS) else "mse"
        model = partial(self._unfitted, seed, has_places, CHOICES["distortion"][wanted])
        is_peak = has_places and self.image_score == "peak"
        return HeatRecipe(model, float(smooth) if has_places else 0.0, is_peak, self.features == "encoder")

    def _unfitted(self, seed: int, has_places: bool, likelihood: str, number: int) -> Any:
        """A fresh model with this seed, which learns by this likelihood unless it names its own."""
        usual = "convolutional-autoencoder" if has_places else "autoencoder"
        asked = usual if self.model == "auto" else self.model
        model = unfitted(asked, seed, number, device=self.device, verbose=self.verbose)
        return model if model.likelihood != "auto" else model.set_params(likelihood=likelihood)

    def _evidence(self, X: Any) -> Evidence:
        """Scores of new images, none of which trained."""
        return fresh(cast(Any, self.heat_), pictures(X), self.trained_)


def pictures(X: Any) -> Any:
    """X opened; an array of three axes is a stack of grey images whatever its type, no series.

    Example:
        >>> pictures(np.zeros((5, 8, 8))).kind
        'image'
    """
    rows = opened(X)
    return Images(rows) if isinstance(rows, np.ndarray) and rows.ndim == 3 else rows
