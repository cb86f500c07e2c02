"""The viewer gets the scanner's own values, and knows where its volumes lie in the whole one."""

from __future__ import annotations

import base64
import gzip
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from brats_seg.cases import find_cases, read_case
from brats_seg.report.material import read_material
from brats_seg.report.recorded_pages import recorded_pages
from brats_seg.report.viewer_data import code, viewer_data


@pytest.mark.parametrize("values", [[1, 7, 4000], [-3.5, 0.25, 12.0], [5.0], [0.5, 70000.0]])
def test_codes_are_the_scanners_values(values: list[float]) -> None:
    channel = np.array([0, *values], np.float32).reshape(1, 1, -1)
    coded = code(channel)
    assert coded.codes[0, 0, 0] == 0 and (coded.codes[channel != 0] > 0).all()
    back = coded.low + (coded.codes[channel != 0].astype(float) - 1) * coded.step
    exact = all(float(value).is_integer() and 1 <= value <= 65535 for value in values)
    assert back == pytest.approx(values, abs=0 if exact else 1.1)


def test_a_voxel_of_the_viewer_is_that_of_the_case(cohort: Path) -> None:
    files = next(recorded_pages(cohort / "predictions", None))
    (case,) = [case for case in find_cases(cohort / "cases") if case.id == files.case.id]
    files = type(files)(case, files.pair)
    data = viewer_data(read_material(files, cohort / "predictions"))
    layer = data["layers"][1]
    image = nib.Nifti1Image.from_bytes(gzip.decompress(base64.b64decode(layer["data"])))
    codes = np.asarray(image.dataobj).transpose(2, 1, 0)
    z, y, x = data["origin"]
    depth, height, width = codes.shape
    there = read_case(case).image[1, z : z + depth, y : y + height, x : x + width]
    assert (layer["title"], layer["low"], layer["step"]) == ("T1ce", 1.0, 1.0)
    assert np.array_equal(codes, there)
    assert layer["window"] == pytest.approx(np.percentile(there[there != 0], (1, 99)))
    heat = np.array(data["heat"])
    assert heat.shape == (9, 3) and heat.min() >= 0 and heat.max() <= 255


def test_a_channel_of_zeros_and_a_case_without_images(cohort: Path) -> None:
    nothing = code(np.zeros((2, 3, 4), np.float32))
    assert not nothing.codes.any()
    files = next(recorded_pages(cohort / "predictions", None))
    assert not files.case.modalities
    first, *others = viewer_data(read_material(files, cohort / "predictions"))["layers"]
    assert (first["title"], first["kind"]) == ("No image", "grey")
    assert {layer["kind"] for layer in others} >= {"labels"}
