"""Random changes of image and target together, on the device."""

from brats_seg.augment.batch import Augmentation
from brats_seg.augment.draw import Draw
from brats_seg.augment.two_views import two_views

__all__ = ["Augmentation", "Draw", "two_views"]
