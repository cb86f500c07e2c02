"""Every step on a synthetic cohort: write, check, train A and B, predict, merge, evaluate, draw.

Covered by tests/test_notebooks.py and `make demo`.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from brats_seg import nifti
from brats_seg.artifacts.ensemble_file import open_bundles
from brats_seg.cases import Case, find_cases, inspect_case, read_case
from brats_seg.console import plain_console
from brats_seg.errors import UserError
from brats_seg.evaluation import evaluate, show_evaluation
from brats_seg.evaluation.tables import Summary
from brats_seg.geometry import Triple
from brats_seg.inference import Settings, predict
from brats_seg.labels import label_values
from brats_seg.phantom import write_cohort
from brats_seg.pictures import save_overview
from brats_seg.runtime import cores
from brats_seg.training import load_config, train

console = plain_console()


def demo(  # noqa: PLR0913 (each is a key of conf/demo.yaml)
    output: Path,
    *,
    cases: int,
    test_cases: int,
    shape: Triple,
    folds: Sequence[int],
    scale: str,
    tta: str,
    seed: int,
    overrides: Sequence[str] = (),
) -> list[Summary]:
    """Run every step; a step that an earlier call finished is skipped.

    Args:
        output: Folder for everything.
        cases: Labelled cases to train on.
        test_cases: Cases that are in no fold.
        shape: Of the volumes, ``(z, y, x)`` voxels.
        folds: Which folds to train, of both pipelines.
        scale: ``smoke``, ``small`` or ``paper``.
        tta: Views at prediction.
        seed: Of the cohort and the training.
        overrides: Further overrides of every training.

    Returns:
        The scores of the merged label maps.

    Raises:
        UserError: A case that was written has a problem, or one could not be segmented.
    """
    began = time.perf_counter()
    with _step("synthetic cohort"):
        _cohort(output, cases=cases, test_cases=test_cases, shape=shape, seed=seed)
    bundles: dict[str, list[Path]] = {"a": [], "b": []}
    for pipeline, trained in bundles.items():
        for fold in folds:
            with _step(f"train pipeline {pipeline.upper()}, fold {fold}"):
                trained.append(_train(output, pipeline, fold, scale, seed, overrides))
    held_out = find_cases(output / "test")
    with _step(f"predict {len(held_out)} cases that no training saw"):
        opened = open_bundles(bundles["a"], bundles["b"])
        if failures := predict(held_out, opened, output / "predictions", Settings.default(tta=tta)):
            raise UserError("\n".join(failures))
    with _step("evaluate"):
        scores = evaluate(output / "predictions", output / "test", output / "evaluation")
        show_evaluation(scores)
    with _step("pictures"):
        for case in held_out:
            _picture(case, output)
    console.print(
        f"\nThe whole demo took {time.perf_counter() - began:.0f} s. "
        f"Pictures: {output / 'pictures'}; table: {output / 'evaluation' / 'summary.md'}"
    )
    return scores.summaries


@contextmanager
def _step(title: str) -> Iterator[None]:
    console.rule(title, align="left")
    began = time.perf_counter()
    yield
    console.print(f"{title}: {time.perf_counter() - began:.1f} s", style="bold")


def _cohort(output: Path, *, cases: int, test_cases: int, shape: Triple, seed: int) -> None:
    for part, count, first in (("training", cases, 1), ("test", test_cases, cases + 1)):
        write_cohort(output / part, cases=count, seed=seed, shape=shape, first=first, workers=cores())
        problems: list[str] = []
        for case in find_cases(output / part):
            for finding in inspect_case(case):
                if finding.level == "error":
                    problems.append(f"{finding.case_id}: {finding.file}: {finding.message}")
        if problems:
            raise UserError("\n".join(problems))
    console.print(f"{cases} cases to train on and {test_cases} to test, {shape} voxels, in {output}")


def _train(output: Path, pipeline: str, fold: int, scale: str, seed: int, overrides: Sequence[str]) -> Path:
    what = [f"experiment=pipeline_{pipeline}", f"name=pipeline_{pipeline}", f"scale={scale}"]
    which = [f"fold={fold}", f"seed={seed}"]
    places = [
        f"data.root={output / 'training'}",
        f"data.cache={output / 'cache'}",
        f"runs_root={output / 'runs'}",
    ]
    return train(load_config([*what, *which, *places, *overrides])).folder.bundle


def _picture(case: Case, output: Path) -> None:
    loaded = read_case(case)
    prediction = nifti.read(output / "predictions" / f"{case.id}.nii.gz").array
    labels = label_values(str(case.labels))
    save_overview(
        output / "pictures" / f"{case.id}.png", loaded.image, loaded.label_map, prediction, labels, case.id
    )
