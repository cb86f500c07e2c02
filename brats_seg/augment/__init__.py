"""Random changes of image and target together, on the device."""

from brats_seg.augment.batch import Augmentation
from brats_seg.augment.draw import Draw

__all__ = ["Augmentation", "Draw"]
