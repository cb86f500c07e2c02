"""One training as several processes: which of them writes, and what queues a job again."""

from __future__ import annotations

import os

import pytorch_lightning as pl
from lightning_fabric.plugins.environments.slurm import SLURMEnvironment
from omegaconf import DictConfig, OmegaConf

RANKS = ("RANK", "GROUP_RANK", "LOCAL_RANK", "NODE_RANK", "SLURM_PROCID")
"""Variables that torchrun, Lightning or Slurm set to more than 0 in every process after the first."""
LAUNCHERS = ("TORCHELASTIC_RUN_ID", "SLURM_PROCID")
"""Variables that torchrun or Slurm set in every process."""


def wants_several(config: DictConfig) -> bool:
    """Whether more than one device is asked for, or as many as there are."""
    devices = config.trainer.devices
    if OmegaConf.is_list(devices):
        return len(devices) != 1
    return str(devices) != "1"


def is_first_process(config: DictConfig) -> bool:
    """Whether this process owns the run folder; known before there is a trainer."""
    if _trains_alone(config):
        return True
    return is_rank_zero()


def is_rank_zero() -> bool:
    """Whether this is the first of several processes, or the only one."""
    return all(int(os.environ.get(name, 0)) == 0 for name in RANKS)


def launched_from_outside(config: DictConfig) -> bool:
    """Whether torchrun or Slurm started the processes of this training.

    Lightning refuses to work in one such process alone.
    """
    if _trains_alone(config):
        return False
    return any(name in os.environ for name in LAUNCHERS)


def without_requeue(trainer: pl.Trainer) -> pl.Trainer:
    """Keep Lightning from queueing a Slurm job again: it would continue in the middle of an epoch.

    submitit queues the job again.
    """
    environment = trainer._accelerator_connector.cluster_environment
    if isinstance(environment, SLURMEnvironment):
        environment.auto_requeue = False
    return trainer


def _trains_alone(config: DictConfig) -> bool:
    return bool(config.trainer.get("strategy", "auto") == "auto")
