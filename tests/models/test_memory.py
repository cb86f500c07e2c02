"""No gradient depends on memory that nobody wrote."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

STEPS = """
import hashlib, torch
from brats_seg.models.unet import UNet

torch.manual_seed(0)
for norm in ("group", "instance"):
    for shape in ((16, 8, 24), (32, 32, 32), (48, 40, 48)):
        for low in (True, False):
            net = UNet(width=4, norm=norm, attention=True, residual=True, dropout=0.0)
            net.to(memory_format=torch.channels_last_3d)
            image = torch.randn(1, 4, *shape).contiguous(memory_format=torch.channels_last_3d)
            for _ in range(2):  # the second finds memory that the first has let go
                with torch.autocast("cpu", torch.bfloat16, enabled=low):
                    logits = net(image)
                sum(each.float().sigmoid().mean() for each in (logits.main, *logits.deep)).backward()
            found = b"".join(parameter.grad.numpy().tobytes() for parameter in net.parameters())
            print(norm, shape, low, hashlib.sha256(found).hexdigest())
"""


@pytest.mark.slow
@pytest.mark.skipif(
    not hasattr(os, "confstr") or "glibc" not in (os.confstr("CS_GNU_LIBC_VERSION") or ""), reason="not glibc"
)
def test_training_reads_no_memory_that_nobody_wrote() -> None:
    """glibc fills what it gives out with a byte of ours: huge numbers of either sign."""
    answers = [
        subprocess.run(
            [sys.executable, "-c", STEPS],
            env={**os.environ, "MALLOC_PERTURB_": byte, "OMP_NUM_THREADS": "1"},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for byte in ("1", "128")
    ]
    assert len(answers[0].splitlines()) == 12
    assert answers[0] == answers[1]
