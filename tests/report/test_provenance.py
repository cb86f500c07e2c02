"""What a page tells of the bundles, whatever the JSON holds."""

from __future__ import annotations

from typing import Any

import pytest

from brats_seg.artifacts.recorded_bundles import recorded_bundles
from brats_seg.report.provenance import bundle_line, synthetic_line, told_of_bundle

BUNDLE = {"card": "x", "experiment": "e", "fold": "0", "training_cases": 5, "synthetic_cases": 5}
REAL = {**BUNDLE, "synthetic_cases": 0, "validation_scores": {"val/dice": 0.8123}}


def test_bundles_of_predict_and_of_merge() -> None:
    record = {"provenance": {"a": [BUNDLE], "b": [REAL]}}
    merged = {"merged_from": {"a": {"provenance": {"a": [BUNDLE]}}, "b": {"provenance": {"b": [REAL]}}}}
    assert recorded_bundles(record) == recorded_bundles(merged)
    assert synthetic_line(merged) == "1 of 2 bundles trained on synthetic data, of no use on patients"
    assert synthetic_line({"provenance": {"b": [REAL]}}) is None
    assert told_of_bundle(recorded_bundles(record)[0])["cases"] == "Training cases: 5, 5 of them synthetic"
    assert told_of_bundle({"pipeline": "a", "validation_scores": 3})["scores"] == {}
    line = bundle_line(recorded_bundles(record)[1])
    assert line == "Pipeline B, e, fold 0, training cases: 5, validation Dice 0.812"


@pytest.mark.parametrize("told", [None, 3, {"a": 3}, {"a": [3, None]}, {"a": {"x": 1}}])
def test_a_json_of_any_form_names_no_bundle(told: Any) -> None:
    assert recorded_bundles({"provenance": told, "merged_from": told}) == []
