"""Scans and DICOM files that few hospitals send, each told in one line."""

from __future__ import annotations

import json
import os
import shutil
import sys
import zipfile
from collections import namedtuple
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from brats_seg import nifti
from brats_seg.cases import case_from_files
from brats_seg.cli.commands.align import main as align
from brats_seg.errors import FileError, UserError
from brats_seg.labels import LABEL_VALUES
from brats_seg.scans import AlignedFolder, AlignSettings, dicom_files, read_series, register
from brats_seg.scans.atlas import SHAPE, read_atlas
from brats_seg.scans.attributes import first_item, text
from brats_seg.scans.bias import without_bias
from brats_seg.scans.dicom import choose_series
from brats_seg.scans.dicom_files import count_files, files_below
from brats_seg.scans.identities import Identities, source_of
from brats_seg.scans.images import as_stored, read_image, to_itk
from brats_seg.scans.one_case import OneCase
from brats_seg.scans.packages import load
from brats_seg.scans.quality import brain_warnings
from brats_seg.scans.segmentation import write_segmentation
from brats_seg.scans.series import Series, find_series
from brats_seg.scans.source_series import open_series
from brats_seg.scans.structures import write_structures
from brats_seg.workflows import scanner_space
from brats_seg.workflows.scanner_space import _why_no_dicom
from tests.scans.mr_series import KINDS, write_series

pytest.importorskip("SimpleITK")
pydicom = pytest.importorskip("pydicom")
LABELS = LABEL_VALUES["brats2020"]


def find(folder: Path) -> list[Series]:
    return find_series(files_below(folder, folder / "unzipped"))[0]


@pytest.fixture
def series(tmp_path: Path) -> Series:
    write_series(tmp_path / "dicom", 1, **KINDS["t1ce"])
    (found,) = find(tmp_path / "dicom")
    return found


def write(path: Path, array: np.ndarray) -> Path:
    nifti.write(path, array, nifti.lps_geometry(array.shape))
    return path


def ball(side: int = 24) -> np.ndarray:
    z, y, x = np.indices((side, side, side)) - (side - 1) / 2
    distance = np.sqrt(z**2 + y**2 + x**2)
    return np.where(distance < side / 3, 100 + 10 * z + 5 * x, 0).astype(np.float32)


@pytest.mark.parametrize(
    ("array", "said"),
    [
        (np.full((4, 4, 4), np.nan, np.float32), "finite voxels"),
        (np.full((4, 4, 4), 7, np.float32), "found the one value 7 in every voxel"),
        (np.arange(48, dtype=np.float32).reshape(3, 4, 4), "at least 4 voxels along each axis"),
    ],
)
def test_images_that_are_none(tmp_path: Path, array: np.ndarray, said: str) -> None:
    with pytest.raises(FileError, match=said):
        read_image(write(tmp_path / "t1.nii.gz", array))


def test_a_tilted_gantry(tmp_path: Path) -> None:
    affine = np.eye(4)
    affine[1, 2] = 0.5
    nib.save(nib.Nifti1Image(ball(8), affine), tmp_path / "t1.nii.gz")
    with pytest.raises(FileError, match=r"a tilt of 26\.6 degrees \(a tilted gantry\?\)"):
        read_image(tmp_path / "t1.nii.gz")


def test_fractions_stay_fractions() -> None:
    array, inside = np.array([0.5, 2.0], np.float32), np.array([True, False])
    assert as_stored(array, inside, np.dtype(np.float64)).tolist() == [0.5, 0.0]


def test_an_atlas_with_its_skull(tmp_path: Path) -> None:
    with pytest.raises(FileError, match="a skull-stripped atlas with background 0"):
        read_atlas(write(tmp_path / "atlas.nii.gz", ball(8) + 1))


def test_an_atlas_of_the_shape_of_brats_keeps_its_place(tmp_path: Path) -> None:
    array = np.zeros(SHAPE, np.uint8)
    array[60:90, 90:150, 90:150] = np.arange(30, dtype=np.uint8)[:, None, None]
    atlas = read_atlas(write(tmp_path / "atlas.nii.gz", array))
    assert nifti.same_space(atlas.geometry, nifti.lps_geometry(SHAPE))
    assert (load("SimpleITK").GetArrayFromImage(atlas.image) == array).all()


def test_attributes_that_cannot_be_read(series: Series) -> None:
    class Odd(dict):
        def get(self, keyword: str) -> str:
            raise ValueError(keyword)

    assert text(Odd(), "PatientID") == ""
    assert first_item({"PixelMeasuresSequence": 3}, "PixelMeasuresSequence") is None


