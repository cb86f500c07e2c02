"""Score predictions against references and write the tables."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from rich.console import Console
from rich.progress import Progress

from brats_seg.errors import UserError
from brats_seg.evaluation.cohort import find_pairs, score_cohort
from brats_seg.evaluation.tables import Summary, summarise, to_csv, to_markdown, to_terminal
from brats_seg.files import write_text


def evaluate(
    predictions: Path,
    references: Path,
    output: Path,
    *,
    prediction_labels: str | None = None,
    reference_labels: str | None = None,
    missing: Literal["penalise", "fail", "skip"] = "fail",
    paper: bool = False,
    workers: int = 1,
) -> list[Summary]:
    """Write ``per_case.csv``, ``summary.csv`` and ``summary.md``, and print the table.

    Args:
        predictions: Prediction folder.
        references: A case tree or a flat folder of label maps.
        output: Evaluation folder.
        prediction_labels: Convention of the predictions where no JSON tells.
        reference_labels: Convention of the references where no naming tells.
        missing: What to do about references without a prediction.
        paper: Put the paper's test results beside.
        workers: Processes.

    Raises:
        UserError: Cases that could not be scored, one line each, after the tables of the others were written.
    """
    pairs = find_pairs(predictions, references, prediction_labels=prediction_labels, reference_labels=reference_labels)
    console = Console()
    with Progress(console=console, transient=True) as bar:
        task = bar.add_task("scoring", total=len(pairs))
        rows, problems = score_cohort(
            pairs, missing=missing, workers=workers, progress=lambda done, of: bar.update(task, completed=done, total=of)
        )
    if not rows:
        raise UserError("\n".join(problems or ["nothing to score"]))
    summaries = summarise(rows)
    write_text(output / "per_case.csv", to_csv(rows))
    write_text(output / "summary.csv", to_csv(summaries))
    write_text(output / "summary.md", to_markdown(summaries, paper=paper))
    console.print(to_terminal(summaries, paper=paper))
    for line in problems:
        console.print(line, highlight=False, soft_wrap=True)
    if problems and missing != "skip":
        raise UserError(f"{len(problems)} cases could not be scored")
    return summaries
