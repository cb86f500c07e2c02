"""Lightning callbacks: each answers one question."""

from brats_seg.training.callbacks.cosine_decay import CosineDecay
from brats_seg.training.callbacks.metrics_file import MetricsFile
from brats_seg.training.callbacks.progress import Progress

__all__ = ["CosineDecay", "MetricsFile", "Progress"]
