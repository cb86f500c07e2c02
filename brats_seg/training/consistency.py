"""Training with a mean teacher: patches without a target have the teacher's answer for one.

Covered by tests/training/test_mean_teacher.py.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.func import functional_call

from brats_seg.terms import Batch, Unlabelled
from brats_seg.training.callbacks import MeanTeacher
from brats_seg.training.module import SegmentationModule
from brats_seg.training.trainer import find_callback


class MeanTeacherModule(SegmentationModule):
    """Adds to the loss how far the network's probabilities are from its teacher's (section 4).

    The teacher is the average of :class:`MeanTeacher`; it gets no gradient.
    """

    def training_step(self, batch: Batch, batch_index: int) -> dict[str, Tensor]:
        """Compute the loss of the labelled patches, and that of the others.

        Args:
            batch: As for :class:`SegmentationModule`, with ``unlabelled``.
            batch_index: Within the epoch.

        Returns:
            As for :class:`SegmentationModule`.
        """
        answer = super().training_step(batch, batch_index)
        assert batch.unlabelled is not None
        teacher = find_callback(self.trainer, MeanTeacher)
        difference = self._difference(batch.unlabelled, teacher)
        self.skipped.note_loss(difference)
        number = len(batch.unlabelled.case_ids)
        told = difference.detach().nan_to_num()
        self.log("train/consistency", told, on_step=False, on_epoch=True, batch_size=number, sync_dist=True)
        answer["loss"] = answer["loss"] + teacher.weight_now(self.trainer) * difference
        return answer

    def _difference(self, unlabelled: Unlabelled, teacher: MeanTeacher) -> Tensor:
        """Mean square over voxels and regions, in float32 under mixed precision, too."""
        seen, other = (view.contiguous(memory_format=self.layout) for view in unlabelled[:2])
        with torch.no_grad():
            taught = functional_call(self.net, teacher.weights, (other,), {"deep": False}).main
        learnt = self.net(seen, deep=False).main
        difference: Tensor = learnt.float().sigmoid() - taught.float().sigmoid()
        return difference.square().mean()
