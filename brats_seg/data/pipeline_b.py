"""Pipeline B: z-score, intensity shift, no channel dropping.

Covered by tests/training/test_run.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar

from brats_seg.augment import Augmentation
from brats_seg.data.base import BraTSDataModule
from brats_seg.kinds import KeysOf
from brats_seg.preprocessing import ZScore


class PipelineBDataModule(BraTSDataModule):
    """Data of pipeline B (sections 2.3 and 2.4).

    Args:
        augmentation: Probabilities and ranges of :class:`brats_seg.augment.Augmentation` without the drop.
        **common: As :class:`brats_seg.data.BraTSDataModule`.
    """

    pipeline: ClassVar[str] = "b"

    def __init__(
        self, *, augmentation: Annotated[Mapping[str, Any], KeysOf(Augmentation)], **common: Any
    ) -> None:
        super().__init__(
            normalise=ZScore(), augmentation=Augmentation.from_plain(augmentation, drop=0.0), **common
        )
