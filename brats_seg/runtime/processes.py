"""One training as several processes: who writes, and who starts again."""

from __future__ import annotations

import os

import pytorch_lightning as pl
from lightning_fabric.plugins.environments.slurm import SLURMEnvironment
from omegaconf import DictConfig, OmegaConf

RANKS = ("RANK", "GROUP_RANK", "LOCAL_RANK", "NODE_RANK", "SLURM_PROCID")
"""Set by torchrun, Lightning or Slurm for every process after the first."""


def wants_several(config: DictConfig) -> bool:
    """Whether more than one device is asked for, or as many as there are."""
    devices = config.trainer.devices
    return len(devices) != 1 if OmegaConf.is_list(devices) else str(devices) != "1"


def is_first_process(config: DictConfig) -> bool:
    """Whether this process owns the run folder; known before there is a trainer."""
    alone = config.trainer.get("strategy", "auto") == "auto"
    return alone or all(int(os.environ.get(name, 0)) == 0 for name in RANKS)


def launched_from_outside(config: DictConfig) -> bool:
    """Whether torchrun or Slurm started the processes of this training: Lightning refuses to work in one of them alone."""
    return config.trainer.get("strategy", "auto") != "auto" and bool(
        {"TORCHELASTIC_RUN_ID", "SLURM_PROCID"} & os.environ.keys()
    )


def without_requeue(trainer: pl.Trainer) -> pl.Trainer:
    """Leave it to submitit to queue a Slurm job again: Lightning's own way continues in the middle of an epoch."""
    environment = trainer._accelerator_connector.cluster_environment
    if isinstance(environment, SLURMEnvironment):
        environment.auto_requeue = False
    return trainer
