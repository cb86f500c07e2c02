"""One forward pass as `predict` does it on a CPU, against plain torch in fp32, contiguous, with heads.

Medians of one run.

python benchmarks/forward.py [ROUNDS]
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from statistics import median

import torch
from plain import plain_unet

from brats_seg.models import UNet
from brats_seg.runtime.precision import default_precision

WIDTH, SIDE = 48, 64


def seconds(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def main() -> None:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 7
    torch.manual_seed(0)
    net = UNet(width=WIDTH, norm="group", attention=False, residual=False, dropout=0.0).eval()
    ours = UNet(**{k: v for k, v in net.settings().items() if k != "name"}).eval()
    ours.load_state_dict(net.state_dict())
    ours.to(memory_format=torch.channels_last_3d)
    image = torch.randn(1, 4, SIDE, SIDE, SIDE)
    packed = image.contiguous(memory_format=torch.channels_last_3d)
    precision = default_precision()

    def fast() -> torch.Tensor:
        with torch.autocast("cpu", torch.bfloat16, enabled=precision == "bf16-mixed"):
            logits: torch.Tensor = ours(packed, deep=False).main
        return logits

    with torch.inference_mode():
        worst = (fast().float() - plain_unet(net, image)[0]).abs().max().item()
        pairs = [(seconds(lambda: plain_unet(net, image)), seconds(fast)) for _ in range(rounds)]
    plain, quick = (median(times) for times in zip(*pairs, strict=True))
    print(
        f"native bf16: {'yes' if precision == 'bf16-mixed' else 'no'}; "
        f"default precision {precision}, channels_last_3d"
    )
    print(f"forward, width {WIDTH}, 1x4x{SIDE}x{SIDE}x{SIDE}:")
    print(f"plain fp32 {plain:.3f} s, default {quick:.3f} s, ratio {plain / quick:.2f}")
    print(
        f"largest difference of a logit {worst:.2g}; "
        "at least 2.5 times as fast is wanted where bf16 is native"
    )


if __name__ == "__main__":
    main()
