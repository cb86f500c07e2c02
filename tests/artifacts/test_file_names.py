"""The files of the folders between the stages are named in one module each."""

from __future__ import annotations

from pathlib import Path

import pytest

import brats_seg

PACKAGE = Path(brats_seg.__file__).parent
OWNERS = {
    "bundle.json": "bundle_record",
    "case_losses.csv": "run_paths",
    "evaluation.json": "evaluation_folder",
    "out_of_fold.json": "run_paths",
    "per_case.csv": "evaluation_folder",
    "status.json": "run_folder",
}


@pytest.mark.parametrize(("name", "owner"), OWNERS.items())
def test_one_module_names_a_file(name: str, owner: str) -> None:
    modules = [path for path in PACKAGE.rglob("*.py") if name in path.read_text(encoding="utf-8")]
    assert modules == [PACKAGE / "artifacts" / f"{owner}.py"]
