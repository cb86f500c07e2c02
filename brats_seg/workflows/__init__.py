"""Sequences of the plain functions of the rooms below."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from brats_seg.workflows.demonstration import demo
    from brats_seg.workflows.diagnosis import doctor
    from brats_seg.workflows.out_of_fold import train_and_predict
    from brats_seg.workflows.reproduction import reproduce

__all__ = ["demo", "doctor", "reproduce", "train_and_predict"]

_MODULES = {
    "demo": "demonstration",
    "doctor": "diagnosis",
    "reproduce": "reproduction",
    "train_and_predict": "out_of_fold",
}


def __getattr__(name: str) -> Any:
    # Not at once: `reproduce` needs no torch.
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
