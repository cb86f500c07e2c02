"""The few minutes on a card: every number of issue 16 B, the most important first, each printed at once.

python benchmarks/gpu.py [--seconds 240] [--output FILE] [--only WORD] [--tiny] [--device cpu]

One line of JSON for each, on standard output and in FILE ($OUT/gpu.jsonl where OUT is set). One contender on
the card at a time. What does not fit the remaining time is named as skipped. Needs torch, numpy and this
package's ``models``, ``losses``; MONAI and ``dynamic_network_architectures`` where they can be imported.
After a CUDA error the script starts itself again behind it.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # where the package is not installed

import gpu_kernels as kernels
import gpu_measures as measure
import torch
from gpu_nets import ATTENTION, WIDTH, A, B, Contender

Task = tuple[str, float, Callable[[], dict[str, Any]]]
"""Name, how many seconds it may take, and the work."""


def levels(options: argparse.Namespace) -> list[tuple[int, ...]]:
    """The shapes of the four stages."""
    return [(1, options.width << k, *[options.side >> k] * 3) for k in range(4)]


def contenders() -> Iterator[tuple[float, Contender]]:
    """Training steps without the compiler, with the seconds that each may take."""
    plain_a, plain_b = (replace(one, maker="plain", channels_last=False) for one in (A, B))
    yield from ((8, A), (10, B), (8, plain_a), (14, plain_b), (8, ATTENTION))
    yield from ((8, replace(one, fused=False)) for one in (A, B))
    yield from ((8, replace(one, joined=True)) for one in (A, B))
    yield from ((25, replace(one, benchmark=True)) for one in (A, B))
    yield from ((8, replace(one, dtype="float16")) for one in (A, B, ATTENTION))
    yield from ((10, replace(one, channels_last=False)) for one in (A, B, ATTENTION))
    yield from ((12, replace(B, maker=maker, channels_last=False)) for maker in ("DynUNet", "PlainConvUNet"))
    yield from ((10, replace(one, maker="plain")) for one in (A, B))
    yield 10, replace(plain_a, attention=True)
    yield from ((12, replace(B, maker=maker)) for maker in ("DynUNet", "PlainConvUNet"))
    yield from ((10, replace(one, dtype="float16", channels_last=False)) for one in (A, B, ATTENTION))
    yield from ((8, replace(one, checkpointing=True)) for one in (A, B))
    yield 8, replace(ATTENTION, fused=False)


def for_card() -> Iterator[tuple[float, Contender]]:
    """Both 16-bit types of A, attention and B, plain torch, and the peers."""
    for one in (A, B, ATTENTION):
        yield 6, one
        yield 8, replace(one, maker="plain", channels_last=False)
    yield from ((6, replace(one, dtype="float16")) for one in (A, B, ATTENTION))
    yield from ((8, replace(B, maker=maker, channels_last=False)) for maker in ("DynUNet", "PlainConvUNet"))
    yield from ((8, replace(A, maker=maker, channels_last=False)) for maker in ("DynUNet", "PlainConvUNet"))


def compiled() -> Iterator[tuple[float, Contender]]:
    """The compiler comes last: a minute each."""
    for one in (A, B, replace(A, fused=False), ATTENTION, replace(B, fused=False)):
        yield 75, replace(one, compile=True)
    yield 75, replace(A, compile=True, channels_last=False)
    yield 75, replace(A, compile=True, dtype="float16")


def sized(contender: Contender, options: argparse.Namespace) -> Contender:
    """As small as was asked for."""
    return replace(contender, side=options.side, width=options.width)


def step(options: argparse.Namespace, seconds: float, contender: Contender) -> Task:
    """One training step as a task."""
    chosen = sized(contender, options)
    return f"step: {chosen.name}", seconds, lambda: measure.training_step(chosen, options.device)


def predictions(options: argparse.Namespace) -> Iterator[Task]:
    """One volume: one model in three precisions, then fifteen."""
    box = (options.side + 24, options.side + 48, options.side + 8)
    plan = [
        ("float16", 1, 1, 10),
        ("bfloat16", 1, 1, 10),
        ("float32", 1, 1, 20),
        ("float16", 1, 4, 12),
        ("float16", 15, 1, 30),
    ]
    for dtype, models, at_once, seconds in plan:

        def work(
            dtype: str = dtype, models: int = models, at_once: int = at_once, fused: bool = True
        ) -> dict[str, Any]:
            return measure.prediction(
                options.device, models, dtype, side=box, width=options.width, at_once=at_once, fused=fused
            )

        yield f"prediction: {models} models, {dtype}, {at_once} views at once", seconds, work
    yield "prediction: 1 models, float16, no fused", 12, lambda: work("float16", 1, 1, False)


def card_tasks(options: argparse.Namespace) -> Iterator[Task]:
    """Those of ``card.py``: steps in turn, and the shares of layout copies and norms."""
    yield "card", 5, lambda: measure.card(options.device)
    yield from (step(options, *each) for each in for_card())
    for contender in (A, B, ATTENTION, replace(A, maker="plain", channels_last=False)):
        chosen = sized(contender, options)
        yield f"kernels: {chosen.name}", 8, partial(measure.kernel_shares, chosen, options.device)


def tasks(options: argparse.Namespace) -> Iterator[Task]:
    """All, the most important first."""
    device, cuda = options.device, options.device.type == "cuda"
    eager = list(contenders())
    yield "card", 10, lambda: measure.card(device)
    if cuda:
        yield (
            "fused norm: error",
            20,
            lambda: kernels.fused_errors(device, [*levels(options), (3, 48, 9, 7, 33)]),
        )
        yield "fused norm: speed", 15, lambda: kernels.norms_alone(device, levels(options))
    yield from (step(options, *each) for each in eager[:4])
    yield from predictions(options)
    for name, contender in (("A", A), ("B", B), ("plain A", replace(A, maker="plain", channels_last=False))):
        chosen = sized(contender, options)
        yield f"kernels: {name}", 12, lambda chosen=chosen: measure.kernel_shares(chosen, device)
    yield from (step(options, *each) for each in eager[4:11])
    shapes = levels(options)[1:3]
    yield (
        "upsampling: milliseconds",
        8,
        lambda: kernels.upsampling_alone(device, [*shapes, (1, 3, *[options.side // 8] * 3)]),
    )
    yield from (step(options, *each) for each in eager[11:])
    if cuda:
        yield "fused norm: settings", 40, lambda: kernels.norm_settings(device, levels(options)[0])
    yield from (step(options, *each) for each in compiled())


def free(device: torch.device) -> None:
    """Nothing of one task is left for the next."""
    gc.collect()
    if device.type == "cuda":
        torch.cuda.empty_cache()
    if "torch._dynamo" in sys.modules:
        torch._dynamo.reset()


def result(name: str, work: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """One line: what was found, or what went wrong."""
    began = time.perf_counter()
    try:
        found = work()
    except Exception as error:
        found = {"error": f"{type(error).__name__}: {error}"[:600]}
    return {"name": name, **found, "took_s": round(time.perf_counter() - began, 1)}


def show(line: dict[str, Any], output: Path | None) -> None:
    """On the screen and in the file, at once."""
    text = json.dumps(line)
    print(text, flush=True)
    if output is not None:
        with output.open("a") as file:
            file.write(text + "\n")


def parsed() -> argparse.Namespace:
    """The arguments; sizes and device are derived from them."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=float, default=240)
    parser.add_argument(
        "--output", type=Path, default=Path(os.environ["OUT"]) / "gpu.jsonl" if "OUT" in os.environ else None
    )
    parser.add_argument("--only", default="", help="tasks whose name has this in it")
    parser.add_argument("--plan", choices=["all", "card"], default="all", help="card: what card.py asks for")
    parser.add_argument("--tiny", action="store_true", help="sizes for a test of this script")
    parser.add_argument("--device", type=torch.device, default=torch.device("cuda"))
    parser.add_argument("--first", type=int, default=0, help=argparse.SUPPRESS)
    options = parser.parse_args()
    options.side, options.width = (16, 4) if options.tiny else (128, WIDTH)
    return options


def start_again(options: argparse.Namespace, first: int, left: float) -> None:
    """In a new process: a CUDA error leaves nothing usable."""
    chosen = [
        "--seconds",
        str(left),
        "--only",
        options.only,
        "--first",
        str(first),
        "--plan",
        options.plan,
        "--device",
        str(options.device),
    ]
    chosen += ["--output", str(options.output)] * (options.output is not None) + ["--tiny"] * options.tiny
    os.execv(sys.executable, [sys.executable, __file__, *chosen])


def main() -> None:
    options = parsed()
    end = time.perf_counter() + options.seconds
    torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = False  # float32 means float32
    chosen = card_tasks(options) if options.plan == "card" else tasks(options)
    for number, (name, seconds, work) in enumerate(chosen):
        if number < options.first or options.only not in name:
            continue
        left = end - time.perf_counter()
        if left < seconds:
            show({"name": name, "skipped": f"{left:.0f} s left, {seconds:.0f} wanted"}, options.output)
            continue
        line = result(name, work)
        show(line, options.output)
        if any(words in line.get("error", "") for words in ("CUDA error", "illegal", "AcceleratorError")):
            start_again(options, number + 1, end - time.perf_counter())
        free(options.device)


if __name__ == "__main__":
    main()
