"""Splits and exclusions that a user wrote, right or wrong."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from brats_seg.data.split_files import read_exclusions, read_split
from brats_seg.errors import UserError


def test_a_patient_on_both_sides_of_a_split_is_refused(tmp_path: Path) -> None:
    ids, file = ["BraTS-GLI-00001-000", "BraTS-GLI-00001-001"], tmp_path / "split.json"
    file.write_text(json.dumps({"train": ids[:1], "validation": ids[1:]}))
    with pytest.raises(UserError, match=r"visits of BraTS-GLI-00001 in train and validation"):
        read_split(file, ids)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('{"train": ["a"]}', "expected"),
        ('{"train": ["a", "b"], "validation": ["b"]}', "both|train and validation"),
        ('{"train": ["z"], "validation": []}', "no case z"),
        ('{"train": [], "validation": ["a"]}', "no case to train"),
        ("{", "JSON"),
        ('{"train": "a", "validation": ["b"]}', "other values than lists of case ids"),
    ],
)
def test_a_bad_split_file_is_one_line(tmp_path: Path, content: str, message: str) -> None:
    file = tmp_path / "split.json"
    file.write_text(content)
    with pytest.raises(UserError, match=message):
        read_split(file, ["a", "b"])


def test_exclusions(tmp_path: Path) -> None:
    file = tmp_path / "flagged.json"
    for content in (["a"], {"exclude": ["a"], "scores": {}}):
        file.write_text(json.dumps(content))
        assert read_exclusions(file) == {"a"}
    file.write_text('{"a": 1}')
    with pytest.raises(UserError):
        read_exclusions(file)
