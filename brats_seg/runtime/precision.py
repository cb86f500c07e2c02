"""Which arithmetic does this device do well?"""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext

import torch

from brats_seg.errors import UserError, WrongValue

AUTOCAST = {"bf16-mixed": torch.bfloat16, "16-mixed": torch.float16, "32-true": None}
"""Lightning's names of the precisions."""


def default_precision(accelerator: str = "auto") -> str:
    """The precision to use: bf16 where it is native, else fp16 with loss scaling on a GPU, else fp32.

    Emulated bf16 is slower than fp32, so a CPU must have the instructions.

    Args:
        accelerator: ``"cpu"``, or anything else for the GPU where there is one.

    Returns:
        Lightning's name of the precision.
    """
    if not _on_cpu(accelerator):
        return "bf16-mixed" if torch.cuda.is_bf16_supported(including_emulation=False) else "16-mixed"
    capabilities = torch.backends.cpu.get_cpu_capability() if hasattr(torch.backends, "cpu") else ""
    native = "AVX512" in capabilities and torch.cpu._is_avx512_bf16_supported()
    return "bf16-mixed" if native else "32-true"


def prediction_precision(precision: str, accelerator: str) -> str:
    """What ``precision`` of a prediction means on this device: fp16 on every GPU (PAPER.md).

    Rounding to fp16 changes probabilities a sixth as much as rounding to bf16; a case whose probabilities are
    not finite is predicted again in fp32.

    Args:
        precision: ``auto`` or one of Lightning's names.
        accelerator: As for :func:`default_precision`.

    Returns:
        One of Lightning's names.
    """
    if precision != "auto":
        return precision
    return default_precision("cpu") if _on_cpu(accelerator) else "16-mixed"


def training_precision(precision: str, accelerator: str) -> str:
    """What ``trainer.precision`` means on this device.

    Args:
        precision: ``auto`` or one of Lightning's names.
        accelerator: As for :func:`default_precision`.

    Returns:
        One of Lightning's names.

    Raises:
        UserError: fp16 on a CPU.
    """
    refuse_half_precision(f"trainer.precision={precision}", accelerator)
    return default_precision(accelerator) if precision == "auto" else str(precision)


def refuse_half_precision(asked: str, accelerator: str) -> None:
    """Refuse fp16 on a CPU: Lightning would train in bf16, a prediction takes hundreds of times as long.

    Args:
        asked: ``key=precision``, as the error shows it.
        accelerator: As for :func:`default_precision`.

    Raises:
        UserError: The precision is fp16 and the device a CPU.
    """
    if _on_cpu(accelerator) and asked.partition("=")[2].startswith("16"):
        raise UserError(f"{asked} needs a GPU: use bf16-mixed or 32-true")


def exact_float32() -> None:
    """From now on fp32 is fp32 on every GPU.

    torch lets convolutions in float32 use TF32, which keeps 10 bits of a number as fp16 does. The fast way is
    16-bit mixed precision; who asks for ``32-true`` wants its digits.
    """
    torch.backends.cudnn.allow_tf32 = False
    torch.backends.cuda.matmul.allow_tf32 = False


def arithmetic(precision: str, device: torch.device) -> AbstractContextManager[object]:
    """Autocast of a named precision.

    Args:
        precision: A key of :data:`AUTOCAST`.
        device: Where the network runs.

    Returns:
        The context to run the network in.

    Raises:
        UserError: The name is unknown.
    """
    if precision not in AUTOCAST:
        raise WrongValue(f"unknown precision={precision}: use auto, {', '.join(AUTOCAST)}")
    dtype = AUTOCAST[precision]
    return nullcontext() if dtype is None else torch.autocast(device.type, dtype)


def _on_cpu(accelerator: str) -> bool:
    return accelerator == "cpu" or not torch.cuda.is_available()
