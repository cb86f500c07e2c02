"""How runs are called, and what distinguishes one from another."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from brats_seg.artifacts.training_keys import enters_name, flat_keys, is_resource, old_name, override_key

OVERRIDES = "overrides.txt"
"""Beside the folds of a run whose name is a hash: the overrides that it stands for, one a line."""
LONGEST = 60
"""Characters of overrides in a name."""
READABLE = re.compile(r"[a-z][\w.]*=[\w.+-]+", re.ASCII)
"""An override that may be a part of a folder's name as it is."""
MOST_SHOWN = 3
OWN_COLUMN = ("fold", "data.fold", "split")
"""Keys that differ between the folds of one run."""


def run_name(experiment: str, overrides: Sequence[str], runs_root: Path | None = None) -> str:
    """The experiment, plus every other scientific override: as typed where short, else a hash of all.

    Args:
        experiment: Its name.
        overrides: As typed on the command line, ``key=value``.
        runs_root: A run that lies there under its hash alone, as all did before, keeps that name.

    Returns:
        The name of the run.

    >>> run_name("pipeline_a", ["fold=2", "seed=1"])
    'pipeline_a-seed=1'
    """
    science = sorted(scientific(overrides))
    if not science:
        return experiment
    by_hash = f"{experiment}-{_hash(science)}"
    readable = f"{experiment}-{','.join(science)}" if is_readable(science) else by_hash
    if runs_root is None or (runs_root / readable).is_dir() or not (runs_root / by_hash).is_dir():
        return readable
    return by_hash


def scientific(overrides: Sequence[str]) -> list[str]:
    """Those overrides that make a run of another name."""
    return [override for override in overrides if enters_name(override_key(override))]


def is_readable(science: Sequence[str]) -> bool:
    """Whether overrides are short and plain enough for the name of a folder."""
    return len(",".join(science)) <= LONGEST and all(map(READABLE.fullmatch, science))


def _hash(science: Sequence[str]) -> str:
    """Of the overrides under the first names of their keys, so that renaming a key renames no run."""
    lines = []
    for override in science:
        key = override_key(override)
        lines.append(override.replace(key, old_name(key), 1))
    return hashlib.sha256("\n".join(sorted(lines)).encode()).hexdigest()[:8]


WHAT_DIFFERS = "What differs"
"""Head of the column with :func:`what_differs`."""


def what_differs(configs: Sequence[Mapping[str, Any]]) -> list[str]:
    """In what the configurations of several runs are not the same.

    Args:
        configs: As plain values. An empty one, of a run that has none, is compared with none.

    Returns:
        For each configuration its values of the keys that differ, such as ``seed=1``; empty where none does.
        Where there are many such keys, those in which it differs from the first one.
    """
    flat = [flat_keys(dict(config)) for config in configs]
    known = [each for each in flat if each]
    shown: dict[tuple[str, ...], str] = {}
    for key in sorted(set().union(*known), key=lambda key: (key.count("."), key)):
        values = tuple(str(each.get(key)) for each in known)
        if len(set(values)) > 1 and not _is_told_elsewhere(key):
            shown.setdefault(values, key)  # such as data.seed, which follows seed
    keys = list(shown.values())
    return [_tell(each, known[0], keys) if each else "" for each in flat]


def _is_told_elsewhere(key: str) -> bool:
    return is_resource(key) or key.startswith("_") or key.split(".")[0] in OWN_COLUMN or key in OWN_COLUMN


def _tell(values: Mapping[str, Any], first: Mapping[str, Any], keys: Sequence[str]) -> str:
    if len(keys) > MOST_SHOWN:
        keys = [key for key in keys if values.get(key) != first.get(key)]
    told = [f"{key}={values[key]}" for key in keys if key in values]
    more = [f"and {len(told) - MOST_SHOWN} more"] if len(told) > MOST_SHOWN else []
    return " ".join([*told[:MOST_SHOWN], *more])
