"""What a language model loses with a dictionary in the place of its own activations."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from isthmus.errors import InputError, InputTypeError
from isthmus.metrics.recovery import cross_entropy_recovered
from isthmus.tasks.interpretation.hooked import Hooked
from isthmus.tasks.interpretation.inputs import IDS, TokenWindows, opened
from isthmus.tasks.interpretation.modules import at_rest, first_tensor, modules_at
from isthmus.tasks.interpretation.plan import Ints, planned
from isthmus.tasks.interpretation.reader import Reader


class SplicedLoss(NamedTuple):
    """Cross-entropies in nats per token, and what a dictionary recovers of each ablation.

    Args:
        clean: Of the model as it is.
        spliced: With the reconstruction in the place.
        zero: With zeros there.
        mean: With the mean activation there.
        tokens: How many were predicted.
    """

    clean: float
    spliced: float
    zero: float
    mean: float
    tokens: int

    @property
    def recovered_of_zero(self) -> float:
        """Share of what zeros cost that comes back; see `metrics.cross_entropy_recovered`."""
        return cross_entropy_recovered(self.clean, self.spliced, self.zero)

    @property
    def recovered_of_mean(self) -> float:
        """Share of what the mean costs that comes back."""
        return cross_entropy_recovered(self.clean, self.spliced, self.mean)


def spliced_loss(
    model: nn.Module,
    module: str,
    sae: Any,
    inputs: Any,
    *,
    side: str = "output",
    tokenizer: Callable[..., Any] | None = None,
    context: int = 128,
    drop: Iterable[int] | None = None,
    batch_size: int = 32,
) -> SplicedLoss:
    """Cross-entropy of the next token with a place as it is, rebuilt by a dictionary, set to zero and to its mean.

    The dictionary is put in at the places whose tokens are wanted, those that it was fitted to; padding and special
    tokens stay as they are, and are not predicted either.

    Args:
        model: A language model, whose output is logits (B, T, V) or has them as `logits`.
        module: Path of the module.
        sae: A fitted `SAE` of this place.
        inputs: Texts or token numbers, as for `collect_activations`; better others than it was fitted to.
        side: "output" of the module or its "input".
        tokenizer: Makes token numbers of texts.
        context: Tokens in a window.
        drop: Tokens that are left out; None leaves out the tokenizer's special ones.
        batch_size: Windows that run together.

    Raises:
        InputTypeError: inputs without tokens, or no fitted SAE.
        InputError: a model without logits for each token, or nothing to predict.

    Example:
        >>> import isthmus
        >>> ids = np.arange(240).reshape(20, 12) % 7
        >>> _ = torch.manual_seed(0)
        >>> model = nn.Sequential(nn.Embedding(7, 8), nn.Linear(8, 8), nn.Linear(8, 7))
        >>> sae = isthmus.SAE(n_latents=16, k=4, epochs=1, random_state=0)
        >>> sae = sae.fit(isthmus.collect_activations(model, "1", ids))
        >>> spliced_loss(model, "1", sae, ids).tokens
        220
    """
    windows = opened(inputs, model, tokenizer, context, drop)
    if not isinstance(windows, TokenWindows):
        fix = "give texts with a tokenizer, or token numbers"
        raise InputTypeError(f"inputs of {len(windows.documents)} samples", "the loss is that of the next token", fix)
    with at_rest(model), torch.no_grad():
        reader = Reader(model, modules_at(model, module), side, windows, None)
        rows = int(reader.counts.sum())
        plan = planned(reader.counts, windows.lengths, batch_size, rows, even=windows.is_even, seed=None)
        trial = Trial(model, module, side, windows, plan.batches)
        mean = mean_of(reader, plan.batches, next(iter(reader.widths.values())))
        clean, tokens = trial.run(lambda hook: hook)
        spliced, _ = trial.run(lambda hook: hook.splice(sae))
        zero, _ = trial.run(lambda hook: hook.hold(torch.zeros_like(mean)))
        held, _ = trial.run(lambda hook: hook.hold(mean))
    return SplicedLoss(clean, spliced, zero, held, tokens)


def mean_of(reader: Reader, batches: list[Ints], width: int) -> Tensor:
    """The mean of all rows, (d,)."""
    total, rows = torch.zeros(width, dtype=torch.float64), 0
    for batch in batches:
        values = next(iter(reader.read(batch)[0].values()))
        total, rows = total + values.double().sum(0), rows + len(values)
    return (total / max(1, rows)).float()


class Trial(NamedTuple):
    """A model on some windows, to be run with one change after another.

    Args:
        model: The network, in evaluation mode.
        module: Path of the place.
        side: "output" or "input".
        windows: What it is shown.
        batches: Which of them run together.
    """

    model: nn.Module
    module: str
    side: str
    windows: TokenWindows
    batches: list[Ints]

    def run(self, change: Callable[[Hooked], Hooked]) -> tuple[float, int]:
        """Mean cross-entropy of the tokens that are predicted, in nats, and their number."""
        device = next((weight.device for weight in self.model.parameters()), torch.device("cpu"))
        total, count = 0.0, 0
        for batch in self.batches:
            mask, ids = self.windows.mask(batch), self.windows.table(IDS, batch)
            with change(Hooked(self.model, self.module, side=self.side, where=mask)):
                output = self.windows.call(self.model, batch, device)
            logits = logits_of(output, ids)
            wanted = mask[:, 1:]
            lost = cross_entropy(logits[:, :-1][wanted], ids[:, 1:][wanted], reduction="sum")
            total, count = total + float(lost), count + int(wanted.sum())
        if not count:
            came = f"{len(self.windows.documents)} windows of at most {int(np.max(self.windows.lengths))} tokens"
            raise InputError(came, "a token is predicted from those before it", "give windows of two tokens and more")
        return total / count, count


def logits_of(output: Any, ids: Tensor) -> Tensor:
    """A model's prediction of each next token, (B, T, V), as float32 on the CPU.

    Raises:
        InputError: it has none.
    """
    found = getattr(output, "logits", None)
    logits = first_tensor(output) if found is None else found
    if logits is None or logits.dim() != 3 or logits.shape[:2] != ids.shape or logits.shape[2] <= int(ids.max()):
        came = f"a model whose output is {type(output).__name__} {tuple(getattr(logits, 'shape', ()))}"
        allowed = f"for tokens {tuple(ids.shape)} a language model gives logits for each, over its vocabulary"
        raise InputError(came, allowed, "load it with its head: AutoModelForCausalLM")
    return logits.float().cpu()
