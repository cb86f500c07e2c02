"""One run of Weights & Biases that sums a sweep up: tables and the box plot of its out-of-fold scores."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, fields
from pathlib import Path

from omegaconf import DictConfig

from brats_seg.errors import UserError
from brats_seg.evaluation.boxplot import box_plot
from brats_seg.evaluation.cross_validation import CrossValidated, FoldMean, across_folds, fold_means
from brats_seg.evaluation.experiments import Experiment, read_experiments
from brats_seg.training.config import build
from brats_seg.training.weights_and_biases import WandbTracker


def record_summary(configs: Sequence[DictConfig]) -> None:
    """Record what the folds scored, in the group of their runs, as a run of its own that later sweeps continue.

    Nothing where ``logger`` has no ``wandb``, and one line where no fold is scored.

    Args:
        configs: Of the sweep's trainings, their names filled in.
    """
    node = configs[0].get("logger", {}).get("wandb")
    if node is None:
        return
    runs = list(dict.fromkeys(Path(config.runs_root) / config.name for config in configs))
    try:
        experiments = read_experiments(runs)
    except UserError as error:
        print(f"wandb: no summary: {str(error).splitlines()[0]}", flush=True)
        return
    group = node.group or "+".join(run.name for run in runs)
    folder = Path(configs[0].runs_root) / ".sweeps" / group
    folder.mkdir(parents=True, exist_ok=True)
    tracker: WandbTracker = build(node, job_type="summary")(folder=folder, group=group, name="summary")
    try:
        _record(tracker, experiments)
    finally:
        tracker.close(failed=False)


def _record(tracker: WandbTracker, experiments: Sequence[Experiment]) -> None:
    means = fold_means(experiments)
    found = across_folds(means)
    for key, kind, rows in (("folds", FoldMean, means), ("cross_validation", CrossValidated, found)):
        columns = [field.name for field in fields(kind)]
        tracker.log_table(key, columns, [list(asdict(row).values()) for row in rows])
    tracker.log_metrics({f"{each.experiment}/{each.metric}_{each.region}": each.mean for each in found})
    tracker.log_figure("dice", box_plot(experiments), 0)
