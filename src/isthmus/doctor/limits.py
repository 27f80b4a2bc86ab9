"""What limits the crossing besides the width of the code: corruption, prices, units that stay silent."""

from __future__ import annotations

import copy

import torch
from torch import Tensor

from isthmus.core.code import Batch, written_out
from isthmus.doctor.patient import Patient

PROBE = 64  # rows that show what training does to a row
IDLE = 1e-3  # nats: a price below is none
HIT = 0.01  # share of the cells that a corruption must change, by a hundredth of a unit of x, to be one


def limits(patient: Patient) -> dict[str, float]:
    """What is in the way besides the width, by name: prices in nats per sample, and the share of cells corrupted."""
    acting = {name: price for name, price in prices(patient).items() if price > IDLE}
    hit = _hit(patient)
    return acting | ({"corruption": hit} if hit > HIT else {})


def prices(patient: Patient) -> dict[str, float]:
    """What training asks beside the distortion, by name, in nats per sample: a step of the last stage's players.

    A copy of the network is asked, so that nothing of the model moves.
    """
    network = copy.deepcopy(patient.network).train()
    with torch.enable_grad():
        return {
            name: float(term.detach().mean())
            for player in patient.model.stages(network)[-1].players
            for name, term in player.objective(network, _probe(patient)).items()
            if name != "distortion"
        }


def crossing(patient: Patient) -> float:
    """How many numbers really cross for a row: units that are not 0 in training, or the rank of the codes if less."""
    network = copy.deepcopy(patient.network).train()
    with torch.no_grad():
        z = written_out(network.encode(_probe(patient)).z).flatten(1)
    active = float((z != 0).sum(1).float().mean())
    codes = patient.codes.flatten(1).double()
    if len(codes) <= patient.units:
        return active
    return min(active, float(torch.linalg.matrix_rank(codes - codes.mean(0), rtol=1e-6)))


def _probe(patient: Patient) -> Batch:
    """Rows as a step of training would see them, the last one of its run."""
    x = patient.rows.x[:PROBE].clone().to(patient.blocks.device)
    observed = None if patient.spec.is_plain else ~x.isnan()
    return Batch(x, observed, generator=torch.Generator(x.device).manual_seed(0))


def _hit(patient: Patient) -> float:
    """Share of the cells that the encoder is shown otherwise than they are."""
    corruption, batch = getattr(patient.network, "corruption", None), _probe(patient)
    if corruption is None:
        return 0.0
    view: Tensor = corruption(batch)
    moved = (view - batch.x).abs() > HIT
    return float((moved | (view.isnan() & ~batch.x.isnan())).float().mean())
