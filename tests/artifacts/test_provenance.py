"""Results say that their networks were trained on phantoms, and where a case is unlike the training data."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from brats_seg.artifacts.bundles import load_bundle, save_bundle
from brats_seg.artifacts.provenance import describe_bundles, unlike_training
from brats_seg.artifacts.synthetic import SYNTHETIC, synthetic_notice
from brats_seg.models import UNet
from brats_seg.preprocessing import ZScore

RANGES = {"brain, ml": [1200.0, 1500.0], "odd": ["x", 1], "one": 3}


def make(folder: Path, provenance: dict[str, Any]) -> Any:
    net = UNet(width=2, norm="instance", attention=False, residual=False, dropout=0.0)
    scores = {"val/dice": 0.5}
    normalisation = ZScore().settings()
    save_bundle(folder, net, pipeline="b", normalisation=normalisation, provenance=provenance, scores=scores)
    return load_bundle(folder)


def test_a_bundle_says_that_it_was_trained_on_phantoms(tmp_path: Path) -> None:
    of_phantoms = make(tmp_path / "x", {"training_cases": 6, "synthetic_cases": 6, "init": None})
    of_patients = make(tmp_path / "y", {"training_cases": 6, "synthetic_cases": 0})
    assert "of no use on patients" in of_phantoms.record["card"]
    assert "synthetic" not in of_patients.record["card"]
    (told,) = describe_bundles({"b": [of_phantoms]})["b"]
    assert (told["training_cases"], told["validation_scores"]) == (6, {"val/dice": 0.5})
    assert told["card"] == of_phantoms.record["card"] and "init" not in told
    notice = synthetic_notice([of_phantoms.record["provenance"], of_patients.record["provenance"]])
    assert notice == f"1 of 2 bundles {SYNTHETIC}"
    assert synthetic_notice([{"synthetic_cases": "many"}, {}]) is None


@pytest.mark.parametrize(("cases", "lines"), [(10, 1), (9, 0)])
def test_a_case_unlike_the_training_data_is_told(tmp_path: Path, cases: int, lines: int) -> None:
    bundle = make(tmp_path / "x", {"training_cases": cases, "training_ranges": RANGES})
    assert list(unlike_training({"brain, ml": 1720.0, "odd": 9.0}, {"b": [bundle]})) == []
    found = list(unlike_training({"brain, ml": 1730.0}, {"b": [bundle]}))
    assert found == ["unlike the training cases: brain, ml is 1730, theirs 1200 to 1500"][:lines]
    silent = make(tmp_path / "y", {"training_cases": cases})
    assert list(unlike_training({"brain, ml": 1730.0}, {"b": [silent]})) == []
