"""Reading a patch from the cache against NIfTI, preparing a case against SimpleITK. Medians of one run.

python benchmarks/data.py FOLDER_OF_CASES      # real cases; without an argument: full-size phantoms
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import numpy as np
import SimpleITK

from brats_seg.cases import Case, find_cases, read_case
from brats_seg.data.dataset import PatchDataset
from brats_seg.geometry import bounding_box, random_window
from brats_seg.labels import encode_regions, label_values
from brats_seg.preprocessing import Cache, MinMax, prepare

PATCH = (128, 128, 128)
ROUNDS = 7


def seconds(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def prepare_as_released(case: Case) -> np.ndarray:
    """Prepare a case as the released code does each time: SimpleITK, numpy percentiles, crop to the brain."""
    images = []
    for file in case.modalities.values():
        image = SimpleITK.GetArrayFromImage(SimpleITK.ReadImage(str(file.path))).astype(np.float32)
        low, high = np.percentile(image[image != 0], [1, 99])
        images.append((np.clip(image, low, high) - low) / (high - low))
    label_map = SimpleITK.GetArrayFromImage(SimpleITK.ReadImage(str(case.segmentation)))
    stacked = np.stack(images)
    box = bounding_box((stacked != 0).any(0))
    assert box is not None
    encode_regions(label_map, label_values(str(case.labels)))
    return box.crop(stacked)


def prepare_here(case: Case) -> None:
    prepare(read_case(case), MinMax(1, 99))


def patch_from_nifti(case: Case, rng: np.random.Generator) -> np.ndarray:
    prepared = prepare(read_case(case), MinMax(1, 99))
    window, padding = random_window(prepared.box.shape, PATCH, rng)
    return padding.pad(window.crop(prepared.image))


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        if len(sys.argv) > 1:
            found = find_cases(Path(sys.argv[1]))
            cases = [case for case in found if case.segmentation is not None][:4]
        else:
            from brats_seg.phantom import write_cohort

            write_cohort(Path(folder) / "cohort", cases=2, seed=0, shape=(155, 240, 240))
            cases = find_cases(Path(folder) / "cohort")
        ready = Cache(Path(folder) / "cache", MinMax(1, 99)).ensure(cases, workers=0)
        patches = PatchDataset(list(ready.values()), PATCH, seed=0)
        rng = np.random.default_rng(0)
        times: dict[str, list[float]] = {"cache": [], "nifti": [], "ours": [], "released": []}
        for number in range(ROUNDS):
            case, index = cases[number % len(cases)], number % len(cases)
            times["cache"].append(seconds(lambda n=number, i=index: patches[n, i]))  # type: ignore[misc]
            times["nifti"].append(seconds(lambda c=case: patch_from_nifti(c, rng)))  # type: ignore[misc]
            times["ours"].append(seconds(lambda c=case: prepare_here(c)))  # type: ignore[misc]
            times["released"].append(seconds(lambda c=case: prepare_as_released(c)))  # type: ignore[misc]
    medians = {name: median(values) for name, values in times.items()}
    patch = medians["nifti"] / medians["cache"]
    print(f"patch: from the cache {patch:.1f} times as fast as from NIfTI (at least 20 wanted)")
    whole = medians["released"] / medians["ours"]
    print(f"prepare: {whole:.1f} times as fast as SimpleITK and numpy (at least 1.5 wanted)")


if __name__ == "__main__":
    main()
