"""New rows: codes from the prior, between two rows or along one axis, decoded; and how likely rows are."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from sklearn.utils.validation import check_is_fitted
from torch import Tensor

from isthmus.core.source import Source
from isthmus.core.spec import Spec
from isthmus.data.conditions import Conditioned
from isthmus.data.memory import TensorSource
from isthmus.errors import InputError, ParameterError, UnknownNameError
from isthmus.estimator.abilities import require
from isthmus.estimator.classes import condition_of
from isthmus.estimator.conditions import read_told
from isthmus.estimator.containers import array_of
from isthmus.estimator.defaults import seed_of, whole
from isthmus.estimator.evidence import Evidence
from isthmus.estimator.inputs import give_back
from isthmus.parts.priors.choose import prior_of


class Generates:
    """The verbs of an estimator whose codes have a prior."""

    if TYPE_CHECKING:
        _blocks: Callable[[], Any]
        _codes: Callable[..., Tensor]
        _decoded: Callable[..., Tensor]
        score_samples: Callable[..., NDArray[np.float64]]
        latent_shape_: tuple[int, ...]
        network_: Any

    def sample(self, n: int, *, y: Any = None, random_state: Any = None) -> Any:
        """n new rows: codes from the prior, decoded. Tables are drawn from p(x | z); images and series are its mean.

        Args:
            n: How many.
            y: What a conditional member is told, or the class where `fit_prior` was told classes (None for any): one
                for each row, or one for them all. The others ignore it.
            random_state: Seed of the draw.

        Raises:
            AbilityError: the code has no prior.
            ParameterError: classes for a prior that knows none, or one that it does not know.
        """
        check_is_fitted(self)
        require(self, "sample")
        return give_back(self, draw(self, n, random_state, y))

    def interpolate(self, a: Any, b: Any, steps: int = 9, path: str = "linear", *, y: Any = None) -> Any:
        r"""The way from one row to another, decoded from codes between theirs.

        .. math:: z_t = (1 - t)\, z_a + t\, z_b, \quad \text{or} \quad
                  \frac{\sin((1 - t)\omega)}{\sin\omega} z_a + \frac{\sin(t\omega)}{\sin\omega} z_b

        Args:
            a: Where it starts: one row, or several.
            b: Where it ends: as many rows.
            steps: Rows on the way from each row of `a` to its row of `b`, both ends included.
            path: "linear", or "spherical", which keeps the length of codes from a normal prior; omega is the angle
                between the two codes.
            y: What a conditional member is told on each way, at both ends and between them.

        Returns:
            len(a) * steps rows, one way after the other.

        Raises:
            AbilityError: the code has no prior, so what lies between two codes means nothing.

        Paper:
            The spherical path: White 2016, arXiv:1609.04468, section 2.1.
        """
        check_is_fitted(self)
        require(self, "interpolate")
        if path not in PATHS:
            raise UnknownNameError.among("path", path, PATHS)
        start, end = codes_of(self, a, y), codes_of(self, b, y)
        if len(start) != len(end):
            came, allowed = f"a with {len(start)} rows, b with {len(end)}", "each row of a goes to its row of b"
            raise InputError(came, allowed, "give both the same number of rows")
        shares = torch.linspace(0, 1, whole("steps", steps, least=2))[:, None, None]
        return decoded(self, PATHS[path](start, end, shares).transpose(0, 1), y)  # (steps, n, Z) -> (n, steps, Z)

    def traverse(self, x: Any, axis: int, values: ArrayLike, *, y: Any = None) -> Any:
        """One row as it would be if a single unit of its code were another.

        Args:
            x: One row, or several.
            axis: Which unit, 0 to Z - 1.
            values: What it takes; under a normal prior -2 to 2 covers what is common.
            y: What a conditional member is told beside each row of x.

        Returns:
            len(x) * len(values) rows, all values of the first row first.

        Raises:
            AbilityError: the code has no prior.
            ParameterError: the code has no such unit.
        """
        check_is_fitted(self)
        require(self, "traverse")
        z, wide = codes_of(self, x, y), math.prod(self.latent_shape_)
        if whole("axis", axis, least=0) >= wide:
            raise ParameterError(f"axis={axis}", f"the code has the units 0 to {wide - 1}", "use one of those")
        levels = torch.from_numpy(array_of(values, "values").astype(np.float32).ravel())
        moved = z[:, None].repeat(1, len(levels), 1)  # (n, Z) -> (n, values, Z)
        moved[:, :, axis] = levels
        return decoded(self, moved, y)

    def elbo(self, X: Any, *, y: Any = None) -> NDArray[np.float64]:
        """Evidence lower bound of each row in nats, (n,): at most log p(x), in expectation over the fixed draws.

        Raises:
            AbilityError: p(z) or q(z | x) is no density.
        """
        require(self, "elbo")
        return self.score_samples(X, y=y)

    def elbo_gap(self, X: Any, n_importance: int = 500, *, y: Any = None, return_error: bool = False) -> Any:
        r"""`log_likelihood` - `elbo` of each row in nats, (n,): what the posterior's form and the encoder give away.

        .. math:: KL(q(z|x) \,\|\, p(z|x)) = \log p(x) - \mathrm{elbo}(x)

        Args:
            X: Rows.
            n_importance: S, draws from each row's posterior.
            y: What a conditional member is told beside the rows.
            return_error: Whether to give the standard error of the sampled log p(x) too, which is too small where few
                draws carry most of the weight: where it exceeds some tenths, take more draws.

        Returns:
            The gaps; with `return_error` the pair of gaps and errors, (n,) each.

        Raises:
            AbilityError: p(z) or q(z | x) is no density.
        """
        require(self, "elbo_gap")
        evidence, error = self._evidence(X, n_importance, y).T
        gap = evidence - self.elbo(X, y=y)
        return (gap, error) if return_error else gap

    def log_likelihood(self, X: Any, n_importance: int = 500, *, y: Any = None) -> NDArray[np.float64]:
        r"""log p(x) of each row in nats, (n,), by importance sampling from its posterior.

        .. math:: \log \tfrac1S \textstyle\sum_s \frac{p(x|z_s)\, p(z_s)}{q(z_s|x)}, \quad z_s \sim q(z|x)

        It is a lower bound in expectation that tightens with S. The noise is fixed and the same for every row, so a
        row gives the same bits at every call, whatever rows come with it. Densities are those of the scaled data.

        Args:
            X: Rows.
            n_importance: S, draws from each row's posterior.
            y: What a conditional member is told beside the rows; it is then log p(x | y).

        Raises:
            AbilityError: p(z) or q(z | x) is no density.

        Paper:
            Burda, Grosse & Salakhutdinov 2016, arXiv:1509.00519, eq. 8.
        """
        check_is_fitted(self)
        require(self, "log_likelihood")
        return self._evidence(X, n_importance, y)[:, 0]

    def _evidence(self, X: Any, n_importance: int, y: Any) -> NDArray[np.float64]:
        """log p(x) of each row and its standard error, (n, 2)."""
        check_is_fitted(self)
        evidence = Evidence(self.network_, whole("n_importance", n_importance))
        return self._blocks().run(read_told(self, X, y), evidence).double().numpy()  # type: ignore[no-any-return]


def draw(estimator: Any, n: int, random_state: Any, y: Any = None) -> Tensor:
    """n rows of x in the network's own units, (n, ...).

    A table's cells are drawn from p(x | z), so that their spread and the shares of categories are those of the data;
    images, series and volumes show the mean of p(x | z), whose pixels carry no independent noise.
    """
    seed = seed_of(random_state)
    network = estimator.network_.eval()
    device = estimator.settings_.device
    generator = torch.Generator(device).manual_seed(seed)
    with torch.inference_mode():
        prior, told = prior_of(network), told_of(estimator, y, n)
        if prior is None:
            noise = torch.randn(whole("n", n), *estimator.latent_shape_, generator=generator, device=device)
            z = network.from_noise(noise)
        else:
            classes = None if estimator.is_conditional else condition_of(prior, y, n)
            z = prior.sample(whole("n", n), generator, classes)
        return shown(estimator, z, generator, told)


def shown(estimator: Any, z: Tensor, generator: torch.Generator | None = None, told: tuple[Tensor, ...] = ()) -> Tensor:
    """x of what a prior draws, (n, ...): the mean of p(x | z), or a draw of a table where a generator is given."""
    network, prior = estimator.network_, prior_of(estimator.network_)
    if prior is not None and prior.recipe["on"] == "data":
        return z.cpu()
    with torch.inference_mode():
        params = network.decode(network.bottleneck.from_symbols(z) if prior and prior.of_symbols else z, *told)
        if estimator.spec_.kind == "table" and generator is not None:
            return network.likelihood.sample(params, generator).cpu()  # type: ignore[no-any-return]
        return network.mean(params).cpu()  # type: ignore[no-any-return]


def told_of(estimator: Any, y: Any, n: int) -> tuple[Tensor, ...]:
    """The condition of n rows on the model's device, (n, ...); nothing where the model is not conditional."""
    if not estimator.is_conditional:
        return ()
    told = estimator.condition_.read(y, n)
    return (told.block(0, n).to(estimator.settings_.device),)


