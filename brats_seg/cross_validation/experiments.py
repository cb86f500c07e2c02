"""The scored folds of cross-validated trainings, out of their run folders, and why the others are missing.

Covered by tests/cross_validation/test_summary.py.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from brats_seg.artifacts.run_folder import MOST_DIGITS, RunFolder, folds_of
from brats_seg.artifacts.run_names import what_differs
from brats_seg.artifacts.scores import Row
from brats_seg.errors import UserError
from brats_seg.files import distinct_names

PREDICTS = "with out_of_fold.predict=true goes on"


@dataclass(frozen=True)
class Experiment:
    """One training on every fold.

    Attributes:
        name: For tables.
        folds: Number of a fold to the scores of its cases, which it was not trained on.
        missing: Number of a fold to why it has no scores.
        views: Number of a fold to the views (``tta``) of its predictions, where its run folder records them.
        runs: Number of a fold to its run folder.
        what_differs: From the others, such as ``seed=1``.
    """

    name: str
    folds: Mapping[int, Sequence[Row]]
    missing: Mapping[int, str]
    views: Mapping[int, str]
    runs: Mapping[int, RunFolder]
    what_differs: str = ""

    @property
    def rows(self) -> list[Row]:
        """Of all folds."""
        every: list[Row] = []
        for rows in self.folds.values():
            every.extend(rows)
        return every


def read_experiments(runs: Sequence[Path]) -> list[Experiment]:
    """Read the scores of each fold of each training; the other files of a run folder need not be there.

    Args:
        runs: Folders of folds, ``<runs_root>/<name>``.

    Returns:
        The experiments, in the order of the folders.

    Raises:
        UserError: A folder has no folds, is given twice, nothing is scored, or scores cannot be used.
    """
    if not runs:
        raise UserError("runs=[]: expected folders of folds, such as runs/pipeline_a")
    places = {run: _find_folds(run) for run in runs}
    expected = max(map(_number_of_folds, places.values()))
    found = []
    for name, run in zip(distinct_names(runs, "runs"), runs, strict=True):
        found.append(_read_experiment(name, run, places[run], expected))
    if not any(experiment.folds for experiment in found):
        raise UserError("\n".join(missing_folds(found)))
    told = what_differs([_recorded_config(each) for each in found])
    return [replace(each, what_differs=differs) for each, differs in zip(found, told, strict=True)]


def _recorded_config(experiment: Experiment) -> dict[str, Any]:
    """That of its first fold that has one: folds differ in nothing else."""
    recorded = (folder.recorded() for folder in experiment.runs.values())
    return next((config for config in recorded if isinstance(config, dict)), {})


def missing_folds(experiments: Sequence[Experiment]) -> list[str]:
    """One line per fold that has no scores."""
    lines = []
    for each in experiments:
        for fold, why in each.missing.items():
            lines.append(f"{each.name}, fold {fold} is missing: {why}")
    return lines


def find_doubtful_folds(experiments: Sequence[Experiment]) -> list[str]:
    """Warnings about scores that may mislead.

    Returns:
        One line per fold whose scores may belong to earlier predictions, and one where folds were predicted
        with different views.
    """
    lines = []
    groups: dict[str, dict[str, list[str]]] = {}
    for each in experiments:
        for fold in each.folds:
            if fold in each.views:
                names = groups.setdefault(each.views[fold], {})
                names.setdefault(each.name, []).append(str(fold))
            elif each.runs[fold].bundle.exists():
                why = f"it has no {each.runs[fold].out_of_fold.name}; the same training command {PREDICTS}"
                lines.append(f"{each.name}, fold {fold} may be scored on earlier predictions: {why}")
    if len(groups) > 1:
        shown = "; ".join(_show_group(tta, names) for tta, names in groups.items())
        lines.append(f"folds were predicted with different views, which are not to be compared: {shown}")
    return lines


def _show_group(tta: str, names: Mapping[str, Sequence[str]]) -> str:
    members = [f"{name} {'+'.join(folds)}" for name, folds in names.items()]
    return f"tta={tta} in {', '.join(members)}"


def _find_folds(run: Path) -> dict[int, RunFolder]:
    found = folds_of(run)
    if not found:
        expected = "a folder that holds fold_0, fold_1, ..., such as runs/pipeline_a"
        raise UserError(f"{run}: expected {expected}; found none of them")
    return found


def _number_of_folds(places: Mapping[int, RunFolder]) -> int:
    """As the configuration of a training records, else as many as there are."""
    numbers = []
    for number, folder in places.items():
        recorded = folder.recorded("data.folds")
        plausible = type(recorded) is int and number < recorded < 10**MOST_DIGITS
        numbers.append(recorded if plausible else number + 1)
    return max(numbers)


def _read_experiment(name: str, run: Path, places: Mapping[int, RunFolder], expected: int) -> Experiment:
    folds: dict[int, Sequence[Row]] = {}
    missing: dict[int, str] = {}
    views: dict[int, str] = {}
    runs: dict[int, RunFolder] = {}
    for fold in range(expected):
        folder = places.get(fold)
        if folder is not None:
            runs[fold] = folder
        if folder is None or not folder.evaluation.per_case.is_file():
            missing[fold] = _why_missing(folder)
            continue
        folds[fold] = folder.evaluation.read_rows()
        tta = folder.read_out_of_fold().get("tta")
        if tta:
            views[fold] = str(tta)
    _refuse_repeated(run, folds)
    return Experiment(name, folds, missing, views, runs)


def _refuse_repeated(run: Path, folds: Mapping[int, Sequence[Row]]) -> None:
    """A case must be held out in one fold only, else means and differences count it twice."""
    seen: dict[str, int] = {}
    for fold, rows in folds.items():
        for row in rows:
            first = seen.setdefault(row.case, fold)
            if first != fold:
                found = f"found {row.case} in fold_{first} and fold_{fold}"
                raise UserError(f"{run}: expected each case in one fold, {found}")


def _why_missing(folder: RunFolder | None) -> str:
    if folder is None:
        return "not trained"
    status = folder.status
    if status.get("state") == "failed":
        return f"failed: {status.get('reason')}"
    if status.get("state") == "finished":
        return f"trained, but not predicted; the same training command {PREDICTS}"
    return "not finished; the same training command goes on"
