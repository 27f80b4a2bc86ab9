"""The one loop. Every variant trains here; it knows stages, players and terms, and no variant by name."""

from __future__ import annotations

from torch import Tensor
from torch.autograd.graph import _engine_run_backward

from isthmus.core.code import Terms
from isthmus.training.run import Run


def train(run: Run) -> None:
    """Carry the run on from where it stands to its end, or until a callback says stop.

    For each stage the players' parameters are laid flat; for each batch the players move in order, each on a forward
    pass of its own and with only its own parameters requiring gradients.
    """
    run.network.train()
    while run.stage < len(run.stages) and not run.stopped:
        with run.laid() as turns:
            while run.epoch < run.stage_epochs(run.stage) and not run.stopped:
                run.on_epoch_begin()
                for batch in run.batches_left():
                    shares = run.shares(batch)
                    for turn in turns:
                        player, flat = turn.player, turn.flat
                        with run.turn_of(turn):
                            terms = player.objective(run.network, batch)
                            turn.meter.add(terms, shares, run.rows(batch))
                            send_back(terms, shares)
                        run.ranks.add_up(flat.gradients)
                        player.before_step(run.network)
                        flat.step(player.rate * run.rate(), run.weight_decay, run.clip, slot=run.slot)
                        player.after_step(run.network, batch)
                        flat.zero()
                    run.advance()
                run.end_epoch()
        if not run.stopped:
            run.stage, run.epoch = run.stage + 1, 0


def send_back(terms: Terms, shares: Tensor) -> None:
    r"""Gradients of the loss, the mean over the rows of the sum of the terms.

    .. math:: \sum_b s_b \sum_t terms_{tb}, \quad s_b = w_b / \textstyle\sum_b w_b

    Args:
        terms: (B,) each; those that nothing can change are left out.
        shares: s, (B,).
    """
    roots = tuple(term for term in terms.values() if term.requires_grad)
    # What torch.autograd.backward calls, once it has imported an algebra system to compare shapes that are known.
    _engine_run_backward(roots, (shares,) * len(roots), False, False, (), allow_unreachable=True, accumulate_grad=True)
