"""The whole paper: each step is a command, skipped where it has been done, and the tables are put side by side at the end.

Imports no torch: a second run of the same command is a look at files.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console

from brats_seg.artifacts.run_folder import RESOURCES
from brats_seg.errors import UserError
from brats_seg.files import write_json, write_text
from brats_seg.workflows.paper_steps import Places, Step, cohort_steps, final_steps, training_steps

Run = Callable[[Sequence[str]], None]
console = Console()
FREE = (
    "hydra",
    "hydra/launcher",
    *(key for key in RESOURCES if key not in ("data.split", "data.exclude", "out_of_fold")),
)
"""Overrides that may change between two starts: those that change neither a training nor Table 2."""


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What shall be reproduced.

    Attributes:
        scale: ``smoke``, ``small`` or ``paper``.
        root: Labelled cases to train on; None with ``smoke``: a synthetic cohort.
        input: Cases to segment; None with the synthetic cohort: some of its own.
        cache: For prepared cases; None: in the output folder.
        tta: Views of the final prediction.
        overrides: For every training.
        synthetic: The cohort, and further overrides of the trainings on it.
    """

    scale: str
    root: Path | None
    input: Path | None
    cache: Path | None
    tta: str
    overrides: Sequence[str]
    synthetic: Mapping[str, Any]


def reproduce(output: Path, asked: Asked, run: Run) -> Path:
    """Run every step that is not done, from the first of them on.

    Args:
        output: Folder for everything.
        asked: What.
        run: Runs one command: its name and overrides.

    Returns:
        ``reproduction.md``: Tables 2 and 3 of the paper beside ours.

    Raises:
        UserError: Data are missing, the folder holds another reproduction, or a step failed.
    """
    places, steps, scored = _plan(output, asked)
    _claim(output / "reproduce.json", asked)
    report = output / "reproduction.md"
    done = next((number for number, step in enumerate(steps) if not step.done()), len(steps))
    for number, step in enumerate(steps, 1):
        before = number <= done or (step.once and step.done())
        console.print(f"{number}/{len(steps)} {step.title}{': done before' if before else ''}", style="bold")
        console.print(step.line, highlight=False, markup=False, soft_wrap=True)
        if not before:
            began = time.perf_counter()
            run(step.command)
            console.print(f"{step.title}: {time.perf_counter() - began:.0f} s", style="bold")
    if done == len(steps) and report.is_file():
        console.print(f"Everything was done before, nothing to do: {report}", highlight=False, soft_wrap=True)
    else:
        write_text(report, _report(places, asked.scale, steps, scored))
        console.print(f"Tables 2 and 3 of the paper beside these: {report}", highlight=False, soft_wrap=True)
    return report


def _plan(output: Path, asked: Asked) -> tuple[Places, list[Step], bool]:
    """Where everything is, the steps, and whether the last of them scores what was segmented."""
    if asked.root is None and asked.scale != "smoke":
        raise UserError(
            "data.root=DIR is needed, labelled cases to train on; only scale=smoke makes a synthetic cohort instead"
        )
    if asked.root is not None and asked.input is None:
        raise UserError("input=DIR is needed, the cases to segment")
    cohort = output / "cohort"
    root, source = asked.root or cohort / "training", asked.input or cohort / "test"
    places = Places(output, root, asked.cache or output / "cache", source)
    made = asked.synthetic if asked.root is None else None
    ids, scored = _cases(source) if asked.input else ([], True)

    def cases() -> Sequence[str]:
        return ids or [
            path.name for path in source.glob("[!.]*") if path.is_dir()
        ]  # those that a step before this makes

    steps = cohort_steps(places, made) if made else []
    steps += training_steps(places, asked.scale, [*(made["overrides"] if made else ()), *asked.overrides])
    return places, [*steps, *final_steps(places, asked.tta, cases=cases, scored=scored)], scored


def _cases(folder: Path) -> tuple[list[str], bool]:
    """Ids of the cases, and whether any has its truth."""
    from brats_seg.cases import find_cases

    found = find_cases(folder)
    return [case.id for case in found], any(case.segmentation for case in found)


def _claim(path: Path, asked: Asked) -> None:
    """Say once what is reproduced here; later starts must bring the same, except for machines and launchers.

    Raises:
        UserError: They do not.
    """
    keys = {item: item.partition("=")[0].lstrip("+~") for item in asked.overrides}
    science = [
        item for item, key in keys.items() if not any(f"{key}.".startswith(f"{name}.") for name in FREE)
    ]
    places = {"data.root": asked.root and str(asked.root), "input": asked.input and str(asked.input)}
    synthetic = None if asked.root else asked.synthetic
    wanted = {
        "scale": asked.scale,
        **places,
        "tta": asked.tta,
        "overrides": sorted(science),
        "synthetic": synthetic,
    }
    if not path.is_file():
        write_json(path, wanted)
        return
    held = json.loads(path.read_text(encoding="utf-8"))
    if key := next((key for key in wanted if held.get(key) != wanted[key]), None):
        other = f"{path.parent} holds a reproduction with {key}={held.get(key)}, not {wanted[key]}"
        raise UserError(f"{other}: give the new one another output=DIR")


def _report(places: Places, scale: str, steps: Sequence[Step], scored: bool) -> str:
    """Both tables, and the commands that made them."""
    table_2 = (places.selection / "summary.md").read_text(encoding="utf-8")
    table_3 = "The input holds no truth: there is nothing to set beside the paper's.\n"
    if scored:
        table_3 = (places.evaluation / "summary.md").read_text(encoding="utf-8")
    parts = [
        f"# The paper beside a reproduction at scale {scale}\n",
        "## Table 2 of the paper: cross-validation\n",
        # Its own title goes; its headings sink, and its picture is a folder further down.
        re.sub(r"^##", "###", table_2.partition("\n")[2].lstrip(), flags=re.M).replace(
            "](", f"]({places.selection.name}/"
        ),
        "## Table 3 of the paper: the cases that no training saw\n",
        table_3,
        "## Commands\n",
        "\n".join(["```bash", *(step.line for step in steps), "```", ""]),
    ]
    return "\n".join(parts)
