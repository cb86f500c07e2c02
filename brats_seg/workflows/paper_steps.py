"""The paper as a list of commands, and how to see that each has been done."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from importlib.resources import files
from pathlib import Path
from typing import Any

import yaml

from brats_seg.artifacts.run_folder import RunFolder

EXPERIMENTS = ("pipeline_a", "pipeline_a_filtered", "pipeline_a_attention", "pipeline_b")
"""In the order of the paper's Table 2."""


@dataclass(frozen=True)
class Step:
    """One command.

    Attributes:
        title: What it is in the paper.
        command: Name and overrides.
        done: Whether what it makes is there.
        once: What it makes is for somebody to edit: it is not made anew.
    """

    title: str
    command: tuple[str, ...]
    done: Callable[[], bool]
    once: bool = False

    @property
    def line(self) -> str:
        """As it is given to a shell."""
        return shlex.join(["brats-seg", *self.command])


@dataclass(frozen=True)
class Places:
    """Everything that a reproduction reads and writes."""

    output: Path
    root: Path
    cache: Path
    input: Path

    @property
    def runs(self) -> Path:
        """A folder per experiment."""
        return self.output / "runs"

    @property
    def flagged(self) -> Path:
        """Training cases that the filtered models do without."""
        return self.output / "flagged.json"

    @property
    def selection(self) -> Path:
        """Table 2 and the ensemble."""
        return self.output / "cross_validation"

    @property
    def predictions(self) -> Path:
        """Label maps of the input, merged; each pipeline's below."""
        return self.output / "predictions"

    @property
    def evaluation(self) -> Path:
        """Table 3."""
        return self.output / "evaluation"


def cohort_steps(places: Places, synthetic: Mapping[str, Any]) -> list[Step]:
    """The synthetic cases to train on, and those to segment."""
    shape, seed = ",".join(map(str, synthetic["shape"])), synthetic["seed"]
    parts = [("to train on", places.root, synthetic["cases"], 1)]
    parts += [("to segment", places.input, synthetic["test_cases"], synthetic["cases"] + 1)]
    return [
        Step(
            f"synthetic cases {title}",
            (
                "phantom",
                override("output", folder),
                f"cases={cases}",
                f"first={first}",
                f"shape=[{shape}]",
                f"seed={seed}",
            ),
            partial(_holds, folder, cases),
        )
        for title, folder, cases, first in parts
    ]


def training_steps(places: Places, scale: str, overrides: Sequence[str]) -> list[Step]:
    """Every experiment on every fold, and after the plain one the cases that the filtered one does without."""
    numbers = range(number_of_folds(overrides))
    shared = [f"scale={scale}", override("data.root", places.root), override("data.cache", places.cache)]
    shared += [override("runs_root", places.runs), *overrides]

    def trained(experiment: str) -> bool:
        folders = [RunFolder(places.runs / experiment / f"fold_{fold}") for fold in numbers]
        return all(folder.finished and folder.out_of_fold.is_file() for folder in folders)

    def train(title: str, experiment: str, *more: str) -> Step:
        which = (f"experiment={experiment}", f"name={experiment}", f"fold={','.join(map(str, numbers))}")
        return Step(title, ("train", "--multirun", *which, *shared, *more), lambda: trained(experiment))

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
        cases: Gives the ids of what is to be segmented.
        scored: Whether the input holds the truth.
    """
    ensemble = places.selection / "ensemble.yaml"

    def predicted() -> bool:
        ends = (".json", ".nii.gz")
        return all((places.predictions / f"{case}{end}").is_file() for case in cases() for end in ends)

    runs = overrides_list("runs", [places.runs / name for name in EXPERIMENTS])
    select = ("cv-summary", runs, override("output", places.selection), "paper=true")
    predict = (
        "predict",
        override("input", places.input),
        override("ensemble", ensemble),
        override("output", places.predictions),
    )
    truth = (override("predictions", places.predictions), override("references", places.input))
    evaluate = ("evaluate", *truth, override("output", places.evaluation), "paper=true")
    steps = [
        Step(
            "Table 2 and the best models",
            select,
            lambda: (places.selection / "summary.md").is_file() and ensemble.is_file(),
        ),
        Step("prediction by both ensembles, and the merger", (*predict, f"tta={tta}"), predicted),
    ]
    return (
        [*steps, Step("Table 3", evaluate, (places.evaluation / "summary.md").is_file)] if scored else steps
    )


def number_of_folds(overrides: Sequence[str]) -> int:
    """As the overrides say, else as ``conf/data/common.yaml`` does."""
    given = [item.partition("=")[2] for item in overrides if item.lstrip("+").startswith("data.folds=")]
    common = yaml.safe_load((files("brats_seg.conf") / "data" / "common.yaml").read_text(encoding="utf-8"))
    return int(given[-1] if given else common["folds"])


def override(key: str, path: Path) -> str:
    """``key=path``, in the quotes that Hydra wants around some characters."""
    return f"{key}={_quoted(path)}"


def overrides_list(key: str, paths: Sequence[Path]) -> str:
    """``key=[path,path]``."""
    return f"{key}=[{','.join(map(_quoted, paths))}]"


def _holds(folder: Path, cases: int) -> bool:
    return len(list(folder.glob("[!.]*/*_seg.nii.gz"))) >= cases


def _quoted(path: Path) -> str:
    text = str(path)
    if re.fullmatch(r"[\w./+-]+", text):
        return text
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
