"""Sequences of the plain functions of the rooms below."""

from __future__ import annotations

from typing import TYPE_CHECKING

from brats_seg.lazy import exports

if TYPE_CHECKING:
    from brats_seg.workflows.demonstration import demo
    from brats_seg.workflows.diagnosis import doctor
    from brats_seg.workflows.out_of_fold import train_and_predict
    from brats_seg.workflows.reproduction import reproduce

__all__ = ["demo", "doctor", "reproduce", "train_and_predict"]

# Not at once: `reproduce` needs no torch.
__getattr__ = exports(
    __name__,
    {
        "demo": "demonstration",
        "doctor": "diagnosis",
        "reproduce": "reproduction",
        "train_and_predict": "out_of_fold",
    },
)
