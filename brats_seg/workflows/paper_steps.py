"""The paper as a list of commands, and how to see that each has been done.

Covered by tests/workflows/test_reproduction.py.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from importlib.resources import files
from pathlib import Path
from typing import Any

import yaml

from brats_seg.artifacts.evaluation_folder import EvaluationFolder
from brats_seg.artifacts.run_folder import RunFolder
from brats_seg.workflows.steps import Places, Step, override, overrides_list

EXPERIMENTS = ("pipeline_a", "pipeline_a_filtered", "pipeline_a_attention", "pipeline_b")
"""In the order of the paper's Table 2."""


def cohort_steps(places: Places, synthetic: Mapping[str, Any]) -> list[Step]:
    """The synthetic cases to train on, and those to segment.

    Args:
        places: Where they are written.
        synthetic: Sizes of the cohort, as in ``conf/reproduce.yaml``.

    Returns:
        Two steps.
    """
    shape = ",".join(map(str, synthetic["shape"]))
    shared = (f"shape=[{shape}]", f"seed={synthetic['seed']}")

    def write(purpose: str, folder: Path, cases: int, first: int) -> Step:
        command = ("phantom", override("output", folder), f"cases={cases}", f"first={first}", *shared)
        return Step(f"synthetic cases {purpose}", command, partial(_holds, folder, cases))

    train, test = synthetic["cases"], synthetic["test_cases"]
    return [
        write("to train on", places.root, train, first=1),
        write("to segment", places.input, test, first=train + 1),
    ]


def training_steps(places: Places, scale: str, overrides: Sequence[str]) -> list[Step]:
    """Every experiment on every fold; after the plain one the list of cases that the filtered one leaves out.

    Args:
        places: Where data and runs are.
        scale: ``smoke``, ``small`` or ``paper``.
        overrides: Of every training.

    Returns:
        The steps in their order.
    """
    folds = range(number_of_folds(overrides))
    shared = [
        f"scale={scale}",
        override("data.root", places.root),
        override("data.cache", places.cache),
        override("runs_root", places.runs),
        *overrides,
    ]

    def train(title: str, experiment: str, *more: str) -> Step:
        which = (f"experiment={experiment}", f"name={experiment}", f"fold={','.join(map(str, folds))}")
        folders = [RunFolder(places.runs / experiment / f"fold_{fold}") for fold in folds]
        command = ("train", "--multirun", *which, *shared, *more)
        return Step(title, command, partial(_predicted, folders), folds=folders)

    plain, filtered, attention, b = EXPERIMENTS
    flag = ("flag-cases", overrides_list("runs", [places.runs / plain]), override("output", places.flagged))
    return [
        train("A, plain", plain),
        Step("cases whose training loss stays high", flag, places.flagged.is_file, once=True),
        train("A, without those cases", filtered, override("data.exclude", places.flagged)),
        train("A, with attention", attention),
        train("B", b),
    ]


def final_steps(places: Places, tta: str, *, cases: Callable[[], Sequence[str]], scored: bool) -> list[Step]:
    """Table 2 and the choice of models, the label maps of both pipelines and their merger, Table 3.

    Args:
        places: Where everything is.
        tta: Views of the prediction.
        cases: Gives the ids of the cases to segment.
        scored: Whether the input has segmentations to compare with.

    Returns:
        The steps in their order; without Table 3 if there is nothing to compare with.
    """
    ensemble = places.selection / "ensemble.yaml"
    experiments = [places.runs / name for name in EXPERIMENTS]
    select = (
        "cv-summary",
        overrides_list("runs", experiments),
        override("output", places.selection),
        "paper=true",
    )
    predict = (
        "predict",
        override("input", places.input),
        override("ensemble", ensemble),
        override("output", places.predictions),
        f"tta={tta}",
    )
    evaluate = (
        "evaluate",
        override("predictions", places.predictions),
        override("references", places.input),
        override("output", places.evaluation),
        "paper=true",
    )
    tables = [places.selection / "summary.md", ensemble]
    steps = [
        Step("Table 2 and the best models", select, partial(_are_files, tables)),
        Step(
            "prediction by both ensembles, and the merger",
            predict,
            partial(_segmented, places.predictions, cases),
        ),
    ]
    if scored:
        steps.append(Step("Table 3", evaluate, partial(_scored, places.evaluation)))
    return steps


def number_of_folds(overrides: Sequence[str]) -> int:
    """``data.folds`` of the last override that sets it, else of ``conf/data/common.yaml``."""
    for item in reversed(overrides):
        key, _, value = item.lstrip("+").partition("=")
        if key == "data.folds":
            return int(value)
    text = (files("brats_seg.conf") / "data" / "common.yaml").read_text(encoding="utf-8")
    return int(yaml.safe_load(text)["folds"])


def _holds(folder: Path, cases: int) -> bool:
    return len(list(folder.glob("[!.]*/*_seg.nii.gz"))) >= cases


def _predicted(folders: Sequence[RunFolder]) -> bool:
    return all(map(is_predicted, folders))


def is_predicted(folder: RunFolder) -> bool:
    """Whether a training has come to its end, and its validation cases are predicted and scored."""
    return folder.finished and folder.out_of_fold.is_file()


def _scored(folder: Path) -> bool:
    return EvaluationFolder(folder).whole


def _are_files(paths: Sequence[Path]) -> bool:
    return all(path.is_file() for path in paths)


def _segmented(folder: Path, cases: Callable[[], Sequence[str]]) -> bool:
    ids = cases()
    for case_id in ids:
        if not (folder / f"{case_id}.json").is_file() or not (folder / f"{case_id}.nii.gz").is_file():
            return False
    return bool(ids)
