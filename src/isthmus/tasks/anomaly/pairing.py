"""A critic beside a model: a second player of the run's last stage, with parameters and noise of its own."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import torch

from isthmus.core.code import Batch, Terms
from isthmus.core.player import Player
from isthmus.estimator.events import callbacks_of
from isthmus.parts.critics import Critic, disturbed
from isthmus.parts.initialise import initialise
from isthmus.training.callbacks import Callback
from isthmus.training.run import Run

NAME = "critic"


def paired(model: Any, X: Any) -> Critic:
    """Fit a model to normal rows and a critic beside it, which tells them from disturbed ones.

    The model becomes what it would be without the critic, to the last bit: its objective knows nothing of it, and
    neither moves the other's noise.

    Args:
        model: An unfitted estimator.
        X: Normal rows.

    Returns:
        The critic.

    Example:
        >>> from sklearn.datasets import load_iris
        >>> from isthmus import Autoencoder
        >>> model = Autoencoder(latent_dim=2, epochs=1, random_state=0)
        >>> critic = paired(model, load_iris().data)
        >>> sorted(name for name in model.history_[-1] if "loss" in name)
        ['critic/loss', 'loss']
    """
    before, pairing = callbacks_of(model), Pairing()
    model.set_callbacks(pairing, *before)
    try:
        model.fit(X)
    finally:
        model.set_callbacks(*before)
    return pairing.critic.eval()


class Pairing(Callback):
    """Lets a critic join a run before its first step."""

    critic: Critic

    def on_fit_task_begin(self, estimator: Any, context: Any) -> None:
        """Make the critic, and let it play after those who are there."""
        if context.task_name == "fit":
            self._join(estimator.run_, estimator.spec_, estimator.settings_)

    def epoch_ended(self, run: Run) -> bool:
        """Give the model's figures the names in the history that they have without a critic."""
        line, prefix = run.history[-1], f"{run.stages[run.stage].players[0].name}/"
        run.history[-1] = {name.removeprefix(prefix): value for name, value in line.items()}
        return False

    def _join(self, run: Run, spec: Any, settings: Any) -> None:
        noise = torch.Generator(settings.device).manual_seed(run.seed + 2)
        self.critic = critic = Critic(spec, settings.likelihood)
        initialise(critic, torch.Generator().manual_seed(run.seed + 2))
        critic.to(settings.device)

        def objective(network: Any, batch: Batch) -> Terms:
            """The logistic loss of real rows and disturbed ones."""
            return {"cost": critic.cost(batch.x, disturbed(replace(batch, generator=noise), spec))}

        last = run.stages[-1]
        run.stages = [*run.stages[:-1], replace(last, players=[*last.players, Player(NAME, [critic], objective)])]
