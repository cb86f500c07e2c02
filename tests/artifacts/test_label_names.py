"""The files that ITK-SNAP and Slicer read name every value once, in the colours of the pictures."""

from __future__ import annotations

import re

import pytest

from brats_seg.artifacts.label_names import itk_snap_labels, slicer_colours
from brats_seg.labels import LABEL_VALUES


@pytest.mark.parametrize("name", LABEL_VALUES)
def test_both_files_name_every_value(name: str) -> None:
    labels = LABEL_VALUES[name]
    line_of_snap = re.compile(r'^ +(\d+) +(\d+) +(\d+) +(\d+) +([\d.]+) +\d +\d +"(.*)"$', re.M)
    snap = line_of_snap.findall(itk_snap_labels(labels))
    slicer = re.findall(r"^(\d+) (\S+) (\d+) (\d+) (\d+) (\d+)$", slicer_colours(labels), re.M)
    assert [int(line[0]) for line in snap] == [int(line[0]) for line in slicer] == sorted(labels.values)
    assert [line[1:4] for line in snap] == [line[2:5] for line in slicer]
    (enhancing,) = [line for line in snap if int(line[0]) == labels.enhancing]
    assert enhancing[1:4] == ("227", "26", "28") and enhancing[5] == "ET, enhancing tumour"
