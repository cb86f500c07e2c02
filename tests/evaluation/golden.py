"""The numbers that the challenges' own programs give label maps that are written here by code: `golden.json`.

It holds the pieces of each label map, and the numbers. With BraTS-2023-Metrics and BraTS-2024-Metrics of
github.com/rachitsaluja, in an environment for them (numpy 1.26, connected-components-3d 3.12, medpy 0.5.2,
pandas, nibabel), and `brats-evaluate` of the package brats-evaluation 0.0.10, this writes the numbers anew:

    python tests/evaluation/golden.py BraTS-2023-Metrics BraTS-2024-Metrics brats-evaluate

It imports nothing of brats_seg. Of 2024's "legacy" HD95, sensitivity and specificity only those of regions
with at most one lesion per mask are kept: that program takes numbers of lesions for values of a mask there.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

FILE = Path(__file__).with_name("golden.json")
SHAPE = (40, 44, 48)
LESION_WISE = {
    "lesion_dice": "LesionWise_Score_Dice", "lesion_hd95": "LesionWise_Score_HD95", "dice": "Legacy_Dice",
    "lesions_found": "Num_TP", "lesions_missed": "Num_FN", "lesions_false": "Num_FP",
}  # fmt: skip
WHOLE = {"hd95": "Legacy_HD95", "sensitivity": "Sensitivity", "specificity": "Specificity"}
SURFACES = {
    "lesion_surface_dice": "LesionWise_Score_NSD @ 1.0",
    "lesion_surface_dice_05": "LesionWise_Score_NSD @ 0.5",
    "global_nsd_10": "Legacy NSD @ 1.0", "global_nsd_05": "Legacy NSD @ 0.5",
}  # fmt: skip
OF_2026 = {
    "lesion_dice": "sq_dsc", "lesion_hd95": "sq_hd95", "lesion_surface_dice": "sq_nsd", "lesion_f1": "rq",
    "lesions_found": "tp", "lesions_missed": "fn", "lesions_false": "fp", "dice": "global_bin_dsc",
    "global_hd95": "global_bin_hd95", "global_nsd": "global_bin_nsd",
}  # fmt: skip
Numbers = dict[str, dict[str, Any]]
"""Region to metric to value."""


def paint(pieces: list[list[Any]]) -> np.ndarray:
    """A label map ``(z, y, x)`` of boxes (start, stop) and balls (centre, radii), the last one on top."""
    label_map = np.zeros(SHAPE, np.uint8)
    z, y, x = np.ogrid[: SHAPE[0], : SHAPE[1], : SHAPE[2]]
    for kind, value, a, b, c, d, e, f in pieces:
        if kind == "box":
            label_map[a:d, b:e, c:f] = value
        else:
            label_map[((z - a) / d) ** 2 + ((y - b) / e) ** 2 + ((x - c) / f) ** 2 <= 1] = value
    return label_map


def of_1_mm(cases: dict[str, Any]) -> dict[str, Any]:
    """The cases that 2026 sees as they are: it takes every voxel for one of 1 mm."""
    return {name: case for name, case in cases.items() if case["spacing_mm"] == [1, 1, 1]}


def write(folder: Path, cases: dict[str, Any], largest: int) -> None:
    """Write ``truth/`` and ``prediction/``, without label values above the largest."""
    import nibabel

    for number, case in enumerate(cases.values()):
        z, y, x = case["spacing_mm"]
        for which in ("truth", "prediction"):
            label_map = paint(case[which])
            label_map[label_map > largest] = 0
            (folder / which).mkdir(parents=True, exist_ok=True)
            image = nibabel.Nifti1Image(label_map.T, np.diag([-x, -y, z, 1]))
            nibabel.save(image, folder / which / f"BraTS-GLI-{number:05}-000.nii.gz")  # 2026 wants such names


def lesion_wise(program: Path, module: str, folder: Path, metrics: dict[str, str]) -> dict[str, Numbers]:
    """The numbers of the program of 2023 or 2024."""
    import pandas as pd

    as_in_pandas_1_2(pd)
    sys.path.insert(0, str(program))
    score = __import__(module).get_LesionWiseResults
    os.chdir(folder)
    found: dict[str, Numbers] = {}
    for truth in sorted((folder / "truth").iterdir()):
        score(str(folder / "prediction" / truth.name), str(truth), "BraTS-GLI", output="table.csv")
        name = stem(truth.name)
        rows = {row["Labels"]: row for row in pd.read_csv("table.csv").to_dict("records")}
        found[name] = {}
        for region, row in rows.items():
            kept = metrics if one_lesion(folder, name, region) else {**LESION_WISE, **SURFACES}
            found[name][region] = {ours: float(row[theirs]) for ours, theirs in kept.items()}
    sys.path.pop(0)
    return found


def stem(name: str) -> str:
    """Of a NIfTI file."""
    return name[: -len(".nii.gz")]


def as_in_pandas_1_2(pandas: Any) -> None:
    """What the program of 2023 wants of pandas, and newer versions lack."""
    replace = pandas.DataFrame.replace

    def replace_numbers(self: Any, old: float, new: float, *, inplace: bool = False) -> Any:
        changed = self if inplace else self.copy()
        numbers = changed.select_dtypes("number").columns
        changed[numbers] = replace(changed[numbers], old, new)
        return changed

    pandas.DataFrame.replace = replace_numbers
    pandas.DataFrame.append = lambda self, other: pandas.concat([self, other])


def one_lesion(folder: Path, name: str, region: str) -> bool:
    """Whether 2024 numbered at most one lesion in each mask."""
    import nibabel

    left = list(folder.glob(f"tmp_*/{name}/{name}_{region}_cc_combined.nii.gz"))
    return all(nibabel.load(path).get_fdata().max() <= 1 for path in left)


def of_2026(program: str, folder: Path) -> dict[str, Numbers]:
    """The numbers of ``brats-evaluate``, with the penalty of ``brats-parse-metrics``."""
    out = folder / "theirs.json"
    paths = ["--ref_path", folder / "truth", "--pred_path", folder / "prediction", "--summary_json", out]
    subprocess.run([program, "--config", "gli", *map(str, paths)], check=True, capture_output=True)
    found: dict[str, Numbers] = {}
    for row in json.loads(out.read_text())["metrics"]:
        numbers = found[stem(row["subject_name"])] = {}
        for region in ("ET", "TC", "WT", "RC"):
            values = {ours: row[region.lower()].get(theirs) for ours, theirs in OF_2026.items()}
            for ours, value in values.items():
                undefined = value is None or np.isnan(value)
                values[ours] = None if undefined else min(float(value), 373.0)
            numbers[region] = values
    return found


def a_case_a_line(golden: dict[str, dict[str, Any]]) -> str:
    """As JSON, to be read and compared."""
    sections = []
    for name, cases in golden.items():
        lines = [f"{json.dumps(case)}: {json.dumps(value)}" for case, value in cases.items()]
        sections.append(json.dumps(name) + ": {\n" + ",\n".join(lines) + "\n}")
    return "{\n" + ",\n".join(sections) + "\n}\n"


def main(program_2023: str, program_2024: str, evaluate: str) -> None:
    """Write the numbers anew."""
    golden = json.loads(FILE.read_text())
    before, after = Path(program_2023).resolve(), Path(program_2024).resolve()
    with tempfile.TemporaryDirectory() as temporary:
        plain, cavity = Path(temporary) / "plain", Path(temporary) / "cavity"
        write(plain, golden["cases"], largest=3)
        write(cavity, golden["cases"], largest=4)
        write(Path(temporary) / "1 mm", of_1_mm(golden["cases"]), largest=4)
        golden["brats2026"] = of_2026(evaluate, Path(temporary) / "1 mm")
        golden["brats2023"] = lesion_wise(before, "metrics", plain, {**LESION_WISE, **WHOLE})
        golden["brats2024"] = lesion_wise(after, "metrics_GLI", cavity, {**LESION_WISE, **SURFACES, **WHOLE})
    for edition in ("brats2023", "brats2024", "brats2026"):
        in_order = [golden[edition][file] for file in sorted(golden[edition])]
        cases = of_1_mm(golden["cases"]) if edition == "brats2026" else golden["cases"]
        golden[edition] = dict(zip(cases, in_order, strict=True))
    FILE.write_text(a_case_a_line(golden))


if __name__ == "__main__":
    main(*sys.argv[1:])
