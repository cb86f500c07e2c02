"""What an error of torch means: too little memory, or a device that is of no more use to this process.

Covered by tests/runtime/test_memory.py.
"""

from __future__ import annotations

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
