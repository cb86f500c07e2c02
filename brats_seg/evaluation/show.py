"""Print scores for a person. Covered by tests/evaluation/test_evaluation.py."""

from __future__ import annotations

from brats_seg.console import plain_console
from brats_seg.evaluation import ranking
from brats_seg.evaluation.evaluation import Comparison, Evaluation
from brats_seg.evaluation.tables import to_terminal


def show_evaluation(found: Evaluation) -> None:
    """Print the table of means, and the notes."""
    console = plain_console()
    scoring = found.scoring
    console.print(to_terminal(found.summaries, convention=scoring.convention, paper=scoring.paper))
    for note in found.notes:
        console.print(note, highlight=False, soft_wrap=True, markup=False)


def show_comparison(found: Comparison) -> None:
    """Print the table of means of each folder, and their ranking."""
    console = plain_console()
    for name, evaluation in found.evaluations.items():
        console.rule(name, align="left")
        show_evaluation(evaluation)
    console.rule("ranking", align="left")
    console.print(ranking.to_terminal(found.ranking))
