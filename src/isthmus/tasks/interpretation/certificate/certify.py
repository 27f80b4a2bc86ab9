"""`certify`: what a sparse dictionary is worth, by fits with several seeds beside rivals that get the same rows."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from sklearn.base import clone

from isthmus.errors import ParameterError, TooFewRowsError
from isthmus.metrics import Residuals, best_latents, dead_share, densities, l0, mcc, mmcs, seed_stability
from isthmus.tasks.interpretation.certificate.certificate import ITSELF, TRAINED, Certificate, Found
from isthmus.tasks.interpretation.certificate.rivals import RIVALS

Floats: TypeAlias = NDArray[np.float64]
JUDGED, MOST_JUDGED = 0.2, 8192  # share of the rows that judge, and how many do at most
MOST_OF_RIVALS = 20_000  # rows that a rival learns from at most
FEWEST = 20


def certify(sae: Any, X: Any, truth: Any = None, seeds: int = 3, *, rows: int = 100_000) -> Certificate:
    """Say what a sparse dictionary is worth: fit it anew with several seeds, beside rivals, and judge on other rows.

    A dictionary can rebuild well and yet find nothing that is there. So beside each figure stands that of a random
    dictionary which never learnt, of principal and independent components, of non-negative factors and of
    scikit-learn's dictionary learning, all with as many latents on in a row. Rows are shuffled and a fifth of them, at
    most 8,192, judge. The dictionary itself, where it is fitted, stands in a line of its own; it may have seen those
    rows.

    Args:
        sae: An `SAE`, fitted or not. It stays as it is.
        X: (n, d): an array, `Activations`, anything that takes a list of rows between brackets.
        truth: What the rows are made of, where that is known: true directions (m, d), or something with `features`
            (m, d) and `codes` (n, m), such as `isthmus.data.toy_dictionary` returns; with codes F1 is told too.
        seeds: How many fits, at least 2.
        rows: That are used at most.

    Returns:
        The figures with their intervals; printed, a table.

    Raises:
        ParameterError: fewer than two seeds.
        TooFewRowsError: fewer than 20 rows.

    Paper:
        Sanity checks of sparse autoencoders 2026, arXiv:2602.14111: frozen random dictionaries come near trained ones.

    Example:
        >>> import isthmus
        >>> made = isthmus.data.toy_dictionary(200, dimensions=4, features=6, active=1)
        >>> sae = isthmus.SAE(n_latents=6, k=1, epochs=2)
        >>> certificate = certify(sae, made.X, made, seeds=2)
        >>> certificate.found["SAE"]["L0"].value <= 1
        True
    """
    if seeds < 2:
        raise ParameterError(f"seeds={seeds}", "how figures vary is seen by two fits at least", "use seeds=3")
    n = X.shape[0]
    if n < FEWEST:
        came = f"X with {n} rows"
        raise TooFewRowsError(came, f"{FEWEST} are needed to learn from and to judge by", "collect more")
    order = np.random.default_rng(0).permutation(n)[:rows]
    cut = min(round(JUDGED * len(order)), MOST_JUDGED)
    judging, learning = np.sort(order[:cut]), np.sort(order[cut:])
    seen, judged = np.asarray(X[learning]), np.asarray(X[judging])
    features, firing = _truth(truth, judging)
    judge = Judge(judged, features, firing)

    found: dict[str, list[Found]] = {TRAINED: []}
    dictionaries: dict[str, list[Floats]] = {TRAINED: []}
    for seed in range(seeds):
        fitted = clone(sae).set_params(random_state=seed).fit(seen)
        judge.add(found, dictionaries, TRAINED, fitted, fitted.components_)
    k = max(1, round(float(np.mean([one["L0"] for one in found[TRAINED]]))))
    spread = densities(fitted.transform(judged))
    few = np.asarray(seen[:MOST_OF_RIVALS], dtype=np.float64)
    for name, learn in RIVALS.items():
        for seed in range(seeds):
            rival = learn(few, len(fitted.components_), k, seed)
            judge.add(found, dictionaries, name, rival, rival.atoms)
    for name, of_seeds in dictionaries.items():
        for one, alike in zip(found[name], _stability(of_seeds), strict=True):
            one["stability"] = alike
    if hasattr(sae, "network_"):
        judge.add(found, {ITSELF: []}, ITSELF, sae, sae.components_)
    return Certificate.of(found, spread, len(learning), len(judging), k)


class Judge:
    """Figures of a dictionary on rows that it did not learn from.

    Args:
        X: The rows, (n, d).
        features: True directions, (m, d), or None.
        firing: Where they are, (n, m), or None.
    """

    def __init__(self, X: NDArray[Any], features: Any, firing: Any) -> None:
        self.X, self.features, self.firing = X, features, firing

    def add(
        self,
        found: dict[str, list[Found]],
        dictionaries: dict[str, list[Floats]],
        name: str,
        model: Any,
        directions: Any,
    ) -> None:
        """Judge one more fit of a method."""
        found.setdefault(name, []).append(self.figures(model, directions))
        dictionaries.setdefault(name, []).append(np.asarray(directions, dtype=np.float64))

    def figures(self, model: Any, directions: Any) -> Found:
        """The figures of one fit."""
        codes = model.transform(self.X)
        left = Residuals.of(self.X, model.inverse_transform(codes))
        told = {
            "explained variance": left.explained_variance,
            "MSE": left.mse,
            "L0": l0(codes),
            "dead share": dead_share(codes),
        }
        if self.features is not None:
            told["MMCS"] = mmcs(directions, self.features)
            told["MCC"] = mcc(directions, self.features).true
            told["MCC of latents"] = mcc(directions, self.features).learned
        if self.firing is not None:
            told["F1"] = float(np.nanmean(best_latents(codes, self.firing).f1))
        return told


def _truth(truth: Any, rows: NDArray[np.int64]) -> tuple[Any, Any]:
    """True directions and where they are, as far as they are known."""
    if truth is None:
        return None, None
    codes = getattr(truth, "codes", None)
    return np.asarray(getattr(truth, "features", truth)), None if codes is None else codes[rows]


def _stability(dictionaries: list[Floats]) -> list[float]:
    """How alike each fit's dictionary is to those of the other seeds, on average."""
    count = len(dictionaries)
    alike, pairs = np.zeros((count, count)), iter(seed_stability(dictionaries))
    for one in range(count):
        for other in range(one + 1, count):
            alike[one, other] = alike[other, one] = next(pairs)
    return [float(total / (count - 1)) for total in alike.sum(1)]
