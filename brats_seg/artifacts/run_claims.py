"""Does a run folder belong to the training that wants to go on in it?

Covered by tests/artifacts/test_run_folder.py and tests/training/test_run.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from brats_seg.artifacts.training_keys import flat_keys, is_resource, with_new_names
from brats_seg.errors import FileError, UserError, printable
from brats_seg.files import read_yaml

LOCK = ".lock"


def refuse_foreign_files(folder: Path) -> None:
    """Refuse a folder that holds files before a training has begun in it.

    Raises:
        UserError: It does.
    """
    held = sorted(path.name for path in folder.iterdir() if path.name != LOCK) if folder.is_dir() else []
    if held:
        found = f"{folder} holds {printable(held[0])}, and no configuration of a training"
        raise UserError(f"{found}: give another name=NAME, or delete the folder")


def refuse_other_training(folder: Path, file: Path, wanted: Mapping[str, Any]) -> None:
    """Refuse to go on in the folder of another training.

    Args:
        folder: Of the run.
        file: Its configuration.
        wanted: ``config``, ``split`` and ``initial`` of this training.

    Raises:
        UserError: The line names the first key that differs; or the file is damaged.
    """
    held = read_yaml(file)
    if not (isinstance(held, dict) and all(isinstance(held.get(key), dict) for key in ("config", "split"))):
        fix = "restore it, or delete the folder to begin anew"
        raise FileError(file, "the configuration and the split of a training", f"something else; {fix}")
    then, now = (flat_keys({**each["config"], "split": each["split"]}) for each in (held, wanted))
    if wanted["initial"] and held.get("initial"):  # the bundle is compared, not the path to it
        then["init"], now["init"] = held["initial"], wanted["initial"]
    then = with_new_names(then, now)
    for key in sorted(set(then) | set(now)):
        if not is_resource(key) and then.get(key) != now.get(key):
            held_value = printable(str(then.get(key)))
            raise UserError(
                f"{folder} holds a training with {key}={held_value}, not {now.get(key)}: "
                "give the new one another name=NAME, or delete the folder"
            )


def refuse_changed_data(folder: Path, held: Mapping[str, Any], wanted: Mapping[str, Any]) -> None:
    """Refuse to go on with other voxels.

    Args:
        folder: Of the run.
        held: Case id to what was read when the training began.
        wanted: Case id to what is read now.

    Raises:
        UserError: The line names the first case that differs.
    """
    changed = [case_id for case_id in wanted if held.get(case_id, wanted[case_id]) != wanted[case_id]]
    if changed:
        more = f" (and {len(changed) - 1} more)" if len(changed) > 1 else ""
        raise UserError(
            f"case {changed[0]}{more}: its voxels have changed since {folder} began: put the files "
            "back, give the training another name=NAME, or delete the folder"
        )
