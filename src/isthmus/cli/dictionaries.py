"""`isthmus sae fit`, `dashboard` and `certify`: a sparse dictionary from rows, what its latents fire on, its worth."""

from __future__ import annotations

import json
from collections.abc import Sequence
from copy import copy
from pathlib import Path
from typing import Annotated, Any

from isthmus.cli.fit import fit as fit_model
from isthmus.cli.output import FLAG, PLAIN, Output
from isthmus.errors import DataFileError, UsageError

SAE = "sae"


def fit(
    data: Path,
    *,
    out: Path,
    model: str = SAE,
    resume: Annotated[bool, FLAG] = False,
    target: str | None = None,
    random_state: int = 0,
    output: Output = PLAIN,
    **fields: Any,
) -> None:
    """Fit a sparse dictionary to rows or activations, and save it in a folder.

    It is `isthmus fit --model sae` under the name that goes with the other commands here.

    Args:
        data: Activations that `isthmus sae collect` wrote (the folder for its first module, FOLDER/MODULE for another),
            or what `isthmus fit` takes.
        out: The folder: a new or empty one, unless --resume.
        model: Its name.
        resume: Go on with the run in --out where there is one.
        target: A column of the table to leave out, such as labels.
        random_state: Seed of everything random.
        output: How to answer.
        **fields: Those of the model.
    """
    told: dict[str, Any] = {"resume": resume, "target": target, "random_state": random_state, "output": output}
    fit_model(data, model=model, out=out, **told, **fields)


def dashboard(
    model: Path,
    data: Path,
    /,
    *,
    out: Path,
    rows: Path | None = None,
    vocabulary: Path | None = None,
    target: str | None = None,
    latents: list[int] | None = None,
    patch: int | None = None,
    device: str = "cpu",
    output: Output = PLAIN,
) -> None:
    """Write a page that shows what each latent of a sparse dictionary fires on, one HTML file without scripts.

    Args:
        model: The folder of a fitted dictionary.
        data: The activations or rows to look at.
        out: The page.
        rows: What the rows are of, where that is not in DATA: pictures or a table, in the same order.
        vocabulary: How tokens are spelt: a file with one in each line, or JSON that gives each its number (a
            tokenizer.json too).
        target: A column of the table to leave out; what it holds gives names to latents.
        latents: Which to show; those that carry most unless told otherwise.
        patch: Pixels along the edge of a patch, where the rows are places in the pictures that rows names.
        device: Where the model works: "cpu", "cuda" or "mps".
        output: How to answer.
    """
    import isthmus
    from isthmus.cli.rows import rows_in_memory, rows_of

    sae = dictionary_in(model, device)
    found = rows_of(data, target)
    shown = rows_in_memory(rows) if rows is not None else found if hasattr(found, "column_names") else None
    labels = None if target is None else rows_in_memory(data).column(target).to_pylist()
    page = isthmus.dashboard(
        *as_numbers(sae, found),
        out,
        rows=shown,
        decode=None if vocabulary is None else spelling(vocabulary),
        labels=labels,
        latents=latents,
        patch=patch,
        title=f"What the latents of {model.name} fire on",
    )
    output.answer(str(page), {"page": str(page)})


def certify(
    model: Path,
    data: Path,
    /,
    *,
    truth: Path | None = None,
    target: str | None = None,
    seeds: int = 3,
    rows: int = 100_000,
    device: str = "cpu",
    output: Output = PLAIN,
) -> None:
    """Say what a sparse dictionary is worth beside one that is random, PCA, ICA, NMF and dictionary learning.

    It is fitted anew with several seeds, with the options that it has.

    Args:
        model: The folder of a fitted dictionary.
        data: The activations or rows that it was fitted to, or others like them.
        truth: True directions where they are known, one in each row: .npy or another file of numbers.
        target: A column of the table to leave out.
        seeds: How many fits, at least 2.
        rows: That are used at most.
        device: Where the model works: "cpu", "cuda" or "mps".
        output: How to answer.
    """
    import numpy as np

    import isthmus
    from isthmus.cli.rows import rows_of

    known = None if truth is None else np.asarray(rows_of(truth))
    sae, numbers = as_numbers(dictionary_in(model, device), rows_of(data, target))
    certificate = isthmus.certify(sae, numbers, known, seeds, rows=rows)
    output.answer(str(certificate), certificate.as_dict())


def dictionary_in(folder: Path, device: str) -> Any:
    """The sparse dictionary of a folder.

    Raises:
        UsageError: it holds another model.
    """
    from isthmus.cli.rows import member_in

    loaded = member_in(folder, device)
    if not hasattr(loaded, "components_"):
        came = f"{folder}, which holds a {type(loaded).__name__}"
        raise UsageError(came, "only a sparse dictionary has latents to look at", "make one: isthmus sae fit")
    return loaded


def as_numbers(sae: Any, rows: Any) -> tuple[Any, Any]:
    """The dictionary and the rows as they go together block by block: of a table its numbers, (n, D).

    Raises:
        ColumnError: the table's columns are not those that the dictionary was fitted to.
    """
    import numpy as np

    if not hasattr(rows, "column_names"):
        return sae, rows
    if hasattr(sae, "spec_"):
        sae.transform(rows.slice(0, 1))  # which looks at the columns
    nameless = copy(sae)
    vars(nameless).pop("feature_names_in_", None)
    return nameless, np.column_stack([rows.column(name).to_numpy() for name in rows.column_names])


def spelling(file: Path) -> Sequence[str] | dict[int, str]:
    """Tokens by their number.

    Raises:
        DataFileError: the file is not there, or says nothing of tokens.
    """
    try:
        text = file.read_text(encoding="utf-8")
        if file.suffix != ".json":
            return text.split("\n")
        told = json.loads(text)
        told = told.get("model", told).get("vocab", told) if isinstance(told, dict) else told
        pairs = enumerate(told) if isinstance(told, list) else ((number, token) for token, number in told.items())
        return {int(number): str(token[0] if isinstance(token, list) else token) for number, token in pairs}
    except (OSError, ValueError, TypeError, AttributeError) as fault:
        allowed = "a token in each line, or JSON {token: number}"
        raise DataFileError(f"{file} ({fault})", allowed, "give the tokenizer's vocab.txt or tokenizer.json") from fault
