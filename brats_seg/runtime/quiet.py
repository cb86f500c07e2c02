"""Lightning prints only what a user can act on.

Covered by tests/training/test_module.py, which trains with it.
"""

from __future__ import annotations

import logging
import warnings


def quiet_lightning() -> None:
    """Silence Lightning's advertisements, and warnings that do not apply here, each with its reason."""
    for name in ("pytorch_lightning", "lightning_fabric"):
        logging.getLogger(name).setLevel(logging.WARNING)
    # Lightning 2.6 calls what torch 2.13 deprecates.
    warnings.filterwarnings("ignore", message=".*LeafSpec.*is deprecated.*")
    # The patch is read in milliseconds from a memory map: measured in benchmarks/data.py.
    warnings.filterwarnings("ignore", message=".*does not have many workers.*")
    # One batch per training case: an epoch is short by design.
    warnings.filterwarnings("ignore", message=".*The number of training batches.*")
    # fold=all and data.split may validate nothing, on purpose.
    warnings.filterwarnings("ignore", message=".*(val_dataloader|validation_step).*")
    warnings.filterwarnings("ignore", message="Total length of `.*` across ranks is zero.*")
    # submitit starts the processes of a job; a machine may have Slurm and not be used through it.
    warnings.filterwarnings("ignore", message="The `srun` command is available.*")
    # Values that are equal in every process, or of the first one alone, need no sum over the processes.
    warnings.filterwarnings("ignore", message=".*It is recommended to use `self.log.*sync_dist=True.*")
    # A head with a kernel of 1x1x1 is contiguous in every memory format.
    warnings.filterwarnings("ignore", message="Grad strides do not match bucket view strides.*")
    # The module notes the time when a batch arrives, whatever the data module does with it.
    warnings.filterwarnings("ignore", message=".*You have overridden `on_before_batch_transfer`.*")
    # The run folder is locked and checked before; a resumed run finds its own checkpoints there.
    warnings.filterwarnings("ignore", message=".*Checkpoint directory .* exists and is not empty.*")
    # The epoch's length is the number of cases, known to the sampler.
    warnings.filterwarnings("ignore", message=".*You're resuming from a checkpoint that ended before.*")
