"""What ``gpu.py`` measures; each function answers with plain values for one line of JSON."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from itertools import pairwise
from statistics import median
from typing import Any

import torch
from gpu_nets import WIDTH, Contender, make
from torch import Tensor, nn

from brats_seg.inference.tta import VIEWS
from brats_seg.losses import DiceLoss
from brats_seg.models import UNet, fused_norm
from brats_seg.terms import Logits

WARM_UP, TIMED = 5, 10
KINDS = {
    "fused norm": ("moments_kernel", "normalise_kernel", "gradient_kernel", "gradient_sums_kernel"),
    "norm": (
        "group_norm",
        "groupnorm",
        "rowwisemoments",
        "computeinternalgradients",
        "batch_norm",
        "bn_fw",
        "bn_bw",
    ),
    "layout": ("nchwtonhwc", "nhwctonchw", "direct_copy", "transpose", "permute"),
    "convolution": ("conv", "fprop", "dgrad", "wgrad", "implicit", "xmma"),
    "matrix product": ("gemm", "cublas", "cutlass", "nvjet"),
    "upsampling": ("upsample",),
    "pooling": ("pool",),
    "concatenation": ("catarray",),
    "optimiser": ("multi_tensor", "foreach"),
    "memset": ("memset", "fill"),
    "memory copy": ("memcpy",),
}
"""Parts of the names of kernels, the first kind that fits."""


def seconds(work: Callable[[], object], device: torch.device, times: int, warm_up: int) -> list[float]:
    """Of each call; on CUDA by events, so that the calls queue up as in a training."""
    for _ in range(warm_up):
        work()
    if device.type != "cuda":
        return [_wall(work) for _ in range(times)]
    torch.cuda.synchronize()
    events = [torch.cuda.Event(enable_timing=True) for _ in range(times + 1)]
    events[0].record()
    for event in events[1:]:
        work()
        event.record()
    torch.cuda.synchronize()
    return [first.elapsed_time(second) / 1000 for first, second in pairwise(events)]


def _wall(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def card(device: torch.device) -> dict[str, Any]:
    """Names and versions, copy bandwidth, the rate of a 16-bit matrix product."""
    side, values = (8192, 2**28) if device.type == "cuda" else (64, 2**12)
    source = torch.empty(values, dtype=torch.bfloat16, device=device)
    target = torch.empty_like(source)
    matrix = torch.randn(side, side, device=device).bfloat16()
    copy = median(seconds(lambda: target.copy_(source), device, 10, 3))
    product = median(seconds(lambda: matrix @ matrix, device, 10, 3))
    found = {"torch": torch.__version__, "cuda": torch.version.cuda, "cudnn": torch.backends.cudnn.version()}
    if device.type == "cuda":
        found |= {
            "card": torch.cuda.get_device_name(),
            "bf16": torch.cuda.is_bf16_supported(including_emulation=False),
        }
    rates = {"copy_gb_s": 4 * values / copy / 1e9, "matrix_tflop_s": 2 * side**3 / product / 1e12}
    return found | rates | {"triton": fused_norm.HAS_TRITON}


def loss_of(logits: Logits, target: Tensor, squared: bool) -> Tensor:
    """Dice of every head, of a smaller one against every second, fourth ... voxel."""
    dice = DiceLoss(squared=squared, smooth=1.0)
    total = torch.zeros((), device=target.device)
    for head in (logits.main, *logits.deep):
        every = target.shape[2] // head.shape[2]
        total = total + dice(head, target[:, :, ::every, ::every, ::every])
    return total


class Training:
    """One contender with all that a step needs."""

    def __init__(self, contender: Contender, device: torch.device) -> None:
        self.contender, self.device = contender, device
        torch.backends.cudnn.benchmark = contender.benchmark
        self.net = make(contender, device)
        self.dtype = getattr(torch, contender.dtype)
        self.optimizer = torch.optim.Adam(self.net.parameters(), lr=1e-4)
        self.scaler = torch.amp.GradScaler(
            device.type, enabled=self.dtype == torch.float16 and device.type == "cuda"
        )
        size = (contender.batch, 4, *[contender.side] * 3)
        self.image = torch.randn(size, device=device).contiguous(memory_format=contender.layout)
        self.target = torch.rand(contender.batch, 3, *size[2:], device=device) > 0.9

    def step(self) -> None:
        """Forward, loss of every head, backward, norm of the gradient, Adam."""
        self.optimizer.zero_grad()
        with torch.autocast(self.device.type, self.dtype, cache_enabled=False):
            logits = self.net(self.image)
        loss = loss_of(logits, self.target, self.contender.norm == "group")
        self.scaler.scale(loss).backward()
        self.scaler.unscale_(self.optimizer)
        self.length = nn.utils.get_total_norm([p.grad for p in self.net.parameters() if p.grad is not None])
        self.scaler.step(self.optimizer)
        self.scaler.update()


def training_step(contender: Contender, device: torch.device) -> dict[str, Any]:
    """Seconds of a step, patches per second, peak memory, seconds for which the host is busy with a step."""
    began = time.perf_counter()
    training = Training(contender, device)
    training.step()
    first = time.perf_counter() - began
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats()
    times = seconds(training.step, device, TIMED, WARM_UP)
    host = median([_wall(training.step) for _ in range(3)])
    peak = torch.cuda.max_memory_allocated() / 2**30 if device.type == "cuda" else 0.0
    usual = median(times)
    return {
        "step_s": usual,
        "best_s": min(times),
        "patches_s": contender.batch / usual,
        "peak_gib": peak,
        "host_s": host,
        "first_step_s": first,
        "gradient": float(training.length),
    }


def kernel_shares(contender: Contender, device: torch.device) -> dict[str, Any]:
    """Milliseconds of a step by kind of kernel, and the heaviest kernels and operators."""
    from torch.profiler import ProfilerActivity, profile

    training = Training(contender, device)
    for _ in range(3):
        training.step()
    cuda = device.type == "cuda"
    activities = [ProfilerActivity.CPU, *([ProfilerActivity.CUDA] if cuda else [])]
    with profile(activities=activities) as profiler:
        training.step()
        if cuda:
            torch.cuda.synchronize()
    kernels: Counter[str] = Counter()
    operators: Counter[str] = Counter()
    for event in profiler.key_averages():
        on_card = event.device_type == torch.autograd.DeviceType.CUDA
        spent = (event.self_device_time_total if cuda else event.self_cpu_time_total) / 1000
        (kernels if on_card else operators)[event.key] += spent
    kinds: Counter[str] = Counter()
    for name, spent in kernels.items():
        kinds[kind_of(name)] += spent
    return {
        "kinds_ms": dict(kinds.most_common()),
        "kernels_ms": _heaviest(kernels),
        "operators_ms": _heaviest(operators),
    }


def kind_of(kernel: str) -> str:
    """By the name of a kernel."""
    for kind, parts in KINDS.items():
        if any(part in kernel.lower() for part in parts):
            return kind
    return "other"


def _heaviest(spent: Counter[str]) -> dict[str, float]:
    return {name[:90]: round(value, 3) for name, value in spent.most_common(14)}


@torch.inference_mode()
def prediction(
    device: torch.device,
    models: int,
    dtype: str,
    *,
    side: tuple[int, int, int],
    width: int,
    at_once: int,
    fused: bool,
) -> dict[str, Any]:
    """Seconds for one padded volume: 16 views, each model, the mean of the probabilities; and the peak."""
    torch.backends.cudnn.benchmark = False
    nets = [
        UNet(width=width, norm="group", attention=False, residual=False, dropout=0.0).eval()
        for _ in range(models)
    ]
    for net in nets:
        net.fuse_norms(fused)
        net.to(device, memory_format=torch.channels_last_3d)  # type: ignore[call-overload]
    image = torch.randn(4, *side, device=device)
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats()

    def work() -> None:
        total = torch.zeros(3, *side, device=device)
        for odd in (0, 1):
            views = [view for view in VIEWS["group16"] if view.quarter_turns % 2 == odd]
            for start in range(0, len(views), at_once):
                some = views[start : start + at_once]
                seen = torch.stack([view.apply(image) for view in some]).contiguous(
                    memory_format=torch.channels_last_3d
                )
                for net in nets:
                    with torch.autocast(device.type, getattr(torch, dtype), enabled=dtype != "float32"):
                        logits = net(seen, deep=False).main
                    for view, answer in zip(some, logits, strict=True):
                        total += view.undo(answer.float().sigmoid_())

    taken = seconds(work, device, 1 if models > 1 else 2, 0 if models > 1 else 1)
    peak = torch.cuda.max_memory_allocated() / 2**30 if device.type == "cuda" else 0.0
    return {
        "seconds": median(taken),
        "peak_gib": peak,
        "models": models,
        "views": 16,
        "width": width or WIDTH,
    }
