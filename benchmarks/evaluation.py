"""Every metric of one full-size case, and HD95 alone, beside MONAI and surface-distance; and a cohort.

Medians of one run.

python benchmarks/evaluation.py            # a minute or two, then the cohort of 125 pairs
python benchmarks/evaluation.py 0.3 4      # smaller: scale of the volume, pairs
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from statistics import median

import numpy as np
import torch
from monai.metrics import compute_hausdorff_distance
from scipy.ndimage import gaussian_filter
from surface_distance import compute_robust_hausdorff, compute_surface_distances

from brats_seg import nifti
from brats_seg.evaluation import Scoring, evaluate
from brats_seg.evaluation.conventions import CONVENTIONS
from brats_seg.evaluation.score_case import box_with_margin
from brats_seg.labels import encode_regions, label_values
from brats_seg.metrics.functional import hd95_mm
from brats_seg.terms import REGIONS

MM = (1.0, 1.0, 1.0)
ROUNDS = 3
WORKERS = 2


def seconds(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def tumour(shape: tuple[int, ...], centre: tuple[float, ...], radius: float, seed: int) -> np.ndarray:
    """Rough nested balls of oedema, enhancing rim and necrosis; the centre as fractions of the shape."""
    grid = np.ogrid[tuple(slice(n) for n in shape)]
    distance = np.sqrt(sum((axis - c * n) ** 2 for axis, c, n in zip(grid, centre, shape, strict=True)))
    rough = distance / radius + 3 * gaussian_filter(np.random.default_rng(seed).normal(size=shape), 3)
    return np.select([rough < 0.35, rough < 0.55, rough < 1], [1, 4, 2], 0).astype(np.uint8)


def scattered(shape: tuple[int, ...], seed: int) -> np.ndarray:
    """Small lesions everywhere."""
    noise = gaussian_filter(np.random.default_rng(seed).normal(size=shape).astype(np.float32), 3)
    return np.select([noise > np.quantile(noise, q) for q in (0.998, 0.995, 0.99)], [1, 4, 2], 0).astype(
        np.uint8
    )


def pairs(shape: tuple[int, ...]) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Prediction and truth as regions ``(3, z, y, x)``."""
    radius, truth = shape[1] / 6, tumour(shape, (0.3, 0.3, 0.3), shape[1] / 6, 0)
    maps = {
        "near": (tumour(shape, (0.31, 0.3, 0.3), radius, 1), truth),
        "far apart": (tumour(shape, (0.75, 0.75, 0.75), radius, 1), truth),
        "scattered": (scattered(shape, 1), scattered(shape, 2)),
    }
    labels = label_values("brats2020")
    return {name: (encode_regions(a, labels), encode_regions(b, labels)) for name, (a, b) in maps.items()}


def monai_hd95(prediction: np.ndarray, truth: np.ndarray) -> None:
    both = [torch.from_numpy(mask)[None] for mask in (prediction, truth)]
    compute_hausdorff_distance(*both, include_background=True, percentile=95, spacing=MM)


def surface_distance_hd95(prediction: np.ndarray, truth: np.ndarray) -> None:
    for ours, theirs in zip(prediction, truth, strict=True):
        compute_robust_hausdorff(compute_surface_distances(theirs, ours, MM), 95)


def ours_hd95(prediction: np.ndarray, truth: np.ndarray) -> None:
    for ours, theirs in zip(prediction, truth, strict=True):
        hd95_mm(ours, theirs, MM)


def every_metric(name: str) -> Callable[[np.ndarray, np.ndarray], None]:
    def work(prediction: np.ndarray, truth: np.ndarray) -> None:
        box = box_with_margin(prediction.any(0), truth.any(0))  # as evaluate does
        ours = dict(zip(REGIONS, box.crop(prediction), strict=True))
        theirs = dict(zip(REGIONS, box.crop(truth), strict=True))
        CONVENTIONS[name].score(ours, theirs, MM, truth[0].size)

    return work


def one_case(shape: tuple[int, ...]) -> None:
    works = {
        "ours, HD95": ours_hd95,
        "ours, every metric of brats2020": every_metric("brats2020"),
        "ours, every metric of brats2023": every_metric("brats2023"),
        "MONAI, HD95": monai_hd95,
        "surface-distance, HD95": surface_distance_hd95,
    }
    for name, pair in pairs(shape).items():
        times = {
            what: median(seconds(partial(work, *pair)) for _ in range(ROUNDS)) for what, work in works.items()
        }
        print(f"{name}: " + "; ".join(f"{what} {value:.3f} s" for what, value in times.items()), flush=True)


def cohort(shape: tuple[int, ...], cases: int) -> None:
    truth = tumour(shape, (0.4, 0.4, 0.4), shape[1] / 6, 0)
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        for number in range(cases):
            for side, moved in (("truth", number), ("predictions", number + 2)):
                label_map = np.roll(truth, moved % 40, 2)
                nifti.write(root / side / f"case_{number:03}.nii.gz", label_map, nifti.lps_geometry(shape))
        scoring = Scoring.default(prediction_labels="brats2020", reference_labels="brats2020")
        folders = root / "predictions", root / "truth", root / "scores"
        took = seconds(partial(evaluate, *folders, scoring, workers=WORKERS))
        print(f"a cohort of {cases} pairs on {WORKERS} processes: {took:.1f} s")


def main() -> None:
    scale, cases = (float(sys.argv[1]), int(sys.argv[2])) if len(sys.argv) > 2 else (1.0, 125)
    shape = tuple(round(scale * n) for n in (155, 240, 240))
    one_case(shape)
    cohort(shape, cases)


if __name__ == "__main__":
    main()
