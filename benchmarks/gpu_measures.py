"""What ``gpu.py`` measures; each function answers with plain values for one line of JSON."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable
from itertools import pairwise
from statistics import median
from typing import Any

import torch
from gpu_nets import WIDTH, Contender, make
from torch import Tensor, nn
from torch.nn import functional

from brats_seg.inference.tta import VIEWS
from brats_seg.losses import DiceLoss
from brats_seg.models import UNet, deterministic, fused_norm
from brats_seg.terms import Logits

WARM_UP, TIMED = 5, 10
KINDS = {
    "fused norm": ("moments_kernel", "normalise_kernel", "gradient_kernel", "gradient_sums_kernel"),
    "norm": ("group_norm", "groupnorm", "rowwisemoments", "computeinternalgradients", "batch_norm", "bn_fw", "bn_bw"),
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
        found |= {"card": torch.cuda.get_device_name(), "bf16": torch.cuda.is_bf16_supported(including_emulation=False)}
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
        self.scaler = torch.amp.GradScaler(device.type, enabled=self.dtype == torch.float16 and device.type == "cuda")
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
    """Median and best seconds of a step, patches per second, peak memory, time for which the host is busy with a step."""
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
        "step_s": usual, "best_s": min(times), "patches_s": contender.batch / usual, "peak_gib": peak, "host_s": host,
        "first_step_s": first, "gradient": float(training.length),
    }  # fmt: skip


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
    return {"kinds_ms": dict(kinds.most_common()), "kernels_ms": _heaviest(kernels), "operators_ms": _heaviest(operators)}


def kind_of(kernel: str) -> str:
    """By the name of a kernel."""
    for kind, parts in KINDS.items():
        if any(part in kernel.lower() for part in parts):
            return kind
    return "other"


def _heaviest(spent: Counter[str]) -> dict[str, float]:
    return {name[:90]: round(value, 3) for name, value in spent.most_common(14)}


def norms_alone(device: torch.device, shapes: Iterable[tuple[int, ...]]) -> dict[str, Any]:
    """GB/s of the fused norm: forward reads twice and writes once, backward reads twice two and writes one."""
    found = {}
    for shape in shapes:
        x = torch.randn(shape, device=device).bfloat16().contiguous(memory_format=torch.channels_last_3d)
        weight, bias = torch.ones(shape[1], device=device), torch.zeros(shape[1], device=device)
        _, mean, rstd = torch.ops.brats_seg.norm_relu(x, weight, bias, min(16, shape[1]), 1e-5)

        def forward(x: Tensor = x, weight: Tensor = weight, bias: Tensor = bias) -> object:
            return torch.ops.brats_seg.norm_relu(x, weight, bias, min(16, x.shape[1]), 1e-5)

        def backward(x: Tensor = x, weight: Tensor = weight, mean: Tensor = mean, rstd: Tensor = rstd) -> object:
            return torch.ops.brats_seg.norm_relu_backward(x, x, weight, weight, mean, rstd)

        there, back = (median(seconds(work, device, 10, 3)) for work in (forward, backward))
        found[str(shape)] = {"forward_gb_s": 3 * x.nbytes / there / 1e9, "backward_gb_s": 5 * x.nbytes / back / 1e9,
                             "forward_ms": 1000 * there, "backward_ms": 1000 * back}  # fmt: skip
    return found


def upsampling_alone(device: torch.device, shapes: Iterable[tuple[int, ...]]) -> dict[str, Any]:
    """Milliseconds of forward and backward: torch's kernel, and matrix products."""

    def native(x: Tensor) -> Tensor:
        return functional.interpolate(x, scale_factor=2.0, mode="trilinear", align_corners=True)

    ways = {"torch": native, "products": lambda x: deterministic.upsample(x, 2)}
    found: dict[str, Any] = {}
    for shape in shapes:
        x = torch.randn(shape, device=device).bfloat16().contiguous(memory_format=torch.channels_last_3d).requires_grad_()
        for name, way in ways.items():

            def work(x: Tensor = x, way: Callable[[Tensor], Tensor] = way) -> object:
                y = way(x)
                return torch.autograd.grad(y, x, y)

            found[f"{name} {shape}"] = 1000 * median(seconds(work, device, 5, 2))
    return found


