"""A run of Weights & Biases: quiet, continued under one id, offline if the server does not answer."""

from __future__ import annotations

import os
import re
import sys
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lightning_fabric.loggers.logger import rank_zero_experiment
from pytorch_lightning.loggers import WandbLogger

from brats_seg.errors import FileError
from brats_seg.files import read_text, write_text
from brats_seg.runtime.wandb_account import wandb_mode

SWEEP = "WANDB_SWEEP_ID"
"""Set by ``wandb agent`` for the runs that it starts, as ``WANDB_RUN_ID`` is."""
INIT_SECONDS = 30
"""How long Weights & Biases may take to answer before the run is recorded offline."""


class WandbRun(WandbLogger):
    """Lightning's logger, which keeps the run's id in a folder and never stops a training.

    Args:
        folder: For ``wandb_id.txt`` and the files of offline runs.
        **options: Of Lightning's ``WandbLogger``.
    """

    def __init__(self, folder: Path, **options: Any) -> None:
        super().__init__(save_dir=folder, **options)
        del self._wandb_init["anonymous"]  # deprecated: wandb warns that it has no effect
        self.folder = folder

    @property
    @rank_zero_experiment
    def experiment(self) -> Any:
        """The run; recorded offline where the server does not answer, and nowhere where that fails."""
        if self._experiment is None:
            self._prepare()
            import wandb

            offline = f"recording offline in {self.folder / 'wandb'}"
            for mode, words in (("offline", offline), ("disabled", "recording nothing")):
                try:
                    return self._begun(super().experiment)
                except (wandb.Error, OSError) as error:
                    reason = str(error).partition("\n")[0]
                    print(f"wandb: {reason}; {words}", file=sys.stderr, flush=True)
                    wandb.teardown()  # it still holds the id
                    self._set_mode(mode)
            return self._begun(super().experiment)
        return super().experiment

    def _begun(self, run: Any) -> Any:
        """The run, its charts over epochs, after one line that says where to see it."""
        run.define_metric("epoch")
        run.define_metric("*", step_metric="epoch", overwrite=True)
        if run.url:
            print(f"wandb: {run.url}", flush=True)
        elif run.offline:
            print(f"wandb: recorded offline, to send it: wandb sync {Path(run.dir).parent}", flush=True)
        return run

    def finish(self, *, failed: bool) -> None:
        """End the run, so that another one may start in this process."""
        if self._experiment is not None:
            self._experiment.finish(exit_code=int(failed))
            self._experiment = None

    def _prepare(self) -> None:
        """Set what only the moment of the start decides: id, mode, and quiet."""
        os.environ.setdefault("WANDB_SILENT", "true")  # the settings below do not reach every message
        import wandb

        quiet = wandb.Settings(
            silent=True, console="off", init_timeout=INIT_SECONDS, login_timeout=INIT_SECONDS
        )
        self._wandb_init.update(id=run_id(self.folder / "wandb_id.txt", os.environ), settings=quiet)
        if SWEEP in os.environ:  # the sweep agent has already set these three; wandb warns of other values
            self._wandb_init.update(id=None, project=None, entity=None)
        self._set_mode(wandb_mode(os.environ))

    def _set_mode(self, mode: str) -> None:
        # An offline run cannot be resumed in place: every start adds a folder; the server joins them by id.
        self._wandb_init.update(mode=mode, resume=None if mode == "offline" else "allow")


def run_id(path: Path, environment: Mapping[str, str]) -> str:
    """The id of a run: that of its earlier starts, or the one a sweep agent gives, or a new one.

    Args:
        path: File that keeps the id between starts; written where it is missing or an agent gives an id.
        environment: Variables of the process.

    Returns:
        The id.
    """
    given = environment.get("WANDB_RUN_ID") if SWEEP in environment else None
    held = given or _held_id(path)
    if held is None or given:
        held = held or uuid.uuid4().hex[:8]
        write_text(path, held + "\n")
    return held


def _held_id(path: Path) -> str | None:
    """The id in a file; None where the file is missing or holds something else."""
    try:
        held = read_text(path).strip()
    except FileError:
        return None
    return held if re.fullmatch(r"[\w-]{1,64}", held, re.ASCII) else None
