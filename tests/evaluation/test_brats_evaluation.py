"""The published program of BraTS 2026, run from outside: it is never imported here."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from brats_seg import nifti
from brats_seg.evaluation import Scoring, evaluate

PROGRAM = os.environ.get("BRATS_EVALUATE") or shutil.which("brats-evaluate")
THEIRS = {
    "lesion_dice": "sq_dsc", "lesion_hd95": "sq_hd95", "lesion_surface_dice": "sq_nsd", "lesion_f1": "rq",
    "lesions_found": "tp", "lesions_missed": "fn", "lesions_false": "fp",
}  # fmt: skip


def blobs(seed: int) -> np.ndarray:
    """Smooth lesions of three tissues, labels of 2023."""
    noise = gaussian_filter(np.random.default_rng(seed).normal(size=(40, 44, 48)), 2.5)
    return np.digitize(noise, np.quantile(noise, (0.9, 0.94, 0.97))).astype(np.uint8)


@pytest.mark.slow
@pytest.mark.skipif(
    PROGRAM is None, reason="no brats-evaluate: install it elsewhere, set BRATS_EVALUATE=PROGRAM"
)
def test_the_published_program_agrees(tmp_path: Path) -> None:
    for number in range(4):
        truth = blobs(number) * (number != 3)
        prediction = (
            np.where(blobs(number + 10) > 0, np.roll(truth, 1, 0), truth) if number != 2 else truth * 0
        )
        for folder, label_map in (("truth", truth), ("prediction", prediction)):
            name = f"BraTS-GLI-{number:05}-000.nii.gz"
            nifti.write(
                tmp_path / folder / name, label_map.astype(np.uint8), nifti.lps_geometry(label_map.shape)
            )
    out = tmp_path / "theirs.json"
    folders = ["--ref_path", tmp_path / "truth", "--pred_path", tmp_path / "prediction"]
    subprocess.run(
        [str(PROGRAM), "--config", "gli", *folders, "--summary_json", out], check=True, capture_output=True
    )
    theirs = {
        row["subject_name"].removesuffix(".nii.gz"): row for row in json.loads(out.read_text())["metrics"]
    }
    labels = {"prediction_labels": "brats2023", "reference_labels": "brats2023"}
    scoring = Scoring.default(convention="brats2026", **labels)
    evaluate(tmp_path / "prediction", tmp_path / "truth", tmp_path / "ours", scoring)
    compared = 0
    for line in (tmp_path / "ours" / "per_case.csv").read_text().splitlines()[1:]:
        case, region, metric, value = line.split(",")
        if metric not in THEIRS:
            continue
        found = theirs[case][region.lower()].get(THEIRS[metric])
        nothing = found is None or np.isnan(found)
        wanted = "" if nothing else min(float(found), 373.0)
        assert (float(value) if value else "") == pytest.approx(wanted, abs=1e-6), (case, region, metric)
        compared += 1
    assert compared == 4 * 3 * len(THEIRS)
