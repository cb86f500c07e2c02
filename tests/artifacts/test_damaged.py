"""Files that are not what they say are refused in one line, or what is wrong in them is left out."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from brats_seg.artifacts.ensemble_file import load_ensemble
from brats_seg.artifacts.label_maps import read_record_beside, untold_labels
from brats_seg.artifacts.prediction_folder import PredictionFolder
from brats_seg.artifacts.recorded_images import MERGED_FROM, image_sums
from brats_seg.artifacts.run_claims import refuse_changed_data
from brats_seg.artifacts.scores import from_csv
from brats_seg.artifacts.unpack_archive import MOST_FILES, unpack_ensemble
from brats_seg.artifacts.weights_file import FACTS, read_weights, write_weights
from brats_seg.errors import UserError


def test_an_archive_of_too_many_files(tmp_path):
    with zipfile.ZipFile(tmp_path / "many.zip", "w") as archive:
        for number in range(MOST_FILES + 1):
            archive.writestr(f"b{number}", "")
    with pytest.raises(UserError, match=f"at most {MOST_FILES} files, found {MOST_FILES + 1}"):
        unpack_ensemble(tmp_path / "many.zip", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_an_ensemble_with_another_key(tmp_path):
    (tmp_path / "ensemble.yaml").write_text("schema: 1\nc: []\n")
    with pytest.raises(UserError, match="found another key"):
        load_ensemble(tmp_path / "ensemble.yaml")


def test_warnings_that_are_no_lines_are_left_out(tmp_path):
    (tmp_path / "one.json").write_text('{"warnings": [3], "labels": {"convention": "brats2020"}}')
    assert read_record_beside(tmp_path / "one.nii.gz") == {"labels": {"convention": "brats2020"}}


def test_a_data_set_without_known_labels_says_why():
    line = untold_labels(Path("maps"), ["BraTS-PED-00001-000", "BraTS-PED-00002-000"], "references")
    assert line.startswith("maps: BraTS-PED-00001-000 (and 1 more): ")
    assert "data set" in line


def test_a_map_of_other_images_stays(tmp_path):
    record = {"files": ["one.nii.gz"], "inputs": {"t1": {"sha256": "aa"}}}
    (tmp_path / "one.json").write_text(json.dumps(record))
    (tmp_path / "one.nii.gz").write_bytes(b"")
    folder = PredictionFolder(tmp_path)
    assert folder.why_not_to_replace("one", ["aa", "bb"]) is None
    assert "made of other images" in (folder.why_not_to_replace("one", ["bb"]) or "")


def test_a_merged_map_knows_the_images_of_both():
    sources = {"a": {"inputs": {"t1": {"sha256": "aa"}}}, "b": {"inputs": {"t1": {"sha256": "bb"}}}, "c": 3}
    assert image_sums({MERGED_FROM: sources}) == {"aa", "bb"}


def test_cases_that_changed_are_named_and_counted():
    with pytest.raises(UserError, match=r"case a \(and 1 more\): its voxels have changed since runs/x began"):
        refuse_changed_data(Path("runs/x"), {"a": 1, "b": 2, "c": 3}, {"a": 2, "b": 3, "c": 3, "d": 4})


def test_a_score_beyond_all_measure():
    with pytest.raises(ValueError, match="the dice of one is 1e"):
        from_csv("case,region,metric,value\none,ET,dice,1e300\n")


def test_weights_that_are_not_those_of_their_sum(tmp_path):
    file = tmp_path / "weights.safetensors"
    write_weights(file, {"x": torch.zeros(3)}, {"epoch": 1})
    assert read_weights(file)[1] == {"epoch": 1}
    changed = bytearray(file.read_bytes())
    changed[-1] ^= 1
    file.write_bytes(changed)
    with pytest.raises(UserError, match=r"expected weights of sha256 \w+, found damaged ones"):
        read_weights(file)


def test_weights_whose_facts_are_a_list(tmp_path):
    save_file({"x": torch.zeros(3)}, tmp_path / "weights.safetensors", {FACTS: "[]"})
    assert load_file(tmp_path / "weights.safetensors").keys() == {"x"}
    with pytest.raises(UserError, match="a file of weights that says what they are"):
        read_weights(tmp_path / "weights.safetensors")
