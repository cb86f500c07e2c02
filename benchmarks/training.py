"""A training step of this package, of the same network in plain torch, and of MONAI's networks of equal size.

python benchmarks/training.py [--cuda] [--side N] [--batch N] [--width N] [--rounds N] [--precision P] ...

The others are eager, in fp32 and bf16, contiguous and ``channels_last_3d``; each is compared with in its best
setting. Every contender has a process of its own, because the package also changes how a process keeps freed
memory; they take turns, one step each, and the medians of all turns are compared. A step: forward, Dice loss
of every head of the network, backward, the norm of the gradient, Adam.
"""

from __future__ import annotations

import argparse
import multiprocessing
import resource
import time
from collections.abc import Callable
from contextlib import nullcontext
from multiprocessing.connection import Connection
from statistics import median
from typing import Any

import torch
from plain import plain_unet
from rivals import RIVALS, Rival, best
from torch import Tensor, nn

from brats_seg.losses import DeepSupervisionLoss, DiceLoss
from brats_seg.models import UNet
from brats_seg.runtime.allocator import keep_freed_memory
from brats_seg.runtime.precision import default_precision
from brats_seg.terms import Logits

OTHERS = ("plain torch", "MONAI DynUNet", "MONAI UNet")
CONTENDERS = {"brats_seg": None, **{f"{name}, {rival.name}": rival for name in OTHERS for rival in RIVALS}}
WARM_UP = 2
Forward = Callable[[Tensor], Logits]


def ours(options: argparse.Namespace, device: torch.device) -> tuple[nn.Module, Forward]:
    keep_freed_memory()
    net = UNet(width=options.width, norm="group", attention=False, residual=False, dropout=0.0)
    net.to(device, memory_format=torch.channels_last_3d)  # type: ignore[call-overload]
    net.checkpointing = options.checkpointing
    if options.compile:
        net.compile()
    dtype = {"bf16-mixed": torch.bfloat16, "16-mixed": torch.float16}.get(options.precision)

    def forward(image: Tensor) -> Logits:
        with torch.autocast(device.type, dtype) if dtype else nullcontext():
            return net(image.contiguous(memory_format=torch.channels_last_3d))

    return net, forward


def plain(options: argparse.Namespace, device: torch.device) -> tuple[nn.Module, Forward]:
    net = UNet(width=options.width, norm="group", attention=False, residual=False, dropout=0.0).to(device)

    def forward(image: Tensor) -> Logits:
        main, *deep = plain_unet(net, image)
        return Logits(main, tuple(deep))

    return net, forward


def monai(name: str, options: argparse.Namespace, device: torch.device) -> tuple[nn.Module, Forward]:
    """Five stages of two 3x3x3 convolutions, the fifth at the size of the fourth as in our network.

    DynUNet supervises three more heads.
    """
    from monai.networks.nets import DynUNet
    from monai.networks.nets import UNet as MonaiUNet

    filters = [options.width * 2**k for k in (0, 1, 2, 3, 3)]
    if name == "MONAI DynUNet":
        deep: Any = {"deep_supervision": True, "deep_supr_num": 3}
        net: nn.Module = DynUNet(3, 4, 3, [3] * 5, [1, 2, 2, 2, 1], [2, 2, 2, 1], filters=filters, **deep)
    else:
        net = MonaiUNet(3, 4, 3, channels=filters, strides=[1, 2, 2, 2], num_res_units=2)
    net.to(device)

    def forward(image: Tensor) -> Logits:
        answer = net(image)
        heads = answer.unbind(1) if answer.ndim == 6 else (answer,)
        return Logits(heads[0], tuple(heads[1:]))

    return net, forward


def another(
    name: str, rival: Rival, options: argparse.Namespace, device: torch.device
) -> tuple[nn.Module, Forward]:
    """A rival in one of its settings."""
    if name.startswith("plain torch"):
        net, eager = plain(options, device)
    else:
        net, eager = monai(name.split(",")[0], options, device)
    rival.lay_out(net)

    def forward(image: Tensor) -> Logits:
        with rival.autocast(device.type):
            return eager(rival.lay(image))

    return net, forward


