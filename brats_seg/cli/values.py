"""Values of the wrong kind are refused before any work, each held against the default of its key."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from importlib.resources import files
from typing import Any

from hydra import compose
from hydra.core.hydra_config import HydraConfig
from hydra.core.override_parser.overrides_parser import OverridesParser
from omegaconf import DictConfig, OmegaConf

from brats_seg.cli.jobs import task_overrides
from brats_seg.errors import WrongValue

FREE = ("fold", "devices", "precision", "keep.a", "keep.b")
"""Keys that take more than the kind of their default; who reads them says what."""
FRACTIONS = (
    "lower_percentile",
    "upper_percentile",
    "deviations",
    "enhancing_below_mm3",
    "components_below_mm3",
)
"""Keys whose default happens to be whole."""
OPTIONAL = {"workers": 1, "max_epochs": 1, "gradient_clip_val": 1.0}
"""Keys whose default is null, and of what kind they are; every other null stands for text."""
FROM_ONE = (
    "batch_size",
    "width",
    "first",
    "folds",
    "cycle_epochs",
    "snapshot_every",
    "accumulate_grad_batches",
)
"""Keys, or groups of them, of whole numbers that start at 1; the others start at 0."""
TEXTS = ("runs", "predictions", "snapshots")
"""Keys without a default that take a list of texts, too."""
ANY_LENGTH = ("folds",)
"""Lists of numbers that need not be as long as their default."""
ABSENT = object()
HOME = re.compile(r"""(?<=[=\[,:"' ])~[\w.-]*(?=[/,\]}"']|$)""")
"""``~`` or ``~user`` where a value, or an element of a list, begins."""


def at_home(argument: str) -> str:
    """An argument with ``~`` at the start of its paths replaced: shells leave it alone within ``key=~/folder``."""
    return HOME.sub(lambda found: os.path.expanduser(found[0]), argument)


def check_values(config: DictConfig) -> None:
    """Hold each overridden key against the default that it has under the same choice of groups.

    Args:
        config: Of the running Hydra main.

    Raises:
        WrongValue: One line per value that is not of the kind, or not as long, as its default.
    """
    conf = files("brats_seg.conf")
    parsed = OverridesParser.create().parse_overrides(task_overrides())
    groups = [each for each in parsed if (conf / each.key_or_group).is_dir()]
    values = [each for each in parsed if each not in groups and not each.is_delete()]
    if not values:
        return
    defaults = compose(str(HydraConfig.get().job.config_name), [str(each.input_line) for each in groups])
    keys = [each.key_or_group for each in values]
    if wrong := [line for key in keys for line in _wrong(key, _plain(defaults, key), _plain(config, key))]:
        raise WrongValue("\n".join(wrong))


def _plain(config: DictConfig, key: str) -> Any:
    """A node as plain values; what is not there, or leads nowhere, is ABSENT."""
    parent, _, name = key.rpartition(".")
    node = OmegaConf.select(config, parent) if parent else config
    if not OmegaConf.is_dict(node) or name not in node:
        return "???" if OmegaConf.is_dict(node) and OmegaConf.is_missing(node, name) else ABSENT
    value = OmegaConf.select(config, key, throw_on_resolution_failure=False)
    return OmegaConf.to_container(value, resolve=True) if OmegaConf.is_config(value) else value


def _wrong(key: str, default: Any, value: Any) -> Iterator[str]:
    if default is ABSENT or value is ABSENT:
        return
    if isinstance(default, Mapping) and isinstance(value, Mapping):
        for name in default.keys() & value.keys():
            yield from _wrong(f"{key}.{name}", default[name], value[name])
    elif expected := _expected(key, default, value):
        yield f"{key}={_shown(value)}: expected {expected}"


def _expected(key: str, default: Any, value: Any) -> str | None:
    """What the value had to be, where it is something else."""
    name = key.rpartition(".")[2]
    if any(key == free or key.endswith(f".{free}") for free in FREE):
        return None
    if isinstance(default, Mapping):
        return f"its keys, {', '.join(f'{key}.{each}=...' for each in default)}"
    if default is None:
        return None if value is None else _expected(key, OPTIONAL.get(name, ""), value)
    if isinstance(default, bool):
        return None if isinstance(value, bool) else "true or false"
    if isinstance(default, list):
        return _expected_list(key, default, value)
    if isinstance(default, str):
        several = isinstance(value, list) and name in TEXTS and all(isinstance(each, str) for each in value)
        return None if isinstance(value, str) or several else _text(key, value)
    return _expected_number(key, default, value)


def _expected_number(key: str, default: float, value: Any) -> str | None:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if isinstance(default, int) and key.rpartition(".")[2] not in FRACTIONS:
        least = 1 if set(key.split(".")) & set(FROM_ONE) else 0
        return (
            None if number and isinstance(value, int) and value >= least else f"a whole number from {least}"
        )
    return None if number and (value >= 0 or default < 0) else f"a number{' from 0' if default >= 0 else ''}"


def _expected_list(key: str, default: Sequence[Any], value: Any) -> str | None:
    if not default or isinstance(default[0], str):
        fits = isinstance(value, str) or (
            isinstance(value, list) and all(isinstance(each, str) for each in value)
        )
        return None if fits else "a list of texts, [FIRST,SECOND]"
    free = key.rpartition(".")[2] in ANY_LENGTH
    model = [default[0]] * len(value) if free and isinstance(value, list) else default
    fits = isinstance(value, list) and len(value) == len(model)
    if fits and not any(_expected_number("", known, each) for known, each in zip(model, value, strict=True)):
        return None
    kind = "whole numbers" if isinstance(default[0], int) else "numbers"
    return f"a list of {'' if free else f'{len(default)} '}{kind}, such as {_shown(default)}"


def _text(key: str, value: Any) -> str:
    scalar = not isinstance(value, list | Mapping) and value is not None
    return f"text; if that is meant, '{key}=\"{_shown(value)}\"'" if scalar else "text"


def _shown(value: Any) -> str:
    if isinstance(value, list | tuple):
        return f"[{','.join(map(_shown, value))}]"
    return str(value).lower() if isinstance(value, bool) else "null" if value is None else str(value)
