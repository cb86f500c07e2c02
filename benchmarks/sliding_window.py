"""How far the sliding window's label maps are from those of the whole brain, on real cases.

    python benchmarks/sliding_window.py CASE_FOLDER --ensemble FILE [--views none] [--cuda]

Dice between the two per case, answer (a, b, merged) and region; below, the least and the mean over the cases.
With a segmentation beside the images also the Dice of each with it: what the window costs. Fp32, so that
nothing else differs.
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from brats_seg.artifacts.bundles import Pipeline
from brats_seg.artifacts.ensemble_file import load_ensemble
from brats_seg.cases import LoadedCase, find_cases, read_case
from brats_seg.inference.ensemble import Ensemble, make_ensembles
from brats_seg.inference.segment import segment
from brats_seg.inference.settings import Settings
from brats_seg.inference.tta import VIEWS
from brats_seg.labels import encode_regions, label_values
from brats_seg.metrics.functional import dice
from brats_seg.terms import REGIONS

INFERERS = ("whole_volume", "sliding_window")
Regions = NDArray[np.bool_]


def regions(
    loaded: LoadedCase, ensembles: Mapping[Pipeline, Ensemble], settings: Settings
) -> dict[str, Regions]:
    """Answer to its regions ``(region, z, y, x)``."""
    found = segment(loaded, ensembles, settings)
    print(f"{loaded.case.id}: {settings.inferer} in {found.seconds:.1f} s", flush=True)
    return {
        which: encode_regions(answer.label_map, label_values(found.labels))
        for which, answer in found.answers.items()
    }


def scores(one: Regions, two: Regions) -> list[float]:
    return [dice(a, b) for a, b in zip(one, two, strict=True)]


def show(name: str, values: list[float]) -> None:
    print(
        f"{name:28} "
        + "  ".join(f"{region} {value:.5f}" for region, value in zip(REGIONS, values, strict=True)),
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("cases", type=Path)
    parser.add_argument("--ensemble", type=Path, required=True)
    parser.add_argument("--views", choices=tuple(VIEWS), default="none")
    parser.add_argument("--cuda", action="store_true")
    options = parser.parse_args()
    device = torch.device("cuda" if options.cuda else "cpu")
    ensembles = make_ensembles(load_ensemble(options.ensemble), device=device)
    rows: dict[str, list[list[float]]] = defaultdict(list)
    for case in find_cases(options.cases):
        loaded = read_case(case)
        whole, windows = (
            regions(
                loaded, ensembles, Settings.default(tta=options.views, precision="32-true", inferer=inferer)
            )
            for inferer in INFERERS
        )
        for which in whole:
            rows[which].append(scores(whole[which], windows[which]))
            show(f"{which}, the two", rows[which][-1])
            if loaded.label_map is not None and case.labels is not None:
                truth = encode_regions(loaded.label_map, label_values(case.labels))
                show(f"{which}, whole and truth", scores(whole[which], truth))
                show(f"{which}, windows and truth", scores(windows[which], truth))
    for which, found in rows.items():
        show(f"{which}, {len(found)} cases, least", np.min(found, axis=0).tolist())
        show(f"{which}, {len(found)} cases, mean", np.mean(found, axis=0).tolist())


if __name__ == "__main__":
    main()
