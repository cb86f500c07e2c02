"""Weights & Biases: one run per run folder, quiet, and never the reason why a training stops."""

from __future__ import annotations

import json
import os
import sys
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lightning_fabric.loggers.logger import rank_zero_experiment
from pytorch_lightning.loggers import WandbLogger
from pytorch_lightning.utilities import rank_zero_only

from brats_seg.files import write_text
from brats_seg.pictures import pixels

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SWEEP = "WANDB_SWEEP_ID"
"""Set by ``wandb agent`` for the runs that it starts, as ``WANDB_RUN_ID`` is."""

INIT_SECONDS = 30
"""How long Weights & Biases may take to answer before the run is recorded offline."""


class WandbTracker(WandbLogger):
    """One run of Weights & Biases per run folder, whose id is kept there; offline unless the environment says otherwise.

    Args:
        project: Where the run is listed.
        entity: Team or user; None: the default of the account.
        job_type: Label of the run.
        tags: Likewise.
        bundle_artifact: Also record the bundle.
        folder: Run folder.
        group: Runs that belong together: the configuration's, else the experiment.
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
            name=name,
            project=project,
            save_dir=folder,
            entity=entity,
            job_type=job_type,
            tags=list(tags),
            group=group,
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

            quiet = wandb.Settings(
                silent=True, console="off", init_timeout=INIT_SECONDS, login_timeout=INIT_SECONDS
            )
            self._wandb_init.update(id=_run_id(self.folder / "wandb_id.txt", os.environ), settings=quiet)
            if SWEEP in os.environ:  # its agent has said these three, and wandb warns of hearing them again
                self._wandb_init.update(id=None, project=None, entity=None)
            self._set_mode(wandb_mode(os.environ))
            try:
                return super().experiment
            except (wandb.Error, OSError) as error:
                reason = str(error).splitlines()[0]
                print(
                    f"wandb: {reason}; recording offline in {self.folder / 'wandb'}",
                    file=sys.stderr,
                    flush=True,
                )
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


def wandb_mode(environment: Mapping[str, str]) -> str:
    """Offline, unless ``WANDB_MODE`` says otherwise or ``WANDB_API_KEY`` is there."""
    return environment.get("WANDB_MODE") or ("online" if environment.get("WANDB_API_KEY") else "offline")


def _run_id(path: Path, environment: Mapping[str, str]) -> str:
    given = environment.get("WANDB_RUN_ID") if SWEEP in environment else None
    if given or not path.exists():
        write_text(path, (given or uuid.uuid4().hex[:8]) + "\n")
    return path.read_text().strip()
