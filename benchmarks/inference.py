"""Sixteen views of one real case: ours against the naive loop, in one run.

Also the memory with one and with ten bundles.

    python benchmarks/inference.py CASE_FOLDER [--width 48] [--views 16] [--repeats 3] [--many 10]
    python benchmarks/inference.py CASE_FOLDER --ensemble FILE [--views 16]
    python benchmarks/inference.py CASE_FOLDER --cuda [--width 48] [--repeats 3]

Naive: plain torch, heads computed, a list of volumes, their mean at the end; in ``--rival``'s
setting, by default that in which ``benchmarks/forward.py`` finds it quickest where bf16 is native. Each
measurement is a process of its own, so that its peak is its own; that of a process with network and image
in memory but nothing computed is printed beside. ``--many 0`` leaves the comparison of one and many
bundles out. With ``--ensemble``: how well label maps of trained bundles agree between the two ways, and
seconds per case. With ``--cuda``: seconds per case on the GPU, warm, from the read case to its label maps
with all 16 views, for one bundle and for five of A and ten of B.
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch
from plain import plain_unet
from rivals import RIVALS, Rival
from torch import Tensor

from brats_seg.artifacts.bundles import PIPELINES, Bundle, Pipeline, load_bundle, save_bundle
from brats_seg.artifacts.ensemble_file import load_ensemble
from brats_seg.cases import find_cases, read_case
from brats_seg.geometry import pad_to_multiple
from brats_seg.inference.ensemble import Pass, accumulate, make_ensembles
from brats_seg.inference.segment import segment
from brats_seg.inference.settings import Settings
from brats_seg.inference.tta import VIEWS, View
from brats_seg.labels import LABEL_VALUES, decode_regions, encode_regions
from brats_seg.metrics.functional import dice
from brats_seg.models import UNet
from brats_seg.preprocessing import MinMax, Normalisation, ZScore, prepare
from brats_seg.runtime.precision import default_precision
from brats_seg.terms import DIVISOR, REGIONS


def naive(image: Tensor, nets: list[UNet], views: tuple[View, ...], rival: Rival) -> Tensor:
    z, y, x = image.shape[1:]
    padding = pad_to_multiple((z, y, x), DIVISOR)
    padded, volumes = padding.pad(image), []
    with torch.no_grad(), rival.autocast(image.device.type):
        for net in nets:
            rival.lay_out(net)
            for view in views:
                groups = 16 if net.settings()["norm"] == "group" else None
                logits, *_ = plain_unet(net, rival.lay(view.apply(padded)[None]), groups=groups)
                volumes.append(view.undo(logits[0].sigmoid()))
        return padding.undo(torch.stack(volumes).mean(0))


def ours(image: Tensor, nets: list[UNet], views: tuple[View, ...]) -> Tensor:
    for net in nets:
        net.to(memory_format=torch.channels_last_3d)
    return accumulate(image, nets, Pass(views=views, precision=default_precision(), at_once=None)).mean


BY_NAME = {rival.name: rival for rival in RIVALS}
Way = Callable[[Tensor, list[UNet], tuple[View, ...]], Tensor]


def both_ways(rival: str) -> dict[str, Way]:
    """The other in one of its settings, and ours."""
    return {"naive": partial(naive, rival=BY_NAME[rival]), "ours": ours}


def load(folder: Path, normalise: Normalisation, device: str = "cpu") -> Tensor:
    loaded = read_case(find_cases(folder)[0], with_segmentation=False)
    return torch.from_numpy(prepare(loaded, normalise).image).to(device)


def untrained(width: int, count: int) -> list[UNet]:
    torch.manual_seed(0)
    return [
        UNet(width=width, norm="group", attention=False, residual=False, dropout=0.0).eval()
        for _ in range(count)
    ]


def child(arguments: argparse.Namespace) -> None:
    """One measurement, as JSON on the last line."""
    image, nets = load(arguments.case, MinMax(1, 99)), untrained(arguments.width, arguments.nets)
    began, worked = time.perf_counter(), time.process_time()
    if way := both_ways(arguments.rival).get(arguments.way):
        way(image, nets, VIEWS["group16"][: arguments.views])
    times = {"seconds": time.perf_counter() - began, "processor_seconds": time.process_time() - worked}
    weights = sum(value.nbytes for net in nets for value in net.state_dict().values()) / 2**20
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10
    print(json.dumps({**times, "peak_mib": peak, "weights_mib": weights, "shape": list(image.shape[1:])}))


def measure(arguments: argparse.Namespace, way: str, nets: int, views: int) -> dict[str, float]:
    options = ["--way", way, "--nets", str(nets), "--views", str(views), "--width", str(arguments.width)]
    options += ["--rival", arguments.rival]
    process = subprocess.run(
        [sys.executable, __file__, str(arguments.case), *options],
        stdout=subprocess.PIPE,
        check=True,
        text=True,
    )
    result: dict[str, float] = json.loads(process.stdout.splitlines()[-1])
    return result


def compare(arguments: argparse.Namespace) -> None:
    """Alternately, so that a noisy machine is noisy for both."""
    rows: dict[str, list[dict[str, float]]] = {way: [] for way in both_ways(arguments.rival)}
    for _ in range(arguments.repeats):
        for way, measured in rows.items():
            measured.append(measure(arguments, way, 1, arguments.views))
    baseline = measure(arguments, "baseline", 1, 1)
    print(
        f"width {arguments.width}, box {rows['ours'][0]['shape']}, {arguments.views} views, "
        f"{default_precision()} against {arguments.rival}, {torch.get_num_threads()} threads; "
        f"baseline {baseline['peak_mib']:.0f} MiB"
    )
    keys = ("seconds", "processor_seconds", "peak_mib")
    median = {
        way: {key: statistics.median(row[key] for row in found) for key in keys}
        for way, found in rows.items()
    }
    for way, found in median.items():
        per_view = found["seconds"] / arguments.views
        print(
            f"{way:6} {found['seconds']:8.1f} s  {found['peak_mib']:7.0f} MiB  ({per_view:.2f} s per view; "
            f"{found['processor_seconds']:.1f} s of all cores together)"
        )
    ratio = {key: median["naive"][key] / median["ours"][key] for key in keys}
    print(
        f"ratio  {ratio['seconds']:8.2f}    (of processor time {ratio['processor_seconds']:.2f}), "
        f"{median['ours']['peak_mib'] / median['naive']['peak_mib']:.2f} of the memory"
    )
    if arguments.many:
        compare_memory(arguments)


def compare_memory(arguments: argparse.Namespace) -> None:
    one, ten = (measure(arguments, "ours", nets, 1) for nets in (1, arguments.many))
    more = ten["peak_mib"] - one["peak_mib"] - (ten["weights_mib"] - one["weights_mib"])
    print(
        f"peak with 1 bundle {one['peak_mib']:.0f} MiB, with {arguments.many} {ten['peak_mib']:.0f} MiB: "
        f"{more / one['peak_mib']:+.1%} beside the weights "
        f"({ten['weights_mib'] - one['weights_mib']:.0f} MiB)"
    )


def agree(arguments: argparse.Namespace) -> None:
    """Trained bundles: Dice between the label maps of the two ways, and seconds per case of ours."""
    device, labels = "cuda" if torch.cuda.is_available() else "cpu", LABEL_VALUES["brats2020"]
    for pipeline, bundles in load_ensemble(arguments.ensemble).items():
        image, nets = (
            load(arguments.case, bundles[0].normalisation, device),
            [bundle.net().to(device) for bundle in bundles],
        )
        maps = {}
        for way, function in both_ways(arguments.rival).items():
            began = time.perf_counter()
            mean = function(image, nets, VIEWS["group16"][: arguments.views]).float().cpu().numpy()
            took = f"{time.perf_counter() - began:.1f} s"
            print(
                f"pipeline {pipeline}, {len(nets)} bundles, {arguments.views} views on {device}, "
                f"{way}: {took}"
            )
            maps[way] = encode_regions(decode_regions(mean > 0.5, labels), labels)
        scores = [dice(one, other) for one, other in zip(maps["naive"], maps["ours"], strict=True)]
        print(
            ", ".join(f"{name} {score:.5f}" for name, score in zip(REGIONS, np.asarray(scores), strict=True)),
            "Dice between the two",
        )


def on_gpu(arguments: argparse.Namespace) -> None:
    """One bundle alone, then as many as the paper's ensemble: five and ten times the same one."""
    loaded = read_case(find_cases(arguments.case)[0], with_segmentation=False)
    settings = Settings.default(tta="group16", labels_input="brats2020")
    print(f"{torch.cuda.get_device_name()}, width {arguments.width}, {default_precision('cuda')}, 16 views")
    with TemporaryDirectory() as folder:
        bundles: dict[Pipeline, Bundle] = {}
        for pipeline, normalise in zip(PIPELINES, (MinMax(1, 99), ZScore()), strict=True):
            net, place = untrained(arguments.width, 1)[0], Path(folder) / pipeline
            save_bundle(
                place, net, pipeline=pipeline, normalisation=normalise.settings(), provenance={}, scores={}
            )
            bundles[pipeline] = load_bundle(place)
        for counts in ({"a": 1}, {"a": 5, "b": 10}):
            groups = {p: [bundle] * counts[p] for p, bundle in bundles.items() if p in counts}
            ensembles = make_ensembles(groups, device="cuda")
            segment(loaded, ensembles, settings)  # warms up
            torch.cuda.reset_peak_memory_stats()
            found = [segment(loaded, ensembles, settings) for _ in range(arguments.repeats)]
            seconds = statistics.median(each.seconds for each in found)
            peak = torch.cuda.max_memory_allocated() / 2**30
            print(
                f"bundles {counts}: {seconds:.2f} s per case, {found[0].inferer}, peak {peak:.1f} GiB",
                flush=True,
            )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("case", type=Path)
    parser.add_argument("--width", type=int, default=48)
    parser.add_argument("--views", type=int, default=16)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--many", type=int, default=10)
    parser.add_argument("--ensemble", type=Path)
    parser.add_argument("--rival", choices=list(BY_NAME), default="bf16, channels_last")
    parser.add_argument("--cuda", action="store_true")
    parser.add_argument("--way", help=argparse.SUPPRESS)
    parser.add_argument("--nets", type=int, default=1, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.way:
        child(arguments)
    elif arguments.cuda:
        on_gpu(arguments)
    elif arguments.ensemble:
        agree(arguments)
    else:
        compare(arguments)


if __name__ == "__main__":
    main()
