"""`Estimator`: what a user types. Every member of the family sits directly under it.

A member says two things: `build(spec)`, the network that its data flows through, and `objective(network, batch)`,
the costs that it pays. All else is here or in the files that this one calls.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils.validation import check_is_fitted
from torch import Tensor, nn

from isthmus.core.code import Batch, Terms
from isthmus.core.player import Player, Stage
from isthmus.core.settings import Settings
from isthmus.core.spec import Kind, Spec
from isthmus.estimator import fitting, printing, summary
from isthmus.estimator.abilities import abilities_of, require
from isthmus.estimator.answers import Answers
from isthmus.estimator.checking import Checked
from isthmus.estimator.conditions import beside, read_told
from isthmus.estimator.events import CallbackSupportMixin, with_callbacks
from isthmus.estimator.generation import Generates
from isthmus.estimator.inputs import give_back, read_codes
from isthmus.estimator.keeping import cut
from isthmus.estimator.priors import FitsPriors
from isthmus.estimator.restoration import Restores
from isthmus.estimator.states import Persists
from isthmus.estimator.tokens import Tokenizes
from isthmus.parts.backbones.activations import MODULES
from isthmus.parts.backbones.choose import GENERAL


@dataclass(kw_only=True, eq=False, repr=False)
class Estimator(
    Checked,
    Answers,
    Generates,
    FitsPriors,
    Restores,
    Tokenizes,
    Persists,
    CallbackSupportMixin,
    ClassNamePrefixFeaturesOutMixin,
    TransformerMixin,
    BaseEstimator,
):
    """What every member has. Not a member itself.

    Args:
        latent_dim: Z, dimensions of the code; "auto" is 1.5 times the root of the number of features, or for tables of
            numbers the knee of what principal components leave over, where that is more.
        hidden_dims: Widths of the encoder's hidden layers, outermost first; the decoder mirrors them.
        activation: "relu", "leaky-relu", "gelu", "sigmoid", "tanh" or "linear".
        architecture: "auto", "mlp", "conv", "residual", or one of `MLP`, `Convolutional`, `Residual` with options.
        likelihood: p(x | z), one of `parts.likelihoods.LIKELIHOODS`: "gaussian", "bernoulli", "poisson", "mixed", ...;
            "auto" follows the columns.
        scaling: "standard", "robust" or "log" for tables, "unit" or "symmetric" for images, "none"; "auto" follows the
            likelihood. "log" takes the logarithm, with its sign, of columns with a heavy tail, which `summary()` names.
            It is fitted on the training rows only and stored in the model; costs and densities are of scaled numbers.
        epochs: Passes over the rows; "auto" makes at least 2000 steps of 10 to 200 passes.
        batch_size: Rows in a step; "auto" is a 64th of the rows, within 32 and 512.
        learning_rate: Peak step size of Adam; "auto" grows with the root of the batch size, from 1e-3.
        weight_decay: Decoupled decay of the weights.
        random_state: Seed of everything random in the fit, or None.
        device: "auto", "cpu", "cuda", "mps".
        precision: "auto", "float32" or "bfloat16".
        verbose: 1 shows a progress bar.
    """

    latent_dim: int | str = "auto"
    hidden_dims: tuple[int, ...] | str = "auto"
    activation: str = "relu"
    architecture: Any = "auto"
    likelihood: str = "auto"
    scaling: str = "auto"
    epochs: int | str = "auto"
    batch_size: int | str = "auto"
    learning_rate: float | str = "auto"
    weight_decay: float = 0.0
    random_state: Any = None
    device: str = "auto"
    precision: str = "auto"
    verbose: int = 0

    if TYPE_CHECKING:  # what `fit` leaves behind
        network_: Any = field(init=False)
        settings_: Settings = field(init=False)
        spec_: Spec = field(init=False)
        history_: list[dict[str, Any]] = field(init=False)
        latent_shape_: tuple[int, ...] = field(init=False)

    paper: ClassVar[str]
    name: ClassVar[str]
    batch_terms: ClassVar[tuple[str, ...]] = ()  # terms that are statistics of the batch, not of the row
    kinds: ClassVar[tuple[Kind, ...]] = ("table", "image", "series", "volume")  # of data that it takes
    backbones: ClassVar[tuple[str, ...]] = GENERAL  # that it can be built of
    activations: ClassVar[tuple[str, ...]] = tuple(MODULES)  # that it knows
    table_scaling: ClassVar[str] = "standard"  # what scaling="auto" is for a table
    array_scaling: ClassVar[str] = "unit"  # what it is for images, series and volumes
    numbers_only: ClassVar[bool] = False  # whether every cell must be a number that is there
    has_sparse_code: ClassVar[bool] = False  # whether its code is kept without its zeros
    has_prior: ClassVar[bool] = False  # whether codes can be drawn
    has_density: ClassVar[bool] = False  # whether p(z) and q(z | x) are densities that a sample of z can be weighed by
    has_symbols: ClassVar[bool] = False  # whether its code has an integer form
    learns_variance: ClassVar[bool] = False  # whether likelihood="auto" has variances of its own
    trains_together: ClassVar[bool] = False  # whether its costs and bottleneck take rows one by one, with nothing drawn
    is_conditional: ClassVar[bool] = False  # whether it is told a y beside each row, in every verb
    is_corrupted: ClassVar[bool] = False  # whether it learns to undo a corruption

    # What a member says. ---------------------------------------------------------------------------------------------

    def build(self, spec: Spec) -> nn.Module:
        """The network for data of this spec; `settings_` holds what was derived."""
        raise TypeError(f"{type(self).__name__} is no member: a member defines build(spec)")

    def objective(self, network: Any, batch: Batch) -> Terms:
        """The named costs of each row, (B,) each, in nats per sample."""
        raise TypeError(f"{type(self).__name__} is no member: a member defines objective(network, batch)")

    def stages(self, network: nn.Module) -> list[Stage]:
        """Who learns when; one player for the whole run unless a member says otherwise."""
        return [Stage([Player("autoencoder", [network], self.objective)])]

    def targets(self, y: Any, rows: int, learnt: bool = False) -> Tensor | None:
        """The batches' condition, (n, ...), made of a fit's y as learnt now or before; None where y is ignored."""
        return None

    def usual(self, spec: Spec) -> dict[str, Any]:
        """What "auto" is for this member where it is not what the family has: the parameters by name."""
        return {}

    def rows(self, X: Any) -> Any:
        """What came as one table or stack of arrays, where a member takes more than that."""
        return X

    def may_be_wide(self) -> bool:
        """Whether a code as wide as the input makes sense, because something else than its width limits it."""
        return False

    # Training. -------------------------------------------------------------------------------------------------------

    @with_callbacks
    def fit(self, X: Any, y: Any = None, sample_weight: ArrayLike | None = None, *, validation: Any = None) -> Self:
        """Learn from the rows of X.

        Args:
            X: A table, images, series or a path; see the glossary.
            y: What a conditional member is told beside each row (a label, a row of attributes, an image; (n, ...)), or
                the classes that a member learns from beside the rows; the others ignore it.
            sample_weight: Weight of each row in the loss, (n,).
            validation: A share of the rows to hold out (0.1), or rows held out by the caller (a conditional member's
                with their y, as a pair); the history then has their distortion and rate too.

        Returns:
            The estimator itself.
        """
        fitting.fit(self, X, y, sample_weight, validation)
        return self

    def partial_fit(self, X: Any, y: Any = None, sample_weight: ArrayLike | None = None) -> Self:
        """One pass over X in the last stage, with the scaling and vocabulary of the first call.

        The first call on an unfitted estimator learns those and takes its one pass.
        """
        fitting.partial_fit(self, X, y, sample_weight)
        return self

    # What crosses. ---------------------------------------------------------------------------------------------------

    def transform(self, X: Any, *, y: Any = None) -> NDArray[np.floating[Any]]:
        """Codes z, (n, Z), flattened where the code has a shape of its own (`latent_shape_`).

        Here and in all other verbs y is what a conditional member is told: one for each row, or one for them all.
        """
        source = read_told(self, X, y)
        codes = self._blocks().run(source, self._codes)
        return codes.numpy().astype(_float_type(X), copy=False)

    def fit_transform(self, X: Any, y: Any = None, **fit_params: Any) -> Any:
        """`fit`, then `transform` of the same rows, beside the same y where the member is conditional."""
        told = {"y": y} if self.is_conditional else {}
        return self.fit(X, y, **fit_params).transform(X, **told)

    def inverse_transform(self, Z: ArrayLike, *, y: Any = None) -> Any:
        """Data from codes, (n, ...), in the container, types and units of the training data."""
        z = beside(self, read_codes(self, Z), y)
        return give_back(self, self._blocks().run(z, self._decoded))

    def reconstruct(self, X: Any, *, keep: int | None = None, y: Any = None) -> Any:
        """What comes out at the other side for each row, in the container, types and units that X had.

        Args:
            X: Rows.
            keep: How many units of the code to keep, the largest of a sparse code or the first of an ordered one;
                None for all.
            y: What a conditional member is told beside the rows.

        Raises:
            AbilityError: `keep` for a code none of whose units comes before another.
        """
        check_is_fitted(self)
        rebuilt = self._rebuilt if keep is None else cut(self, keep)
        return give_back(self, self._blocks().run(read_told(self, X, y), rebuilt), like=X)

    # What it costs. --------------------------------------------------------------------------------------------------

    def score_samples(self, X: Any, *, y: Any = None) -> NDArray[np.float64]:
        r"""-(distortion + rate) of each row in nats, (n,): higher = more normal.

        .. math:: -\big(E_{q(z|x)}[-\log p(x|z)] + R(x)\big)

        For a member with a stochastic code this is the evidence lower bound over a fixed set of draws. The same row
        gives the same bits at every call, whatever rows come with it. Densities are those of the scaled data.
        """
        return -self.anomaly_score(X, y=y)

    def anomaly_score(self, X: Any, *, y: Any = None) -> NDArray[np.float64]:
        """distortion + rate of each row in nats, (n,): exactly -score_samples(X), so higher = more anomalous."""
        return self._blocks().run(read_told(self, X, y), self._cost).double().numpy()

    def score(self, X: Any, y: Any = None) -> float:
        """Mean of `score_samples`, so that a grid search works without labels; y is for conditional members."""
        return float(self.score_samples(X, y=y if self.is_conditional else None).mean())

    # The model itself. -----------------------------------------------------------------------------------------------

    def abilities(self) -> dict[str, bool | str]:
        """{verb: True, or the reason why not}."""
        return abilities_of(self)

    def summary(self) -> summary.Summary:
        """Print what a row goes through: shapes, parameters, multiply-adds and the compression ratio; and return it."""
        check_is_fitted(self)
        told = summary.summarise(self)
        print(told)
        return told

    def finetune(self, X: Any, y: ArrayLike, **options: Any) -> Any:
        """A classifier or regressor: this model's encoder with a head, trained together on labelled rows.

        Args:
            X: Rows like those of training.
            y: Their labels or numbers, (n,) or (n, outputs); text, booleans and integers are classes, floats are not.
            options: Fields of `FineTunedClassifier` and `FineTunedRegressor`, which say the rest.

        Returns:
            A fitted scikit-learn classifier or regressor with a copy of the encoder; the model stays as it is.
        """
        check_is_fitted(self)
        require(self, "finetune")
        from isthmus.estimator.predictors import finetune  # which stand on estimators themselves

        return finetune(self, X, y, options)

    def __repr__(self, N_CHAR_MAX: int = 700) -> str:
        """The parameters that were set; after `fit`, with what every "auto" became."""
        return printing.shown(self, N_CHAR_MAX)

    def __sklearn_is_fitted__(self) -> bool:
        """Whether there is a network."""
        return hasattr(self, "network_")

    def __sklearn_tags__(self) -> Any:
        """What scikit-learn may expect."""
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        tags.input_tags.allow_nan = not self.numbers_only
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        tags.target_tags.required = self.is_conditional
        return tags

    @property
    def _n_features_out(self) -> int:
        """Columns of `transform`, for `set_output`."""
        return int(np.prod(self.latent_shape_))


def _float_type(X: Any) -> type[np.floating[Any]]:
    """float32 for float32 input, else float64, as scikit-learn's transformers do."""
    return np.float32 if getattr(X, "dtype", None) in (np.float32, torch.float32) else np.float64
