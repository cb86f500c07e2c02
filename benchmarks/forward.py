"""One forward pass at the paper's width, as prediction does it, against fp32, contiguous, with heads. Medians of one run.

python benchmarks/forward.py
"""

from __future__ import annotations

import copy
import time
from collections.abc import Callable
from statistics import median

import torch

from brats_seg.inference.ensemble import arithmetic
from brats_seg.models import UNet
from brats_seg.models.precision import default_precision

ROUNDS = 7


def seconds(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


@torch.inference_mode()
def main() -> None:
    net = UNet(width=48, norm="group", attention=False, residual=False, dropout=0.0).eval()
    ours = copy.deepcopy(net).to(memory_format=torch.channels_last_3d)
    image = torch.randn(1, 4, 64, 64, 64)
    turned = image.contiguous(memory_format=torch.channels_last_3d)
    precision = default_precision()

    def as_predicted() -> None:
        with arithmetic(precision, image.device):
            ours(turned, deep=False)

    times: dict[str, list[float]] = {"ours": [], "plain": []}
    for _ in range(ROUNDS):
        times["plain"].append(seconds(lambda: net(image)))
        times["ours"].append(seconds(as_predicted))
    ratio = median(times["plain"]) / median(times["ours"])
    print(f"forward 1x4x64x64x64 at width 48, {precision}, channels last, no heads: {ratio:.2f} times as fast as the other")


if __name__ == "__main__":
    main()
