"""Lightning callbacks: each answers one question."""

from brats_seg.training.callbacks.autotune import Autotune
from brats_seg.training.callbacks.best_weights import BestWeights
from brats_seg.training.callbacks.case_losses import CaseLosses
from brats_seg.training.callbacks.checkpoint_files import explained_checkpoint, usable_checkpoint
from brats_seg.training.callbacks.checkpoints import TwoCheckpoints, WholeCheckpointIO
from brats_seg.training.callbacks.cosine_decay import CosineDecay
from brats_seg.training.callbacks.cyclic_swa import CyclicSWA
from brats_seg.training.callbacks.exponential_average import ExponentialAverage
from brats_seg.training.callbacks.frozen_encoder import FrozenEncoder
from brats_seg.training.callbacks.mean_teacher import MeanTeacher
from brats_seg.training.callbacks.metrics_file import MetricsFile
from brats_seg.training.callbacks.overlays import Overlays
from brats_seg.training.callbacks.progress import Progress
from brats_seg.training.callbacks.resources import Resources
from brats_seg.training.callbacks.step_seed import StepSeed

__all__ = [
    "Autotune",
    "BestWeights",
    "CaseLosses",
    "CosineDecay",
    "CyclicSWA",
    "ExponentialAverage",
    "FrozenEncoder",
    "MeanTeacher",
    "MetricsFile",
    "Overlays",
    "Progress",
    "Resources",
    "StepSeed",
    "TwoCheckpoints",
    "WholeCheckpointIO",
    "explained_checkpoint",
    "usable_checkpoint",
]
