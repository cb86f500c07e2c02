"""Threads that sleep, spin for a moment, or spin as long as they wait: a step on an idle and a busy machine.

python benchmarks/waiting.py [--side 48] [--width 8] [--rounds 5] [--steps 10]

A training step of a small network on all cores, in processes of their own that take turns: under libgomp's
own choice, ``OMP_WAIT_POLICY=passive``, ``active``, and what the commands set (``brats_seg.surroundings``).
The busy machine has as many other processes as cores.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import subprocess
import sys
from statistics import median

OURS = """
import os
from brats_seg.surroundings import share_cores
share_cores(os.cpu_count())
"""
STEPS = """
import sys, time, torch
from brats_seg.models import UNet
side, width, steps = map(int, sys.argv[1:])
net = UNet(width=width, norm="group", attention=False, residual=False, dropout=0.0)
net.to(memory_format=torch.channels_last_3d)
image = torch.randn(1, 4, side, side, side).contiguous(memory_format=torch.channels_last_3d)
for step in range(steps + 2):
    if step == 2: began = time.perf_counter()
    net(image).main.mean().backward()
print((time.perf_counter() - began) / steps)
"""
WAYS: dict[str, tuple[str, dict[str, str]]] = {
    "OpenMP's own": (STEPS, {}),
    "passive": (STEPS, {"OMP_WAIT_POLICY": "passive"}),
    "active": (STEPS, {"OMP_WAIT_POLICY": "active"}),
    "brats-seg": (OURS + STEPS, {}),
}
"""What a process runs, and what its environment says."""


def measure(options: argparse.Namespace, code: str, said: dict[str, str]) -> float:
    """Seconds of a step in a process of its own."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("OMP_", "GOMP_"))}
    line = [sys.executable, "-c", code, str(options.side), str(options.width), str(options.steps)]
    answer = subprocess.run(line, env=clean | said, check=True, capture_output=True, text=True)
    return float(answer.stdout)


def compare(options: argparse.Namespace) -> dict[str, float]:
    """Way to median seconds; the ways take turns."""
    times: dict[str, list[float]] = {way: [] for way in WAYS}
    for _ in range(options.rounds):
        for way, (code, said) in WAYS.items():
            times[way].append(measure(options, code, said))
    return {way: median(found) for way, found in times.items()}


def compute() -> None:
    """What a busy machine does."""
    while True:
        pass


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--side", type=int, default=48)
    parser.add_argument("--width", type=int, default=8)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=10)
    options = parser.parse_args()
    for machine, others in (("idle", 0), ("busy", os.cpu_count() or 1)):
        busy = [multiprocessing.Process(target=compute, daemon=True) for _ in range(others)]
        for process in busy:
            process.start()
        found = compare(options)
        for process in busy:
            process.kill()
        quickest = min(found.values())
        for way, seconds in found.items():
            print(
                f"{machine}  {way:<14}{seconds * 1000:>8.0f} ms a step{seconds / quickest:>7.2f}", flush=True
            )


if __name__ == "__main__":
    main()
