"""What the program of QU-BraTS says of cases that are written here by code: `golden_uncertainty.json`.

With BraTS_Seg_Uncertainty.py of github.com/RagMeh11/QU-BraTS (commit f174e55) and a Python with numpy 1.26,
pandas, scikit-learn, nibabel and matplotlib, this writes the numbers anew; it imports nothing of brats_seg:

    python tests/metrics/golden_uncertainty.py BraTS_Seg_Uncertainty.py PYTHON
"""

from __future__ import annotations

import csv
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

FILE = Path(__file__).with_name("golden_uncertainty.json")
SHAPE = (12, 14, 16)
CASES = {
    "doubt at the edge": 40,
    "doubt anywhere": 40,
    "few thresholds": 7,
    "sure": 40,
    "no tumour found": 40,
}
"""Name to the number of intervals between thresholds."""


def made(name: str) -> dict[str, np.ndarray]:
    """Label maps with the values 1, 2, 4; uncertainty of each region, 0 to 100; the brain."""
    z, y, x = np.ogrid[: SHAPE[0], : SHAPE[1], : SHAPE[2]]
    truth, prediction = np.zeros(SHAPE, np.uint8), np.zeros(SHAPE, np.uint8)
    for label_map, shift in ((truth, 0), (prediction, 1)):
        distance = (z - 6) ** 2 + (y - 7 - shift) ** 2 + (x - 8) ** 2
        label_map[distance < 26] = 2
        label_map[distance < 12] = 4
        label_map[distance < 4] = 1
    if name == "no tumour found":
        prediction[:] = 0
    brain = ((z - 6) ** 2 + (y - 7) ** 2 + (x - 8) ** 2 < 60).astype(np.uint8)
    doubts: dict[str, np.ndarray] = {}
    for number, (region, border) in enumerate((("whole", 26), ("core", 12), ("enhance", 12))):
        anywhere = (7 * z + 13 * y + 29 * x + 31 * number) % 101
        edge = np.clip(100 - 6 * np.abs((z - 6) ** 2 + (y - 7) ** 2 + (x - 8) ** 2 - border), 0, 100)
        chosen = {"sure": 0 * anywhere, "doubt at the edge": edge}.get(name, anywhere)
        doubts[region] = chosen.astype(np.uint8)
    return {"truth": truth, "prediction": prediction, "brain": brain, **doubts}


def scored(program: str, python: str, case: dict[str, np.ndarray], intervals: int) -> dict[str, Any]:
    """Region to the three areas, as the program's table has them."""
    import nibabel

    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        for name, array in case.items():
            nibabel.save(nibabel.Nifti1Image(array.T, np.eye(4)), folder / f"{name}.nii.gz")
        words = {
            "-s": "prediction",
            "-w": "whole",
            "-c": "core",
            "-e": "enhance",
            "-r": "truth",
            "-m": "brain",
        }
        given = [part for flag, name in words.items() for part in (flag, str(folder / f"{name}.nii.gz"))]
        command = [python, program, *given, "-o", str(folder / "table"), "-n", str(intervals), "-a"]
        subprocess.run(command, check=True, capture_output=True)
        with (folder / "table.csv").open(newline="") as file:
            rows = list(csv.DictReader(file))
    names = ("DICE_AUC", "FTP_RATIO_AUC", "FTN_RATIO_AUC")
    return {row["TUMOR_TYPE"]: [float(row[name]) for name in names] for row in rows}


def main(program: str, python: str) -> None:
    """Write the numbers anew."""
    lines = []
    for name, intervals in CASES.items():
        found = scored(program, python, made(name), intervals)
        lines.append(f"{json.dumps(name)}: {json.dumps(found)}")
    FILE.write_text("{\n" + ",\n".join(lines) + "\n}\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
