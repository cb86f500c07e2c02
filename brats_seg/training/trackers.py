"""Loggers that record a training outside its run folder's own tables: Weights & Biases, TensorBoard."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import uuid
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import numpy as np
from lightning_fabric.loggers.logger import rank_zero_experiment
from numpy.typing import NDArray
from omegaconf import DictConfig
from pytorch_lightning.loggers import Logger, TensorBoardLogger, WandbLogger
from pytorch_lightning.utilities import rank_zero_only

import brats_seg
from brats_seg.errors import UserError
from brats_seg.files import write_text
from brats_seg.training.config import build

if TYPE_CHECKING:
    from matplotlib.figure import Figure

INIT_SECONDS = 30
"""How long Weights & Biases may take to answer before the run is recorded offline."""


@runtime_checkable
class Tracker(Protocol):
    """What a logger does beside Lightning's own calls, on the first process only."""

    def log_figure(self, key: str, figure: Figure, step: int) -> None:
        """Record a picture."""

    def log_bundle(self, bundle: Path) -> None:
        """Record the trained network, where that was asked for."""

    def close(self, *, failed: bool) -> None:
        """Nothing follows; another training may start in this process."""


class WandbTracker(WandbLogger):
    """One run of Weights & Biases per run folder, whose id is kept there; offline unless the environment says otherwise.

    Args:
        project: Where the run is listed.
        entity: Team or user; None: the default of the account.
        job_type: Label of the run.
        tags: Likewise.
        bundle_artifact: Also record the bundle.
        folder: Run folder.
        group: Runs that belong together: the experiment.
        name: Of the run: the fold.
    """

    def __init__(
        self,
        *,
        project: str,
        entity: str | None,
        job_type: str,
        tags: Sequence[str],
        bundle_artifact: bool,
        folder: Path,
        group: str,
        name: str,
    ) -> None:
        super().__init__(
            name=name, project=project, save_dir=folder, entity=entity, job_type=job_type, tags=list(tags), group=group
        )
        del self._wandb_init["anonymous"]  # of which wandb says that it has no effect
        self.folder, self.bundle_artifact = folder, bundle_artifact
        self.artifact = f"{group}-{name}"

    @property
    @rank_zero_experiment
    def experiment(self) -> Any:
        """The run; recorded offline where the server does not answer."""
        if self._experiment is None:
            os.environ.setdefault("WANDB_SILENT", "true")  # its settings do not reach every message
            import wandb

            quiet = wandb.Settings(silent=True, console="off", init_timeout=INIT_SECONDS, login_timeout=INIT_SECONDS)
            self._wandb_init.update(id=_run_id(self.folder / "wandb_id.txt"), settings=quiet)
            self._set_mode(wandb_mode(os.environ))
            try:
                return super().experiment
            except (wandb.Error, OSError) as error:
                reason = str(error).splitlines()[0]
                print(f"wandb: {reason}; recording offline in {self.folder / 'wandb'}", file=sys.stderr, flush=True)
                wandb.teardown()  # it still holds the id
                self._set_mode("offline")
        return super().experiment

    def _set_mode(self, mode: str) -> None:
        # An offline run cannot be resumed in place: every start adds a folder under the same id, and the server joins them.
        self._wandb_init.update(mode=mode, resume=None if mode == "offline" else "allow")

    @rank_zero_only
    def log_figure(self, key: str, figure: Figure, step: int) -> None:
        """Record a picture."""
        self.log_image(key, [pixels(figure)], step)

    @rank_zero_only
    def log_bundle(self, bundle: Path) -> None:
        """Record the bundle as an artifact, its description as metadata."""
        if self.bundle_artifact:
            import wandb

            metadata = json.loads((bundle / "bundle.json").read_text())
            artifact = wandb.Artifact(self.artifact, type="model", metadata=metadata)
            for file in sorted(bundle.iterdir()):
                artifact.add_file(str(file))
            self.experiment.log_artifact(artifact)

    @rank_zero_only
    def close(self, *, failed: bool) -> None:
        """Finish the run."""
        if self._experiment is not None:
            self._experiment.finish(exit_code=int(failed))
            self._experiment = None


class TensorBoardTracker(TensorBoardLogger):
    """Event files in ``tensorboard/`` of the run folder.

    Args:
        folder: Run folder.
        group: Not shown: the path says it.
        name: Likewise.
    """

    def __init__(self, *, folder: Path, group: str, name: str) -> None:
        super().__init__(folder, name="tensorboard", version="", default_hp_metric=False)

    @rank_zero_only
    def log_figure(self, key: str, figure: Figure, step: int) -> None:
        """Record a picture."""
        self.experiment.add_image(key, pixels(figure), step, dataformats="HWC")

    def log_bundle(self, bundle: Path) -> None:
        """TensorBoard keeps no files."""

    @rank_zero_only
    def close(self, *, failed: bool) -> None:
        """Write what is left."""
        self.finalize("failed" if failed else "success")


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
            made.append(build(node)(folder=folder, group=config.name, name=f"fold_{config.fold}"))
        except ModuleNotFoundError as error:
            raise UserError(f"logger={name} needs a package that is not installed: pip install {name}") from error
    return made


def describe(config: Mapping[str, Any], split: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    """What a tracker says of a run: the resolved configuration, the split, the commit of the code where it has one."""
    return {**config, "split": {side: list(ids) for side, ids in split.items()}, "git_commit": git_commit()}


def git_commit() -> str | None:
    """Commit of this package's checkout, with ``-dirty`` where files differ from it; None where it is installed."""
    command = ["git", "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"]
    try:
        answer = subprocess.run(
            command, cwd=Path(brats_seg.__file__).parent, capture_output=True, text=True, timeout=10, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return answer.stdout.strip()


def wandb_mode(environment: Mapping[str, str]) -> str:
    """Offline, unless ``WANDB_MODE`` says otherwise or ``WANDB_API_KEY`` is there."""
    return environment.get("WANDB_MODE") or ("online" if environment.get("WANDB_API_KEY") else "offline")


def pixels(figure: Figure) -> NDArray[np.uint8]:
    """A figure as ``(y, x, 3)``."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    canvas: Any = FigureCanvasAgg(figure)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[..., :3].copy()


def _run_id(path: Path) -> str:
    if not path.exists():
        write_text(path, uuid.uuid4().hex[:8] + "\n")
    return path.read_text().strip()
