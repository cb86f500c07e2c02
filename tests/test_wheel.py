"""What is built is what runs: the wheel in an empty environment, from an empty folder."""

from __future__ import annotations

import configparser
import os
import shutil
import subprocess
import sys
import sysconfig
import venv
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from brats_seg import nifti
from brats_seg.cli.main import COMMANDS

ROOT = Path(__file__).parents[1]
TINY = (
    "scale=smoke",
    "scale.width=4",
    "scale.patch=[32,32,32]",
    "schedule.constant_epochs=0",
    "schedule.cosine_epochs=1",
)

Run = Callable[..., str]


def test_every_package_is_listed():
    plan = configparser.ConfigParser()
    plan.read(ROOT / "setup.cfg")
    listed = set(plan["options"]["packages"].split()) - {"brats_seg.conf"}
    assert listed == {
        ".".join(path.parent.relative_to(ROOT).parts) for path in (ROOT / "brats_seg").rglob("__init__.py")
    }


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    source = tmp_path_factory.mktemp("source")
    for name in ("brats_seg", "conf"):
        shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "setup.cfg", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    subprocess.run(
        [sys.executable, "-m", "build", "--wheel", "--no-isolation", source], check=True, capture_output=True
    )
    (built,) = (source / "dist").glob("*.whl")
    return built


@pytest.fixture(scope="module")
def run(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """``run(command, *overrides)`` in an empty folder with the wheel's ``brats-seg`` returns its output."""
    home = tmp_path_factory.mktemp("environment")
    venv.create(home, symlinks=True)
    python = home / "bin" / "python"
    # The dependencies are this environment's; the package cannot be, for it is editable and lies elsewhere.
    (packages,) = home.glob("lib/python*/site-packages")
    (packages / "dependencies.pth").write_text(sysconfig.get_path("purelib"))
    subprocess.run(
        [sys.executable, "-m", "pip", "--python", python, "install", "-q", "--no-deps", "--no-index", wheel],
        check=True,
    )
    folder = tmp_path_factory.mktemp("empty")
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"} | {
        "OMP_NUM_THREADS": "2"
    }

    def run(*arguments: str) -> str:
        done = subprocess.run(
            [home / "bin" / "brats-seg", *arguments],
            cwd=folder,
            env=environment,
            text=True,
            capture_output=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    where = subprocess.run(
        [python, "-c", "import brats_seg; print(brats_seg.__file__)"],
        cwd=folder,
        text=True,
        capture_output=True,
        check=True,
    )
    assert where.stdout.startswith(str(home))
    run.folder = folder  # type: ignore[attr-defined]
    return run


@pytest.mark.slow
def test_wheel_holds_every_module_and_every_configuration(wheel):
    held = set(zipfile.ZipFile(wheel).namelist())
    modules = {str(path.relative_to(ROOT)) for path in (ROOT / "brats_seg").rglob("*.py")}
    settings = {f"brats_seg/{path.relative_to(ROOT)}" for path in (ROOT / "conf").rglob("*.yaml")}
    assert modules | settings | {"brats_seg/conf/__init__.py", "brats_seg/py.typed"} <= held


@pytest.mark.slow
@pytest.mark.parametrize("name", COMMANDS)
def test_help(run, name):
    assert f"brats-seg {name}" in run(name, "--help")


@pytest.mark.slow
def test_the_whole_way_from_an_empty_folder(run):
    folder = run.folder
    run("doctor")
    run("phantom", "output=cohort", "cases=6", "shape=[40,48,40]")
    run("check", "data.root=cohort")
    run("prepare", "data.root=cohort", "scale=smoke")
    for pipeline in "ab":
        run(
            "train",
            f"experiment=pipeline_{pipeline}",
            "data.root=cohort",
            f"name={pipeline}",
            "fold=0",
            *TINY,
        )
    bundles = [f"bundles.{pipeline}=[runs/{pipeline}/fold_0/bundle]" for pipeline in "ab"]
    run("predict", "input=cohort", "output=predicted", "tta=none", *bundles)
    run("merge", "a=predicted/a", "b=predicted/b", "output=merged")
    run("evaluate", "predictions=merged", "references=cohort", "output=scores")
    maps = sorted(path.name for path in (folder / "merged").glob("*.nii.gz"))
    assert len(maps) == 6
    for name in maps:
        np.testing.assert_array_equal(
            nifti.read(folder / "merged" / name).array, nifti.read(folder / "predicted" / name).array
        )
    assert (folder / "scores" / "summary.md").is_file()
