"""Which device computes, and whether torch can use the card that is there.

Covered by tests/runtime/test_card.py.
"""

from __future__ import annotations

import os
import shutil
import subprocess

import torch

from brats_seg.errors import UserError
from brats_seg.runtime.machine import cores

CPU = "cpu"
VISIBLE = "CUDA_VISIBLE_DEVICES"
GIB = 2**30
CARD_TIMEOUT_S = 10


def usable_device(accelerator: str, key: str = "accelerator") -> str:
    """Name the device that an accelerator means, or say why it cannot be used.

    Args:
        accelerator: Lightning's name: ``auto``, ``gpu``, ``cuda`` or ``cpu``.
        key: The key that the user gives, for the error.

    Returns:
        In words, such as ``NVIDIA H100 (80 GiB)`` or ``CPU, 8 cores``.

    Raises:
        UserError: There is an NVIDIA card that the installed torch cannot use, and the CPU was not asked for.
    """
    if accelerator == CPU:
        return _describe_cpu()
    if torch.cuda.is_available():
        _refuse_card_without_kernels(key)
        return _describe_cards()
    if _shows_card():
        raise UserError(
            f"there is an NVIDIA card, but torch {torch.__version__} cannot use it ({_reason()}): "
            f"install the torch for this driver (https://pytorch.org/get-started), or give {key}=cpu"
        )
    return _describe_cpu()


def _shows_card() -> bool:
    """Whether the driver shows a card that torch does not see, and that the user has not hidden."""
    if torch.cuda.is_available() or os.environ.get(VISIBLE) in ("", "-1"):
        return False
    program = shutil.which("nvidia-smi")
    if program is None:
        return False
    try:
        shown = subprocess.run([program, "-L"], capture_output=True, text=True, timeout=CARD_TIMEOUT_S)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return shown.returncode == 0 and "GPU" in shown.stdout


def has_kernels(capability: tuple[int, int], architectures: list[str]) -> bool:
    """Whether code that was compiled for some architectures runs on a card.

    Args:
        capability: Of the card, such as ``(9, 0)``.
        architectures: Of the code: ``sm_90`` runs on cards of its major version from its minor version on,
            ``compute_90`` on every later card.

    Returns:
        Whether one of them fits.

    >>> has_kernels((7, 0), ["sm_75", "sm_90"]), has_kernels((8, 9), ["sm_80"])
    (False, True)
    >>> has_kernels((12, 0), ["compute_90"])
    True
    """
    for architecture in architectures:
        kind, _, digits = architecture.partition("_")
        number = int("".join(filter(str.isdigit, digits)) or 0)
        version = divmod(number, 10)
        if kind == "compute" and version <= capability:
            return True
        if kind == "sm" and version[0] == capability[0] and version[1] <= capability[1]:
            return True
    return False


def _refuse_card_without_kernels(key: str) -> None:
    capability, architectures = torch.cuda.get_device_capability(), torch.cuda.get_arch_list()
    if architectures and not has_kernels(capability, architectures):
        card = f"{torch.cuda.get_device_name()} (compute capability {capability[0]}.{capability[1]})"
        remedy = "install a torch that has (https://pytorch.org/get-started, CUDA 12.6 for Volta)"
        raise UserError(f"torch {torch.__version__} has no code for {card}: {remedy}, or give {key}=cpu")


def _reason() -> str:
    if torch.version.cuda is None:
        return "it is built without CUDA"
    return f"it needs a driver for CUDA {torch.version.cuda}"


def _describe_cards() -> str:
    cards = [torch.cuda.get_device_properties(index) for index in range(torch.cuda.device_count())]
    return ", ".join(f"{card.name} ({card.total_memory / GIB:.0f} GiB)" for card in cards)


def _describe_cpu() -> str:
    return f"CPU, {cores()} cores"
