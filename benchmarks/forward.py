"""One forward pass as `predict` does it on a CPU, against plain torch with heads, in its best setting.

Medians of one run.

python benchmarks/forward.py [ROUNDS]
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from copy import deepcopy
from functools import partial
from statistics import median

import torch
from plain import plain_unet
from rivals import RIVALS, Rival, best

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

    def rival(setting: Rival) -> torch.Tensor:
        with setting.autocast("cpu"):
            return plain_unet(laid[setting.name], setting.lay(image))[0]

    laid = {setting.name: setting.lay_out(deepcopy(net)) for setting in RIVALS}
    ways: dict[str, Callable[[], torch.Tensor]] = {"ours": fast}
    ways |= {f"plain torch, {setting.name}": partial(rival, setting) for setting in RIVALS}
    times: dict[str, list[float]] = {name: [] for name in ways}
    with torch.inference_mode():
        worst = (fast().float() - plain_unet(net, image)[0]).abs().max().item()
        for _ in range(rounds):
            for name, way in ways.items():
                times[name].append(seconds(way))
    print(f"width {WIDTH}, 1x4x{SIDE}x{SIDE}x{SIDE}; ours: {precision}, channels_last_3d")
    medians = {name: median(found) for name, found in times.items()}
    for name, each in medians.items():
        print(f"{name:<36}{each:>9.3f} s{each / medians['ours']:>8.2f}")
    name, quickest = best(medians, "plain torch")
    print(f"against the best, {name}: {quickest / medians['ours']:.2f}")
    print(f"largest difference of a logit from fp32: {worst:.2g}")


if __name__ == "__main__":
    main()
