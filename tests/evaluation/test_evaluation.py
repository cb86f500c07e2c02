"""The whole of `brats-seg evaluate`, and the settings that it follows."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from brats_seg import nifti
from brats_seg.artifacts.evaluation_folder import EvaluationFolder
from brats_seg.artifacts.scores import Row, as_written
from brats_seg.cases import find_cases, inspect_case, read_case
from brats_seg.cli.commands.evaluate import main
from brats_seg.errors import UserError, WrongValue
from brats_seg.evaluation import Scoring, compare, evaluate, show_comparison, show_evaluation
from brats_seg.evaluation.settings import Missing
from brats_seg.files import distinct_names
from brats_seg.metrics.functional import HD95_PENALTY_MM

Write = Callable[..., Path]
Tumour = Callable[..., np.ndarray]


def read(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(path.read_text().splitlines()))


def value(rows: list[dict[str, str]], case: str, metric: str, region: str = "ET") -> str:
    (found,) = [
        row["value"] for row in rows if (row["case"], row["metric"], row["region"]) == (case, metric, region)
    ]
    return found


def test_tables(cohort: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    show_evaluation(evaluate(*cohort, tmp_path / "out", Scoring.default(paper=True)))
    rows = read(tmp_path / "out" / "per_case.csv")
    assert list(rows[0]) == ["case", "region", "metric", "value"]
    assert (value(rows, "BraTS20_000", "dice"), value(rows, "BraTS20_000", "hd95")) == ("1", "0")
    assert (value(rows, "BraTS20_002", "dice"), float(value(rows, "BraTS20_002", "hd95"))) == (
        "0",
        HD95_PENALTY_MM,
    )
    assert float(value(rows, "BraTS20_001", "hd95", "WT")) == 1
    summary = {(row["metric"], row["region"]): row for row in read(tmp_path / "out" / "summary.csv")}
    dice = [float(value(rows, f"BraTS20_00{i}", "dice", "WT")) for i in range(3)]
    assert float(summary["dice", "WT"]["mean"]) == pytest.approx(np.mean(dice))
    assert float(summary["dice", "WT"]["sd"]) == pytest.approx(np.std(dice, ddof=1))
    assert (summary["dice", "WT"]["cases"], summary["dice", "WT"]["of"]) == ("3", "3")
    text = (tmp_path / "out" / "summary.md").read_text()
    assert "Mean over 3 cases, convention brats2020" in text
    assert "| *paper, test* | 0.7851 | 0.8860 | 0.8427 |" in text
    assert "Hausdorff (95%), mm" in capsys.readouterr().out


def test_undefined_values_are_counted_not_dropped(write: Write, make_tumour: Tumour, tmp_path: Path) -> None:
    without = make_tumour(1)
    without[without == 4] = 1
    for case, truth in (("a", make_tumour(0)), ("b", without)):
        write(f"truth/{case}.nii.gz", truth)
        write(f"predictions/{case}.nii.gz", make_tumour(0), "brats2020")
    scoring = Scoring.default(reference_labels="brats2020")
    evaluate(tmp_path / "predictions", tmp_path / "truth", tmp_path / "out", scoring)
    rows = read(tmp_path / "out" / "per_case.csv")
    assert (value(rows, "b", "sensitivity"), value(rows, "b", "dice")) == ("", "0")
    (summary,) = [
        r
        for r in read(tmp_path / "out" / "summary.csv")
        if (r["metric"], r["region"]) == ("sensitivity", "ET")
    ]
    assert (summary["mean"], summary["cases"], summary["of"]) == ("1", "1", "2")
    assert "| Sensitivity | 1.0000 (1 of 2) |" in (tmp_path / "out" / "summary.md").read_text()


def test_conventions_of_labels_may_differ(write: Write, make_tumour: Tumour, tmp_path: Path) -> None:
    write("truth/x.nii.gz", make_tumour(0, enhancing=3))
    write("predictions/x.nii.gz", make_tumour(0), "brats2020")
    scoring = Scoring.default(reference_labels="brats2023")
    found = evaluate(tmp_path / "predictions", tmp_path / "truth", tmp_path / "out", scoring)
    assert all(summary.mean == 1 for summary in found.summaries if summary.metric == "dice")


def test_a_resection_cavity_is_a_region_of_its_own(write: Write, make_tumour: Tumour, tmp_path: Path) -> None:
    truth = make_tumour(0, enhancing=3)
    cavity = truth.copy()
    cavity[:3, -6:, -6:] = 4
    write("truth/BraTS-GLI-00001-100.nii.gz", cavity)
    write("predictions/BraTS-GLI-00001-100.nii.gz", truth, "brats2023")  # a network of three regions
    scoring = Scoring.default(reference_labels="brats2024", convention="brats2024", paper=True)
    evaluate(tmp_path / "predictions", tmp_path / "truth", tmp_path / "out", scoring)
    rows = read(tmp_path / "out" / "per_case.csv")
    found = {row["region"]: row["value"] for row in rows if row["metric"] == "lesion_dice"}
    assert found == {"ET": "1", "TC": "1", "WT": "1", "NETC": "1", "SNFH": "1", "RC": "0"}
    text = (tmp_path / "out" / "summary.md").read_text()
    assert "| Metric (mean) | ET | WT | TC | NETC | SNFH | RC |" in text
    assert "| Lesion-wise Dice | 1.0000 | 1.0000 | 1.0000 | 1.0000 | 1.0000 | 0.0000 |" in text
    of_2023 = Scoring.default(reference_labels="brats2024", convention="brats2023")
    evaluate(tmp_path / "predictions", tmp_path / "truth", tmp_path / "before", of_2023)
    before = read(tmp_path / "before" / "per_case.csv")
    assert {row["region"] for row in before} == {"ET", "TC", "WT"}
    assert {row["value"] for row in before if row["metric"] == "lesion_dice"} == {"1"}


def test_without_a_cavity_in_the_label_values_there_is_no_such_region(
    cohort: tuple[Path, Path], tmp_path: Path
) -> None:
    evaluate(*cohort, tmp_path / "out", Scoring.default(convention="brats2024"))
    assert {row["region"] for row in read(tmp_path / "out" / "per_case.csv")} == {
        "ET",
        "TC",
        "WT",
        "NETC",
        "SNFH",
    }


def test_a_data_set_that_is_scored_otherwise_has_one_line(
    write: Write, make_tumour: Tumour, tmp_path: Path
) -> None:
    for number in range(2):
        write(f"truth/BraTS-MET-0000{number}-000.nii.gz", make_tumour(0))
        write(f"predictions/BraTS-MET-0000{number}-000.nii.gz", make_tumour(0), "brats2020")
    scoring = Scoring.default(reference_labels="brats2020")
    found = evaluate(tmp_path / "predictions", tmp_path / "truth", tmp_path / "out", scoring)
    (note,) = found.notes
    assert note.startswith("case BraTS-MET-00000-000: metastases data set and 1 more: labels fit;")
    assert note in (tmp_path / "out" / "summary.md").read_text()


def test_orientation_on_disk_does_not_matter(cohort: tuple[Path, Path], tmp_path: Path) -> None:
    evaluate(*cohort, tmp_path / "before")
    for path in cohort[0].glob("*.nii.gz"):
        turned = nib.load(path).as_reoriented([[0, -1], [2, 1], [1, -1]])
        assert nib.aff2axcodes(turned.affine) == ("R", "I", "P")
        turned.to_filename(path)
    evaluate(*cohort, tmp_path / "after")
    assert (tmp_path / "before" / "per_case.csv").read_text() == (
        tmp_path / "after" / "per_case.csv"
    ).read_text()


def test_how_files_without_a_space_lie_is_told_by_the_json_or_by_a_key(
    cohort: tuple[Path, Path], tmp_path: Path
) -> None:
    predictions, references = cohort
    evaluate(*cohort, tmp_path / "before")
    for path in references.rglob("*.nii.gz"):
        image = nib.load(path)
        image.set_sform(None, 0)
        image.set_qform(None, 0)
        image.to_filename(path)
        if "_seg" in path.name:
            geometry = nifti.read_geometry(path, "RAS")
            label_map = nib.load(predictions / f"{path.parent.name}.nii.gz")
            array = np.asarray(label_map.dataobj)
            nib.Nifti1Image(array, geometry.affine).to_filename(predictions / f"{path.parent.name}.nii.gz")
    evaluate(*cohort, tmp_path / "flipped")
    evaluate(*cohort, tmp_path / "after", Scoring.default(orientation="RAS"))
    before, after = (tmp_path / name / "per_case.csv" for name in ("before", "after"))
    assert after.read_text() == before.read_text() != (tmp_path / "flipped" / "per_case.csv").read_text()
    told = {"labels": {"convention": "brats2020"}, "inputs": {}, "orientation": "RAS"}
    for path in predictions.glob("*.json"):
        path.write_text(json.dumps(told))
    after.unlink()
    evaluate(*cohort, tmp_path / "after")
    assert after.read_text() == before.read_text()


def broken(folder: Path, kind: str) -> None:
    """Spoil the prediction of the second case."""
    path = folder / "BraTS20_001.nii.gz"
    volume = nifti.read(path)
    if kind == "missing":
        path.unlink()
    elif kind == "labels":
        nifti.write(path, np.where(volume.array == 4, 3, volume.array).astype(np.uint8), volume.geometry)
    elif kind == "shape":
        nifti.write(path, volume.array[1:], nifti.lps_geometry(volume.array[1:].shape))
    elif kind == "affine":
        nifti.write(path, volume.array, nifti.lps_geometry(volume.array.shape, (0.0, -230.0, 0.0)))
    elif kind == "spacing":
        stretched = nib.load(path)
        nib.Nifti1Image(stretched.dataobj, stretched.affine @ np.diag([1.1, 1, 1, 1])).to_filename(path)
    elif kind == "truncated":
        path.write_bytes(path.read_bytes()[:60])


@pytest.mark.parametrize(
    ("kind", "line"),
    [
        ("missing", "case BraTS20_001: no prediction"),
        ("labels", "expected labels (0, 1, 2, 4) of brats2020, found also 3"),
        ("shape", "expected shape (14, 16, 18) (z, y, x) of the reference, found (13, 16, 18)"),
        ("affine", "expected the place in space of the reference, found a corner 9 mm away"),
        ("spacing", "mm away, with spacing (1, 1, 1.1) mm instead of (1, 1, 1) mm"),
        ("truncated", "expected a complete NIfTI file"),
    ],
)
def test_what_cannot_be_scored(cohort: tuple[Path, Path], tmp_path: Path, kind: str, line: str) -> None:
    broken(cohort[0], kind)
    out = tmp_path / "out"
    with pytest.raises(UserError, match="BraTS20_001") as caught:
        evaluate(*cohort, out)
    assert line in str(caught.value)
    assert not out.exists()

    evaluate(*cohort, out, Scoring.default(missing="skip"))
    assert {row["case"] for row in read(out / "per_case.csv")} == {"BraTS20_000", "BraTS20_002"}
    assert line in (out / "summary.md").read_text()
    assert "left out" in (out / "summary.md").read_text()

    evaluate(*cohort, out, Scoring.default(missing="penalise"))
    rows = read(out / "per_case.csv")
    assert value(rows, "BraTS20_001", "dice") == value(rows, "BraTS20_001", "specificity") == "0"
    assert float(value(rows, "BraTS20_001", "hd95")) == HD95_PENALTY_MM
    assert "penalised" in (out / "summary.md").read_text()


def test_a_missing_prediction_is_not_right_about_an_absent_region(
    write: Write, make_tumour: Tumour, tmp_path: Path
) -> None:
    without = make_tumour(1)
    without[without == 4] = 1
    for case in "ab":
        write(f"truth/{case}.nii.gz", without)
    write("predictions/a.nii.gz", without, "brats2020")
    scoring = Scoring.default(reference_labels="brats2020", missing="penalise")
    evaluate(tmp_path / "predictions", tmp_path / "truth", tmp_path / "out", scoring)
    rows = read(tmp_path / "out" / "per_case.csv")
    assert (value(rows, "a", "dice"), value(rows, "b", "dice")) == ("1", "0")
    assert (value(rows, "a", "hd95"), float(value(rows, "b", "hd95"))) == ("0", HD95_PENALTY_MM)


def test_a_twentieth_of_a_millimetre_is_no_other_place(cohort: tuple[Path, Path], tmp_path: Path) -> None:
    """As for `check` and training: a segmentation may be so far off its images, and off a prediction."""
    case = next(case for case in find_cases(cohort[1]) if case.id == "BraTS20_001")
    assert case.segmentation is not None
    volume = nifti.read(case.segmentation)
    near = nifti.lps_geometry(volume.array.shape, (0.05, -239.0, 0.0))
    nifti.write(case.segmentation, volume.array, near)
    images = np.random.default_rng(0).integers(1, 100, volume.array.shape, np.int16)
    images[0] = 0
    for name, file in case.modalities.items():
        nifti.write(file.path, images, volume.geometry)
        assert name in case.modalities
    assert [finding for finding in inspect_case(case) if finding.level == "error"] == []
    assert read_case(case).label_map is not None
    found = evaluate(*cohort, tmp_path / "out")
    assert {row.case for row in found.rows} == {"BraTS20_000", "BraTS20_001", "BraTS20_002"}


def test_scores_that_differ_by_rounding_alone_are_tied() -> None:
    rows = [Row("x", "ET", "dice", value) for value in (0.1 + 0.2, 0.3, None)]
    first, second, undefined = as_written(rows)
    assert first.value == second.value == 0.3
    assert undefined.value is None


def test_defaults_are_those_of_the_command() -> None:
    scoring = Scoring.default()
    assert (scoring.convention, scoring.missing, scoring.paper) == ("brats2020", "fail", False)
    assert (scoring.uncertainty_intervals, scoring.calibration_bins) == (0, 0)
    with pytest.raises(UserError, match="missing=forget: use one of penalise, fail, skip"):
        Scoring.default(missing="forget")


def test_the_edition_of_2025_has_a_line() -> None:
    with pytest.raises(WrongValue, match="convention=brats2026 is nearest"):
        Scoring.default(convention="brats2025")


def test_everything_that_is_wrong_is_listed_at_once(cohort: tuple[Path, Path], tmp_path: Path) -> None:
    predictions, _ = cohort
    (predictions / "BraTS20_000.nii.gz").unlink()
    broken(predictions, "truncated")
    for end in (".nii.gz", ".json"):
        (predictions / f"BraTS20_002{end}").rename(predictions / f"Brats20_002{end}")
    with pytest.raises(UserError) as caught:
        evaluate(*cohort, tmp_path / "out")
    lines = str(caught.value).splitlines()
    assert [line.split(":")[0] for line in lines[:4]] == [
        f"case {n}" for n in ("BraTS20_000", "BraTS20_001", "BraTS20_002", "Brats20_002")
    ]
    assert "has no reference" in lines[3] and "missing=skip" in lines[4]


@pytest.mark.parametrize("missing", ["fail", "skip", "penalise"])
def test_a_reference_that_cannot_be_used_always_fails(
    cohort: tuple[Path, Path], tmp_path: Path, missing: Missing
) -> None:
    for case in ("BraTS20_000", "BraTS20_002"):
        path = cohort[1] / case / f"{case}_seg.nii.gz"
        path.write_bytes(path.read_bytes()[:60])
    with pytest.raises(UserError) as caught:
        evaluate(*cohort, tmp_path / "out", Scoring.default(missing=missing))
    assert [line[:17] for line in str(caught.value).splitlines()] == [
        "case BraTS20_000:",
        "case BraTS20_002:",
    ]
    assert not (tmp_path / "out").exists()


def test_brackets_in_a_path_are_printed(
    cohort: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    odd = cohort[0].rename(tmp_path / "p[x]")
    (odd / "BraTS20_000.nii.gz").rename(odd / "other.nii.gz")
    (odd / "BraTS20_000.json").rename(odd / "other.json")
    show_evaluation(evaluate(odd, cohort[1], tmp_path / "out", Scoring.default(missing="skip")))
    assert f"case other: {odd / 'other.nii.gz'} has no reference" in capsys.readouterr().out


def test_the_folder_tells_its_convention(cohort: tuple[Path, Path], tmp_path: Path) -> None:
    out = tmp_path / "out"
    evaluate(*cohort, out, Scoring.default(convention="brats2023"))
    folder = EvaluationFolder(out)
    assert folder.read_convention(None) == folder.read_convention("brats2023") == "brats2023"
    with pytest.raises(UserError, match="expected scores of brats2020, found those of brats2023"):
        folder.read_convention("brats2020")
    (out / "evaluation.json").unlink()
    assert folder.read_convention("brats2020") == "brats2020"
    with pytest.raises(UserError, match="convention=NAME"):
        folder.read_convention(None)


@pytest.mark.slow
def test_processes_change_nothing(cohort: tuple[Path, Path], tmp_path: Path) -> None:
    broken(cohort[0], "labels")
    for workers in (1, 2):
        evaluate(*cohort, tmp_path / str(workers), Scoring.default(missing="penalise"), workers=workers)
    for name in ("per_case.csv", "summary.csv", "summary.md"):
        assert (tmp_path / "1" / name).read_bytes() == (tmp_path / "2" / name).read_bytes()


def test_lesion_by_lesion(cohort: tuple[Path, Path], tmp_path: Path) -> None:
    evaluate(*cohort, tmp_path / "out", Scoring.default(convention="brats2023"))
    rows = read(tmp_path / "out" / "per_case.csv")
    assert (value(rows, "BraTS20_000", "lesion_dice"), value(rows, "BraTS20_000", "lesion_hd95")) == (
        "1",
        "0",
    )
    assert (value(rows, "BraTS20_002", "lesion_dice"), value(rows, "BraTS20_002", "lesion_hd95")) == (
        "0",
        "374",
    )
    with pytest.raises(UserError, match="unknown convention 'brats1999'"):
        Scoring.default(convention="brats1999")


def test_each_pipeline_alone_stands_beside(
    cohort: tuple[Path, Path], write: Write, make_tumour: Tumour, tmp_path: Path
) -> None:
    for number in range(3):
        write(f"predictions/a/BraTS20_00{number}.nii.gz", make_tumour(number), "brats2020")
    write("predictions/b/BraTS20_000.nii.gz", make_tumour(0) * 0, "brats2020")
    evaluate(*cohort, tmp_path / "out")
    text = (tmp_path / "out" / "summary.md").read_text()
    assert "| Dice (pipeline A alone) | 1.0000 | 1.0000 | 1.0000 |" in text
    assert "| Dice (pipeline B alone) | 0.0000 (1 of 3) | 0.0000 (1 of 3) | 0.0000 (1 of 3) |" in text


def test_uncertainty_and_calibration(
    cohort: tuple[Path, Path], write: Write, make_tumour: Tumour, tmp_path: Path
) -> None:
    for number in range(3):
        for word, region in (("whole", "WT"), ("core", "TC"), ("enhance", "ET")):
            sure = np.zeros(make_tumour(number).shape, np.uint8)
            write(f"predictions/uncertainty/BraTS20_00{number}_unc_{word}.nii.gz", sure)
            write(f"predictions/probabilities/BraTS20_00{number}_{region}.nii.gz", sure.astype(np.float32))
    evaluate(*cohort, tmp_path / "out", Scoring.default(uncertainty_intervals=40, calibration_bins=10))
    rows = read(tmp_path / "out" / "per_case.csv")
    assert (
        value(rows, "BraTS20_000", "uncertainty_score")
        == value(rows, "BraTS20_000", "uncertainty_dice")
        == "1"
    )
    assert value(rows, "BraTS20_002", "uncertainty_dice") == "0"
    # Nowhere tumour, it says: wrong in as many voxels as there are.
    assert float(value(rows, "BraTS20_001", "ece", "WT")) == pytest.approx(9**3 / make_tumour(1).size)
    bins = read(tmp_path / "out" / "calibration.csv")
    assert len(bins) == 30
    assert (tmp_path / "out" / "calibration.png").stat().st_size > 1000
    (cohort[0] / "uncertainty" / "BraTS20_001_unc_core.nii.gz").unlink()
    with pytest.raises(UserError, match="predict with uncertainty=variance"):
        evaluate(*cohort, tmp_path / "other", Scoring.default(uncertainty_intervals=40))


def test_ranking_of_several_folders(
    cohort: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    perfect = tmp_path / "perfect"
    perfect.mkdir()
    for path in cohort[0].glob("*.json"):
        (perfect / path.name).write_bytes(path.read_bytes())
        truth = cohort[1] / path.stem / f"{path.stem}_seg.nii.gz"
        (perfect / f"{path.stem}.nii.gz").write_bytes(truth.read_bytes())
    found = compare([cohort[0], perfect], cohort[1], tmp_path / "out")
    show_comparison(found)
    assert found.ranking.names == ("perfect", "predictions")
    assert list(found.evaluations) == ["predictions", "perfect"]
    assert (tmp_path / "out" / "perfect" / "per_case.csv").exists()
    assert read(tmp_path / "out" / "ranking.csv")[0]["predictions"] == "perfect"
    assert "3 cases, convention brats2020" in (tmp_path / "out" / "ranking.md").read_text()
    assert "ranking" in capsys.readouterr().out


def test_folders_of_one_name_are_told_apart() -> None:
    assert distinct_names([Path("/x/a/predictions"), Path("/x/b/predictions")]) == [
        "a-predictions",
        "b-predictions",
    ]
    with pytest.raises(UserError, match="twice"):
        distinct_names([Path("/x"), Path("/x/../x")])


def test_the_command(cohort: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    keys = [f"predictions={cohort[0]}", f"references={cohort[1]}", f"output={tmp_path / 'out'}", "workers=1"]
    main(keys)
    assert (tmp_path / "out" / "summary.md").exists()
    broken(cohort[0], "missing")
    with pytest.raises(SystemExit) as caught:
        main(keys)
    assert caught.value.code == 1
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == "brats-seg evaluate: error: case BraTS20_001: no prediction"
    assert "missing=skip" in lines[1]
    with pytest.raises(SystemExit):
        main([*keys, "missing=forget"])
    assert "missing=forget: use one of penalise, fail, skip" in capsys.readouterr().err


@pytest.mark.real
def test_real_cases_against_themselves(real_cases: Path, tmp_path: Path) -> None:
    """The truth of one real case in both conventions of labels."""
    truth = next(real_cases.rglob("BraTS2021_00000_seg.nii.gz"))
    other = next((real_cases / "label-conventions").rglob("*.nii.gz"))
    for source, name in ((truth, "truth"), (other, "prediction")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "x.nii.gz").write_bytes(source.read_bytes())
    scoring = Scoring.default(prediction_labels="brats2023", reference_labels="brats2020")
    found = evaluate(tmp_path / "prediction", tmp_path / "truth", tmp_path / "out", scoring)
    for summary in found.summaries:
        if summary.metric in ("dice", "sensitivity", "surface_dice", "hd95"):
            assert summary.mean == (0 if summary.metric == "hd95" else 1)
