"""How the costs of a model fell while it learnt."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

from sklearn.utils.validation import check_is_fitted

from isthmus.displays.display import Display
from isthmus.displays.plots import Curves, Line
from isthmus.errors import UnknownNameError

USUAL = ("loss", "validation_loss")


class HistoryDisplay(Display):
    """Figures of the history over the epochs.

    Args:
        series: The epochs and values of each figure, (epochs,) each.

    Example:
        >>> from sklearn.datasets import load_iris
        >>> from isthmus import VAE
        >>> model = VAE(latent_dim=2, epochs=3, random_state=0).fit(load_iris().data, validation=0.2)
        >>> list(HistoryDisplay.of(model, figures=["distortion", "rate"]).series)
        ['distortion', 'rate']
    """

    def __init__(self, series: dict[str, Line]) -> None:
        self.series = series

    @classmethod
    def of(cls, estimator: Any, *, figures: Sequence[str] = USUAL) -> Self:
        """Take figures out of a model's history.

        Args:
            estimator: A fitted model.
            figures: Their names there; the usual two are what was paid and, where rows were held out, what those cost.

        Raises:
            UnknownNameError: the history has no figure of that name.
        """
        check_is_fitted(estimator)
        history: list[dict[str, Any]] = estimator.history_
        known = {name for line in history for name, value in line.items() if isinstance(value, float)}
        wanted = [name for name in figures if name in known or figures is not USUAL]
        for name in wanted:
            if name not in known:
                raise UnknownNameError.among("figure", name, known)
        lines = {name: [line for line in history if name in line] for name in wanted}
        return cls({name: ([one["epoch"] for one in of], [one[name] for one in of]) for name, of in lines.items()})

    def picture(self) -> Curves:
        """One line for each figure."""
        return Curves("Costs over the epochs", self.series, "epoch", "nats per sample", whole_x=True)
