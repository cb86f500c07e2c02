"""Which arithmetic does this device do well?"""

from __future__ import annotations

import torch


def default_precision() -> str:
    """Lightning's name of the precision to use: bf16 where it is native, else fp16 with loss scaling on a GPU, else fp32.

    Emulated bf16 is slower than fp32, so a CPU must have the instructions.
    """
    if torch.cuda.is_available():
        return "bf16-mixed" if torch.cuda.is_bf16_supported(including_emulation=False) else "16-mixed"
    capabilities = torch.backends.cpu.get_cpu_capability() if hasattr(torch.backends, "cpu") else ""
    native = "AVX512" in capabilities and torch.cpu._is_avx512_bf16_supported()
    return "bf16-mixed" if native else "32-true"
