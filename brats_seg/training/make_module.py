"""What a training trains, from its configuration. Covered by tests/training/test_run.py."""

from __future__ import annotations

from omegaconf import DictConfig

from brats_seg.artifacts.bundles import Bundle
from brats_seg.training.config import build
from brats_seg.training.consistency import MeanTeacherModule
from brats_seg.training.module import SegmentationModule
from brats_seg.training.network import make_network


def make_module(config: DictConfig, initial: Bundle | None) -> SegmentationModule:
    """The network with its loss and optimiser.

    Args:
        config: Of the training.
        initial: Its weights are where the training starts; None: from the network's own start.

    Returns:
        What Lightning trains.

    Raises:
        UserError: A part cannot be made as the configuration says, or the weights cannot be used.
    """
    net = make_network(config.model)
    if initial is not None:
        net.load_state_dict(initial.net().state_dict())
    net.checkpointing = config.checkpointing
    net.fuse_norms(config.fused_norm)
    if config.compile is True:
        net.compile()
    loss, optimizer = build(config.loss), build(config.optimizer)
    kind = MeanTeacherModule if config.mean_teacher.weight else SegmentationModule
    return kind(net, loss, optimizer, channels_last=config.channels_last, old_rate=config.fine_tune.old_rate)
