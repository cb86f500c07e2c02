"""What an error of torch means (too little memory, or a device of no more use), and what was too large.

Covered by tests/runtime/test_memory.py.
"""

from __future__ import annotations

from collections.abc import Hashable

import torch

OUT_OF_MEMORY = (
    "can't allocate memory",  # the CPU's allocator
    "could not create a primitive",  # oneDNN
    "could not create a memory object",
    "CUDA error: out of memory",
    "ALLOC_FAILED",  # cuBLAS, cuDNN up to 8
    "ALLOCATION_FAILED",  # cuDNN 9
    "CUBLAS_STATUS_NOT_INITIALIZED",  # what cuBLAS says where its workspace does not fit
    "unable to find an engine",  # cuDNN after the workspace of every plan was too large
)
"""Words in messages of errors whose cause is too little memory."""
STICKY = ("CUDA error", "CUDNN_STATUS", "CUBLAS_STATUS", "cuDNN error", "NCCL error")
"""Words of errors after which CUDA answers nothing more in this process."""


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error means that memory did not suffice, on any device."""
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    return isinstance(error, RuntimeError) and any(words in str(error) for words in OUT_OF_MEMORY)


def is_sticky(error: BaseException) -> bool:
    """Whether every later case would fail in this process, too."""
    if is_out_of_memory(error) or not isinstance(error, RuntimeError):
        return False
    return any(words in str(error) for words in STICKY)


class TooLarge:
    """What was too large for this device, so that it is not tried again."""

    def __init__(self) -> None:
        self._least: dict[Hashable, int] = {}

    def allows(self, way: Hashable, voxels: int) -> bool:
        """Whether to try a way of computing on an image.

        Args:
            way: Any name.
            voxels: Of the image.

        Returns:
            False where this way was too much for an image of as many voxels or fewer.
        """
        return voxels < self._least.get(way, voxels + 1)

    def note(self, way: Hashable, voxels: int) -> None:
        """Remember that memory did not suffice.

        Args:
            way: What was tried.
            voxels: Of the image.
        """
        self._least[way] = min(voxels, self._least.get(way, voxels))
