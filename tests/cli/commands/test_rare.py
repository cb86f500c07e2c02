"""What a command refuses by itself, and what few people ask of it."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from brats_seg import nifti
from brats_seg.cli.commands import average, bundle, doctor, evaluate, predict, report, reproduce, train
from brats_seg.cli.jobs import Job
from brats_seg.errors import UserError
from brats_seg.phantom import write_cohort
from brats_seg.workflows import reproduction


def refused(main, *keys: str) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(list(keys))
    assert stopped.value.code in (1, 2)


def test_snapshots_that_are_no_paths(capsys, tmp_path):
    refused(average.main, "snapshots=[[a]]", f"output={tmp_path / 'out'}")
    assert "snapshots=[[a]]: expected" in capsys.readouterr().err


def test_an_action_that_is_none(capsys, tmp_path):
    refused(bundle.main, "action=open", f"path={tmp_path}")
    assert capsys.readouterr().err == (
        "brats-seg bundle: error: unknown action=open: use show, verify, pack or unpack\n"
    )


def test_what_to_segment(capsys, tmp_path):
    refused(predict.main, f"input={tmp_path}", f"t1={tmp_path}", f"output={tmp_path / 'out'}")
    assert "say what to segment, once: input=DIR, or t1=FILE" in capsys.readouterr().err


def test_help_within_this_process(capsys):
    train.main(["--help"])
    assert capsys.readouterr().out.startswith("brats-seg train: one fold of one experiment.\nusage: ")


def test_the_doctor_says_what_is_here(capsys, tmp_path, monkeypatch):
    monkeypatch.setenv("COLUMNS", "500")
    doctor.main([f"folder={tmp_path}"])
    said = capsys.readouterr().out
    assert all(word in said for word in ("torch", "cores", "TensorBoard", str(tmp_path)))


@pytest.fixture
def folders(tmp_path: Path) -> Path:
    """``truth/``, and predictions in ``same/`` and ``shifted/``."""
    write_cohort(tmp_path / "truth", cases=2, seed=0, shape=(40, 48, 40))
    for path in sorted((tmp_path / "truth").glob("*/*_seg.nii.gz")):
        truth = nifti.read(path)
        name = path.name.replace("_seg", "")
        nifti.write(tmp_path / "same" / name, truth.array.astype(np.uint8), truth.geometry)
        shifted = np.roll(truth.array, 3, 1).astype(np.uint8)
        nifti.write(tmp_path / "shifted" / name, shifted, truth.geometry)
    return tmp_path


def test_two_folders_are_ranked(capsys, folders):
    both = f"predictions=[{folders / 'shifted'},{folders / 'same'}]"
    labels = "labels.predictions=brats2020"
    evaluate.main([both, f"references={folders / 'truth'}", f"output={folders / 'out'}", labels])
    words = capsys.readouterr().out.split()
    assert words[words.index("1", words.index("place")) + 2] == "same"
    assert (folders / "out" / "ranking.csv").is_file()


def test_a_report_without_the_viewer_says_so(capsys, folders, monkeypatch):
    monkeypatch.setattr("brats_seg.report.pages.viewer_script", lambda: None)
    report.main([f"predictions={folders / 'same'}", f"output={folders / 'report'}", "workers=0"])
    said = capsys.readouterr().out
    assert "without the 3-D viewer: make viewer adds it" in said


def test_the_plan_of_a_reproduction_with_files_of_ones_own(monkeypatch, tmp_path):
    asked = []
    monkeypatch.setattr(reproduction, "show_plan", lambda output, wanted: asked.append(wanted))
    (tmp_path / "mine").mkdir()
    monkeypatch.setattr(sys, "argv", ["brats-seg", "reproduce"])
    options = ["--config-dir", str(tmp_path / "mine"), f"hydra.searchpath=[file://{tmp_path}]"]
    reproduce.main([*options, "scale=smoke", f"output={tmp_path / 'out'}", "dry_run=true"])
    (wanted,) = asked
    assert wanted.own_files == [
        "--config-dir",
        str(tmp_path / "mine"),
        f"hydra.searchpath=[file://{tmp_path}]",
    ]


@pytest.mark.parametrize(("code", "raised"), [(reproduce.INTERRUPTED, KeyboardInterrupt), (1, UserError)])
def test_a_step_that_stops_stops_the_reproduction(monkeypatch, code, raised):
    def stop(name, line):
        raise SystemExit(code)

    monkeypatch.setattr("brats_seg.cli.main.run", stop)
    before = sys.argv
    with pytest.raises(raised):
        reproduce._run(["train", "x=1"])
    assert sys.argv is before


def test_a_job_as_a_number():
    assert float(Job((), 0, result=0.5)) == 0.5
    with pytest.raises(ValueError, match="no"):
        float(Job.failed(["a=1"], "no"))
