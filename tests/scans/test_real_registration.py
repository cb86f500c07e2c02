"""`segment` on heads of `phantom skull=true`, which moved between their sequences, by the real registration.

The phantom's own mask stands in for the brain extraction, which learnt from real heads.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from brats_seg import nifti
from brats_seg.labels import LABEL_VALUES, encode_regions
from brats_seg.phantom import make_case
from brats_seg.phantom.head import RawHead, make_head
from brats_seg.scans import AlignedFolder, AlignSettings, one_case
from brats_seg.scans.images import RAS_TO_LPS
from brats_seg.scans.native import resample_labels
from brats_seg.scans.one_case import MOVING, TO_T1CE
from brats_seg.scans.quality import dice
from brats_seg.scans.register import matrix, turn_degrees
from brats_seg.workflows.segment_export import segment_export, sound_cases
from tests.scans.conftest import BRAIN, affine, save
from tests.scans.mr_series import KINDS, write_volume

for package in ("pydicom", "highdicom", "dcm2niix"):
    pytest.importorskip(package)
pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]
LABELS = LABEL_VALUES["brats2020"]


@pytest.fixture(scope="module")
def head() -> tuple[RawHead, np.ndarray]:
    """The head, and its stripped T1 ``(z, y, x)`` at 1 mm."""
    images, label_map = make_case(3, seed=0, shape=BRAIN)
    return make_head(images, label_map, np.random.default_rng(0)), images["t1"]


@pytest.fixture(scope="module")
def segmented(head, tmp_path_factory) -> tuple[Path, list[str]]:
    """What `segment` leaves, and its failures; the truth stands in for the networks."""
    raw, stripped = head
    folder = tmp_path_factory.mktemp("whole")
    for number, (name, attributes) in enumerate(KINDS.items(), 1):
        write_volume(folder / "dicom" / name, number, raw.images[name], **attributes)
    atlas = stripped.transpose(2, 1, 0)[::-1, ::-1]
    save(folder / "atlas.nii.gz", atlas.astype(np.int16), affine("RAS", (1, 1, 1), atlas.shape))

    def predict(aligned: Path, predictions: Path) -> list[str]:
        for each in sound_cases(aligned):
            target = nifti.read_geometry(each.brain)
            moved = resample_labels(raw.label_map, target, each.read_transform(TO_T1CE), LABELS)
            nifti.write(predictions / f"{each.case_id}.nii.gz", moved, target)
        return []

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(one_case, "extract_brain", lambda *_: raw.brain.array > 0)
        patch.setattr("brats_seg.workflows.segment_export.add_report", lambda *_, **__: [])
        settings = AlignSettings.default(atlas=str(folder / "atlas.nii.gz"))
        failures = segment_export(folder / "dicom", folder / "result", predict, settings, identity="keep")
    return folder / "result", failures


def folder_of(result: Path) -> AlignedFolder:
    (path,) = (path for path in (result / "aligned").iterdir() if path.is_dir())
    return AlignedFolder(path)


def of_brain(mask: nifti.Volume) -> np.ndarray:
    """The voxels of a brain, homogeneous, LPS millimetres."""
    z, y, x = np.nonzero(mask.array)
    return RAS_TO_LPS @ mask.geometry.lps_affine @ np.stack([x, y, z, np.ones(len(x))])


def test_the_case_is_sound(segmented):
    result, failures = segmented
    assert failures == []
    assert [each.path for each in sound_cases(result / "aligned")] == [folder_of(result).path]


@pytest.mark.parametrize("name", MOVING)
def test_each_movement_is_undone_to_a_millimetre_and_a_degree(head, segmented, name):
    truth = RAS_TO_LPS @ head[0].movements[name] @ RAS_TO_LPS
    error = np.linalg.inv(truth) @ matrix(folder_of(segmented[0]).read_transform(f"t1ce_to_{name}"))
    farthest = np.linalg.norm(((error - np.eye(4)) @ of_brain(head[0].brain))[:3], axis=0).max()
    print(f"{name}: {farthest:.2f} mm, {turn_degrees(error):.2f} degrees")
    assert farthest < 1
    assert turn_degrees(error) < 1


def test_the_label_map_is_back_in_its_place(head, segmented):
    result, case = segmented[0], folder_of(segmented[0]).case_id
    native = nifti.read(result / "predictions" / "native" / f"{case}.nii.gz")
    truth = head[0].label_map
    assert nifti.same_space(native.geometry, truth.geometry)
    pairs = zip(encode_regions(native.array, LABELS), encode_regions(truth.array, LABELS), strict=True)
    assert min(dice(one, two) for one, two in pairs) >= 0.95
