"""Lightning says only what a user can act on."""

from __future__ import annotations

import logging
import warnings


def quiet_lightning() -> None:
    """Silence its advertisements and the warnings that our own choices make void, each with its reason."""
    logging.getLogger("pytorch_lightning").setLevel(logging.WARNING)
    # Lightning 2.6 against torch 2.13: nothing of ours.
    warnings.filterwarnings("ignore", message=".*LeafSpec.*is deprecated.*")
    # The patch is read in milliseconds from a memory map: measured in benchmarks/data.py.
    warnings.filterwarnings("ignore", message=".*does not have many workers.*")
    # One batch per training case: an epoch is short by design.
    warnings.filterwarnings("ignore", message=".*The number of training batches.*")
    # fold=all and data.split may validate nothing, on purpose.
    warnings.filterwarnings("ignore", message=".*(val_dataloader|validation_step).*")
    # The run folder is locked and checked before; a resumed run finds its own checkpoints there.
    warnings.filterwarnings("ignore", message=".*Checkpoint directory .* exists and is not empty.*")
    # The epoch's length is the number of cases, known to the sampler.
    warnings.filterwarnings("ignore", message=".*You're resuming from a checkpoint that ended before.*")
