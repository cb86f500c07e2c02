"""Every pair of the truth table, in every convention; folders that match, and folders that do not."""

from __future__ import annotations

import json
from itertools import product
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

import brats_seg.inference
from brats_seg import nifti
from brats_seg.errors import UserError
from brats_seg.inference import merge_folders, merge_label_maps
from brats_seg.labels import LABEL_VALUES, convert

# Section 2.6: "the first pipeline decides ..., the second ...": rows B, columns A, as in PAPER.md.
TABLE = {
    0: {0: 0, 1: 1, 2: 0, 4: 4},
    1: {0: 0, 1: 1, 2: 2, 4: 4},
    2: {0: 2, 1: 1, 2: 2, 4: 4},
    4: {0: 0, 1: 1, 2: 2, 4: 4},
}
BRATS2020 = LABEL_VALUES["brats2020"]


@pytest.mark.parametrize(("b", "a"), list(product((0, 1, 2, 4), repeat=2)))
@pytest.mark.parametrize("name", LABEL_VALUES)
def test_all_pairs(a: int, b: int, name: str) -> None:
    labels = LABEL_VALUES[name]
    map_a, map_b, expected = (convert(np.full((1, 1, 1), v), BRATS2020, labels) for v in (a, b, TABLE[b][a]))
    assert merge_label_maps(map_a, map_b, labels) == expected


def test_the_table_in_the_readme_is_this_one() -> None:
    text = (Path(brats_seg.inference.__file__).parent / "README.md").read_text()
    rows = [
        [int(cell) for cell in line.replace("*", "").strip("|").split("|")]
        for line in text.splitlines()
        if line.startswith("| **")
    ]
    assert {row[0]: dict(zip((0, 1, 2, 4), row[1:], strict=True)) for row in rows} == TABLE


def test_laws() -> None:
    generator = np.random.default_rng(0)
    a, b = generator.choice([0, 1, 2, 4], (2, 9, 8, 7)).astype(np.uint8)
    merged = merge_label_maps(a, b, BRATS2020)
    assert merged.dtype == np.uint8
    assert np.array_equal(merge_label_maps(a, a, BRATS2020), a), "who agrees with himself is not changed"
    assert np.array_equal(np.isin(merged, (1, 4)), np.isin(a, (1, 4))), "A decides the core"
    assert np.array_equal(merge_label_maps(merged, b, BRATS2020), merged), "merging again changes nothing"


def test_a_cavity_is_that_of_a() -> None:
    labels = LABEL_VALUES["brats2024"]
    a, b = np.array([[[4, 4, 4, 0, 2, 3]]]), np.array([[[0, 2, 4, 4, 4, 4]]])
    assert merge_label_maps(a, b, labels).ravel().tolist() == [4, 4, 4, 0, 0, 3]


def test_maps_that_cannot_be_merged() -> None:
    with pytest.raises(UserError, match="shapes"):
        merge_label_maps(np.zeros((1, 1, 1), np.uint8), np.zeros((1, 1, 2), np.uint8), BRATS2020)
    with pytest.raises(UserError, match="map B holds"):
        merge_label_maps(np.zeros((1, 1, 1), np.uint8), np.full((1, 1, 1), 3, np.uint8), BRATS2020)


def write(
    folder: Path, case_id: str, seed: int, labels: str | None = "brats2020", shift_mm: float = 0
) -> np.ndarray:
    values = LABEL_VALUES[labels or "brats2020"].values
    array = np.random.default_rng(seed).choice(values, (4, 5, 6)).astype(np.uint8)
    nifti.write(folder / f"{case_id}.nii.gz", array, nifti.lps_geometry((4, 5, 6), (shift_mm, 0, 0)))
    if labels:
        (folder / f"{case_id}.json").write_text(json.dumps({"labels": {"convention": labels}}))
    return array