@torch.inference_mode()
def prediction(
    device: torch.device, models: int, dtype: str, *, side: tuple[int, int, int], width: int, at_once: int, fused: bool
) -> dict[str, Any]:
    """Seconds for one padded volume: 16 views, each model, the mean of the probabilities; and the peak."""
    torch.backends.cudnn.benchmark = False
    nets = [UNet(width=width, norm="group", attention=False, residual=False, dropout=0.0).eval() for _ in range(models)]
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
                seen = torch.stack([view.apply(image) for view in some]).contiguous(memory_format=torch.channels_last_3d)
                for net in nets:
                    with torch.autocast(device.type, getattr(torch, dtype), enabled=dtype != "float32"):
                        logits = net(seen, deep=False).main
                    for view, answer in zip(some, logits, strict=True):
                        total += view.undo(answer.float().sigmoid_())

    taken = seconds(work, device, 1 if models > 1 else 2, 0 if models > 1 else 1)
    peak = torch.cuda.max_memory_allocated() / 2**30 if device.type == "cuda" else 0.0
    return {"seconds": median(taken), "peak_gib": peak, "models": models, "views": 16, "width": width or WIDTH}


def fused_errors(device: torch.device, shapes: Iterable[tuple[int, ...]]) -> dict[str, Any]:
    """Largest differences of the fused norm from float64, over the largest value: the answer and the gradients."""
    found = {}
    for shape in shapes:
        for groups in (min(16, shape[1]), shape[1]):
            x, upstream = (torch.randn(shape, device=device).bfloat16() for _ in range(2))
            x, upstream = (t.contiguous(memory_format=torch.channels_last_3d) for t in (x + 1, upstream))
            values = [x, torch.linspace(0.5, 1.5, shape[1], device=device), torch.linspace(-1, 1, shape[1], device=device)]
            ours = _answers(fused_norm.norm_relu, values, upstream, groups)
            theirs = _answers(_exact, [value.double() for value in values], upstream, groups)
            errors = [float((a - b).abs().max() / b.abs().max()) for a, b in zip(ours, theirs, strict=True)]
            found[f"{shape}, {groups} groups"] = dict(zip(("y", "dx", "weight", "bias"), errors, strict=True))
    return found


def _answers(function: Callable[..., Tensor], values: list[Tensor], upstream: Tensor, groups: int) -> list[Tensor]:
    leaves = [value.clone().requires_grad_() for value in values]
    answer = function(*leaves, groups, 1e-5)
    found = torch.autograd.grad(answer, leaves, upstream.to(answer.dtype))
    return [each.detach().double() for each in (answer, *found)]


def _exact(x: Tensor, weight: Tensor, bias: Tensor, groups: int, eps: float) -> Tensor:
    return functional.relu(functional.group_norm(x, groups, weight, bias, eps))


def norm_settings(device: torch.device, shape: tuple[int, ...]) -> dict[str, Any]:
    """How fast the fused norm is for other sizes of tiles and numbers of programs."""
    kept = fused_norm.TILE, fused_norm.PROGRAMS
    found = {}
    for tile in (1024, 2048, 4096):
        for programs in (1024, 2048, 4096, 8192):
            fused_norm.TILE, fused_norm.PROGRAMS = tile, programs
            alone = norms_alone(device, [shape])[str(shape)]
            found[f"tile {tile}, programs {programs}"] = {key: round(alone[key], 1) for key in ("forward_gb_s", "backward_gb_s")}
    fused_norm.TILE, fused_norm.PROGRAMS = kept
    return found
