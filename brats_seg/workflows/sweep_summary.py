"""A run of Weights & Biases per group that sums it up: tables and the box plot of its out-of-fold scores.

Covered by tests/training/trackers/test_wandb_sweep.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, fields
from pathlib import Path

from omegaconf import DictConfig

from brats_seg.artifacts.scores import to_csv
from brats_seg.cross_validation.boxplot import box_plot
from brats_seg.cross_validation.experiments import Experiment, read_experiments
from brats_seg.cross_validation.statistics import CrossValidated, FoldMean, across_folds, fold_means
from brats_seg.files import write_text
from brats_seg.training.config import build
from brats_seg.training.trackers.tracker import Tracker, group_of


def record_summary(configs: Sequence[DictConfig]) -> None:
    """Record the folds' scores, in each group of runs, as a run of its own that later sweeps continue.

    Does nothing if ``logger`` has no ``wandb`` or the same scores have been recorded; prints one line if
    recording fails.

    Args:
        configs: Of the sweep's trainings, their names filled in.
    """
    groups: dict[str, list[DictConfig]] = {}
    for config in configs:
        node = config.get("logger", {}).get("wandb")
        if node is not None:
            groups.setdefault(group_of(config, node), []).append(config)
    for group, members in groups.items():
        try:
            _sum_up(group, members)
        except Exception as error:  # the trainings are done: a tracker must not change their exit code
            reason = str(error).partition("\n")[0] or type(error).__name__
            print(f"wandb: no summary of {group}: {reason}", flush=True)


def _sum_up(group: str, configs: Sequence[DictConfig]) -> None:
    runs = dict.fromkeys(Path(config.runs_root) / config.name for config in configs)
    experiments = read_experiments(list(runs))
    folder = Path(configs[0].runs_root) / ".sweeps" / group
    recorded = folder / "folds.csv"
    scores = to_csv(fold_means(experiments))
    if recorded.is_file() and recorded.read_text(encoding="utf-8") == scores:
        return
    folder.mkdir(parents=True, exist_ok=True)
    make = build(configs[0].logger.wandb, job_type="summary")
    tracker: Tracker = make(folder=folder, group=group, name=f"{group}/summary")
    try:
        _record(tracker, experiments)
    finally:
        tracker.close(failed=False)
    write_text(recorded, scores)


def _record(tracker: Tracker, experiments: Sequence[Experiment]) -> None:
    means = fold_means(experiments)
    found = across_folds(means)
    for key, kind, rows in (("folds", FoldMean, means), ("cross_validation", CrossValidated, found)):
        columns = [field.name for field in fields(kind)]
        tracker.log_table(key, columns, [list(asdict(row).values()) for row in rows])
    tracker.log_metrics({f"{each.experiment}/{each.metric}_{each.region}": each.mean for each in found})
    tracker.log_figure("dice", box_plot(experiments), 0)
