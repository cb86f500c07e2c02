"""One real case of each naming: the map lies in the input's space and brain, in the input's labels."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest

from brats_seg import nifti
from brats_seg.artifacts.ensemble_file import write_ensemble
from brats_seg.cases import find_cases
from brats_seg.inference import Segmenter, Settings, predict
from brats_seg.preprocessing import brain_mask

pytestmark = [pytest.mark.real, pytest.mark.slow]


@pytest.mark.parametrize(
    ("folder", "case_id", "values", "tta"),
    [
        ("BraTS2021", "BraTS2021_00000", {0, 1, 2, 4}, "group16"),
        ("BraTS2023", "BraTS-GLI-00027-000", {0, 1, 2, 3}, "none"),
    ],
)
def test_predict(
    real_cases: Path, make_bundle: Any, tmp_path: Path, folder: str, case_id: str, values: set[int], tta: str
) -> None:
    pipelines = "ab" if tta == "none" else "a"  # for the sake of time
    bundles: Any = {pipeline: [make_bundle(pipeline)] for pipeline in pipelines}
    cases = find_cases(real_cases / folder / case_id)
    assert predict(cases, bundles, tmp_path / "out", Settings.default(tta=tta)) == []
    paths = {name: file.path for name, file in cases[0].modalities.items()}
    source, answer = nib.load(paths["t1"]), nib.load(tmp_path / "out" / f"{case_id}.nii.gz")
    assert answer.get_data_dtype() == np.uint8
    assert np.array_equal(answer.affine, source.affine)
    assert answer.header.get_xyzt_units() == source.header.get_xyzt_units()
    label_map = np.asarray(answer.dataobj)
    assert set(np.unique(label_map)) <= values
    brain = brain_mask(np.stack([np.asarray(nib.load(path).dataobj) for path in paths.values()]))
    assert label_map[brain].any()
    assert not label_map[~brain].any()
    # The same brain, stored the other way round, is the same brain.
    write_ensemble(tmp_path / "ensemble.yaml", bundles)
    turned = {
        name: nib.load(path).as_reoriented(np.array([[1, -1], [2, -1], [0, 1]]))
        for name, path in paths.items()
    }
    settings = {"labels_input": cases[0].labels, "tta": tta}
    again = Segmenter.from_ensemble(tmp_path / "ensemble.yaml", **settings)(**turned)
    assert np.array_equal(
        nifti.from_image(again.image).array, nifti.read(tmp_path / "out" / f"{case_id}.nii.gz").array
    )
