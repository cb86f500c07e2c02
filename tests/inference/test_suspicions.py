"""A prediction that should be looked at twice says so on the screen, in its JSON and in the table."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from brats_seg.cases import find_cases
from brats_seg.inference import Machine, Segmenter, Settings, merge_folders, predict


def told(bundle: Any, **provenance: Any) -> Any:
    return replace(bundle, record={**bundle.record, "provenance": provenance})


def test_it_is_told_everywhere(
    write_case: Any, make_bundle: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ranges = {"brain, ml": [1200.0, 1500.0]}
    facts = {"training_cases": 12, "synthetic_cases": 12, "training_ranges": ranges}
    bundles: Any = {"a": [told(make_bundle("a", 1), **facts)], "b": [told(make_bundle("b", 2), **facts)]}
    settings = Settings.default(tta="none", precision="32-true")
    cases = find_cases(write_case("x", 1))
    assert predict(cases, bundles, tmp_path / "out", settings, Machine.default(accelerator="cpu")) == []
    screen = capsys.readouterr().out
    record = json.loads((tmp_path / "out" / "x.json").read_text())
    table = (tmp_path / "out" / "volumes.csv").read_text()
    assert "NOTE: trained on synthetic data, of no use on patients" in screen
    assert record["provenance"]["a"][0]["training_cases"] == 12
    notice = "For research; not a medical device. Trained on synthetic data, of no use on patients."
    assert record["notice"] == notice
    merge_folders(tmp_path / "out" / "a", tmp_path / "out" / "b", tmp_path / "merged")
    assert json.loads((tmp_path / "merged" / "x.json").read_text())["notice"] == notice
    paths = {name: file.path for name, file in cases[0].modalities.items()}
    said = Segmenter(bundles, device="cpu", tta="none")(**paths).warnings
    assert said[-1] == "trained on synthetic data, of no use on patients"
    assert any("unlike the training cases" in line for line in said)
    for words in ("unlike the training cases: brain, ml is", "A and B disagree on WT"):
        assert words in screen and words in table
        assert any(words in warning for warning in record["warnings"])
    assert set(record["agreement_of_a_and_b"]) == {"ET", "TC", "WT"}
    assert record["inputs"]["t1"]["path"] == str(cases[0].modalities["t1"].path)
