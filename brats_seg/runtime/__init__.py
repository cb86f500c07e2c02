"""This process on this machine: cores, devices, precision, processes, signals, launchers, the allocator.

The only room that touches private names of Lightning, Hydra, OmegaConf, submitit or wandb; ``pyproject.toml``
bounds their versions for that reason.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from brats_seg.runtime.machine import cores, memory_bytes
    from brats_seg.runtime.precision import default_precision

__all__ = ["cores", "default_precision", "memory_bytes"]

_MODULES = {"cores": "machine", "default_precision": "precision", "memory_bytes": "machine"}


def __getattr__(name: str) -> Any:
    # Not at once: torch takes seconds.
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
