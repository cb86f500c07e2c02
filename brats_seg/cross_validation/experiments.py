"""The scored folds of cross-validated trainings, out of their run folders, and why the others are missing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from brats_seg.artifacts.evaluation_folder import Row
from brats_seg.artifacts.run_folder import RunFolder
from brats_seg.errors import UserError
from brats_seg.files import distinct_names, read_object

PREDICTS = "with out_of_fold.predict=true goes on"


@dataclass(frozen=True)
class Experiment:
    """One training on every fold.

    Attributes:
        name: For tables.
        folder: Holds ``fold_0``, ``fold_1``, ...
        folds: Number of a fold to the scores of its cases, which it was not trained on.
        missing: Number of a fold to why there are none.
        views: Number of a fold to the views of its predictions, where its run folder says them.
    """

    name: str
    folder: Path
    folds: Mapping[int, Sequence[Row]]
    missing: Mapping[int, str]
    views: Mapping[int, str]

    @property
    def rows(self) -> list[Row]:
        """Of all folds."""
        return [row for rows in self.folds.values() for row in rows]


def read_experiments(runs: Sequence[Path]) -> list[Experiment]:
    """Read ``fold_<k>/evaluation/per_case.csv`` of each; the other files of a run folder need not be there.

    Raises:
        UserError: A folder has no folds, is given twice, nothing is scored, or scores cannot be used.
    """
    if not runs:
        raise UserError("runs=[]: expected folders of folds, such as runs/pipeline_a")
    places = {run: _folds(run) for run in runs}
    expected = max(
        _number_of_folds(folder) or number + 1
        for folds in places.values()
        for number, folder in folds.items()
    )
    found = [
        _experiment(name, run, places[run], expected)
        for name, run in zip(distinct_names(runs, "runs"), runs, strict=True)
    ]
    if not any(experiment.folds for experiment in found):
        raise UserError("\n".join(line for experiment in found for line in missing_folds([experiment])))
    return found


def missing_folds(experiments: Sequence[Experiment]) -> list[str]:
    """One line per fold that is not there."""
    return [
        f"{each.name}, fold {fold} is missing: {why}"
        for each in experiments
        for fold, why in each.missing.items()
    ]


def doubts(experiments: Sequence[Experiment]) -> list[str]:
    """One line per fold whose scores may be of other predictions, and one where folds were predicted with different views."""
    lines = []
    views: dict[str, dict[str, list[str]]] = {}
    for each in experiments:
        for fold in each.folds:
            if fold in each.views:
                views.setdefault(each.views[fold], {}).setdefault(each.name, []).append(str(fold))
            elif RunFolder(each.folder / f"fold_{fold}").bundle.exists():
                why = f"it has no out_of_fold.json; the same training command {PREDICTS}"
                lines.append(f"{each.name}, fold {fold} may be scored on earlier predictions: {why}")
    if len(views) > 1:
        groups = {
            tta: ", ".join(f"{name} {'+'.join(folds)}" for name, folds in found.items())
            for tta, found in views.items()
        }
        told = "; ".join(f"tta={tta} in {group}" for tta, group in groups.items())
        lines.append(f"folds were predicted with different views, which are not to be compared: {told}")
    return lines


def _folds(run: Path) -> dict[int, Path]:
    numbered = {path.name.removeprefix("fold_"): path for path in run.glob("fold_*") if path.is_dir()}
    found = {int(number): path for number, path in numbered.items() if number.isdecimal()}
    if not found:
        raise UserError(
            f"{run}: expected a folder that holds fold_0, fold_1, ..., such as runs/pipeline_a; found none of them"
        )
    return dict(sorted(found.items()))


def _experiment(name: str, run: Path, places: Mapping[int, Path], expected: int) -> Experiment:
    folds: dict[int, Sequence[Row]] = {}
    missing: dict[int, str] = {}
    views: dict[int, str] = {}
    for fold in range(expected):
        scores = RunFolder(run / f"fold_{fold}").evaluation
        if scores.per_case.is_file():
            folds[fold] = scores.read_rows()
            if tta := read_object(RunFolder(run / f"fold_{fold}").out_of_fold).get("tta"):
                views[fold] = str(tta)
        else:
            missing[fold] = _why(places.get(fold))
    _refuse_repeated(run, folds)
    return Experiment(name, run, folds, missing, views)


def _refuse_repeated(run: Path, folds: Mapping[int, Sequence[Row]]) -> None:
    """Each case is left out once: of another, neither means nor differences were of cases that are independent."""
    seen: dict[str, int] = {}
    for fold, rows in folds.items():
        for case in dict.fromkeys(row.case for row in rows):
            if seen.setdefault(case, fold) != fold:
                raise UserError(
                    f"{run}: expected each case in one fold, found {case} in fold_{seen[case]} and fold_{fold}"
                )


def _why(folder: Path | None) -> str:
    if folder is None:
        return "not trained"
    status = RunFolder(folder).status
    if status.get("state") == "failed":
        return f"failed: {status.get('reason')}"
    if status.get("state") == "finished":
        return f"trained, but not predicted; the same training command {PREDICTS}"
    return "not finished; the same training command goes on"


def _number_of_folds(folder: Path) -> int | None:
    """As the training's configuration says, where there is one."""
    folds = RunFolder(folder).recorded("data.folds")
    return folds if isinstance(folds, int) else None
