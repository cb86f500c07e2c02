"""From a DICOM export of the phantom with its skull to everything that `segment` leaves."""

from __future__ import annotations

import csv
import hashlib
import multiprocessing
import os
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from brats_seg import nifti
from brats_seg.files import write_json
from brats_seg.labels import LABEL_VALUES, encode_regions
from brats_seg.scans import AlignedFolder, AlignSettings, one_case
from brats_seg.scans.identities import source_of
from brats_seg.scans.native import resample_labels
from brats_seg.scans.one_case import TO_T1CE
from brats_seg.scans.packages import load
from brats_seg.scans.quality import dice
from brats_seg.scans.series import find_series
from brats_seg.scans.source_series import open_series
from brats_seg.terms import MODALITIES
from brats_seg.workflows.segment_export import segment_export, sound_cases
from tests.scans.conftest import affine, place_by_moments, sample, save
from tests.scans.mr_series import KINDS, rasterised, write_enhanced, write_series

pydicom, highdicom = pytest.importorskip("pydicom"), pytest.importorskip("highdicom")
pytest.importorskip("dcm2niix")
pytestmark = pytest.mark.slow
LABELS = LABEL_VALUES["brats2020"]
GRIDS = {
    #        spacing, voxels along (x, y, z)
    "t1": ((0.9, 0.9, 5.5), (190, 216, 31)),
    "t1ce": ((0.9, 0.9, 5.0), (190, 216, 34)),
    "t2": ((0.8, 0.8, 4.0), (216, 240, 42)),
    "flair": ((1.0, 1.0, 5.0), (172, 194, 34)),
}


WRITERS = {"classic": write_series, "enhanced": write_enhanced}


@pytest.fixture(scope="module", params=WRITERS)
def export(request, head, tmp_path_factory) -> Path:
    """A folder of DICOM files, classic or enhanced, with the truth on the T1ce's grid beside it."""
    whole, brain, label_map = head
    folder = tmp_path_factory.mktemp("export")
    for number, name in enumerate(MODALITIES, 1):
        spacing, size = GRIDS[name]
        place = affine("LPS", spacing, size)
        pixels = sample(whole[name], place, size).transpose(2, 1, 0)
        first = place[:3, 3] * (-1, -1, 1)
        WRITERS[request.param](
            folder / "dicom" / name,
            number,
            slices=size[2],
            pixels=np.clip(pixels, 0, 4000),
            spacing_mm=spacing[::-1],
            first=first.tolist(),
            **KINDS[name],
        )
    spacing, size = GRIDS["t1ce"]
    place = affine("LPS", spacing, size)
    save(folder / "seg.nii.gz", sample(label_map, place, size, order=0).astype(np.uint8), place)
    inside = sample(brain.astype(np.float32), place, size) >= 0.5
    save(folder / "mask.nii.gz", inside.astype(np.uint8), place)
    stripped = np.where(brain, whole["t1"], 0).transpose(2, 1, 0)[::-1, ::-1]
    save(folder / "atlas.nii.gz", stripped.astype(np.int16), affine("RAS", (1, 1, 1), stripped.shape))
    return folder


def run(folder: str, output: str, *, overwrite: bool = False) -> list[str]:
    """`segment` with a given brain, and with the truth for a prediction."""
    truth, mask = (nifti.read(Path(folder) / f"{name}.nii.gz") for name in ("seg", "mask"))
    one_case.extract_brain = lambda *_: mask.array > 0
    one_case.register = place_by_moments

    def predict(aligned: Path, predictions: Path) -> list[str]:
        for each in sound_cases(aligned):
            target = nifti.read_geometry(each.brain)
            moved = resample_labels(truth, target, each.read_transform(TO_T1CE), LABELS)
            nifti.write(predictions / f"{each.case_id}.nii.gz", moved, target)
            images = {name: {"path": str(each.sequence(name)), "channel": 0} for name in MODALITIES}
            record = {"schema": 1, "labels": {"convention": LABELS.name}, "inputs": images}
            write_json(predictions / f"{each.case_id}.json", record)
        return []

    settings = AlignSettings.default(atlas=f"{folder}/atlas.nii.gz")
    return segment_export(
        Path(folder) / "dicom", Path(output), predict, settings, identity="keep", overwrite=overwrite
    )


@pytest.fixture(scope="module")
def segmented(export, tmp_path_factory) -> Path:
    output = tmp_path_factory.mktemp("result")
    with pytest.MonkeyPatch.context() as patch:
        for name in ("extract_brain", "register"):
            patch.setattr(one_case, name, getattr(one_case, name))  # put back afterwards
        assert run(str(export), str(output)) == []
    return output


def found(segmented: Path) -> tuple[Path, str]:
    (case,) = (path.name for path in (segmented / "nifti").iterdir() if path.is_dir())
    return segmented / "predictions", case


def test_native_maps(export, segmented):
    predictions, case = found(segmented)
    native = nifti.read(predictions / "native" / f"{case}.nii.gz")
    raw = nifti.read(segmented / "nifti" / case / f"{case}_t1ce.nii.gz")
    assert nifti.same_space(native.geometry, raw.geometry)
    truth = nifti.read(export / "seg.nii.gz").array
    pairs = zip(encode_regions(native.array, LABELS), encode_regions(truth, LABELS), strict=True)
    scores = [dice(one, two) for one, two in pairs]
    print("Dice of ET, TC, WT:", scores)
    assert min(scores) >= 0.95


