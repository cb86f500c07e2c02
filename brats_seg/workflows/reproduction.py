"""The whole paper: each step is a command, skipped if done before; then the paper's tables beside ours.

Imports no torch: a second run of the same command only looks at files.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from brats_seg.artifacts.evaluation_folder import EvaluationFolder
from brats_seg.artifacts.training_keys import changes_scores, override_key
from brats_seg.console import plain_console
from brats_seg.errors import FileError, UserError
from brats_seg.files import read_json, read_text, refuse_foreign, says, write_json, write_text
from brats_seg.workflows.paper_steps import cohort_steps, final_steps, training_steps
from brats_seg.workflows.run_steps import Run, run_steps, show_steps
from brats_seg.workflows.steps import Places, Step

console = plain_console()
TITLE = "# The paper beside a reproduction"


@dataclass(frozen=True, kw_only=True)
class Reproduction:
    """What is to be reproduced.

    Attributes:
        scale: ``smoke``, ``small`` or ``paper``.
        root: Labelled cases to train on; None, with ``smoke`` only: a synthetic cohort.
        input: Cases to segment; None, with the synthetic cohort only: some of its own.
        cache: For prepared cases; None: in the output folder.
        tta: Views of the final prediction.
        overrides: For every training.
        synthetic: The cohort, and further overrides of the trainings on it.
        own_files: Options by which the trainings find files of configuration of the user's own.
    """

    scale: str
    root: Path | None
    input: Path | None
    cache: Path | None
    tta: str
    overrides: Sequence[str]
    synthetic: Mapping[str, Any]
    own_files: Sequence[str] = ()


@dataclass(frozen=True)
class _Plan:
    """Where everything is, the steps, and whether the last step scores the segmented cases."""

    places: Places
    steps: Sequence[Step]
    scored: bool


def reproduce(output: Path, asked: Reproduction, run: Run) -> Path:
    """Run every step from the first that is not done.

    Args:
        output: Folder for everything.
        asked: What is to be reproduced.
        run: Runs one command: its name and overrides.

    Returns:
        ``reproduction.md``: Tables 2 and 3 of the paper beside ours.

    Raises:
        UserError: Data are missing, the folder holds another reproduction, or a step failed.
    """
    plan = _plan(output, asked)
    report = output / "reproduction.md"
    refuse_foreign({report: says(TITLE)}, remedy="choose another output=DIR")
    _claim(output / "reproduce.json", asked)
    everything_done = run_steps(plan.steps, run)
    if everything_done and report.is_file():
        console.print(f"Everything was done before, nothing to do: {report}", highlight=False, soft_wrap=True)
    else:
        write_text(report, _format_report(plan, asked.scale))
        console.print(f"Tables 2 and 3 of the paper beside these: {report}", highlight=False, soft_wrap=True)
    return report


def show_plan(output: Path, asked: Reproduction) -> None:
    """Print the steps, which of them are done, and how long the trainings that are left will take.

    Args:
        output: Folder for everything; nothing is written.
        asked: What is to be reproduced.

    Raises:
        UserError: Data are missing.
    """
    show_steps(_plan(output, asked).steps)
    console.print("Nothing was run; without dry_run=true the same command does it.", soft_wrap=True)


def _plan(output: Path, asked: Reproduction) -> _Plan:
    if asked.root is None and asked.scale != "smoke":
        raise UserError(
            "data.root=DIR is needed, labelled cases to train on; "
            "only scale=smoke makes a synthetic cohort instead"
        )
    if asked.root is not None and asked.input is None:
        raise UserError("input=DIR is needed, the cases to segment")
    cohort = output / "cohort"
    places = Places(
        output,
        root=asked.root or cohort / "training",
        cache=asked.cache or output / "cache",
        input=asked.input or cohort / "test",
    )
    overrides = list(asked.overrides)
    steps: list[Step] = []
    if asked.root is None:
        steps += cohort_steps(places, asked.synthetic)
        overrides = [*asked.synthetic["overrides"], *overrides]
    steps += training_steps(places, asked.scale, [*asked.own_files, *overrides])
    if asked.input is None:
        cases, scored = partial(_folder_names, places.input), True
    else:
        ids, scored = _cases(asked.input)
        cases = partial(list, ids)
    steps += final_steps(places, asked.tta, cases=cases, scored=scored)
    return _Plan(places, steps, scored)


def _folder_names(folder: Path) -> list[str]:
    """Ids of synthetic cases, once the step that writes them is done."""
    return [path.name for path in folder.glob("[!.]*") if path.is_dir()]


def _cases(folder: Path) -> tuple[list[str], bool]:
    """Ids of the cases, and whether any has a segmentation."""
    from brats_seg.cases import find_cases

    found = find_cases(folder)
    return [case.id for case in found], any(case.segmentation for case in found)


def _claim(path: Path, asked: Reproduction) -> None:
    """Record once what is reproduced here; later starts may change machines and launchers only.

    Raises:
        UserError: This start asks for something else.
    """
    wanted = {
        "scale": asked.scale,
        "data.root": None if asked.root is None else str(asked.root),
        "input": None if asked.input is None else str(asked.input),
        "tta": asked.tta,
        "overrides": sorted(item for item in asked.overrides if changes_scores(override_key(item))),
        "synthetic": None if asked.root else asked.synthetic,
    }
    if not path.is_file():
        write_json(path, wanted)
        return
    held = read_json(path)
    if not isinstance(held, dict):
        raise FileError(path, "the settings of a reproduction", "something else; give another output=DIR")
    for key, value in wanted.items():
        if held.get(key) != value:
            raise UserError(
                f"{path.parent} holds a reproduction with {key}={held.get(key)}, not {value}: "
                "give the new one another output=DIR"
            )


def _format_report(plan: _Plan, scale: str) -> str:
    """Both tables, and the commands that made them."""
    places = plan.places
    table_2 = read_text(places.selection / "summary.md")
    table_2 = table_2.partition("\n")[2].lstrip()  # without its own title
    table_2 = re.sub(r"^##", "###", table_2, flags=re.MULTILINE)
    table_2 = table_2.replace(
        "](", f"]({places.selection.name}/"
    )  # the picture lies in a folder below the report
    table_3 = "The input has no segmentations: there is nothing to compare with the paper's table.\n"
    if plan.scored:
        table_3 = read_text(EvaluationFolder(places.evaluation).summary_md)
    commands = ["```bash", *(step.line for step in plan.steps), "```", ""]
    parts = [
        f"{TITLE} at scale {scale}\n",
        "## Table 2 of the paper: cross-validation\n",
        table_2,
        "## Table 3 of the paper: cases that no training used\n",
        table_3,
        "## Commands\n",
        "\n".join(commands),
    ]
    return "\n".join(parts)
