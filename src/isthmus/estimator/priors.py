"""The verb that gives a fitted model a prior: from then on new codes can be drawn, and so new rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils.validation import check_is_fitted

from isthmus.errors import AbilityError
from isthmus.estimator import exploration, langevin
from isthmus.estimator.abilities import require
from isthmus.estimator.classes import labelled
from isthmus.estimator.conditions import read_told
from isthmus.estimator.defaults import seed_of
from isthmus.estimator.prior_task import Task, check_kind
from isthmus.parts.priors.choose import prior_of
from isthmus.parts.priors.prior import Prior


class FitsPriors:
    """The verb that gives a fitted model a prior, and the prior itself."""

    if TYPE_CHECKING:
        network_: Any
        random_state: Any
        is_conditional: ClassVar[bool]

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
                a class, of a model that itself knows no classes. A conditional model is told its own y, as in every
                verb; its prior is one for all y.
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
            >>> model = Autoencoder(latent_dim=2, epochs=5, random_state=0).fit(X)
            >>> model.fit_prior(X, "mixture", components=3).sample(5, random_state=0).shape
            (5, 4)
        """
        check_is_fitted(self)
        seed = seed_of(self.random_state if random_state is None else random_state)
        check_kind(self, kind, on)
        told, classified = (y, None) if self.is_conditional else (None, y)
        task = Task(self, kind, on, seed, read_told(self, X, told))
        task.check()
        classes, condition = labelled(classified, kind, len(task.source))
        prior = task.built(classes, options)
        if prior.is_closed:
            history: list[dict[str, Any]] = []
        else:
            history = task.trained(prior, condition, epochs, batch_size, learning_rate)
        task.settle(prior)
        self.prior_history_ = history
        return self

    def variations(self, x: Any, n: int, spread: float = 0.3, *, y: Any = None, random_state: Any = None) -> Any:
        r"""n rows around an item: its code moved towards a draw from the prior, decoded.

        .. math:: z' = m + \sqrt{1 - s^2}\, (z - m) + s \sigma \varepsilon

        with m and sigma the mean and deviation of the prior's draws. A diffusion takes the code back towards noise for
        a share s of the way and carries it on again; an autoregressive prior draws a share s of the symbols anew.

        Args:
            x: One row, or several.
            n: How many around each.
            spread: s, from 0 (the item as it is rebuilt) to 1 (as far from it as any row).
            y: What a conditional member is told beside each row of x.
            random_state: Seed.

        Returns:
            len(x) * n rows, all those around the first one first.

        Raises:
            AbilityError: the code has no prior.
        """
        check_is_fitted(self)
        require(self, "variations")
        return exploration.variations(self, x, n, spread, random_state, y)

    def gaps(self, n: int, *, y: Any = None, random_state: Any = None) -> Any:
        """n rows that the prior expects and training had not: likelier codes than half of those of training rows, as
        far from all of these and from each other as draws from the prior go.

        Use it to see what a collection lacks, or which rows to ask for next. What is found is a guess of the model: it
        may be what is rare, or what cannot be. A conditional member is told y, one for each of the n or one for all.

        Raises:
            AbilityError: no prior with a density was fitted, with whose training codes draws could be compared.
        """
        check_is_fitted(self)
        require(self, "gaps")
        return exploration.gaps(self, n, random_state, y)

    def inpaint(self, X: Any, mask: ArrayLike | None = None, *, y: Any = None, random_state: Any = None) -> Any:
        """X with its hidden cells drawn to go with the known ones, which come back as they were.

        On a map of codes, those cells count as known that no hidden pixel touches, nor one of the cells beside them.

        Args:
            X: Rows with holes.
            mask: True where a cell is known, the shape of X; None takes the cells that are not missing.
            y: The class of all rows, or of each, of a prior that was told classes.
            random_state: Seed.

        Raises:
            AbilityError: no diffusion over a map of codes or over the rows themselves was fitted.
        """
        check_is_fitted(self)
        require(self, "inpaint")
        return exploration.inpaint(self, X, mask, y, random_state)

    def score_function(self, X: Any) -> NDArray[np.float64]:
        r"""Which way each row grows likelier, and how fast: the slope of log p in the units of X, in its shape.

        .. math:: \nabla \log p_\sigma(x) = \frac{r(x) - x}{\sigma^2}

        with p the density of rows with the noise of training on them. It holds as far as r is the expected clean row.

        Raises:
            AbilityError: the model did not learn to take off normal noise.

        Paper:
            Alain & Bengio 2014, arXiv:1211.4246, theorem 1; exact for the noisy density: Vincent 2011, Neural
            Computation 23, pp. 1661-1674.
        """
        check_is_fitted(self)
        require(self, "score_function")
        slopes: NDArray[np.float64] = langevin.score_function(self, X)
        return slopes

    def langevin(self, n: int, steps: int = 200, sigma: float | None = None, *, random_state: Any = None) -> Any:
        r"""n rows at the end of walks that drift to where rows are likelier.

        .. math:: x \leftarrow x + \tfrac12 \sigma^2 \nabla \log p(x) + \sigma \varepsilon

        They begin in noise of the size of the data, where the model may have learnt nothing: let walks be long.

        Args:
            n: How many.
            steps: Of each walk.
            sigma: Size of a step in scaled units; None takes the noise of training.
            random_state: Seed.

        Raises:
            AbilityError: the model did not learn to take off normal noise.

        Paper:
            Alain & Bengio 2014, arXiv:1211.4246, section 4 (with a Metropolis test, which is left out here).
        """
        check_is_fitted(self)
        require(self, "langevin")
        return langevin.langevin(self, n, steps, sigma, random_state)

    @property
    def prior_(self) -> Prior:
        """The prior that codes are drawn from, where it is not N(0, I)."""
        prior = prior_of(getattr(self, "network_", None))
        if prior is None:
            came, allowed = f"{type(self).__name__}.prior_", "no prior was fitted, or it is N(0, I)"
            raise AbilityError(came, allowed, "call fit_prior(X, kind)")
        return prior
