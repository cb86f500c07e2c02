"""Pipeline A: percentile min-max, channel dropping, no intensity shift.

Covered by tests/training/test_run.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar

from brats_seg.augment import Augmentation
from brats_seg.data.base import BraTSDataModule
from brats_seg.kinds import Amount, KeysOf
from brats_seg.preprocessing import MinMax


class PipelineADataModule(BraTSDataModule):
    """Data of pipeline A (sections 2.3 and 2.4).

    Args:
        lower_percentile: Of the non-zero voxels, in percent; becomes 0.
        upper_percentile: Of the non-zero voxels, in percent; becomes 1.
        augmentation: Probabilities and ranges of :class:`brats_seg.augment.Augmentation` without the shift.
        **common: As :class:`brats_seg.data.BraTSDataModule`.
    """

    pipeline: ClassVar[str] = "a"

    def __init__(
        self,
        *,
        lower_percentile: Amount,
        upper_percentile: Amount,
        augmentation: Annotated[Mapping[str, Any], KeysOf(Augmentation)],
        **common: Any,
    ) -> None:
        super().__init__(
            normalise=MinMax(lower_percentile, upper_percentile),
            augmentation=Augmentation.from_plain(augmentation, shift=0.0, shift_range=(0.0, 0.0)),
            **common,
        )
