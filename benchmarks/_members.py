"""Members of equal width on MNIST: what a linear probe reads off their codes, and how far the codes move."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, partial
from typing import Any, NamedTuple

import numpy as np
import torch
from _mnist import Rows, drawn, error, part
from numpy.typing import NDArray
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import NearestNeighbors
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from torch import Tensor

import isthmus
from isthmus.core.code import Batch
from isthmus.parts.backbones.dense import plainly
from isthmus.parts.corruptions import Gaussian, Masking, SaltAndPepper

ROWS, EPOCHS, WIDTH, HIDDEN = 10_000, 12, 64, 512
LOOKED_AT = 256  # held-out rows whose Jacobians are written out

NOISES: dict[str, Callable[[Batch], Tensor]] = {
    "gaussian": Gaussian(0.4),
    "masking": Masking(0.4),
    "salt-and-pepper": SaltAndPepper(0.2),
}
"""What the codes of held-out rows are tried with; members learn under their own default amounts."""

SPARSITIES = ("topk", "l1", "kl")
MEMBERS: dict[str, Callable[..., Any]] = {
    "plain": isthmus.Autoencoder,
    **{f"denoising, {kind}": partial(isthmus.DenoisingAutoencoder, corruption=kind) for kind in NOISES},
    **{f"sparse, {kind}": partial(isthmus.SparseAutoencoder, sparsity=kind) for kind in SPARSITIES},
    "contractive": isthmus.ContractiveAutoencoder,
}
COMPONENTS, PIXELS = "principal components", "pixels"
CONTROLS = (COMPONENTS, PIXELS)

MOVED, THERE = "|dz/dx| over the code's spread", "towards a neighbour over anywhere"
GAP = "held-out minus training error"


class Way(NamedTuple):
    """From rows to codes and back, and the Jacobians dz/dx of rows, (n or 1, Z, D)."""

    encode: Callable[[Rows], NDArray[Any]]
    rebuild: Callable[[Rows], NDArray[Any]]
    slopes: Callable[[Rows], Tensor]


def way_of(method: str, x: Rows, seed: int) -> Way:
    """A member fitted on these rows, or a control."""
    if method == PIXELS:
        return Way(lambda rows: rows, lambda rows: rows, lambda rows: torch.eye(rows.shape[1])[None])
    if method == COMPONENTS:
        pca = PCA(WIDTH, random_state=seed).fit(x)
        matrix = torch.from_numpy(pca.components_)[None]
        return Way(pca.transform, lambda rows: pca.inverse_transform(pca.transform(rows)), lambda rows: matrix)
    shape = {"hidden_dims": (HIDDEN,), "latent_dim": WIDTH, "scaling": "none", "epochs": EPOCHS}
    model = MEMBERS[method](**shape, random_state=seed).fit(x)
    return Way(model.transform, model.reconstruct, partial(jacobians, model.network_))


def jacobians(network: Any, rows: Rows) -> Tensor:
    """dz/dx of every row, (n, Z, D)."""
    x = torch.from_numpy(rows).requires_grad_()
    with plainly(network):
        z = network.eval().encode(Batch(x)).z
        return torch.stack([torch.autograd.grad(unit.sum(), x, retain_graph=True)[0] for unit in z.T], 1)


@cache
def towards_neighbours(seed: int) -> Tensor:
    """Unit steps from held-out rows to their nearest training rows, (n, D)."""
    rows, others = part("test").x[:LOOKED_AT], drawn(ROWS, seed).x
    nearest = NearestNeighbors(n_neighbors=1).fit(others).kneighbors(rows, return_distance=False)[:, 0]
    steps = torch.from_numpy(others[nearest] - rows)
    unit: Tensor = steps / steps.norm(dim=1, keepdim=True)
    return unit


def member(method: str, seed: int) -> dict[str, Any]:
    """All figures of one member or control, trained on rows of the seed's own, judged on the test set."""
    train, test = drawn(ROWS, seed), part("test")
    way = way_of(method, train.x, seed)
    codes = way.encode(test.x)
    losses = [error(rows, way.rebuild(rows)) for rows in (train.x, test.x)]
    return {
        **probed(way, seed),
        **moved(way, codes, seed),
        "training error": losses[0],
        GAP: losses[1] - losses[0],
        "units on": float((np.abs(codes) > 1e-6).mean()),
        "mean of a unit": float(codes.mean()),
    }


def probed(way: Way, seed: int) -> dict[str, float]:
    """Accuracy of a linear probe that learnt from clean codes, on clean and on noisy rows."""
    train, test = drawn(ROWS, seed), part("test")
    probe = make_pipeline(StandardScaler(), LogisticRegression(max_iter=300, tol=1e-3)).fit(
        way.encode(train.x), train.y
    )
    seen = {"clean": test.x}
    for kind, noise in NOISES.items():
        seen[kind] = noise(Batch(torch.from_numpy(test.x), generator=torch.Generator().manual_seed(seed))).numpy()
    return {f"accuracy, {kind}": float(probe.score(way.encode(rows), test.y)) for kind, rows in seen.items()}


def moved(way: Way, codes: NDArray[Any], seed: int) -> dict[str, Any]:
    """How far the code moves with a held-out row, by itself and over the spread of all codes.

    The last figure is how many times as far it moves on a step towards the nearest training row as on any step.
    """
    slopes, spread = way.slopes(part("test").x[:LOOKED_AT]), float(np.sqrt(codes.var(0).sum()))
    squares = slopes.square().sum((1, 2))
    there = (slopes @ towards_neighbours(seed)[:, :, None]).square().sum((1, 2))
    return {
        "|dz/dx|": float(squares.sqrt().mean()),
        MOVED: float(squares.sqrt().mean()) / spread,
        THERE: float((there.mean() / (squares.mean() / slopes.shape[2])).sqrt()),
        "spectrum": (torch.linalg.svdvals(slopes).mean(0)[:WIDTH] / spread).tolist(),
    }
