"""DICOM files to the four sequences."""

from __future__ import annotations

import json
import shutil
import zipfile
from pathlib import Path

import numpy as np
import pytest

from brats_seg import nifti
from brats_seg.errors import UserError, WrongValue
from brats_seg.scans.convert import convert
from brats_seg.scans.dicom_files import files_below
from brats_seg.scans.series import find_series
from brats_seg.scans.verdict import judge
from brats_seg.terms import MODALITIES
from tests.scans.mr_series import KINDS, write_enhanced, write_series

pydicom = pytest.importorskip("pydicom")
pytest.importorskip("dcm2niix")


@pytest.fixture
def export(tmp_path) -> Path:
    """One study with all four sequences."""
    for number, (name, attributes) in enumerate(KINDS.items(), 1):
        write_series(tmp_path / "export" / name, number, **attributes)
    return tmp_path / "export"


def verdicts(found) -> dict[int, str | None]:
    return {int(each.series.attributes["number"]): each.verdict.modality for each in found.judged}


def test_four_sequences(export, tmp_path):
    (export / "empty").touch()
    (export / "README").write_text("no DICOM")
    found = convert(export, tmp_path / "out")
    assert found.failures == ()
    assert found.others == 2
    assert verdicts(found) == {1: "t1", 2: "t1ce", 3: "t2", 4: "flair"}
    (case,) = found.written
    volume = nifti.read(tmp_path / "out" / case / f"{case}_t2.nii.gz")
    assert volume.array.shape == (12, 24, 20)
    assert volume.geometry.spacing_mm == pytest.approx((5.5, 0.9, 0.9))
    expected = np.arange(480).reshape(24, 20)[None] + 100 * np.arange(12)[:, None, None] + 3
    assert (volume.array == expected).all()
    assert np.allclose(volume.geometry.lps_affine[:3, 3], (10, 20, 0))


def test_names_tell_nothing_of_the_patient(export, tmp_path):
    found = convert(export, tmp_path / "out")
    (case,) = found.written
    assert case.startswith("study-")
    for path in (tmp_path / "out").rglob("*.nii.gz"):
        assert b"Doe" not in path.read_bytes()
    held = json.loads((tmp_path / "out" / "identities.json").read_text())
    assert held["cases"][case]["patient"] == "4711/../x"
    assert convert(export, tmp_path / "out").written == (case,)
    assert convert(export, tmp_path / "other").written != (case,)


def test_kept_names_are_no_paths(export, tmp_path):
    assert convert(export, tmp_path / "out", identity="keep").written == ("4711-x-20200101",)


def test_two_series_that_fit_are_asked_about(export, tmp_path):
    second = write_series(export / "again", 7, **KINDS["t2"] | {"SeriesDescription": "COR T2"})
    found = convert(export, tmp_path / "out")
    assert found.written == ()
    assert "2 series fit t2" in found.failures[0]
    assert second in found.failures[0]
    assert convert(export, tmp_path / "out", chosen={"t2": "cor*"}).failures == ()


@pytest.mark.parametrize(
    ("attributes", "reason"),
    [
        ({"ImageType": ["ORIGINAL", "PRIMARY", "LOCALIZER"]}, "localiser"),
        ({"ImageType": ["DERIVED", "SECONDARY"]}, "derived"),
        ({"ImageType": ["ORIGINAL", "PRIMARY", "P"]}, "phase"),
        ({"ScanningSequence": "EP"}, "echo planar"),
        ({"SOPClassUID": "1.2.840.10008.5.1.4.1.1.7"}, "no MR image"),
        ({"Modality": "CT"}, "modality CT"),
        ({"BodyPartExamined": "KNEE"}, "body part KNEE"),
        ({"slices": 3}, "only 3 slices"),
        ({"skip": (5,)}, "unequal gaps"),
        ({"ImagePositionPatient": [0, 0, 0]}, "one place"),
        ({"ImagePositionPatient": None}, "no position"),
        ({"tilt": 0.3}, "tilted gantry"),
        ({"turned": (6,)}, "different orientations"),
        ({"gaps": True}, "unequal gaps"),
        ({"RepetitionTime": None, "SeriesDescription": ""}, "TR or TE is missing"),
        ({"AngioFlag": "Y"}, "angiography"),
        ({"SeriesDescription": "AX SWI"}, "its description has 'SWI'"),
        ({"RepetitionTime": 2500, "EchoTime": 40}, "neither T1, T2 nor FLAIR (TR 2500, TE 40 ms)"),
    ],
)
def test_what_is_left_out_says_why(export, tmp_path, attributes, reason):
    write_series(export / "odd", 9, **KINDS["t2"] | attributes)
    found = convert(export, tmp_path / "out")
    (odd,) = (each for each in found.judged if each.series.attributes["number"] == 9)
    assert odd.verdict.modality is None
    assert reason in odd.verdict.reason
    assert found.failures == ()


@pytest.mark.parametrize(
    ("attributes", "modality", "reason"),
    [
        (
            {"ScanningSequence": "GR", "RepetitionTime": 8, "EchoTime": 3},
            "t1",
            "gradient echo, TR 8, TE 3 ms",
        ),
        (
            {"SeriesDescription": "AX T2 FLAIR"},
            "flair",
            "FLAIR by its description, without an inversion time",
        ),
        ({"EchoTime": None}, "t2", "by its description: TR or TE is missing"),
        (
            {**KINDS["t1"], "SeriesDescription": "AX T1 POST GAD"},
            "t1ce",
            "contrast agent by its description ('POST')",
        ),
        ({**KINDS["t1"], "SeriesDescription": "AX T1 WITHOUT CONTRAST"}, "t1", "no contrast agent"),
    ],
)
def test_what_a_series_is(tmp_path, attributes, modality, reason):
    write_series(tmp_path / "series", 9, **KINDS["t2"] | attributes)
    (series,) = find_series(files_below(tmp_path / "series", tmp_path / "unzipped"))[0]
    found = judge(series)
    assert found.modality == modality
    assert reason in found.reason