def test_the_segmentation_lies_on_the_t1ce(segmented):
    """Read by highdicom, and frame by frame by its positions as SimpleITK's image of the T1ce has them."""
    predictions, case = found(segmented)
    seg = highdicom.seg.segread(predictions / "dicom" / f"{case}_seg.dcm")
    assert seg.get_volume(combine_segments=True).spatial_shape[0] > 0
    itk = load("SimpleITK")
    native = itk.ReadImage(str(predictions / "native" / f"{case}.nii.gz"))
    labels = itk.GetArrayFromImage(native)
    drawn = np.zeros_like(labels)
    values = (1, 2, 4)
    for frame, groups in zip(seg.pixel_array, seg.PerFrameFunctionalGroupsSequence, strict=True):
        position = [float(each) for each in groups.PlanePositionSequence[0].ImagePositionPatient]
        index = native.TransformPhysicalPointToContinuousIndex(position)
        x, y, z = (round(each) for each in index)
        assert np.abs(np.subtract(index, (x, y, z))).max() < 0.01
        number = groups.SegmentIdentificationSequence[0].ReferencedSegmentNumber
        # NIfTI's rows of this series run along +y of the image, from this position.
        rows = frame if y == 0 else frame[::-1]
        drawn[z][rows > 0] = values[number - 1]
    for value in values:
        assert dice(drawn == value, labels == value) == 1.0


def test_the_structures_lie_on_the_t1ce(segmented):
    predictions, case = found(segmented)
    folder, uid = source_of(segmented / "nifti" / case / f"{case}_t1ce.nii.gz")
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    (series,) = (each for each in find_series(files)[0] if each.uid == uid)
    opened = open_series(series)
    native = nifti.read(predictions / "native" / f"{case}.nii.gz")
    expected = encode_regions(opened.frames(native)[np.argsort(opened.order)], LABELS)
    drawn = rasterised(predictions / "dicom" / f"{case}_rtstruct.dcm", opened)
    scores = [dice(one, two) for one, two in zip(drawn, expected, strict=True)]
    print("Dice of ET, TC, WT:", scores)
    assert min(scores) >= 0.97


@pytest.mark.skipif(shutil.which("dciodvfy") is None, reason="Debian's dicom3tools are not installed")
@pytest.mark.parametrize("kind", ["seg", "rtstruct"])
def test_dciodvfy_finds_no_error(segmented, kind):
    predictions, case = found(segmented)
    done = subprocess.run(
        ["dciodvfy", predictions / "dicom" / f"{case}_{kind}.dcm"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert [line for line in (done.stderr + done.stdout).splitlines() if line.startswith("Error")] == []


def test_a_page_a_pdf_and_numbers_of_the_patient(segmented):
    predictions, case = found(segmented)
    names = {path.name for path in (predictions / "report").rglob("*")}
    assert {"index.html", f"{case}.html", f"{case}.pdf", f"{case}.csv"} <= names
    (table,) = (predictions / "report").rglob(f"{case}.csv")
    assert len(list(csv.reader(table.read_text().splitlines()))) > 1


def sums(folder: Path) -> dict[str, str]:
    """Every file but those that tell the time."""
    found = {}
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path.name not in ("align.json", "identities.json"):
            found[str(path.relative_to(folder))] = hashlib.sha256(content(path, folder)).hexdigest()
    return found


def content(path: Path, folder: Path) -> bytes:
    if path.suffix != ".dcm":
        return path.read_bytes().replace(str(folder).encode(), b"")
    data = pydicom.dcmread(path)
    kept = [element for element in data if element.VR not in ("DA", "TM", "DT")]
    return repr(kept).encode()


@pytest.mark.parametrize("export", ["classic"], indirect=True)
def test_killed_at_random_moments_and_given_again(export, segmented, tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(Path(__file__).parents[2])  # where a new process finds `tests`
    rng = np.random.default_rng(int.from_bytes(os.urandom(4)))
    context = multiprocessing.get_context("spawn")
    output = tmp_path / "again"
    for attempt in range(40):
        process = context.Process(target=run, args=(str(export), str(output)))
        process.start()
        process.join(None if attempt >= 4 else float(rng.uniform(3, 25)))
        if process.exitcode is None:
            process.kill()
        process.join()
        if process.exitcode == 0:
            break
    assert process.exitcode == 0
    text = {path for path in sums(segmented) if not path.startswith("predictions/report")}
    assert {path: sums(output).get(path) for path in text} == {path: sums(segmented)[path] for path in text}


@pytest.mark.parametrize("export", ["classic"], indirect=True)
def test_a_map_that_somebody_corrected_stays(export, segmented, tmp_path, monkeypatch, capsys):
    for name in ("extract_brain", "register"):
        monkeypatch.setattr(one_case, name, getattr(one_case, name))  # put back afterwards
    output = tmp_path / "again"
    shutil.copytree(segmented, output)
    predictions, case = found(output)
    native = predictions / "native" / f"{case}.nii.gz"
    volume = nifti.read(native)
    nifti.write(native, np.roll(volume.array, 1, axis=2), volume.geometry)
    corrected = native.read_bytes()
    (line,) = run(str(export), str(output))
    assert line.startswith(f"case {case}: {native} is there, and brats-seg has not written it")
    assert native.read_bytes() == corrected
    before = "the work goes on: 1 case converted, 1 case aligned, 1 case predicted"
    assert f"{output} is there, and {before}" in capsys.readouterr().out
    assert run(str(export), str(output), overwrite=True) == []
    assert (nifti.read(native).array == volume.array).all()
    record = native.with_name(f"{case}.json")
    record.write_text("{}")
    (line,) = run(str(export), str(output))
    assert "has not written it" in line
    assert record.read_text() == "{}"


def test_a_folder_of_the_align_command_is_enough(segmented):
    assert [each.case_id for each in sound_cases(segmented / "aligned")] == [found(segmented)[1]]
    assert AlignedFolder(segmented / "aligned" / found(segmented)[1]).record.is_file()
