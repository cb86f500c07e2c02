"""Hard cases are found, written for review, and accepted by data.exclude."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest

from brats_seg.artifacts.run_folder import RunFolder
from brats_seg.cli.main import main
from brats_seg.cross_validation import flag_cases
from brats_seg.cross_validation.hard_cases import flag, score_losses
from brats_seg.data.split_files import read_exclusions
from brats_seg.errors import UserError
from brats_seg.training.callbacks.rows import write_rows


def write_run(folder: Path, losses: dict[str, list[float]]) -> Path:
    epochs = len(next(iter(losses.values())))
    rows = [
        {"epoch": e, "case": case, "loss": losses[case][e]} for e in range(epochs) for case in sorted(losses)
    ]
    write_rows(folder / "case_losses.csv", rows)
    return folder


def test_losses_of_which_none_is_finite_are_one_line(tmp_path: Path) -> None:
    (tmp_path / "case_losses.csv").write_text("epoch,case,loss\n0,a,inf\n0,b,1e308\n0,c,nan\n")
    with pytest.raises(UserError, match="no loss of a case is finite"):
        flag_cases([tmp_path], tmp_path / "f.json", last_epochs=1, deviations=3)
    assert not (tmp_path / "f.json").exists()


def test_a_dollar_in_an_id_is_no_formula(tmp_path: Path) -> None:
    write_run(tmp_path, {**{f"c{i}": [i / 10] for i in range(9)}, r"a$\frac{x$": [99.0]})
    assert flag_cases([tmp_path], tmp_path / "f.json", last_epochs=1, deviations=3) == [r"a$\frac{x$"]


def test_score_is_the_mean_of_the_last_epochs_then_of_the_runs() -> None:
    one = {0: {"a": 9.0, "b": 9.0}, 1: {"a": 0.2, "b": 0.5}, 2: {"a": 0.4, "b": float("nan")}}
    other = {0: {"a": 0.7}}
    assert score_losses([one, other], 2) == pytest.approx({"a": (0.3 + 0.7) / 2, "b": 0.5})


def test_threshold_is_the_median_plus_robust_deviations() -> None:
    values = np.random.default_rng(0).normal(0.2, 0.02, 101)
    scores = {f"case{k:03}": float(v) for k, v in enumerate(values)} | {"bad": 0.9, "worse": 1.0}
    threshold, flagged = flag(scores, 3)
    everything = np.array(list(scores.values()))
    deviation = 1.4826 * np.median(np.abs(everything - np.median(everything)))
    assert threshold == pytest.approx(np.median(everything) + 3 * deviation)
    assert flagged[:2] == ["worse", "bad"]
    assert set(flagged) == {case for case, value in scores.items() if value > threshold}


def test_a_list_to_review_that_training_accepts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    easy = {f"case{k}": [0.9, 0.2 + k / 100] for k in range(8)}
    write_run(tmp_path / "runs" / "fold_0", {**easy, "bad": [0.9, 0.8]})
    write_run(tmp_path / "runs" / "fold_1", {**easy, "bad": [0.9, 0.7]})
    output = tmp_path / "flagged.json"
    command = ["brats-seg", "flag-cases", f"runs=[{tmp_path / 'runs'}]", f"output={output}", "last_epochs=1"]
    monkeypatch.setattr(sys, "argv", command)
    main()
    assert capsys.readouterr().out.splitlines()[0] == "bad"
    assert read_exclusions(output) == {"bad"}
    record = json.loads(output.read_text())
    assert record["scores"]["bad"] == 0.75
    assert next(iter(record["scores"])) == "bad"
    assert len(record["runs"]) == 2
    assert output.with_suffix(".png").read_bytes().startswith(b"\x89PNG")


def test_what_cannot_be_read_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="found none"):
        flag_cases([tmp_path], tmp_path / "f.json", last_epochs=1, deviations=3)
    write_rows(tmp_path / "case_losses.csv", [{"epoch": 0, "name": "a", "loss": 1}])
    with pytest.raises(UserError, match="columns epoch, case, loss"):
        RunFolder(tmp_path).read_case_losses()
    with pytest.raises(UserError, match="another ending"):
        flag_cases([tmp_path], tmp_path / "f.png", last_epochs=1, deviations=3)
