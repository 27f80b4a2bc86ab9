"""`collect_activations`: what goes through places in a network, kept row by row in random order."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from torch import nn

from isthmus.data.activation_chunks import LABELS, PRECISIONS, Form, Held, packed, row_bytes
from isthmus.data.activation_files import Filed, Filling
from isthmus.data.activations import Activations
from isthmus.errors import ParameterError, UnknownNameError
from isthmus.tasks.interpretation.inputs import opened
from isthmus.tasks.interpretation.modules import at_rest, check_side, modules_at
from isthmus.tasks.interpretation.plan import Ints, Plan, planned
from isthmus.tasks.interpretation.reader import Reader

CHUNK_BYTES = 32 << 20  # of one file
GROUP_BYTES = 4 << 30  # within which rows are spread: what a system keeps in memory while it writes them
KEPT_SECONDS = 10.0  # of work that a kill may cost

Told = Callable[[int, int], None]


def collect_activations(
    model: nn.Module,
    module: str | Sequence[str],
    inputs: Any,
    *,
    out: str | Path | None = None,
    side: str = "output",
    tokenizer: Callable[..., Any] | None = None,
    context: int = 128,
    drop: Iterable[int] | None = None,
    precision: str = "float32",
    width_axis: int | None = None,
    max_bytes: int | None = None,
    batch_size: int = 32,
    shuffle: bool = True,
    random_state: int = 0,
    told: Told | None = None,
) -> Activations:
    """What goes into or comes out of modules of any network of torch, one row for each token, patch or sample.

    The network runs once for all modules, in evaluation mode, and each time only as far as the last of them. In a
    folder (`out`) the rows lie in random order, one permutation over all of them (of inputs beyond 4 GiB, within groups
    of that size); a run that was killed goes on where it was when the same call is made again, to the same bytes.

    Args:
        model: The network, on whatever device it is.
        module: Path of a module, or several; `*` stands for a part of a path between dots: "encoder.layer.*".
        inputs: Texts, with a tokenizer; lists or an array of token numbers (n, T); what a tokenizer returned; or an
            array of samples (n, ...), or {name: array} as the network takes them.
        out: A new folder to write into; None keeps the rows in memory.
        side: "output" of the module or its "input".
        tokenizer: Makes token numbers of texts, as those of transformers do.
        context: Tokens in a window; longer texts are cut into several.
        drop: Numbers of tokens whose rows are left out; None leaves out the tokenizer's special ones. Padding is left
            out wherever an attention mask shows it.
        precision: "float32"; or on two or one byte a number: "bfloat16", "int8" with a scale for each row.
        width_axis: Which axis of the tensor is d, where it is neither the last nor that of an image's channels.
        max_bytes: What the rows may take on the disk or in memory.
        batch_size: Windows or samples that run together.
        shuffle: Whether rows lie in random order; False keeps that of the inputs.
        random_state: Seed of that order.
        told: Called with the steps that are done and those that there are.

    Returns:
        The rows of the first module; `of(path)` shows the others.

    Raises:
        UnknownNameError: a path that matches no module, a side or precision that there isn't.
        InputTypeError: inputs of another type, or texts without a tokenizer.
        InputError: an activation that is no finite number (document and position are named), a module that did not
            run, or one whose tensor has not a row for each token.
        ParameterError: more bytes than allowed, or a folder with activations of another model, module, or input.
        DataFileError: a folder that holds something else, a full disk.

    Example:
        >>> network = nn.Sequential(nn.Linear(4, 3), nn.ReLU(), nn.Linear(3, 2))
        >>> rows = collect_activations(network, ["1", "0"], np.ones((5, 4), np.float32))
        >>> rows, rows.of("1").shape, sorted(rows.documents.tolist())
        (Activations('0', 5 rows x 3, float32), (5, 3), [0, 1, 2, 3, 4])
    """
    check_side(side)
    if precision not in PRECISIONS:
        raise UnknownNameError.among("precision", precision, PRECISIONS)
    modules = modules_at(model, module)
    windows = opened(inputs, model, tokenizer, context, drop)
    with at_rest(model):
        reader = Reader(model, modules, side, windows, width_axis)
        counts, widths = reader.counts, reader.widths
        form = Form(widths, precision, int(counts.sum()), max(1, CHUNK_BYTES // row_bytes(widths, precision)))
        check_bytes(form, max_bytes)
        group = max(1, GROUP_BYTES // row_bytes(widths, precision))
        seed = random_state if shuffle else None
        plan = planned(counts, windows.lengths, batch_size, group, even=windows.is_even, seed=seed)
        facts = {**reader.facts(), "context": context, "batch_size": batch_size, "seed": seed}
        store = Held(form, facts) if out is None else Filling(Path(out), form, facts, len(plan.batches))
        fill(store, reader, plan, told)
    return Activations(store if isinstance(store, Held) else Filed(store.folder))


def check_bytes(form: Form, allowed: int | None) -> None:
    """Refuse more bytes than allowed, before anything is written.

    Raises:
        ParameterError: there would be more.
    """
    if allowed is not None and form.nbytes > allowed:
        fit = allowed // max(1, form.nbytes // max(1, form.rows))
        came = f"max_bytes={allowed:,} for {form.rows:,} rows of {form.nbytes:,} bytes in {form.precision}"
        fix = "use precision='int8' or 'bfloat16', fewer inputs or modules, or a larger max_bytes"
        raise ParameterError(came, f"{fit:,} rows fit", fix)


def fill(store: Held | Filling, reader: Reader, plan: Plan, told: Told | None) -> None:
    """Work through the plan from where the store is; what is done is kept every few seconds and when it ends."""
    kept = time.monotonic()
    done = store.done
    try:
        for number, chosen, places in plan.steps(done):
            put(store, reader, chosen, places)
            done = number + 1
            if time.monotonic() - kept > KEPT_SECONDS:
                store.keep(done)
                kept = time.monotonic()
            if told is not None:
                told(done, len(plan.batches))
    except BaseException:
        store.keep(done)
        raise
    store.finish()


def put(store: Held | Filling, reader: Reader, chosen: Ints, places: Ints) -> None:
    """Run some windows and write their rows.

    Raises:
        InputError: an activation is no finite number.
    """
    found, labels = reader.read(chosen)
    fields: dict[str, Any] = dict(zip(LABELS, labels, strict=True))
    for name, values in found.items():
        fields |= packed(values, name, store.form.precision)
    homes, inside = np.divmod(places, store.form.chunk_rows)
    for number in np.unique(homes):
        here, chunk = homes == number, store.chunk(int(number))
        for name, values in fields.items():
            chunk[name][inside[here]] = values[here]