def test_the_bias_of_a_coil_is_taken_out() -> None:
    z, _, x = np.indices((40, 40, 40))
    inside = ball(40) > 0
    plain = np.where(inside, 100 + 20 * (z // 5 % 2), 0).astype(np.float32)
    field = np.exp(0.03 * (x - 20)).astype(np.float32)
    found = load("SimpleITK").GetArrayFromImage(
        without_bias(to_itk(plain * field, nifti.lps_geometry(plain.shape)))
    )
    left = np.std(np.log(found[inside] / plain[inside]))
    assert left < 0.5 * np.std(np.log(field[inside]))


def test_which_series(series: Series, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="expected a DICOM series, found none"):
        choose_series([], None, tmp_path)
    with pytest.raises(UserError, match=rf"found 0; give series=UID of {series.uid} \(AX T1\)"):
        choose_series([series], "t2*", tmp_path)


def test_no_folder_of_dicom_files(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no such folder of DICOM files"):
        list(files_below(tmp_path / "none", tmp_path / "unzipped"))


def test_one_file_is_enough(tmp_path: Path) -> None:
    (tmp_path / "one").write_text("x")
    assert list(files_below(tmp_path / "one", tmp_path / "unzipped")) == [tmp_path / "one"]


def test_too_many_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dicom_files, "MOST_FILES", 1)
    for name in "ab":
        (tmp_path / name).touch()
    with pytest.raises(UserError, match="more than 1 files; give a smaller folder"):
        list(files_below(tmp_path, tmp_path / "unzipped"))
    with zipfile.ZipFile(tmp_path / "a", "w") as archive:
        archive.writestr("1", "x")
        archive.writestr("2", "x")
    with pytest.raises(UserError, match="holds more than 1 files"):
        list(files_below(tmp_path / "a", tmp_path / "unzipped"))


def test_a_damaged_zip_file(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "export.zip", "w") as archive:
        archive.writestr("1", "x" * 100)
    data = (tmp_path / "export.zip").read_bytes().replace(b"x" * 100, b"y" * 100)
    (tmp_path / "export.zip").write_bytes(data)
    said: list[str] = []
    list(files_below(tmp_path, tmp_path / "unzipped", said.append))
    assert said == [f"{tmp_path / 'export.zip'}: cannot be unpacked (Bad CRC-32 for file '1')"]
    with pytest.raises(UserError, match="Bad CRC-32"):
        list(files_below(tmp_path / "export.zip", tmp_path / "again"))
    (tmp_path / "export.zip").write_text("no zip file")
    assert count_files(tmp_path / "export.zip") == 1


def test_no_room_to_unpack(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "export.zip", "w") as archive:
        archive.writestr("1", "x")
    (tmp_path / "unzipped").touch()
    with pytest.raises(UserError, match=r"cannot unpack .*export\.zip: Not a directory"):
        list(files_below(tmp_path / "export.zip", tmp_path / "unzipped"))


def test_a_file_that_goes_while_the_folder_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "there").touch()
    monkeypatch.setattr(os, "walk", lambda folder: [(tmp_path, [], ["gone", "there"])])
    assert list(files_below(tmp_path, tmp_path)) == [tmp_path / "there"]


def test_names_of_two_kinds_in_one_folder(tmp_path: Path, series: Series) -> None:
    named = Identities(tmp_path, keep=True)
    first = named.name(series)
    named.cases[first]["study"] = "another study of that day"
    assert named.name(series) == f"{first}-2"
    named.write()
    with pytest.raises(UserError, match="holds cases with other names"):
        Identities(tmp_path, keep=False)


def test_a_volume_that_came_from_elsewhere(tmp_path: Path) -> None:
    assert source_of(tmp_path / "case" / "case_t1ce.nii.gz") is None


def test_a_mask_on_another_grid(tmp_path: Path) -> None:
    names = ("t1", "t1ce", "t2", "flair")
    case = case_from_files({name: write(tmp_path / f"{name}.nii.gz", ball(12)) for name in names})
    mask = write(tmp_path / "mask.nii.gz", (ball(10) > 0).astype(np.uint8))
    folder = AlignedFolder(tmp_path / "aligned" / "p1")
    with pytest.raises(FileError, match="a mask on the grid of the T1ce"):
        OneCase(case, folder, AlignSettings.default(), mask).find_brain()


def test_a_brain_that_leaves_the_grid_or_is_unlike_the_atlas() -> None:
    left, unlike = brain_warnings(1400, 700, 0.5, rigid=True)
    assert left == "brain: only 50% of it lie in the target grid"
    assert unlike.startswith("atlas: Dice of brain and atlas is 0.50")


def test_a_folder_of_somebody_else(tmp_path: Path) -> None:
    folder = AlignedFolder(tmp_path / "p1")
    folder.path.mkdir()
    (folder.path / "letter.txt").touch()
    with pytest.raises(UserError, match="holds files that align has not written"):
        folder.claim({"images": {}})
    assert [path.name for path in folder.path.iterdir()] == ["letter.txt"]


def test_a_transform_that_was_not_written_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    itk = load("SimpleITK")
    monkeypatch.setattr(itk, "WriteTransform", lambda transform, path: Path(path).write_text("half"))
    folder = AlignedFolder(tmp_path / "p1")
    with pytest.raises(UserError, match=r"is the disk full\?"):
        folder.write_transform("t1ce_to_t2", itk.Euler3DTransform())
    assert not folder.transform("t1ce_to_t2").exists()


def test_dcm2niix_that_does_not_end(tmp_path: Path, series: Series, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(read_series, "LONGEST_CONVERSION_S", 0.1)
    program = tmp_path / "dcm2niix"
    program.write_text(f"#!{sys.executable}\nimport time\ntime.sleep(60)\n")
    program.chmod(0o755)
    with pytest.raises(UserError, match="dcm2niix did not finish"):
        read_series.read_series(series, program, tmp_path)


def test_a_full_disk_is_the_reason(tmp_path: Path, series: Series, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage(1, 1, 0))
    program = shutil.which("true")
    assert program is not None
    with pytest.raises(UserError, match="No space left on device; choose another folder"):
        read_series.read_series(series, Path(program), tmp_path)


def test_images_far_from_one_another(monkeypatch: pytest.MonkeyPatch) -> None:
    image = to_itk(ball(), nifti.lps_geometry((24, 24, 24)))
    monkeypatch.setattr(register, "_metric", lambda *_: None)
    with pytest.raises(UserError, match="the images do not overlap: is it the same head"):
        register.register(image, image)


def test_a_search_that_loses_its_way(monkeypatch: pytest.MonkeyPatch) -> None:
    image = to_itk(ball(), nifti.lps_geometry((24, 24, 24)))
    scores = iter([0.5, 0.5, 0.5, 0.5, None])
    monkeypatch.setattr(register, "_metric", lambda *_: next(scores))
    monkeypatch.setattr(register, "_search", lambda method, fixed, moving, start, seed: start)
    with pytest.raises(UserError, match="the registration moved the images apart"):
        register.register(image, image)


def test_a_search_that_fails() -> None:
    image = to_itk(ball(), nifti.lps_geometry((24, 24, 24)))
    far = load("SimpleITK").Euler3DTransform()
    far.SetTranslation((1e4, 0, 0))
    with pytest.raises(UserError, match="the registration failed: "):
        register._search(register._method(image, None), image, image, far, 0)


def test_an_affine_registration_under_a_mask() -> None:
    itk = load("SimpleITK")
    image = gaussian_filter(np.random.default_rng(0).normal(size=(48, 48, 48)), 3).astype(np.float32)
    geometry = nifti.lps_geometry(image.shape)
    fixed, moving = to_itk(image, geometry), to_itk(np.roll(image, 4, axis=2), geometry)
    mask = itk.Cast(to_itk(np.pad(np.ones((32, 32, 32), np.uint8), 8), geometry), itk.sitkUInt8)
    found = register.register(fixed, moving, kind="affine", mask=mask)
    assert found.transform.GetName() == "AffineTransform"
    centre = np.array([*fixed.TransformContinuousIndexToPhysicalPoint((23.5, 23.5, 23.5))])
    assert np.allclose(found.transform.TransformPoint(centre) - centre, (4, 0, 0), atol=0.5)
    rigid = itk.Euler3DTransform((1, 2, 3), 0.1, 0.2, 0.3, (4, 5, 6))
    assert np.allclose(register.matrix(register._as_affine(rigid)), register.matrix(rigid))


def test_a_label_map_without_a_tumour(tmp_path: Path, series: Series) -> None:
    pytest.importorskip("highdicom")
    opened = open_series(series)
    empty = nifti.Volume(np.zeros(opened.geometry.shape, np.uint8), opened.geometry)
    for writes in (write_segmentation, write_structures):
        with pytest.raises(UserError, match="holds no tumour: there is nothing to write as DICOM"):
            writes(tmp_path / "x.dcm", empty, LABELS, opened)


def test_a_series_that_lacks_what_a_segmentation_refers_to(tmp_path: Path, series: Series) -> None:
    pytest.importorskip("highdicom")
    opened = open_series(series)
    for header in opened.headers:
        del header.StudyInstanceUID
    volume = nifti.Volume(np.full(opened.geometry.shape, 2, np.uint8), opened.geometry)
    with pytest.raises(UserError, match="the series cannot be referred to: "):
        write_segmentation(tmp_path / "x.dcm", volume, LABELS, opened)


@pytest.mark.parametrize(
    ("attributes", "said"),
    [
        ({"ImagePositionPatient": None}, "expected the positions of its slices, found 0"),
        ({"PixelSpacing": None}, "expected PixelSpacing, found none"),
    ],
)
def test_a_series_without_a_grid(tmp_path: Path, attributes: dict[str, None], said: str) -> None:
    write_series(tmp_path / "odd", 1, **KINDS["t1ce"] | attributes)
    (found,) = find(tmp_path / "odd")
    with pytest.raises(UserError, match=said):
        open_series(found)


def test_a_device_that_was_named() -> None:
    assert AlignSettings.default(device="cpu").torch_device == "cpu"


def test_why_no_dicom_is_written(tmp_path: Path) -> None:
    native = write(tmp_path / "p1.nii.gz", np.zeros((4, 4, 4), np.uint8))
    assert _why_no_dicom(tmp_path, native) == "no tumour was found"
    said = _why_no_dicom(tmp_path / "gone", native)
    assert said == f"{tmp_path / 'gone'} is not there any more; `brats-seg dicom` takes another input=DIR"


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        (["input=FOLDER", "t1=FILE"], "say what to align, once: input=DIR, or t1=FILE"),
        (["input=FOLDER", "brain_mask=FILE"], "brain_mask=FILE goes with t1=FILE"),
        (["input=FOLDER"], "imagesTr/), found none"),
    ],
)
def test_what_to_align(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], keys: list[str], said: str
) -> None:
    file = write(tmp_path / "t1.nii.gz", ball(8))
    (tmp_path / "cases").mkdir()
    given = [key.replace("FILE", str(file)).replace("FOLDER", str(tmp_path / "cases")) for key in keys]
    with pytest.raises(SystemExit):
        align([*given, f"output={tmp_path / 'out'}"])
    assert said in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


