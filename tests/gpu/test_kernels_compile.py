"""The Triton kernels become machine code of real cards without one: Triton brings NVIDIA's assembler."""

from __future__ import annotations

from typing import Any

import pytest

from brats_seg.models import fused_norm, norm_plan

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not fused_norm.HAS_TRITON,
        reason="no triton: the kernels are NOT compiled (make dev installs it on Linux)",
    ),
]
MODULES = ("norm_kernels", "norm_gradient_kernels")
WHOLE = ("voxels", "run", "runs")
VALUES = ("x", "y", "dx", "dy")
WIDE_LOAD = "ld.global.v4.b32"
"""Sixteen bytes at once: what reading at the speed of the memory takes."""


def compiled(kernel: Any, channels: int, size: int, capability: int, dtype: str) -> str:
    """The PTX of a kernel as ``fused_norm`` calls it."""
    import triton
    from triton.backends.compiler import GPUTarget
    from triton.compiler import ASTSource

    second_stage = kernel.__name__.startswith("combine")
    columns = norm_plan.power_of_two(size if second_stage else channels)
    rows = (norm_plan.COMBINED if second_stage else norm_plan.TILE) // columns
    constants = {"C": channels, "SIZE": size, "COLUMNS": columns, "ROWS": rows}
    signature, values, divisible = {}, {}, {}
    for place, name in enumerate(kernel.arg_names):
        if name in constants:
            signature[name] = "constexpr"
            values[(place,)] = constants[name]
            continue
        signature[name] = (
            "i32" if name in WHOLE else "fp32" if name == "eps" else f"*{dtype if name in VALUES else 'fp32'}"
        )
        if name != "eps":
            divisible[(place,)] = [["tt.divisibility", 16]]
    answer = triton.compile(
        ASTSource(kernel, signature, values, divisible), target=GPUTarget("cuda", capability, 32)
    )
    assert answer.asm["cubin"]
    ptx: str = answer.asm["ptx"]
    return ptx


@pytest.mark.parametrize(("capability", "dtype"), [(75, "fp16"), (80, "bf16"), (90, "bf16"), (100, "fp16")])
def test_kernels_compile_and_read_wide(capability: int, dtype: str) -> None:
    import importlib

    for module in MODULES:
        kernels = vars(importlib.import_module(f"brats_seg.models.{module}"))
        for name, kernel in kernels.items():
            if not name.endswith("_kernel"):
                continue
            ptx = compiled(kernel, 48, 3, capability, dtype)
            assert name.startswith("combine") or WIDE_LOAD in ptx, name