def contender(name: str, options: argparse.Namespace, pipe: Connection) -> None:
    """Answer every message with the seconds of a step, None with the peak memory in GiB."""
    device = torch.device("cuda" if options.cuda else "cpu")
    torch.manual_seed(0)
    rival = CONTENDERS[name]
    net, forward = ours(options, device) if rival is None else another(name, rival, options, device)
    loss, adam = (
        DeepSupervisionLoss(DiceLoss(squared=True, smooth=1.0)),
        torch.optim.Adam(net.parameters(), 1e-4),
    )
    scaler = torch.amp.GradScaler(
        device.type, enabled=name == "brats_seg" and options.precision == "16-mixed"
    )
    image = torch.randn(options.batch, 4, *[options.side] * 3, device=device)
    target = (torch.rand(options.batch, 3, *[options.side] * 3, device=device) < 0.1).float()

    def step() -> float:
        began = time.perf_counter()
        adam.zero_grad()
        scaler.scale(loss(forward(image), target)).backward()
        scaler.unscale_(adam)
        float(nn.utils.get_total_norm([p.grad for p in net.parameters() if p.grad is not None]))
        scaler.step(adam)
        scaler.update()
        if options.cuda:
            torch.cuda.synchronize()
        return time.perf_counter() - began

    for _ in range(WARM_UP):
        step()
    pipe.send(None)
    while pipe.recv() is not None:
        pipe.send(step())
    rss = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    pipe.send((torch.cuda.max_memory_allocated() if options.cuda else rss) / 2**30)


def measure(options: argparse.Namespace) -> dict[str, tuple[float, float]]:
    """Name to median seconds and peak GiB."""
    context = multiprocessing.get_context("spawn")
    pipes: dict[str, Connection] = {}
    for name in CONTENDERS:
        pipes[name], other = context.Pipe()
        context.Process(target=contender, args=(name, options, other), daemon=True).start()
        pipes[name].recv()  # warmed up, alone
    times: dict[str, list[float]] = {name: [] for name in CONTENDERS}
    for _ in range(options.rounds):
        for name, pipe in pipes.items():
            pipe.send("step")
            times[name].append(pipe.recv())
    found = {}
    for name, pipe in pipes.items():
        pipe.send(None)
        found[name] = (median(times[name]), pipe.recv())
    return found


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--cuda", action="store_true")
    parser.add_argument("--side", type=int, help="of the patch; default 64, with --cuda 128")
    parser.add_argument("--batch", type=int, default=1)
    parser.add_argument("--width", type=int, default=48)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument(
        "--precision", choices=["32-true", "bf16-mixed", "16-mixed"], default=default_precision()
    )
    parser.add_argument("--compile", action="store_true")
    parser.add_argument("--checkpointing", action="store_true")
    options = parser.parse_args()
    options.side = options.side or (128 if options.cuda else 64)
    device = "cuda" if options.cuda else "cpu"
    switches = ", compiled" * options.compile + ", checkpointing" * options.checkpointing
    print(
        f"width {options.width}, batch {options.batch}, {options.side}^3, {device}, {options.rounds} rounds"
    )
    print(f"brats_seg: {options.precision}, channels_last_3d{switches}", flush=True)
    found = measure(options)
    quick = found["brats_seg"][0]
    print(f"{'':<36}{'s/step':>9}{'patches/s':>11}{'peak GiB':>10}{'times as slow':>15}")
    for name, (seconds, gib) in found.items():
        print(
            f"{name:<36}{seconds:>9.3f}{options.batch / seconds:>11.2f}{gib:>10.2f}{seconds / quick:>15.2f}"
        )
    times = {name: seconds for name, (seconds, _) in found.items()}
    for other in OTHERS:
        name, seconds = best(times, other)
        print(f"against the best of {other}: {seconds / quick:.2f} ({name})")


if __name__ == "__main__":
    main()
