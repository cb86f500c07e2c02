"""Which arithmetic does this device do well?"""

from __future__ import annotations

from collections.abc import Sequence

import torch

from brats_seg.errors import UserError
from brats_seg.terms import DIVISOR


def default_precision(accelerator: str = "auto") -> str:
    """Lightning's name of the precision to use: bf16 where it is native, else fp16 with loss scaling on a GPU, else fp32.

    Emulated bf16 is slower than fp32, so a CPU must have the instructions.

    Args:
        accelerator: ``"cpu"``, or anything else for the GPU where there is one.
    """
    if not _on_cpu(accelerator):
        return "bf16-mixed" if torch.cuda.is_bf16_supported(including_emulation=False) else "16-mixed"
    capabilities = torch.backends.cpu.get_cpu_capability() if hasattr(torch.backends, "cpu") else ""
    native = "AVX512" in capabilities and torch.cpu._is_avx512_bf16_supported()
    return "bf16-mixed" if native else "32-true"


def training_precision(precision: str, accelerator: str, patch: Sequence[int]) -> str:
    """What ``trainer.precision`` means for patches of this size.

    oneDNN 3.12 (torch 2.13) reads memory that nobody wrote when it computes, in bf16 on a CPU, the gradient of a convolution's
    weights over a volume two voxels deep, as the lowest level of a patch 16 voxels deep is.

    Raises:
        UserError: That is what was asked for, or fp16 on a CPU.
    """
    refuse_half_precision(f"trainer.precision={precision}", accelerator)
    chosen = default_precision(accelerator) if precision == "auto" else str(precision)
    if not (_on_cpu(accelerator) and chosen.startswith("bf16") and patch[0] < 3 * DIVISOR):
        return chosen
    if precision == "auto":
        return "32-true"
    raise UserError(
        f"trainer.precision={precision} on a CPU gives wrong gradients for patches {patch[0]} voxels deep: use "
        f"data.patch=[{3 * DIVISOR},...] or more, or trainer.precision=32-true"
    )


def refuse_half_precision(asked: str, accelerator: str) -> None:
    """fp16 is for GPUs: of a training Lightning would make a bf16 one on a CPU, and a prediction takes hundreds of times as long.

    Args:
        asked: ``key=precision``.
        accelerator: As for :func:`default_precision`.

    Raises:
        UserError: That is what was asked for.
    """
    if _on_cpu(accelerator) and asked.partition("=")[2].startswith("16"):
        raise UserError(f"{asked} needs a GPU: use bf16-mixed or 32-true")


def _on_cpu(accelerator: str) -> bool:
    return accelerator == "cpu" or not torch.cuda.is_available()
