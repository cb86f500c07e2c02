"""Dice losses and their deeply supervised sum."""

from brats_seg.losses.deep_supervision import DeepSupervisionLoss
from brats_seg.losses.dice import DiceLoss

__all__ = ["DeepSupervisionLoss", "DiceLoss"]
