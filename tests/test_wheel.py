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
from functools import partial
from importlib.metadata import distribution
from pathlib import Path

import numpy as np
import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

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

HELPS = """
from contextlib import suppress
from brats_seg.cli.main import COMMANDS, run
for name in COMMANDS:
    with suppress(SystemExit):
        run(name, ["--help"])
"""

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


def link_runtime_dependencies(packages: Path) -> None:
    """What ``pip install brats-seg`` brings, taken from this environment: no package of the tests."""
    here = Path(sysconfig.get_path("purelib"))
    waiting, seen = [("brats-seg", "")], {("brats-seg", "")}
    while waiting:
        name, extra = waiting.pop()
        asked = distribution(name)
        for line in asked.requires or ():
            wanted = Requirement(line)
            if wanted.marker is None or wanted.marker.evaluate({"extra": extra}):
                new = {(canonicalize_name(wanted.name), each) for each in ("", *wanted.extras)} - seen
                seen |= new
                waiting += new
        tops = {file.parts[0] for file in asked.files or ()} - {"..", "__pycache__"}
        for top in tops if asked.name != "brats-seg" else ():
            if not (packages / top).exists():
                (packages / top).symlink_to(here / top)


@pytest.fixture(scope="module")
def run(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """``run(command, *overrides)`` in an empty folder with the wheel's ``brats-seg`` returns its output."""
    home = tmp_path_factory.mktemp("environment")
    venv.create(home, symlinks=True)
    python = home / "bin" / "python"
    (packages,) = home.glob("lib/python*/site-packages")
    link_runtime_dependencies(packages)
    subprocess.run(
        [sys.executable, "-m", "pip", "--python", python, "install", "-q", "--no-deps", "--no-index", wheel],
        check=True,
    )
    folder = tmp_path_factory.mktemp("empty")
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"} | {
        "OMP_NUM_THREADS": "2"
    }

    def run(*arguments: str, program: str = "brats-seg") -> str:
        done = subprocess.run(
            [home / "bin" / program, *arguments],
            cwd=folder,
            env=environment,
            text=True,
            capture_output=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    assert run("-c", "import brats_seg; print(brats_seg.__file__)", program="python").startswith(str(home))
    run.folder = folder  # type: ignore[attr-defined]
    run.python = partial(run, program="python")  # type: ignore[attr-defined]
    return run


@pytest.mark.slow
def test_wheel_holds_every_module_and_every_configuration(wheel):
    held = set(zipfile.ZipFile(wheel).namelist())
    modules = {str(path.relative_to(ROOT)) for path in (ROOT / "brats_seg").rglob("*.py")}
    settings = {f"brats_seg/{path.relative_to(ROOT)}" for path in (ROOT / "conf").rglob("*.yaml")}
    assert modules | settings | {"brats_seg/conf/__init__.py", "brats_seg/py.typed"} <= held


@pytest.mark.slow
def test_help_of_every_command(run):
    """In one process: each import of torch takes seconds."""
    said = run.python("-c", HELPS)
    assert [name for name in COMMANDS if f"brats-seg {name}" not in said] == []


@pytest.mark.slow
def test_packages_of_the_tests_are_not_there(run):
    names = ("pytest", "hypothesis", "monai", "SimpleITK", "onnx", "beartype", "joblib")
    found = run.python(
        "-c", f"from importlib.util import find_spec; print([n for n in {names} if find_spec(n)])"
    )
    assert found == "[]\n"


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
    case = sorted((folder / "cohort").glob("BraTS*"))[0]
    files = [f"{name}={case / case.name}_{name}.nii.gz" for name in ("t1", "t1ce", "t2", "flair")]
    run("predict", *files, "output=one", "tta=none", *bundles)
    one = nifti.read(folder / "one" / f"{case.name}.nii.gz").array
    np.testing.assert_array_equal(one, nifti.read(folder / "predicted" / f"{case.name}.nii.gz").array)
    assert "postprocessing.enhancing_below_mm3" in run(
        "enhancing-threshold", "predictions=predicted", "references=cohort"
    )
    run("export", "bundle=runs/a/fold_0/bundle", "output=a.pt2", "parity_shape=[16,16,16]")
    assert (folder / "a.pt2").is_file()
