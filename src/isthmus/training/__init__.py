"""How everything learns: one loop, flat parameters, history, checkpoints, callbacks."""
