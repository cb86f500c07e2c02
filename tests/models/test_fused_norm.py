"""Norm and ReLU in one kernel: right in the interpreter, shared out over the card, used where it applies."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from brats_seg.models import UNet, fused_norm
from brats_seg.models.blocks import ConvNormReLU, Norm
from brats_seg.models.norm_plan import PROGRAMS, plan

INTERPRETED = Path(__file__).with_name("interpreted_fused_norm.py")


@pytest.mark.slow
@pytest.mark.skipif(
    not fused_norm.HAS_TRITON, reason="no triton: the kernels are not tested (make dev installs it on Linux)"
)
def test_the_kernels_in_the_interpreter() -> None:
    environment = {**os.environ, "TRITON_INTERPRET": "1", "CUDA_VISIBLE_DEVICES": ""}
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        "-p",
        "no:xdist",
        str(INTERPRETED),
    ]
    process = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert process.returncode == 0, process.stdout + process.stderr
    assert " passed" in process.stdout
    assert "skipped" not in process.stdout


@pytest.mark.parametrize(
    "shape",
    [(1, 48, 128, 128, 128), (3, 96, 64, 64, 64), (1, 384, 16, 16, 16), (2, 2048, 8, 8, 8), (1, 1, 1, 1, 1)],
)
def test_runs_cover_every_voxel_and_are_many(shape: tuple[int, ...]) -> None:
    p = plan(torch.Size(shape))
    assert p.run * (p.runs - 1) < p.voxels <= p.run * p.runs
    assert p.run % p.rows == 0
    assert p.columns >= p.channels
    assert p.runs * p.samples <= PROGRAMS + p.samples
    if p.voxels >= 4096:
        assert p.runs * p.samples >= 132


def test_offsets_of_whole_runs_are_beyond_31_bits() -> None:
    """Inside a run they are not, and need not be."""
    p = plan(torch.Size((8, 48, 256, 256, 256)))
    assert p.samples * p.voxels * p.channels > 2**31
    assert p.run * p.columns < 2**31


class Pretended(Tensor):
    """On a CPU, but it says CUDA."""

    @property
    def is_cuda(self) -> bool:
        return True


def plain(x: Tensor, weight: Tensor, bias: Tensor, groups: int, eps: float) -> Tensor:
    return functional.relu(functional.group_norm(x, groups, weight, bias, eps))


@pytest.mark.parametrize("norm", ["group", "instance"])
def test_a_block_asks_for_it_unless_it_was_switched_off(norm: Norm, monkeypatch: pytest.MonkeyPatch) -> None:
    net, asked = UNet(width=4, norm=norm, attention=False, residual=False, dropout=0.0), []
    monkeypatch.setattr(fused_norm, "applies", lambda x: True)
    monkeypatch.setattr(
        fused_norm,
        "norm_relu",
        lambda x, w, b, groups, eps: asked.append(groups) or plain(x, w, b, groups, eps),
    )
    image = torch.randn(2, 4, 16, 16, 16)
    one = net(image).main
    blocks = [module for module in net.modules() if isinstance(module, ConvNormReLU)]
    assert asked == [block.norm.num_groups for block in blocks]
    net.fuse_norms(False)
    other = net(image).main
    assert len(asked) == len(blocks)
    torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-5)


def test_only_16_bit_in_channels_last_on_cuda() -> None:
    x = torch.randn(1, 4, 4, 6, 8).contiguous(memory_format=torch.channels_last_3d)
    assert fused_norm.applies(x.half().as_subclass(Pretended))
    assert fused_norm.applies(x.bfloat16().as_subclass(Pretended))
    for other in (x.half(), x.as_subclass(Pretended), x.half().contiguous().as_subclass(Pretended)):
        assert not fused_norm.applies(other)
