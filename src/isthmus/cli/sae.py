"""`isthmus sae`: sparse dictionaries of what goes through a network, from the activations to the files of others."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from cyclopts import Parameter

from isthmus.cli.dictionaries import certify, dashboard, fit
from isthmus.cli.groups import Group
from isthmus.cli.output import PLAIN, Output

Written = Literal["isthmus", "saelens", "dictionary-learning", "sparsify", "gemma-scope"]
Read = Literal["auto", "isthmus", "saelens", "dictionary-learning", "sparsify", "gemma-scope"]


@Parameter(name="*")
@dataclass(frozen=True)
class Rows:
    """How activations are collected and kept.

    Args:
        side: What of the module: its output, or its input.
        context: Tokens in a window; longer documents are cut into several.
        precision: How numbers are kept: on four bytes, two, or one with a scale for each row.
        max_bytes: What all rows may take on the disk.
        batch_size: Windows that run together.
        random_state: Seed of the order of the rows.
    """

    side: Literal["output", "input"] = "output"
    context: int = 128
    precision: Literal["float32", "bfloat16", "int8"] = "float32"
    max_bytes: int | None = None
    batch_size: int = 32
    random_state: int = 0


USUAL = Rows()


def collect(
    model: Path,
    texts: list[Path],
    /,
    *,
    module: list[str],
    out: Path,
    column: str = "text",
    rows: Rows = USUAL,
    device: str = "cpu",
    output: Output = PLAIN,
) -> None:
    """Collect what goes through places in a language model, one row a token, in random order and with checksums.

    A run that was stopped goes on where it was when the same command is given again.

    Args:
        model: The folder of a model of transformers, with its tokenizer.
        texts: What it reads: text files, whose paragraphs are documents, or tables with a column of texts.
        module: Path of a module, as "encoder.layer.3"; a star stands for a part between dots, the option may be given
            several times.
        out: A new folder, or that of the same run begun before.
        column: Of a table, the one with the texts.
        rows: How they are collected.
        device: Where the model works: "cpu", "cuda" or "mps".
        output: How to answer.
    """
    from isthmus.cli.language_model import Steps, language_model, texts_in
    from isthmus.tasks.interpretation.collection import collect_activations

    documents = [text for path in texts for text in texts_in(path, column)]
    network, tokenizer = language_model(model, device)
    output.say(f"collecting from {len(documents):,} documents")
    how = {**asdict(rows), "tokenizer": tokenizer, "told": Steps(output)}
    found = collect_activations(network, module, documents, out=out, **how)
    mixing = found.mixing()
    output.say(f"{len(found):,} rows of {', '.join(found.modules)}; {mixing}")
    widths = {name: found.of(name).shape[1] for name in found.modules}
    shuffle = {"documents_in_a_batch": mixing.documents, "of_a_perfect_shuffle": mixing.ideal}
    output.answer(str(out), {"activations": str(out), "rows": len(found), "modules": widths, **shuffle})


def convert(
    dictionary: Path, /, *, out: Path, to: Written = "saelens", source: Read = "auto", output: Output = PLAIN
) -> None:
    """Write a sparse dictionary in the files of another library, or read one of those into ours.

    Args:
        dictionary: The folder of a dictionary: of isthmus, SAELens, dictionary_learning, sparsify or Gemma Scope.
        out: A new folder.
        to: The layout to write.
        source: The layout to read; "auto" goes by the files.
        output: How to answer.
    """
    import isthmus

    sae = isthmus.SAE.load(dictionary, layout=source)
    sae.save(out, layout=to)
    latents, features = sae.components_.shape
    output.say(f"{latents:,} latents of {features:,} numbers, {sae.activation}")
    output.answer(str(out), {"dictionary": str(out), "layout": to, "latents": latents, "features": features})


sae = Group(
    "sae",
    "Make sparse dictionaries of a network's activations, and read and write those of others.",
    {"fit": fit, "collect": collect, "dashboard": dashboard, "certify": certify, "convert": convert},
)