def test_a_series_of_several_echoes_is_left_out(tmp_path):
    for half, echo in enumerate((10, 80)):
        first = (-10.0, -20.0, 33.0 * half)
        write_series(tmp_path / "export" / str(echo), 9, slices=6, first=first, EchoTime=echo)
    (series,) = find_series(files_below(tmp_path / "export", tmp_path / "unzipped"))[0]
    assert judge(series).reason == "left out: several echo times (10, 80 ms)"


def test_a_naming_that_is_none(tmp_path):
    with pytest.raises(WrongValue, match="identity=name: expected pseudonym or keep"):
        convert(tmp_path, tmp_path / "out", identity="name")


@pytest.mark.slow
def test_a_compressed_series_is_read(export, tmp_path):
    """RLE, which dcm2niix and pydicom both know."""
    for path in (export / "t2").iterdir():
        data = pydicom.dcmread(path)
        data.compress(pydicom.uid.RLELossless, generate_instance_uid=False)
        data.save_as(path, enforce_file_format=True)
    found = convert(export, tmp_path / "out")
    assert found.failures == ()
    (case,) = found.written
    plane = nifti.read(tmp_path / "out" / case / f"{case}_t2.nii.gz").array[0]
    assert (plane == np.arange(480).reshape(24, 20) + 3).all()


def test_a_deflated_series_is_read(export, tmp_path):
    """dcm2niix reads none."""
    for path in (export / "t2").iterdir():
        data = pydicom.dcmread(path)
        data.file_meta.TransferSyntaxUID = pydicom.uid.DeflatedExplicitVRLittleEndian
        data.save_as(path, enforce_file_format=True)
    found = convert(export, tmp_path / "out")
    assert found.failures == ()
    (case,) = found.written
    plane = nifti.read(tmp_path / "out" / case / f"{case}_t2.nii.gz").array[0]
    assert (plane == np.arange(480).reshape(24, 20) + 3).all()


@pytest.mark.slow
def test_pixels_that_cannot_be_read_are_one_line_and_other_patients_go_on(export, tmp_path):
    for number, (name, attributes) in enumerate(KINDS.items(), 1):
        write_series(export / "second" / name, number, study="1.2.4", **attributes)
    for path in (export / "second" / "t2").iterdir():
        path.write_bytes(path.read_bytes()[:-600])
    found = convert(export, tmp_path / "out")
    assert len(found.written) >= 1
    assert all("\n" not in line for line in found.failures)


@pytest.mark.slow
def test_an_enhanced_series(export, tmp_path):
    shutil.rmtree(export / "t2")
    write_enhanced(export / "t2", 3)
    found = convert(export, tmp_path / "out")
    assert found.failures == ()
    (case,) = found.written
    volume = nifti.read(tmp_path / "out" / case / f"{case}_t2.nii.gz")
    assert volume.array.shape == (12, 24, 20)
    assert volume.geometry.spacing_mm == pytest.approx((5.5, 0.9, 0.9))
    assert (volume.array[2] == np.arange(480).reshape(24, 20) + 200).all()


def test_a_missing_sequence_is_one_line_and_other_patients_go_on(export, tmp_path):
    write_series(export / "second", 1, study="1.2.4", **KINDS["t1"])
    found = convert(export, tmp_path / "out")
    assert len(found.written) == 1
    assert len(found.failures) == 3
    assert all("found none" in line for line in found.failures)


# pydicom says so when it decodes the attribute.
@pytest.mark.filterwarnings("ignore:Found unknown escape sequence")
def test_foreign_text_loses_its_control_characters(export, tmp_path):
    write_series(export / "odd", 9, SeriesDescription="\x1b[31mred", Modality="CT")
    found = convert(export, tmp_path / "out")
    assert all(each.series.description.isprintable() for each in found.judged)


def test_zipped(export, tmp_path):
    archive = tmp_path / "zipped" / "export.zip"
    archive.parent.mkdir()
    with zipfile.ZipFile(archive, "w") as target:
        for path in sorted(export.rglob("*")):
            if path.is_file():
                target.write(path, f"../../{path.name}")
    found = convert(archive.parent, tmp_path / "out")
    assert found.failures == ()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["export", "out", "zipped"]


def test_a_zip_entry_stays_in_its_folder(tmp_path):
    with zipfile.ZipFile(tmp_path / "evil.zip", "w") as target:
        target.writestr("../../../evil", b"x")
        target.writestr("/absolute", b"y")
    paths = list(files_below(tmp_path, tmp_path / "unzipped"))
    assert len(paths) == 2
    assert all(path.is_relative_to(tmp_path / "unzipped") for path in paths)


def test_no_dicom(tmp_path):
    (tmp_path / "text").write_text("x")
    with pytest.raises(UserError, match="expected DICOM files, found none among 1 files"):
        convert(tmp_path, tmp_path / "out")
    assert set(MODALITIES) == set(KINDS)
