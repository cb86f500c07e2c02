"""What every room's tests share."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import settings

os.environ.setdefault("OMP_NUM_THREADS", "1")  # workers of pytest-xdist do not fight for cores; read when torch is imported
REAL_CASES = "BRATS_SEG_REAL_CASES"
settings.register_profile("house", deadline=None)  # a busy machine is no failure
settings.load_profile("house")


@pytest.fixture(scope="session")
def real_cases() -> Path:
    """The folder of real MRI; a test that asks for it carries ``@pytest.mark.real``."""
    if REAL_CASES not in os.environ:
        pytest.skip(f"no real MRI: set {REAL_CASES} to a folder of BraTS cases")
    folder = Path(os.environ[REAL_CASES])
    assert folder.is_dir(), f"{REAL_CASES}={folder} is no folder"
    return folder
