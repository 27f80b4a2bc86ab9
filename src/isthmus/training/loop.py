"""The one loop. Every variant trains here; it knows stages, players and terms, and no variant by name."""

from __future__ import annotations

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
                    for turn in turns:
                        player, flat = turn.player, turn.flat
                        with run.turn_of(turn):
                            terms = player.objective(run.network, batch)
                            flat.zero()
                            turn.meter.add(terms, batch).backward()
                        player.before_step(run.network)
                        flat.step(run.rate(), run.weight_decay, run.clip, slot=run.slot)
                        player.after_step(run.network, batch)
                    run.advance()
                run.end_epoch()
        if not run.stopped:
            run.stage, run.epoch = run.stage + 1, 0
