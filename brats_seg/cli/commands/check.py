"""`brats-seg check`. Covered by tests/cases/test_check.py."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from omegaconf import DictConfig

from brats_seg.cli.command import command
from brats_seg.cli.schemas import Patterns
from brats_seg.kinds import Count, Existing

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from brats_seg.cases import Case, Finding


@dataclass(frozen=True)
class CheckedData:
    """What ``brats-seg check`` reads."""

    root: Existing
    labels: str | None


@dataclass(frozen=True)
class Keys:
    """Keys of ``conf/check.yaml`` and the kinds of their values."""

    data: CheckedData
    patterns: Patterns
    orientation: str | None
    workers: Count | None


@command("check")
def main(config: DictConfig) -> int:
    """Read every case once, print one table with every problem, answer 1 if there is an error."""
    from pathlib import Path

    from brats_seg.cases import scan
    from brats_seg.cases.find import NONE
    from brats_seg.errors import UserError
    from brats_seg.runtime import worker_count

    root = Path(config.data.root).absolute()
    found = scan(root, labels=config.data.labels, patterns=config.patterns, orientation=config.orientation)
    inside = inspect_with_bar(found.cases, worker_count(config.workers))
    findings = sorted((*found.findings, *inside), key=lambda finding: (finding.case_id, finding.level))
    show(findings, root)
    if not found.cases:
        raise UserError(f"{root}: {NONE}")
    print(summary(found.cases, findings))
    return int(any(finding.level == "error" for finding in findings))


def inspect_with_bar(cases: Sequence[Case], workers: int) -> list[Finding]:
    """Check every case, with a bar where a person watches.

    Args:
        cases: As found.
        workers: Processes.

    Returns:
        What is wrong, or worth knowing.
    """
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    from brats_seg.cases import inspect_cohort
    from brats_seg.console import plain_console

    console = plain_console(stderr=True)
    columns = (TextColumn("checking"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("check", total=len(cases))
        return inspect_cohort(cases, workers=workers, progress=lambda _: bar.advance(task))


def show(findings: Sequence[Finding], root: Path) -> None:
    """Print every finding as a row of one table; nothing where there is none.

    Args:
        findings: In the order of the table.
        root: Files below it are shown relative to it.
    """
    from rich.table import Table
    from rich.text import Text

    from brats_seg.console import plain_console
    from brats_seg.errors import printable

    rows = Table("case", "level", "file", "what")
    for finding in findings:
        file = finding.file
        name = "" if file is None else str(file.relative_to(root) if file.is_relative_to(root) else file)
        texts = map(printable, (finding.case_id, finding.level, name, finding.message))
        cells = [Text(text, overflow="fold") for text in texts]
        rows.add_row(*cells, style="red" if finding.level == "error" else "")
    console = plain_console()
    if findings:
        # Where nobody looks at a screen, a finding stays on one line.
        (console if console.is_terminal else plain_console(width=10_000)).print(rows)


def summary(cases: Sequence[Case], findings: Sequence[Finding]) -> str:
    """The closing line.

    Args:
        cases: All that were found.
        findings: All of them.

    Returns:
        How many cases, labelled ones, errors and notes.
    """
    from brats_seg.console import count

    labelled = sum(case.segmentation is not None for case in cases)
    errors = sum(finding.level == "error" for finding in findings)
    notes = count(len(findings) - errors, "note")
    return f"{count(len(cases), 'case')} ({labelled} labelled): {count(errors, 'error')}, {notes}"


if __name__ == "__main__":
    main()
