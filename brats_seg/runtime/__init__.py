"""This process on this machine: cores, devices, precision, processes, signals, launchers, the allocator.

The only room that touches private names of Lightning, Hydra, OmegaConf, submitit or wandb; ``pyproject.toml``
bounds their versions for that reason.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from brats_seg.lazy import exports

if TYPE_CHECKING:
    from brats_seg.runtime.machine import cores, memory_bytes, worker_count
    from brats_seg.runtime.precision import default_precision

__all__ = ["cores", "default_precision", "memory_bytes", "worker_count"]

# Not at once: torch takes seconds.
__getattr__ = exports(
    __name__,
    {
        "cores": "machine",
        "default_precision": "precision",
        "memory_bytes": "machine",
        "worker_count": "machine",
    },
)
