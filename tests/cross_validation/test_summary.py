"""Cross-validation summed up, on scores written by hand."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from rich.console import Console
from scipy.stats import permutation_test

from brats_seg.artifacts.bundles import save_bundle
from brats_seg.artifacts.ensemble_file import load_ensemble
from brats_seg.artifacts.scores import Row, to_csv
from brats_seg.cli.commands.cv_summary import main
from brats_seg.cross_validation import Bootstrap, read_experiments, summarise_runs, summary
from brats_seg.cross_validation.experiments import find_doubtful_folds
from brats_seg.cross_validation.selection import select
from brats_seg.cross_validation.statistics import (
    Difference,
    across_folds,
    find_differences,
    fold_means,
    signed_rank,
)
from brats_seg.cross_validation.tables import differences_grids
from brats_seg.errors import UserError
from brats_seg.models import UNet
from brats_seg.preprocessing import ZScore

KEEP = {"a": 2, "b": None}
BOOTSTRAP = Bootstrap(draws=500, confidence=0.95, seed=0)


def write_fold(run: Path, fold: int, dice: list[float], *, folds: int = 5, state: str = "finished") -> Path:
    """Scores of cases ``<fold>-<number>``; TC is 0.1 less than ET and WT, HD95 ten times what Dice lacks."""
    folder = run / f"fold_{fold}"
    folder.mkdir(parents=True)
    (folder / "config.yaml").write_text(yaml.safe_dump({"config": {"data": {"folds": folds}}, "split": {}}))
    (folder / "status.json").write_text(json.dumps({"state": state}))
    rows = []
    for number, value in enumerate(dice):
        for region in ("ET", "TC", "WT"):
            own = value - 0.1 * (region == "TC")
            rows += [
                Row(f"{fold}-{number}", region, "dice", own),
                Row(f"{fold}-{number}", region, "hd95", 10 * (1 - own)),
            ]
    if rows:
        (folder / "evaluation").mkdir()
        (folder / "evaluation" / "per_case.csv").write_text(to_csv(rows))
    return folder


def write_bundle(folder: Path, pipeline: str, dice: float) -> None:
    torch.manual_seed(0)
    net = UNet(width=2, norm="instance", attention=False, residual=False, dropout=0.0)
    scores = {"val/dice": dice}
    save_bundle(
        folder / "bundle",
        net,
        pipeline=pipeline,
        normalisation=ZScore().settings(),
        provenance={},
        scores=scores,
    )


def read(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_means_and_spread_are_those_of_the_folds(tmp_path: Path) -> None:
    write_fold(tmp_path / "a", 0, [0.5, 0.7, 0.9])
    write_fold(tmp_path / "a", 1, [0.4])
    found = across_folds(fold_means(read_experiments([tmp_path / "a"])))
    cells = {(each.metric, each.region): each for each in found}
    whole = cells["dice", "WT"]
    # Not the mean over cases, which would be 0.625: each fold counts alike.
    assert (whole.mean, whole.sd) == pytest.approx((0.55, np.std([0.7, 0.4], ddof=1)))
    assert (whole.folds, whole.cases) == (2, 4)
    assert cells["dice", "TC"].mean == pytest.approx(0.45)
    assert cells["hd95", "WT"].mean == pytest.approx(4.5)


def test_one_fold_has_no_spread(tmp_path: Path) -> None:
    write_fold(tmp_path / "a", 0, [0.5, 0.7])
    assert {each.sd for each in across_folds(fold_means(read_experiments([tmp_path / "a"])))} == {None}


def test_differences_pair_the_cases_that_both_have(tmp_path: Path) -> None:
    write_fold(tmp_path / "plain", 0, [0.5, 0.6, 0.7])
    write_fold(tmp_path / "plain", 1, [0.1, 0.2])  # the other has no such fold
    write_fold(tmp_path / "other", 0, [0.6, 0.8, 0.7])
    found = find_differences(read_experiments([tmp_path / "plain", tmp_path / "other"]), BOOTSTRAP)
    assert {(each.experiment, each.other, each.cases) for each in found} == {("other", "plain", 3)}
    assert [each.mean for each in found] == pytest.approx([0.1] * 3 + [-1.0] * 3)
    assert all(each.low <= each.mean <= each.high for each in found)


def test_signed_rank_is_the_exact_permutation_of_signs() -> None:
    values = np.random.default_rng(3).normal(0.4, 1, 9)

    def ranks(x: np.ndarray) -> float:
        return float((np.argsort(np.argsort(np.abs(x))) + 1)[x > 0].sum())

    exact = permutation_test((values,), ranks, permutation_type="samples", n_resamples=np.inf)
    assert signed_rank(values) == pytest.approx(exact.pvalue)
    assert signed_rank(np.zeros(4)) == 1.0
    assert signed_rank(np.r_[np.zeros(40), np.arange(1.0, 11)]) == pytest.approx(
        2 / 2**10
    )  # exact, zeros or not


def test_interval_covers_the_mean_as_often_as_it_says() -> None:
    generator = np.random.default_rng(0)
    samples = generator.normal(1.0, 2.0, (200, 40))
    for confidence, least, most in ((0.5, 80, 120), (0.9, 160, 195)):
        # 100 and 180 expected; a percentile interval is a little narrow.
        intervals = map(Bootstrap(draws=400, confidence=confidence, seed=1).interval, samples)
        assert least <= sum(low <= 1.0 <= high for low, high in intervals) <= most
    assert Bootstrap(draws=10, confidence=0.9, seed=0).interval(np.full(5, 0.25)) == (0.25, 0.25)


def test_missing_folds_are_named_with_their_reason(tmp_path: Path) -> None:
    write_fold(tmp_path / "a", 0, [0.5], folds=5)
    write_fold(tmp_path / "a", 1, [], folds=5, state="running")
    write_fold(tmp_path / "a", 2, [], folds=5)
    failed = write_fold(tmp_path / "a", 4, [], folds=5)
    (failed / "status.json").write_text(json.dumps({"state": "failed", "reason": "no disk"}))
    missing = read_experiments([tmp_path / "a"])[0].missing
    assert list(missing) == [1, 2, 3, 4]
    assert missing[4] == "failed: no disk"
    assert missing[1].startswith("not finished")
    assert missing[2].startswith("trained, but not predicted")
    assert missing[3] == "not trained"


def test_other_views_and_outdated_scores_are_noted(tmp_path: Path) -> None:
    folders = [write_fold(tmp_path / name, fold, [0.5], folds=2) for name in ("a", "b") for fold in (0, 1)]
    for folder, tta in zip(folders, ("none", "none", "none", "group16"), strict=True):
        (folder / "out_of_fold.json").write_text(json.dumps({"tta": tta}))
    runs = [tmp_path / "a", tmp_path / "b"]
    assert find_doubtful_folds(read_experiments(runs[:1])) == []
    (line,) = find_doubtful_folds(read_experiments(runs))
    assert line.endswith("tta=none in a 0+1, b 0; tta=group16 in b 1")
    (folders[3] / "out_of_fold.json").unlink()
    assert find_doubtful_folds(read_experiments(runs)) == []  # label maps from elsewhere, such as merged ones
    write_bundle(folders[3], "b", 0.5)
    (line,) = find_doubtful_folds(read_experiments(runs))
    assert line.startswith("b, fold 1 may be scored on earlier predictions")
    summarise_runs(runs, tmp_path / "out", keep=KEEP, bootstrap=BOOTSTRAP)
    assert f"- {line}" in (tmp_path / "out" / "summary.md").read_text()


def test_a_region_that_is_nowhere_defined_is_undefined(tmp_path: Path) -> None:
    folder = write_fold(tmp_path / "a", 0, [0.5, 0.7])
    rows = [
        Row(f"0-{n}", region, "dice", None if region == "ET" else 0.5)
        for n in (0, 1)
        for region in ("ET", "TC", "WT")
    ]
    (folder / "evaluation" / "per_case.csv").write_text(to_csv(rows))
    summarise_runs([tmp_path / "a"], tmp_path / "out", keep=KEEP, bootstrap=BOOTSTRAP)
    assert "| a | 1 | 2 | undefined | 0.5000 (one fold) |" in (tmp_path / "out" / "summary.md").read_text()


def test_what_is_not_written_this_time_goes(tmp_path: Path) -> None:
    write_bundle(write_fold(tmp_path / "a", 0, [0.5, 0.6]), "a", 0.5)
    write_fold(tmp_path / "b", 0, [0.5, 0.7])
    summarise_runs([tmp_path / "a", tmp_path / "b"], tmp_path / "out", keep=KEEP, bootstrap=BOOTSTRAP)
    optional = [tmp_path / "out" / name for name in ("differences.csv", "ranking.csv", "ensemble.yaml")]
    assert all(path.is_file() for path in optional)
    summarise_runs([tmp_path / "b"], tmp_path / "out", keep=KEEP, bootstrap=BOOTSTRAP)
    assert not any(path.exists() for path in optional)


def test_nothing_breaks_on_eighty_columns(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    names = ("pipeline_a_attention-seed=1,data.folds=3", "pipeline_b-d3250ae1")
    for name, pipeline in zip(names, ("a", "b"), strict=True):
        for fold in (0, 1):
            write_bundle(write_fold(tmp_path / name, fold, [0.5, 0.6], folds=2), pipeline, 0.5)
    console = Console(width=80, file=io.StringIO())
    monkeypatch.setattr(summary, "table_console", lambda: console)
    runs = [tmp_path / name for name in names]
    summarise_runs(runs, tmp_path / "out", keep=KEEP, bootstrap=BOOTSTRAP, paper=True)
    said = console.file.getvalue()
    heads = ("Folds", "Cases", "0.8126 (0.019)", "0.5500 (0.000)", "In the ensemble")
    numbered = (f"1  {names[0]}\n", f"2  {names[1]}\n", f"1  {names[1]} - {names[0]}\n")
    assert [word for word in (*heads, *numbered) if word not in said] == []


def test_the_best_two_of_three_per_fold_and_every_b(tmp_path: Path) -> None:
    for name, scores in {"plain": (0.7, 0.9), "filtered": (0.8, 0.6), "attention": (0.9, 0.8)}.items():
        for fold, dice in enumerate(scores):
            write_bundle(write_fold(tmp_path / name, fold, [dice], folds=2), "a", dice)
    for fold in (0, 1):
        write_bundle(write_fold(tmp_path / "b", fold, [0.1], folds=2), "b", 0.1)
    names = ["plain", "filtered", "attention", "b"]
    ranked, chosen = select(read_experiments([tmp_path / name for name in names]), KEEP)
    kept = {(r.pipeline, r.fold, r.experiment) for r in ranked if r.kept}
    best = {("a", 0, "attention"), ("a", 0, "filtered"), ("a", 1, "plain"), ("a", 1, "attention")}
    assert kept == best | {("b", 0, "b"), ("b", 1, "b")}
    assert [len(bundles) for bundles in chosen.values()] == [4, 2]
    assert [r.place for r in ranked if (r.pipeline, r.fold) == ("a", 0)] == [1, 2, 3]


def test_everything_is_written_and_the_ensemble_opens(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, pipeline in (("one", "a"), ("two", "a"), ("b", "b")):
        for fold in (0, 1):
            write_bundle(
                write_fold(tmp_path / "runs" / name, fold, [0.5 + 0.1 * fold, 0.7], folds=3), pipeline, 0.6
            )
    write_fold(
        tmp_path / "runs" / "merged", 0, [0.8, 0.9], folds=3
    )  # no bundle: in the tables, not in the ensemble
    runs = [tmp_path / "runs" / name for name in ("one", "two", "b", "merged")]
    summarise_runs(runs, tmp_path / "out", keep=KEEP, paper=True, bootstrap=BOOTSTRAP)
    ensemble = load_ensemble(tmp_path / "out" / "ensemble.yaml")
    assert {pipeline: len(bundles) for pipeline, bundles in ensemble.items()} == {"a": 4, "b": 2}
    said = (tmp_path / "out" / "summary.md").read_text()
    assert "| one | 2 | 4 | 0.6250 (0.035) |" in said
    assert "| merged | 1 | 2 | 0.8500 (one fold) |" in said
    assert "| paper, plain | 5 | 369 | 0.8077 (0.011) | 0.9070 (0.006) | 0.8705 (0.013) |" in said
    assert "- one, fold 2 is missing: not trained" in said
    assert "merged, fold 1 is missing" in capsys.readouterr().out
    assert (tmp_path / "out" / "boxplot.png").read_bytes().startswith(b"\x89PNG")
    table = read(tmp_path / "out" / "summary.csv")
    assert {(row["experiment"], row["folds"]) for row in table} == {
        ("one", "2"),
        ("two", "2"),
        ("b", "2"),
        ("merged", "1"),
    }
    assert len(read(tmp_path / "out" / "ranking.csv")) == 6
    assert len(read(tmp_path / "out" / "differences.csv")) == 6 * 6
    assert len(read(tmp_path / "out" / "folds.csv")) == 7 * 6


def test_one_experiment_without_bundles_is_tables_alone(tmp_path: Path) -> None:
    write_fold(tmp_path / "a", 0, [0.5])
    summarise_runs([tmp_path / "a"], tmp_path / "out", keep=KEEP, bootstrap=BOOTSTRAP)
    written = {path.name for path in (tmp_path / "out").iterdir()}
    assert written == {"summary.md", "summary.csv", "folds.csv", "boxplot.png"}


def test_what_cannot_be_summed_up_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="expected a folder that holds fold_0"):
        summarise_runs([tmp_path], tmp_path / "out", keep=KEEP, bootstrap=BOOTSTRAP)
    with pytest.raises(UserError, match=r"runs=\[\]"):
        summarise_runs([], tmp_path / "out", keep=KEEP, bootstrap=BOOTSTRAP)
    write_fold(tmp_path / "a", 0, [], folds=1)
    with pytest.raises(UserError, match="a, fold 0 is missing: trained, but not predicted"):
        summarise_runs([tmp_path / "a"], tmp_path / "out", keep=KEEP, bootstrap=BOOTSTRAP)
    write_bundle(write_fold(tmp_path / "b", 0, [0.5], folds=1), "b", 0.1)
    with pytest.raises(UserError, match=r"keep\.a=0"):
        summarise_runs([tmp_path / "b"], tmp_path / "out", keep={"a": 0, "b": None}, bootstrap=BOOTSTRAP)
    with pytest.raises(UserError, match="runs: the same folder is given twice"):
        summarise_runs([tmp_path / "b"] * 2, tmp_path / "out", keep=KEEP, bootstrap=BOOTSTRAP)
    assert not (tmp_path / "out" / "summary.md").exists()


@pytest.mark.parametrize(
    ("scores", "message"),
    [
        ("case,region,metric,value\n", "found none"),
        ("", "found none"),
        ("id,dice\nx,1\n", "expected columns"),
        ("case,region,metric,value\nx,ET,dice,high\n", "expected columns"),
        ("case,region,metric,value\nx,ET,volume,1\n", "expected scores of dice or hd95"),
        ("case,region,metric,value\n1-0,ET,dice,1\n", "found 1-0 in fold_0 and fold_1"),
    ],
)
def test_scores_that_cannot_be_used_are_one_line(tmp_path: Path, scores: str, message: str) -> None:
    folder = write_fold(tmp_path / "a", 0, [0.5])
    (folder / "evaluation" / "per_case.csv").write_text(scores)
    if "found 1-0" in message:
        write_fold(tmp_path / "a", 1, [0.5])
    with pytest.raises(UserError, match=message):
        summarise_runs([tmp_path / "a"], tmp_path / "out", keep=KEEP, bootstrap=BOOTSTRAP)


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("plain", "other"):
        write_fold(tmp_path / name, 0, [0.5, 0.7], folds=1)
    runs = f"runs=[{tmp_path / 'plain'},{tmp_path / 'other'}]"
    main([runs, f"output={tmp_path / 'out'}", "bootstrap.draws=10"])
    assert (tmp_path / "out" / "differences.csv").is_file()
    assert "other - plain" in capsys.readouterr().out


def test_the_table_of_differences_says_each_number_in_its_place() -> None:
    found = [
        Difference("a", "b", "dice", "ET", mean=0.01234, low=-0.002, high=0.03, p=0.04567, cases=7),
        Difference("a", "b", "hd95", "WT", mean=-1.5, low=-3.25, high=0.125, p=1.0, cases=6),
    ]
    dice, distance = differences_grids(found, confidence=0.9)
    assert "not corrected for 1 comparisons" in dice.title
    assert dice.head == ["Difference", "Region", "Cases", "Mean", "90% interval", "p"]
    assert dice.lines == [["a - b", "ET", "7", "+0.0123", "-0.0020 to +0.0300", "0.0457"]]
    assert distance.lines == [["a - b", "WT", "6", "-1.50", "-3.25 to +0.12", "1"]]


def test_a_bundle_without_a_validation_score_cannot_be_ranked(tmp_path: Path) -> None:
    run = write_fold(tmp_path / "a", 0, [0.5])
    write_bundle(run, "a", 0.5)
    record = json.loads((run / "bundle" / "bundle.json").read_text())
    record["scores"].pop("val/dice")
    (run / "bundle" / "bundle.json").write_text(json.dumps(record))
    with pytest.raises(UserError, match=r"expected its validation score val/dice, found none: it cannot be"):
        summarise_runs([tmp_path / "a"], tmp_path / "out", keep=KEEP, bootstrap=BOOTSTRAP)
