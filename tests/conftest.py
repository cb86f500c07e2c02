"""What every room's tests share."""

from __future__ import annotations

import json
import os
import re
import signal
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import jaxtyping
import numpy as np
import pytest
from hypothesis import settings
from jaxtyping import install_import_hook
from omegaconf import DictConfig

SHAPES = (
    "augment",
    "geometry",
    "inference.label_map",
    "inference.moments",
    "inference.uncertainty",
    "labels",
    "losses",
    "metrics",
    "models",
    "preprocessing",
)
"""Rooms and modules whose annotations, shapes included, are checked at every call in this process."""
install_import_hook(
    [f"brats_seg.{room}" for room in SHAPES],
    "beartype.beartype(conf=beartype.BeartypeConf(is_pep484_tower=True))",  # an int is a float, as for mypy
)

# What a shell starts in the background ignores Ctrl-C, and so would every program that a test interrupts.
if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# Tables and messages are not folded at the width of the shell that starts the tests.
os.environ.pop("COLUMNS", None)

# Workers of pytest-xdist do not fight for cores; read when torch is imported.
os.environ.setdefault("OMP_NUM_THREADS", "1")
SKIPPED = "BRATS_SEG_SKIPPED"
"""A file to which every run of pytest adds what it skipped and why; ``.ci/run`` ends with it."""
REQUIRED = "BRATS_SEG_REQUIRED"
"""Where it is set a skipped test is a failure, but for those that ``MAY_BE_MISSING``."""
MAY_BE_MISSING = re.compile(r"no GPU|no NVIDIA card|GPU has no|no real ")
"""A graphics card; and real scans, which are not in the repository, where they are not there."""
Write = Callable[..., Path]
Config = Callable[..., DictConfig]
REAL_CASES = "BRATS_SEG_REAL_CASES"
settings.register_profile("patient", deadline=None)  # a busy machine is no failure
settings.load_profile("patient")


@pytest.fixture(scope="session")
def real_cases() -> Path:
    """The folder of real MRI; a test that asks for it carries ``@pytest.mark.real``."""
    if REAL_CASES not in os.environ:
        pytest.skip(f"no real MRI: set {REAL_CASES} to a folder of BraTS cases")
    folder = Path(os.environ[REAL_CASES])
    assert folder.is_dir(), f"{REAL_CASES}={folder} is no folder"
    return folder


@pytest.fixture
def shapes_unchecked() -> Iterator[None]:
    """For networks that are compiled or exported: torch would trace the checks, too."""
    jaxtyping.config.update("jaxtyping_disable", True)
    yield
    jaxtyping.config.update("jaxtyping_disable", False)


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """``write("folder/name.nii.gz", array)`` returns the folder; ``labels`` adds the JSON of `predict`."""

    from brats_seg import nifti

    def write_map(
        path: str, array: np.ndarray, labels: str | None = None, geometry: nifti.Geometry | None = None
    ) -> Path:
        file = tmp_path / path
        nifti.write(file, array, geometry or nifti.lps_geometry(array.shape))
        if labels:
            record = file.parent / f"{file.name.removesuffix('.nii.gz')}.json"
            record.write_text(json.dumps({"labels": {"convention": labels}}))
        return file.parent

    return write_map


@pytest.fixture(scope="session")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with ``cohort/``, five synthetic cases to train on; :func:`config` adds ``cache/``."""
    from brats_seg.phantom import write_cohort

    root = tmp_path_factory.mktemp("data")
    write_cohort(root / "cohort", cases=5, seed=0, shape=(32, 40, 32))
    return root


@pytest.fixture(scope="session")
def config() -> Config:
    """``config(root, runs_root, "key=value", ...)``: a training of seconds on a CPU; later overrides win."""
    from brats_seg.training import load_config

    def compose(root: Path, runs: Path, *overrides: str) -> DictConfig:
        small = ["scale=smoke", "model.width=2", "data.patch=[16,16,16]"]
        short = ["schedule.constant_epochs=1", "schedule.cosine_epochs=2"]
        places = [f"data.root={root / 'cohort'}", f"data.cache={root / 'cache'}", f"runs_root={runs}"]
        machine = ["trainer.accelerator=cpu", "data.workers=0"]
        return load_config([*small, *short, *places, *machine, *overrides])

    return compose


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Tell what was skipped and why; fail where it must not be."""
    terminal = session.config.pluginmanager.get_plugin("terminalreporter")
    if terminal is None:  # a worker of pytest-xdist
        return
    skipped = skipped_because([report.longrepr for report in terminal.stats.get("skipped", [])])
    if SKIPPED in os.environ:
        with Path(os.environ[SKIPPED]).open("a") as file:
            file.writelines(f"{line}\n" for line in skipped)
    missing = [line for line in skipped if not MAY_BE_MISSING.search(line)]
    if REQUIRED in os.environ and missing:
        terminal.write_line("\nskipped, and must run here: " + "; ".join(missing), red=True)
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def skipped_because(places: list[tuple[str, int, str]]) -> list[str]:
    """``2 tests in tests/x.py: no Chromium`` for each file and reason."""
    counts = Counter((Path(file).name, reason.removeprefix("Skipped: ")) for file, _, reason in places)
    return [f"{count} in {file}: {reason}" for (file, reason), count in sorted(counts.items())]
