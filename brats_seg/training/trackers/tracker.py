"""Loggers that record a training outside its run folder's own tables: Weights & Biases, TensorBoard."""

from __future__ import annotations

import contextlib
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from omegaconf import DictConfig
from pytorch_lightning.loggers import Logger

import brats_seg
from brats_seg.errors import UserError
from brats_seg.training.config import build

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@runtime_checkable
class Tracker(Protocol):
    """What a logger does beside Lightning's own calls, on the first process only."""

    def log_figure(self, key: str, figure: Figure, step: int) -> None:
        """Record a picture."""

    def log_bundle(self, bundle: Path) -> None:
        """Record the trained network, where that was asked for."""

    def close(self, *, failed: bool) -> None:
        """Nothing follows; another training may start in this process."""


@contextlib.contextmanager
def make_trackers(config: DictConfig, folder: Path) -> Iterator[list[Logger]]:
    """Those that ``logger=...`` names, closed whatever happens; ``csv`` needs none: every run folder has ``metrics.csv``.

    Raises:
        UserError: A package is missing.
    """
    made, failed = _built(config, folder), True
    try:
        yield made
        failed = False
    finally:
        for tracker in (each for each in made if isinstance(each, Tracker)):
            tracker.close(failed=failed)


def log_bundle(trackers: Sequence[Logger], bundle: Path) -> None:
    """Hand the bundle to every tracker."""
    for tracker in (each for each in trackers if isinstance(each, Tracker)):
        tracker.log_bundle(bundle)


def _built(config: DictConfig, folder: Path) -> list[Logger]:
    made: list[Logger] = []
    for name, node in config.get("logger", {}).items():
        try:
            made.append(build(node)(folder=folder, group=group_of(config, node), name=f"fold_{config.fold}"))
        except ModuleNotFoundError as error:
            raise UserError(
                f"logger={name} needs a package that is not installed: pip install {name}"
            ) from error
    return made


def group_of(config: DictConfig, node: DictConfig) -> str:
    """Runs that a tracker shows together: as its own configuration says, else those of one name."""
    return str(node.get("group") or config.name)


def describe(config: Mapping[str, Any], split: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    """What a tracker says of a run: the resolved configuration, the split, the commit of the code where it has one."""
    return {**config, "split": {side: list(ids) for side, ids in split.items()}, "git_commit": git_commit()}


def git_commit() -> str | None:
    """Commit of this package's checkout, with ``-dirty`` where files differ from it; None where it is installed."""
    command = ["git", "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"]
    try:
        answer = subprocess.run(
            command,
            cwd=Path(brats_seg.__file__).parent,
            capture_output=True,
            text=True,
            timeout=10,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return answer.stdout.strip()
