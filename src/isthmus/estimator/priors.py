"""The verb that gives a fitted model a prior: from then on new codes can be drawn, and so new rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

from numpy.typing import ArrayLike
from sklearn.utils.validation import check_is_fitted

from isthmus.errors import AbilityError
from isthmus.estimator.classes import labelled
from isthmus.estimator.defaults import seed_of
from isthmus.estimator.inputs import read
from isthmus.estimator.prior_task import Task
from isthmus.parts.priors.choose import prior_of
from isthmus.parts.priors.prior import Prior


class FitsPriors:
    """The verb that gives a fitted model a prior, and the prior itself."""

    if TYPE_CHECKING:
        network_: Any
        random_state: Any

    def fit_prior(
        self,
        X: Any,
        kind: str,
        *,
        y: ArrayLike | None = None,
        on: str = "code",
        epochs: int | str = "auto",
        batch_size: int | str = "auto",
        learning_rate: float | str = "auto",
        random_state: Any = None,
        **options: Any,
    ) -> Self:
        r"""Learn how codes are spread, so that new ones can be drawn: `sample`, `interpolate` and `traverse` then work.

        The network stays as it is. A member with a density p(x | z) p(z) gets another p(z) from a prior that has one
        itself (all but "diffusion"): `score_samples`, `elbo` and `log_likelihood` are then those of the new model.
        The scores of every other member stay what they were. A later `fit` forgets the prior; after `partial_fit` fit
        it again, since codes have moved.

        Args:
            X: Rows like those of training, best the training rows themselves.
            kind: "normal" (one mean and covariance), "mixture" (of normals), "vamp" (posteriors of made-up rows, for
                Gaussian posteriors), "flow", "autoregressive" (for codes of symbols) or "diffusion".
            y: The class of each row, (n,), for "autoregressive" and "diffusion": `sample(n, y=...)` then draws rows of
                a class, of a model that itself knows no classes.
            on: "code", or "data" for a "diffusion" of the rows themselves, without the network.
            epochs: Passes over the codes; "auto" for enough steps of the kind. Closed forms take none.
            batch_size: Codes in a step.
            learning_rate: Peak step size.
            random_state: Seed; None takes the model's own `random_state`.
            options: Of the kind: `components=` and `covariance=` of a mixture, `guidance=` and `steps=` of a diffusion,
                `temperature=` and `top_k=` of an autoregressive one, ...

        Raises:
            AbilityError: the model's code does not allow the kind.
            ParameterError: an option that the kind has not.

        Example:
            >>> from sklearn.datasets import load_iris
            >>> from isthmus import Autoencoder
            >>> X = load_iris().data
            >>> model = Autoencoder(latent_dim=2, epochs=20, random_state=0).fit(X)
            >>> model.fit_prior(X, "mixture", components=3).sample(5, random_state=0).shape
            (5, 4)
        """
        check_is_fitted(self)
        seed = seed_of(self.random_state if random_state is None else random_state)
        task = Task(self, kind, on, seed, read(self, X))
        task.check()
        classes, condition = labelled(y, kind, len(task.source))
        prior = task.built(classes, options)
        if prior.is_closed:
            history: list[dict[str, Any]] = []
        else:
            history = task.trained(prior, condition, epochs, batch_size, learning_rate)
        task.settle(prior)
        self.prior_history_ = history
        return self

    @property
    def prior_(self) -> Prior:
        """The prior that codes are drawn from, where it is not N(0, I)."""
        prior = prior_of(getattr(self, "network_", None))
        if prior is None:
            came, allowed = f"{type(self).__name__}.prior_", "no prior was fitted, or it is N(0, I)"
            raise AbilityError(came, allowed, "call fit_prior(X, kind)")
        return prior
