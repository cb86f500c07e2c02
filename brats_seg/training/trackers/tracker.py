"""What a training needs of a logger, and the loggers that ``logger=...`` names.

Covered by tests/training/trackers/test_trackers.py.
"""

from __future__ import annotations

import contextlib
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from omegaconf import DictConfig
from pytorch_lightning.loggers import Logger

import brats_seg
from brats_seg.artifacts.scores import Row
from brats_seg.errors import UserError
from brats_seg.training.config import build

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@runtime_checkable
class Tracker(Protocol):
    """What a logger does beside Lightning's own calls, on the first process only."""

    def log_figure(self, key: str, figure: Figure, step: int) -> None:
        """Record a picture.

        Args:
            key: Its name.
            figure: Of matplotlib.
            step: Optimiser steps so far.
        """

    def log_table(self, key: str, columns: list[str], data: list[list[Any]]) -> None:
        """Record a table, where the tracker keeps tables.

        Args:
            key: Its name.
            columns: Their names.
            data: A list per row.
        """

    def log_metrics(self, metrics: dict[str, float]) -> None:
        """Record numbers by their names."""

    def log_scores(self, scores: dict[str, float]) -> None:
        """Record what the training has come to, by which runs are compared."""

    def log_bundle(self, bundle: Path) -> None:
        """Record the trained network, if that is asked for."""

    def close(self, *, failed: bool) -> None:
        """End the record; another training may start in this process."""


@contextlib.contextmanager
def make_trackers(config: DictConfig, folder: Path) -> Iterator[list[Logger]]:
    """The loggers that ``logger=...`` names, closed whatever happens.

    ``csv`` names none: every run folder has its ``metrics.csv``.

    Args:
        config: Of the training.
        folder: The run folder.

    Yields:
        The loggers.

    Raises:
        UserError: A package is missing.
    """
    loggers = _build_loggers(config, folder)
    failed = True
    try:
        yield loggers
        failed = False
    finally:
        for tracker in _trackers(loggers):
            tracker.close(failed=failed)


def log_bundle(loggers: Sequence[Logger], bundle: Path) -> None:
    """Hand a bundle to every tracker.

    Args:
        loggers: From :func:`make_trackers`.
        bundle: Folder of the bundle.
    """
    for tracker in _trackers(loggers):
        tracker.log_bundle(bundle)


def log_out_of_fold(loggers: Sequence[Logger], rows: Sequence[Row]) -> None:
    """Hand the scores of the cases that validate to every tracker: means, and the table of the cases.

    Args:
        loggers: From :func:`make_trackers`.
        rows: Of the run's evaluation folder.
    """
    values: dict[str, list[float]] = {}
    for row in rows:
        if row.value is not None:
            values.setdefault(f"out_of_fold/{row.metric}_{row.region}", []).append(row.value)
    means = {key: sum(each) / len(each) for key, each in values.items()}
    table = [[row.case, row.region, row.metric, row.value] for row in rows]
    for tracker in _trackers(loggers):
        tracker.log_scores(means)
        tracker.log_table("out_of_fold", ["case", "region", "metric", "value"], table)


def group_of(config: DictConfig, node: DictConfig) -> str:
    """The group of runs that a tracker shows together.

    Args:
        config: Of the training.
        node: Of the tracker, in ``logger``.

    Returns:
        The tracker's own ``group``; the name of the run where that is null.
    """
    return str(node.get("group") or config.name)


def describe(config: Mapping[str, Any], split: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    """What a tracker records of a training beside its metrics.

    Args:
        config: Of the training, resolved.
        split: Case ids of each side.

    Returns:
        The configuration, with the split and the commit of the code.
    """
    sides = {side: list(ids) for side, ids in split.items()}
    return {**config, "split": sides, "git_commit": git_commit()}


def git_commit() -> str | None:
    """Commit of this package's checkout, with ``-dirty`` if files differ; None for an installed package."""
    command = ["git", "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"]
    checkout = Path(brats_seg.__file__).parent
    try:
        done = subprocess.run(command, cwd=checkout, capture_output=True, text=True, timeout=10, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()


def _build_loggers(config: DictConfig, folder: Path) -> list[Logger]:
    loggers: list[Logger] = []
    for key, node in config.get("logger", {}).items():
        try:
            make = build(node)
            name = f"{config.name}/fold_{config.fold}"
            logger = make(folder=folder, group=group_of(config, node), name=name)
        except ModuleNotFoundError as error:
            raise UserError(
                f"logger={key} needs a package that is not installed: pip install {key}"
            ) from error
        loggers.append(logger)
    return loggers


def _trackers(loggers: Sequence[Logger]) -> list[Tracker]:
    return [logger for logger in loggers if isinstance(logger, Tracker)]
