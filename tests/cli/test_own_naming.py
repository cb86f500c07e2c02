"""A naming of one's own, through the commands that find cases."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from brats_seg import nifti
from brats_seg.artifacts.bundles import save_bundle
from brats_seg.cli.main import run
from brats_seg.models import UNet
from brats_seg.preprocessing import ZScore

WORDS = {"t1": "T1w", "t1ce": "T1gd", "t2": "T2w", "flair": "FLAIR"}
SHAPE = (18, 20, 22)


def patterns(contents: tuple[str, ...] = tuple(WORDS)) -> list[str]:
    words = {**WORDS, "seg": "lesions"}
    return [f'patterns.{content}="{{id}}/anat/{{id}}_{words[content]}.nii.gz"' for content in contents]


def write_case(root: Path, case_id: str) -> None:
    array = np.pad(np.random.default_rng(0).integers(1, 900, (12, 14, 16)).astype(np.int16), 3)
    for word in WORDS.values():
        nifti.write(root / case_id / "anat" / f"{case_id}_{word}.nii.gz", array, nifti.lps_geometry(SHAPE))


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    torch.manual_seed(0)
    net = UNet(width=2, norm="instance", attention=False, residual=False, dropout=0.0).eval()
    torch.nn.init.constant_(net.main.bias, 5.0)  # tumour everywhere
    save_bundle(
        tmp_path / "b", net, pipeline="b", normalisation=ZScore().settings(), provenance={}, scores={}
    )
    return tmp_path / "b"


def test_predict_and_evaluate(bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root, out = tmp_path / "cases", tmp_path / "out"
    for case_id in ("sub-01", "sub-02"):
        write_case(root, case_id)
    options = ["tta=none", "accelerator=cpu", f"bundles.b=[{bundle}]"]
    run("predict", [f"input={root}", f"output={out}", *options, *patterns()])
    assert sorted(path.name for path in out.glob("*.nii.gz")) == ["sub-01.nii.gz", "sub-02.nii.gz"]
    for case_id in ("sub-01", "sub-02"):
        truth = nifti.read(out / f"{case_id}.nii.gz")
        nifti.write(root / case_id / "anat" / f"{case_id}_lesions.nii.gz", truth.array, truth.geometry)
    score = [
        "evaluate",
        f"predictions={out}",
        f"references={root}",
        "labels.references=brats2020",
        "workers=1",
    ]
    for contents in (("seg",), ("t1", "seg")):  # truths alone are enough
        scores = tmp_path / "-".join(contents)
        run(score[0], [*score[1:], f"output={scores}", *patterns(contents=contents)])
        rows = (scores / "per_case.csv").read_text().splitlines()
        assert {f"sub-0{n},WT,dice,1" for n in (1, 2)} <= set(rows)


def test_check(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_case(tmp_path, "sub-01")
    run("check", [f"data.root={tmp_path}", *patterns()])
    assert "1 case (0 labelled): 0 errors" in capsys.readouterr().out


def test_one_case_that_is_not_clear_leaves_the_others_to_be_segmented(
    bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root, out = tmp_path / "cases", tmp_path / "out"
    write_case(root, "sub-01")
    write_case(root, "sub-02")
    (root / "sub-02" / "anat" / "sub-02_late_T1gd.nii.gz").write_bytes(b"")
    wanted = [entry.replace("_T1gd", "*_T1gd") for entry in patterns()]
    with pytest.raises(SystemExit) as stopped:
        run(
            "predict",
            [f"input={root}", f"output={out}", "tta=none", "accelerator=cpu", f"bundles.b={bundle}", *wanted],
        )
    assert stopped.value.code == 1
    assert [path.name for path in out.glob("*.nii.gz")] == ["sub-01.nii.gz"]
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("brats-seg predict: error: case sub-02: ")