def codes_of(estimator: Any, rows: Any, y: Any = None) -> Tensor:
    """Codes of some rows, or of a single one without an axis for rows, (n, Z)."""
    codes: Tensor = estimator._blocks().run(read_told(estimator, single(estimator, rows), y), estimator._codes)
    return codes


def single(estimator: Any, rows: Any) -> Any:
    """The rows, with an axis for them where there is a single one without."""
    spec: Spec = estimator.spec_
    alone = isinstance(rows, np.ndarray | torch.Tensor) and rows.ndim == (len(spec.layout) or 1)
    return rows[None] if alone else rows


def decoded(estimator: Any, z: Tensor, y: Any = None) -> Any:
    """The rows of these codes in the caller's container, (n, steps, Z) -> n * steps rows, each n with its own y."""
    shape = estimator.latent_shape_
    source: Source = TensorSource(z.reshape(-1, *shape), Spec("table", shape))
    if estimator.is_conditional:
        told = estimator.condition_.read(y, len(z))
        each = told.block(0, len(z)).repeat_interleave(z.shape[1], 0)
        source = Conditioned(source, TensorSource(each, told.spec))
    return give_back(estimator, estimator._blocks().run(source, estimator._decoded))


def linear(start: Tensor, end: Tensor, share: Tensor) -> Tensor:
    """Straight from `start` to `end`, (n, Z) each, at these shares of the way, (steps, 1, 1) -> (steps, n, Z)."""
    return (1 - share) * start + share * end


def spherical(start: Tensor, end: Tensor, share: Tensor) -> Tensor:
    """Along the arc from `start` to `end`; straight where they point the same way or opposite ways.

    Example:
        >>> spherical(torch.tensor([[1.0, 0.0]]), torch.tensor([[0.0, 1.0]]), torch.tensor([[[0.5]]]))
        tensor([[[0.7071, 0.7071]]])
    """
    angle = torch.arccos(torch.cosine_similarity(start, end, dim=1).clamp(-1, 1))[:, None]  # (n, 1)
    sine = angle.sin()
    arc = (((1 - share) * angle).sin() * start + (share * angle).sin() * end) / sine
    return torch.where(sine.abs() < 1e-4, linear(start, end, share), arc)


PATHS: dict[str, Callable[[Tensor, Tensor, Tensor], Tensor]] = {"linear": linear, "spherical": spherical}