@pytest.fixture
def predicted(tmp_path: Path) -> tuple[Path, AlignedFolder]:
    """A prediction folder with an empty label map, and the folder of its aligned case."""
    aligned = AlignedFolder(tmp_path / "aligned" / "p1")
    aligned.record.parent.mkdir(parents=True)
    write(tmp_path / "predictions" / "p1.nii.gz", np.zeros((4, 4, 4), np.uint8))
    return tmp_path / "predictions", aligned


def test_without_the_packages_of_scans_there_is_no_map_in_the_scanners_space(
    predicted: tuple[Path, AlignedFolder], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(name: str) -> None:
        raise UserError(f"{name} is not installed")

    monkeypatch.setattr(scanner_space, "load", refuse)
    said: list[str] = []
    assert scanner_space.write_back(predicted[0], [predicted[1]], say=said.append) == []
    assert said == ["NOTE: no maps in the scanner's own space: SimpleITK is not installed"]


@pytest.mark.parametrize(
    ("inputs", "said"),
    [
        ({}, "names no raw T1ce; "),
        ({"inputs": {"t1ce": {"path": "RAW", "channel": 0}}}, "is not there any more; `brats-seg dicom`"),
    ],
)
def test_a_case_that_did_not_come_from_files_that_are_there(
    predicted: tuple[Path, AlignedFolder], monkeypatch: pytest.MonkeyPatch, inputs: dict, said: str
) -> None:
    predictions, aligned = predicted
    raw = write(predictions.parent / "raw_t1ce.nii.gz", ball(8))
    aligned.record.write_text(json.dumps(inputs).replace("RAW", str(raw)))
    monkeypatch.setattr(scanner_space, "write_native", lambda *_, **__: None)
    monkeypatch.setattr(scanner_space, "source_of", lambda path: None)
    told: list[str] = []
    if inputs:  # its T1ce did not come from DICOM
        assert scanner_space.write_back(predictions, [aligned], say=told.append) == told == []
    monkeypatch.setattr(scanner_space, "source_of", lambda path: (path.parent / "gone", "1.2"))
    assert scanner_space.write_back(predictions, [aligned], say=told.append) == []
    assert told[0].startswith("case p1: no DICOM of it: ")
    assert said in told[0]


def test_a_transform_that_is_a_fifo_is_not_waited_for(tmp_path: Path) -> None:
    folder = AlignedFolder(tmp_path)
    folder.details.mkdir()
    os.mkfifo(folder.transform("t1ce_to_t2"))
    with pytest.raises(FileError, match="expected a file"):
        folder.read_transform("t1ce_to_t2")
