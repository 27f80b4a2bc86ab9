"""SAELens training a TopK dictionary, step by step, as its own trainer takes them."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import torch
from sae_lens.config import LoggingConfig, SAETrainerConfig
from sae_lens.saes.topk_sae import TopKTrainingSAE, TopKTrainingSAEConfig
from sae_lens.training.sae_trainer import SAETrainer

from isthmus.bench.worker import most_held, serve

kept: dict[str, Any] = {}


def load(file: str, latents: int, k: int, batch_size: int, rate: float, sparse: bool, seed: int) -> int:
    """Make a trainer for rows in a file; how many steps one pass has.

    Args:
        file: Rows, (n, d) float32.
        latents: n.
        k: How many are on.
        batch_size: B.
        rate: Step size.
        sparse: Its best setting in float32, with sparse activations; else its defaults. Rescaling by the decoder's
            norms has to be off with it, or its backward pass fails.
        seed: Of the first weights.
    """
    torch.manual_seed(seed)
    x = torch.from_numpy(np.load(file))
    own = {"use_sparse_activations": True, "rescale_acts_by_decoder_norm": False} if sparse else {}
    sae = TopKTrainingSAE(TopKTrainingSAEConfig(d_in=x.shape[1], d_sae=latents, k=k, **own))
    batches = itertools.cycle(x.split(batch_size))
    config = SAETrainerConfig(
        n_checkpoints=0, checkpoint_path=None, save_final_checkpoint=False, total_training_samples=10**9,
        device="cpu", autocast=False, lr=rate, lr_end=rate, lr_scheduler_name="constant", lr_warm_up_steps=0,
        adam_beta1=0.9, adam_beta2=0.999, lr_decay_steps=0, n_restart_cycles=1, train_batch_size_samples=batch_size,
        dead_feature_window=1000, feature_sampling_window=2000, logger=LoggingConfig(log_to_wandb=False),
    )  # fmt: skip
    kept["trainer"] = SAETrainer(cfg=config, sae=sae, data_provider=batches)
    return -(-len(x) // batch_size)


def train(steps: int) -> list[float]:
    """Take so many steps; half the squared error of a row before each."""
    trainer, losses = kept["trainer"], []
    for _ in range(steps):
        output = trainer.step(next(trainer.data_provider))
        trainer.n_training_steps += 1
        losses.append(0.5 * float((output.sae_out - output.sae_in).square().sum(1).mean()))
    return losses


serve(load=load, train=train, most_held=most_held)