def test_folders(tmp_path: Path) -> None:
    a, b, output = tmp_path / "a", tmp_path / "b", tmp_path / "merged"
    for labels in ("brats2020", "brats2023"):
        map_a, map_b = write(a, "x", 1, labels), write(b, "x", 2, labels)
        (a / ".tmp-left.nii.gz").write_bytes(b"half")
        assert merge_folders(a, b, output) == ["x"]
        volume = nifti.read(output / "x.nii.gz")
        assert volume.array.dtype == np.uint8
        assert np.array_equal(volume.array, merge_label_maps(map_a, map_b, LABEL_VALUES[labels]))
        record = json.loads((output / "x.json").read_text())
        assert (record["labels"], record["pipeline"]) == ({"convention": labels}, "merged")
        assert record["merged_from"]["a"]["folder"] == str(a)
        assert record["volumes_ml"]["WT"] == np.count_nonzero(volume.array) / 1000


def test_what_does_not_match_is_named_and_the_rest_is_merged(tmp_path: Path) -> None:
    a, b, output = tmp_path / "a", tmp_path / "b", tmp_path / "merged"
    for folder in (a, b):
        write(folder, "good", 0)
    write(a, "only_a", 0)
    write(b, "only_b", 0)
    write(a, "moved", 0)
    write(b, "moved", 0, shift_mm=1)
    write(a, "other", 0)
    write(b, "other", 0, "brats2023")
    write(a, "untold", 0, None)
    write(b, "untold", 0, None)
    write(a, "wrong", 0)
    write(b, "wrong", 0, "brats2023")
    (b / "wrong.json").write_text((a / "wrong.json").read_text())
    with pytest.raises(UserError) as caught:
        merge_folders(a, b, output)
    lines = str(caught.value).splitlines()
    assert [line.split(":")[0] for line in lines] == [
        f"case {i}" for i in ("moved", "only_a", "only_b", "other", "untold", "wrong")
    ]
    of_all = {"volumes.csv", "labels_brats2020.txt", "labels_brats2020.ctbl"}
    assert {path.name for path in output.iterdir()} == {"good.nii.gz", "good.json", *of_all}


def test_without_json_the_convention_can_be_given(tmp_path: Path) -> None:
    for name in "ab":
        write(tmp_path / name, "x", 0, None)
    with pytest.raises(UserError, match=r"labels\.predictions"):
        merge_folders(tmp_path / "a", tmp_path / "b", tmp_path / "merged")
    assert merge_folders(tmp_path / "a", tmp_path / "b", tmp_path / "merged", labels="brats2020") == ["x"]


def test_inputs_are_not_overwritten(tmp_path: Path) -> None:
    for name in "ab":
        write(tmp_path / name, "x", 0)
    with pytest.raises(UserError, match="choose another"):
        merge_folders(tmp_path / "a", tmp_path / "b", tmp_path / "b")
    with pytest.raises(UserError, match="expected a folder of label maps"):
        merge_folders(tmp_path / "a", tmp_path / "nothing", tmp_path / "merged")
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match="no case in common"):
        merge_folders(tmp_path / "a", tmp_path / "empty", tmp_path / "merged")


def test_label_maps_that_are_not_compressed_are_merged(tmp_path: Path) -> None:
    for name, ending in (("a", ".nii"), ("b", "_seg.nii.gz")):
        write(tmp_path / name, "x", 0)
        image = nib.load(tmp_path / name / "x.nii.gz")
        image.to_filename(tmp_path / name / f"again{ending}")
        (tmp_path / name / "x.nii.gz").unlink()
        (tmp_path / name / f"again{ending}").rename(tmp_path / name / f"x{ending}")
    (tmp_path / "b" / "x.json").rename(tmp_path / "b" / "x_seg.json")
    assert merge_folders(tmp_path / "a", tmp_path / "b", tmp_path / "merged") == ["x"]


def test_a_hostile_json_tells_no_label_values(tmp_path: Path) -> None:
    for name in "ab":
        write(tmp_path / name, "x", 0, None)
        (tmp_path / name / "x.json").write_text("[" * 100_000)
    with pytest.raises(UserError, match=r"case x: .*labels\.predictions"):
        merge_folders(tmp_path / "a", tmp_path / "b", tmp_path / "merged")
