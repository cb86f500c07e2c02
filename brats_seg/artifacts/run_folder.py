"""The folder of one training: one configuration, one process at a time, everything needed to continue."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from brats_seg.artifacts.run_claims import (
    LOCK,
    refuse_changed_data,
    refuse_foreign_files,
    refuse_other_training,
)
from brats_seg.artifacts.run_names import OVERRIDES
from brats_seg.artifacts.run_paths import RunPaths
from brats_seg.artifacts.run_tables import read_case_losses, read_metrics
from brats_seg.errors import FileError, UserError
from brats_seg.files import (
    locked,
    read_json,
    read_object,
    read_yaml,
    remove_leftovers,
    write_json,
    write_text,
)

MOST_DIGITS = 3
"""Of a fold's number: whoever summarises a cross-validation counts up to the largest."""
VALIDATION_DICE, VALIDATION_LOSS = "val/dice", "val/loss"
"""Columns of ``metrics.csv`` and keys of a bundle's scores.

Means over the validation cases, without TTA; Dice is a mean over the regions too.
"""


@dataclass(frozen=True)
class RunFolder(RunPaths):
    """``<runs_root>/<name>/fold_<k>``."""

    @property
    def finished(self) -> bool:
        """Whether the training came to its end and left a bundle."""
        return self.status.get("state") == "finished" and self.bundle.exists()

    @property
    def status(self) -> dict[str, Any]:
        """What ``status.json`` says; nothing before the first start."""
        return read_object(self._status)

    @property
    def _status(self) -> Path:
        return self.path / "status.json"

    @property
    def _config(self) -> Path:
        return self.path / "config.yaml"

    def recorded(self, key: str = "") -> Any:
        """The value of a dotted key in the training's configuration, or all of it; None: not there."""
        try:
            node = read_yaml(self._config)["config"]
            for part in filter(None, key.split(".")):
                node = node[part]
        except (FileError, KeyError, TypeError):
            return None
        return node

    def read_out_of_fold(self) -> dict[str, Any]:
        """What the scores of the cases that validate were made of; empty where there is no record."""
        return read_object(self.out_of_fold)

    def read_metrics(self) -> dict[str, list[tuple[float, float]]]:
        """``metrics.csv`` as column to ``(epoch, value)``, as :func:`read_metrics` reads it."""
        return read_metrics(self.metrics)

    def read_case_losses(self) -> dict[int, dict[str, float]]:
        """Epoch to case id to loss, as :func:`read_case_losses` reads it."""
        return read_case_losses(self.case_losses)

    def write_status(self, state: str, **facts: Any) -> None:
        """Replace ``status.json``."""
        write_json(self._status, {"state": state, **facts})

    @contextlib.contextmanager
    def failure_recorded(self) -> Iterator[None]:
        """Write into ``status.json`` why a training failed; a killed one still says ``running``."""
        try:
            yield
        except Exception as error:
            reason = str(error).partition("\n")[0]
            self.write_status(
                "failed",
                reason=reason if isinstance(error, UserError) else f"{type(error).__name__}: {reason}",
            )
            raise

    def claim(
        self, config: dict[str, Any], split: Mapping[str, Sequence[str]], initial: str | None = None
    ) -> None:
        """Write the configuration and the split once; later starts must bring the same science.

        Args:
            config: As plain values.
            split: Case ids of each side.
            initial: SHA-256 of the bundle that ``init`` names; None where it names none, or one that is gone.

        Raises:
            UserError: The folder belongs to another training, and the line names the first key; or it
                holds files and no configuration.
        """
        wanted: dict[str, Any] = {
            "config": config,
            "split": {side: list(ids) for side, ids in split.items()},
            "initial": initial,
        }
        if self._config.exists():
            refuse_other_training(self.path, self._config, wanted)
            return
        refuse_foreign_files(self.path)
        write_text(self._config, yaml.safe_dump(wanted, sort_keys=False))

    def tell_overrides(self, overrides: Sequence[str]) -> None:
        """Write once, beside the folds, the overrides whose hash is the run's name."""
        file = self.path.parent / OVERRIDES
        if overrides and not file.exists():
            write_text(file, "".join(f"{override}\n" for override in overrides))

    def claim_data(self, checksums: Mapping[str, Any]) -> None:
        """Write once what the training reads; later starts must bring the same.

        Args:
            checksums: Of the prepared cases, by their ids.

        Raises:
            UserError: The voxels of a case are others now; the line names the first.
        """
        wanted = {case_id: checksums[case_id] for case_id in sorted(checksums)}
        file = self.path / "data.json"
        held = read_json(file) if file.exists() else None
        if isinstance(held, dict):
            refuse_changed_data(self.path, held, wanted)
        else:
            write_json(file, wanted)

    @contextlib.contextmanager
    def lock(self) -> Iterator[None]:
        """Keep a second process out, and clear away what a killed one left half-written.

        Raises:
            UserError: Another process trains in this folder, or it cannot be written.
        """
        busy = f"{self.path} is in use by another process: wait for it, or give this one another name=NAME"
        with locked(self.path / LOCK, busy=busy, remedy="choose another with runs_root=DIR"):
            for folder in (self.path, self.checkpoints, self.snapshots):
                remove_leftovers(folder)
            yield


def folds_of(run: Path) -> dict[int, RunFolder]:
    """The folds of a training that lie in ``fold_<k>`` below its folder.

    Args:
        run: ``<runs_root>/<name>``.

    Returns:
        Number of the fold to its run folder, ascending; empty where there is none.

    Raises:
        UserError: A number is larger than any cross-validation has.
    """
    found = {}
    for path in run.glob("fold_*"):
        number = path.name.removeprefix("fold_")
        if not (path.is_dir() and number.isdecimal()):
            continue
        if len(number) > MOST_DIGITS:
            raise FileError(path, "the folder of a fold, such as fold_0", f"a number of {len(number)} digits")
        found[int(number)] = RunFolder(path)
    return dict(sorted(found.items()))
