"""A small cohort with predictions, scores and a run folder, and its report."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from brats_seg import nifti
from brats_seg.cases import find_cases
from brats_seg.evaluation import evaluate
from brats_seg.phantom import write_cohort

WARNING = "<script>alert(1)</script> is only text"


@pytest.fixture(scope="session")
def cohort(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """``cases/``, ``predictions/`` (with ``a/``, ``b/``, ``uncertainty/``), ``scores/``, ``runs/x/fold_0``"""
    root = tmp_path_factory.mktemp("cohort")
    write_cohort(root / "cases", cases=3, seed=0, shape=(40, 48, 44))
    for number, case in enumerate(find_cases(root / "cases")):
        assert case.segmentation is not None
        truth = nifti.read(case.segmentation)
        moved = np.roll(truth.array.astype(np.uint8), 2 * number, 1)
        for folder in ("a", "b", "."):
            nifti.write(root / "predictions" / folder / f"{case.id}.nii.gz", moved, truth.geometry)
            record = {
                "labels": {"convention": "brats2020"},
                "warnings": [WARNING],
                "settings": {"tta": "group16"},
            }
            (root / "predictions" / folder / f"{case.id}.json").write_text(json.dumps(record))
        for word in ("whole", "core", "enhance"):
            sure = (100 * (moved != truth.array)).astype(np.uint8)
            nifti.write(
                root / "predictions" / "uncertainty" / f"{case.id}_unc_{word}.nii.gz", sure, truth.geometry
            )
    evaluate(root / "predictions", root / "cases", root / "scores")
    (root / "runs" / "x" / "fold_0").mkdir(parents=True)
    lines = [
        "epoch,step,lr,train/loss,val/dice",
        "0,5,0.001,2.5,",
        "1,10,0.0005,2.1,0.4",
        "2,15,0.00001,1.9,0.5",
    ]
    (root / "runs" / "x" / "fold_0" / "metrics.csv").write_text("\n".join(lines))
    return root
