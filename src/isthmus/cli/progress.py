"""How far a fit is, told on standard error while it runs."""

from __future__ import annotations

import sys

from isthmus.cli.output import Output
from isthmus.training.callbacks import Callback
from isthmus.training.run import Run

TELLS = 10
"""Lines that a whole fit writes where nobody watches."""


class Progress(Callback):
    """Tell the newest epoch's costs: in one line that changes on a terminal, in a few lines elsewhere.

    Args:
        output: Whether anything is to be told.
    """

    def __init__(self, output: Output) -> None:
        self.output = output

    def epoch_ended(self, run: Run) -> bool:
        """Tell, if it is time."""
        done, total = len(run.history), run.total_epochs
        live = sys.stderr.isatty()
        if self.output.quiet or not (live or done == total or done % max(1, total // TELLS) == 0):
            return False
        line = run.history[-1]
        costs = "  ".join(f"{name} {line[name]:.4g}" for name in ("loss", "validation_loss") if name in line)
        text = f"epoch {done}/{total}  {costs}"
        print(
            f"\r\x1b[K{text}" if live else text, end="" if live and done < total else "\n", file=sys.stderr, flush=True
        )
        return False
