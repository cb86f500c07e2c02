"""`predict` on a folder of `align` leaves the label map on the T1ce's own grid, too."""

from __future__ import annotations

import nibabel as nib
import numpy as np
import pytest

from brats_seg import nifti
from brats_seg.cli.main import run
from brats_seg.files import write_json
from brats_seg.scans import AlignedFolder
from tests.inference.conftest import SHAPE

itk = pytest.importorskip("SimpleITK")
pytest.importorskip("pydicom")


@pytest.mark.slow
def test_native_maps_of_aligned_cases_only(make_bundle, write_case, tmp_path, capsys):
    make_bundle("a")
    bundle, cases = next((tmp_path / "bundles").iterdir()), write_case("p1")
    write_case("p2", seed=1)
    affine = np.diag([-0.9, -0.9, 2.5, 1.0])
    image = nib.Nifti1Image(np.zeros((28, 24, 8), np.uint8), affine)
    image.header.set_xyzt_units("mm", "sec")
    native = nifti.from_image(image).geometry
    folder = AlignedFolder(cases / "p1")
    nifti.write(folder.native_brain, np.zeros(native.shape, np.uint8), native)
    nifti.write(folder.brain, np.zeros(SHAPE, np.uint8), nifti.lps_geometry(SHAPE))
    folder.write_transform("atlas_to_t1ce", itk.Euler3DTransform())
    write_json(folder.details / "made_of.json", {})
    write_json(folder.record, {"warnings": []})  # of before 0.2.0
    output = tmp_path / "predictions"
    command = [f"input={cases}", f"output={output}", f"bundles.a=[{bundle}]", "tta=none"]
    run("predict", [*command, "accelerator=cpu"])
    said = capsys.readouterr().out
    assert "not recognised" not in said
    assert f"case p1: no DICOM of it: {folder.record} names no raw T1ce; give the brats-seg align" in said
    assert (output / "p2.nii.gz").is_file()
    assert sorted(path.name for path in (output / "native").iterdir()) == ["p1.json", "p1.nii.gz"]
    assert nifti.same_space(nifti.read_geometry(output / "native" / "p1.nii.gz"), native)
