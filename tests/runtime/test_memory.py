"""Errors of torch that mean too little memory, and those after which a GPU is of no more use."""

from __future__ import annotations

import pytest
import torch

from brats_seg.runtime.memory import is_out_of_memory, is_sticky


@pytest.mark.parametrize(
    "words",
    [
        "CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`",
        "CUDA error: CUBLAS_STATUS_NOT_INITIALIZED when calling `cublasCreate(handle)`",
        "cuDNN error: CUDNN_STATUS_ALLOC_FAILED",
        "CUDNN_STATUS_INTERNAL_ERROR_DEVICE_ALLOCATION_FAILED",
        "GET was unable to find an engine to execute this computation",
        "FIND was unable to find an engine to execute this computation",
        "CUDA error: out of memory",
        "DefaultCPUAllocator: can't allocate memory",
        "could not create a primitive",
    ],
)
def test_too_little_memory(words: str) -> None:
    assert is_out_of_memory(RuntimeError(words))
    assert not is_sticky(RuntimeError(words))


def test_kinds_of_errors_that_say_it_themselves() -> None:
    assert is_out_of_memory(torch.OutOfMemoryError("CUDA out of memory"))
    assert is_out_of_memory(MemoryError())
    assert not is_out_of_memory(ValueError("can't allocate memory"))


@pytest.mark.parametrize(
    "words",
    [
        "CUDA error: an illegal memory access was encountered",
        "CUDA error: no kernel image is available for execution on the device",
        "cuDNN error: CUDNN_STATUS_EXECUTION_FAILED",
    ],
)
def test_a_gpu_of_no_more_use(words: str) -> None:
    assert is_sticky(RuntimeError(words))
    assert not is_out_of_memory(RuntimeError(words))


def test_other_errors_are_neither() -> None:
    error = RuntimeError("shape mismatch")
    assert not is_sticky(error)
    assert not is_out_of_memory(error)
