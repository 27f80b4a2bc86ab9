"""The check of an alphabet: codes that nothing chooses."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from isthmus.doctor.findings import Answer, Finding, NotAsked, Sound, percent
from isthmus.doctor.patient import Patient

UNUSED = 0.1  # of the codes, beyond those that chance leaves out: as many as there may be dead units
ENOUGH = 16  # symbols for each code: a code that is chosen a quarter as often as others is then seen as well


def dead_codes(patient: Patient) -> Answer:
    r"""Codes of an alphabet that no row sends; of an alphabet with levels, those of the level with the most.

    If all K were alike, M symbols would leave out

    .. math:: (1 - 1 / K)^M

    of them by chance; the finding is a tenth more than that.
    """
    if not patient.model.has_symbols:
        return NotAsked("The code has no symbols.")
    bottleneck: Any = patient.network.bottleneck
    symbols = patient.rows.answers(lambda batch: patient.network.encode(batch).symbols)
    used, codes, sent = min(map(_used, bottleneck.levels(symbols), _sizes(bottleneck)))
    if sent < ENOUGH * codes:
        return NotAsked(f"{sent} symbols are too few to see {codes} codes.")
    unused, chance = 1 - used, (1 - 1 / codes) ** sent
    figures = {"unused": unused, "by_chance": chance, "codes": float(codes)}
    seen = f"{percent(unused)} of {codes} codes are in no row; an even choice would leave {percent(chance)} out."
    if unused < chance + UNUSED:
        return Sound(seen, figures)
    why = "They carry nothing: a row says less than its symbols have room for, and the rate counts what is never said."
    return Finding(seen, why, f"model.set_params({_livelier(patient, round(used * codes))}).fit(X)", figures)


def _used(symbols: Tensor, codes: int) -> tuple[float, int, int]:
    """Share of the codes among these symbols, how many codes there are, and how many symbols."""
    return len(torch.unique(symbols)) / codes, codes, symbols.numel()


def _sizes(bottleneck: Any) -> list[int]:
    """K of each level."""
    sizes = torch.tensor(bottleneck.alphabet)[None]
    return [int(level.max()) for level in bottleneck.levels(sizes)]


def _livelier(patient: Patient, used: int) -> str:
    """Parameters with which fewer codes are unused: codes that begin anew, or no more of them than are of use."""
    if not getattr(patient.model, "restarts", True):
        return "restarts=True"
    return f"codes={2 ** max(1, used.bit_length() - 2)}"
