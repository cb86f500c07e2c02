"""Raw scans to the space of BraTS."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from brats_seg import console, nifti
from brats_seg.cases import case_from_files, find_cases, inspect_case
from brats_seg.errors import UserError, WrongValue
from brats_seg.scans import AlignedFolder, AlignSettings, align, align_case
from brats_seg.scans.align import Progress
from brats_seg.scans.case_steps import brain_seconds, case_seconds
from brats_seg.scans.one_case import OneCase
from brats_seg.scans.quality import Pair, dice, pair_warnings, suspect_swap
from brats_seg.terms import MODALITIES

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def case(raw_case):
    return raw_case()


def settings(case, **others):
    return AlignSettings.default(atlas=str(case.atlas), **others)


@pytest.fixture(scope="module")
def aligned(case, tmp_path_factory):
    """A finished alignment of the phantom; tests leave it as it is."""
    output = tmp_path_factory.mktemp("aligned")
    lines: list[str] = []
    one = case_from_files(case.files, case_id="p1")
    failures = align([one], output, settings(case), brain_masks={"p1": case.brain}, say=lines.append)
    assert failures == []
    assert any("t2 to t1ce" in line for line in lines)
    return output


def test_the_result_is_a_case_that_the_check_finds_nothing_wrong_with(aligned):
    (found,) = find_cases(aligned)
    assert found.missing == ()
    assert [finding for finding in inspect_case(found) if finding.level == "error"] == []
    geometry = nifti.read_geometry(found.modalities["t1"].path)
    assert geometry.shape == (155, 240, 240)
    assert geometry.orientation == "LPS"


def test_the_sequences_lie_on_one_another(aligned):
    """The tissue borders of the phantom are those of one head: sequences correlate in the brain as they
    do before scanning."""
    folder = AlignedFolder(aligned / "p1")
    brain = nifti.read(folder.brain).array > 0
    t1, t1ce = (nifti.read(folder.sequence(name)).array[brain].astype(float) for name in ("t1", "t1ce"))
    assert np.corrcoef(t1, t1ce)[0, 1] > 0.75
    assert all((nifti.read(folder.sequence(name)).array > 0).sum() == brain.sum() for name in MODALITIES)


def test_record_transforms_and_page(aligned):
    folder = AlignedFolder(aligned / "p1")
    record = json.loads(folder.record.read_text())
    assert record["warnings"] == []
    assert set(record["pairs"]) == {"t1", "t2", "flair", "atlas"}
    assert record["pairs"]["t2"]["turn_degrees"] < 1
    assert set(record["matrices_lps"]) == {"t1ce_to_t1", "t1ce_to_t2", "t1ce_to_flair", "atlas_to_t1ce"}
    assert (folder.details / "quality.png").stat().st_size > 50_000
    assert "metric before" in (folder.details / "quality.html").read_text()


@pytest.mark.parametrize("lost", ["align/align.json", "p1_t2.nii.gz", "align/t1ce_to_flair.json"])
def test_cut_off_and_given_again_leaves_the_same_bytes(aligned, case, tmp_path, lost):
    again = tmp_path / "again"
    shutil.copytree(aligned, again)
    (again / "p1" / lost).unlink()
    (again / "p1" / "align" / "align.json").unlink(missing_ok=True)
    align_case(
        case_from_files(case.files, case_id="p1"),
        again,
        settings(case),
        brain_mask=case.brain,
        say=lambda _: None,
    )
    for file in sorted(aligned.rglob("*")):
        if file.is_file() and file.name != "align.json":  # that one tells the seconds
            assert (again / file.relative_to(aligned)).read_bytes() == file.read_bytes(), file


def test_what_is_left_over_is_said_and_kept(aligned, case, tmp_path):
    again = tmp_path / "again"
    shutil.copytree(aligned, again)
    folder = AlignedFolder(again / "p1")
    for path in (folder.record, folder.numbers("t1ce_to_t2")):
        path.unlink()
    before = folder.native_brain.stat().st_mtime_ns
    lines: list[str] = []
    one = case_from_files(case.files, case_id="p1")
    align_case(one, again, settings(case), brain_mask=case.brain, say=lines.append)
    kept = "brain extraction, t1 to t1ce, flair to t1ce, t1ce to atlas, resampling"
    assert lines[0] == f"p1: goes on; from before: {kept}"
    assert [line.partition(",")[0] for line in lines[1:]] == ["p1: t2 to t1ce", "p1: quality page"]
    assert folder.native_brain.stat().st_mtime_ns == before


def test_an_alignment_of_before_0_2_0_is_completed(aligned, case, tmp_path):
    again = tmp_path / "again"
    shutil.copytree(aligned, again)
    folder = AlignedFolder(again / "p1")
    record = json.loads(folder.record.read_text())
    inputs = record.pop("inputs")
    folder.record.write_text(json.dumps(record))
    one = case_from_files(case.files, case_id="p1")
    align_case(one, again, settings(case), brain_mask=case.brain, say=lambda _: None)
    assert json.loads(folder.record.read_text())["inputs"] == inputs


def test_each_case_has_an_estimate(case, monkeypatch, tmp_path):
    """Before the first step it is what is usual; each step that ends corrects it."""
    now, seen = [0.0], []
    monkeypatch.setattr(console, "clock", lambda: now[0])
    begin = Progress.begin

    def noted(self, case_id, todo):
        begin(self, case_id, todo)
        seen.append((todo[0].name, self.estimate.seconds))
        now[0] += 2 * todo[0].usual_s

    monkeypatch.setattr(Progress, "begin", noted)
    for name in ("find_brain", "find_transform", "find_atlas", "write_sequences", "draw"):
        monkeypatch.setattr(OneCase, name, lambda *_: None)
    monkeypatch.setattr(OneCase, "record", lambda _: {"warnings": []})
    cases = [case_from_files(case.files, case_id=name) for name in ("p1", "p2")]
    usual = case_seconds(settings(case), brain_is_given=False)
    align(cases, tmp_path, settings(case), say=lambda _: None)
    assert seen[0] == ("brain extraction", 2 * usual)
    assert seen[1] == ("t1 to t1ce", 2 * (2 * usual - brain_seconds(settings(case))))
    assert seen[7] == ("brain extraction", 2 * usual)


def test_other_settings_in_the_same_folder_are_refused(aligned, case):
    other = settings(case, interpolation="bspline")
    with pytest.raises(UserError, match="choose another output=DIR"):
        align_case(case_from_files(case.files, case_id="p1"), aligned, other, brain_mask=case.brain)


def test_a_bad_case_is_one_line_and_the_others_go_on(aligned, case, tmp_path):
    broken = tmp_path / "p2_t1.nii.gz"
    broken.write_bytes(b"no image")
    bad = case_from_files({**case.files, "t1": broken}, case_id="p2")
    missing = case_from_files({"t1": case.files["t1"]}, case_id="p3")
    good = case_from_files(case.files, case_id="p1")
    failures = align(
        [bad, missing, good], aligned, settings(case), brain_masks={"p1": case.brain}, say=lambda _: None
    )
    assert [line.partition(":")[0] for line in failures] == ["case p2", "case p3"]
    assert all("\n" not in line for line in failures)


def test_wrong_settings_name_the_key():
    with pytest.raises(WrongValue, match=r"scans\.to_atlas=elastic"):
        AlignSettings.default(to_atlas="elastic")


def test_limits_of_a_registration():
    sound = Pair(before=0.4, after=0.7, turn_degrees=9, shift_mm=17, overlap=1.0)
    assert list(pair_warnings("t2", sound)) == []
    failed = Pair(before=0.4, after=0.1, turn_degrees=45, shift_mm=90, overlap=0.5)
    assert len(list(pair_warnings("t2", failed))) == 5


def test_exchanged_t1_and_t1ce_are_suspected(aligned):
    folder = AlignedFolder(aligned / "p1")
    brain = nifti.read(folder.brain).array > 0
    t1, t1ce = (nifti.read(folder.sequence(name)).array.astype(float) for name in ("t1", "t1ce"))
    assert suspect_swap({"t1": t1, "t1ce": t1ce}, brain) == []
    assert len(suspect_swap({"t1": t1ce, "t1ce": t1}, brain)) == 1


@pytest.mark.real
@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_the_brain_of_a_real_scan(raw_scan, tmp_path):
    files = {name: raw_scan / f"{name}.nii.gz" for name in MODALITIES}
    assert align([case_from_files(files, case_id="real")], tmp_path) == []
    folder = AlignedFolder(tmp_path / "real")
    mask = nifti.read(folder.native_brain).array > 0
    reference = nifti.read(Path(raw_scan / "brain_mask_t1ce.nii.gz")).array > 0
    assert dice(mask, reference) >= 0.97
