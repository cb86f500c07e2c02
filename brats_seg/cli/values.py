"""Values of the wrong kind, and keys that nobody reads, are refused before any work.

Of what kind a value is, the annotation of the parameter or field says that takes it.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from typing import Any

from hydra import compose
from hydra.core.global_hydra import GlobalHydra
from hydra.core.hydra_config import HydraConfig
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from omegaconf import DictConfig, OmegaConf

from brats_seg.cli.annotations import fields_of, fits, is_length, is_text, parameters, value_kind, words_for
from brats_seg.cli.jobs import composing_overrides, task_overrides
from brats_seg.cli.schemas import schema_of
from brats_seg.cli.unknown_keys import unknown_key
from brats_seg.errors import WrongValue

HOME = re.compile(r"""(?<=[=\[,:"' ])~[\w.-]*(?=[/,\]}"']|$)""")
"""``~`` or ``~user`` where a value, or an element of a list, begins."""
REFERENCE = re.compile(r"\$\{([\w.]+)\}")
"""Another key, in a value."""
NOWHERE = object()
"""The kind of a key that nobody reads."""
OURS = ("hydra", "main", "schema")
"""Providers of files of configuration that are not the user's."""


def at_home(argument: str) -> str:
    """Replace ``~`` at the start of paths in an argument: shells leave it alone within ``key=~/folder``."""
    return HOME.sub(lambda found: os.path.expanduser(found[0]), argument)


def check_values(config: DictConfig) -> None:
    """Hold each overridden key against the annotation of what takes its value.

    Args:
        config: Of the running Hydra main, resolved.

    Raises:
        WrongValue: One line per value that is not of the kind that its key takes, and per key that was added,
            on the command line or in a file of the user's own, and that nobody reads.
    """
    wrong: list[str] = []
    _, values = _groups_and_values()
    for override in values:
        if not override.is_delete():
            wrong += _wrong(config, override)
    added = {override.key_or_group for override in values}
    if any(source.provider not in OURS for source in HydraConfig.get().runtime.config_sources):
        wrong += [unknown_key(key, config) for key in _unread(config) if key not in added]
    if wrong:
        raise WrongValue("\n".join(wrong))


def _unread(config: DictConfig) -> Iterator[str]:
    """Keys, of the user's own files where there are such, that nobody reads and no other value refers to."""
    whole = compose(str(HydraConfig.get().job.config_name), composing_overrides())
    references = set(REFERENCE.findall(OmegaConf.to_yaml(whole)))
    below = [("", config)]
    while below:
        prefix, node = below.pop()
        for name in map(str, node):
            key, value = f"{prefix}{name}", node[name]
            if name.startswith("_") or key in references:
                continue
            if _kind_of(config, key) is NOWHERE:
                yield key
            elif OmegaConf.is_dict(value):
                below.append((f"{key}.", value))


def _groups_and_values() -> tuple[list[Override], list[Override]]:
    """The overrides that choose a file, and those of single keys."""
    loader = GlobalHydra.instance().config_loader()
    parsed = OverridesParser.create().parse_overrides(task_overrides())
    groups = [each for each in parsed if loader.get_group_options(each.key_or_group)]
    return groups, [each for each in parsed if each not in groups]


def _wrong(config: DictConfig, override: Override) -> Iterator[str]:
    key = override.key_or_group
    kind = _kind_of(config, key)
    if kind is not NOWHERE:
        yield from _faults(config, key, kind)
    elif override.is_add() or override.is_force_add():
        yield unknown_key(key, config)


def _faults(config: DictConfig, key: str, kind: Any) -> Iterator[str]:
    """One line for a value that does not fit its kind, or for each such value of a mapping."""
    value = _plain(config, key)
    inner = fields_of(kind)
    if isinstance(value, Mapping):
        for name in value:
            below = f"{key}.{name}"
            if not str(name).startswith("_") and (known := _kind_of(config, below)) is not NOWHERE:
                yield from _faults(config, below, known)
    elif inner:
        yield f"{key}={_shown(value)}: expected its keys, {', '.join(f'{key}.{name}=...' for name in inner)}"
    elif not fits(kind, value) and value != (default := _default(key)):
        yield f"{key}={_shown(value)}: expected {_expected(key, kind, value, default)}"


def _expected(key: str, kind: Any, value: Any, default: Any) -> str:
    words = words_for(kind)
    if is_length(kind) and isinstance(default, list):
        return f"{words}, such as {_shown(default)}"
    if is_text(kind) and isinstance(value, int | float):
        return f"text; if that is meant, '{key}=\"{_shown(value)}\"'"
    return words


def _kind_of(config: DictConfig, key: str) -> Any:
    """The annotation of what takes a key's value.

    That is the command's own schema as far as it knows, else the parameters of the ``_target_`` that the key
    is below.

    Returns:
        An annotation; ``Any`` where nothing is known; NOWHERE where nothing of this name is known to be read.
    """
    node: Any = config
    kind: Any = schema_of(str(HydraConfig.get().job.config_name))
    for name in key.split("."):
        kind = _kind_below(kind, node, name)
        if kind is NOWHERE:
            return kind
        node = node.get(name) if OmegaConf.is_dict(node) else None
    return kind


def _kind_below(kind: Any, node: Any, name: str) -> Any:
    fields = fields_of(kind)
    if name in fields:
        return fields[name]
    if OmegaConf.is_dict(node) and "_target_" in node and not name.startswith("_"):
        try:
            known, is_open = parameters(node._target_)
        except (ImportError, ValueError):
            return Any  # whoever makes it says that there is no such target
        return known.get(name, Any if is_open else NOWHERE)
    return NOWHERE if fields else value_kind(kind)


def _plain(config: DictConfig, key: str) -> Any:
    value = OmegaConf.select(config, key, default=NOWHERE)
    return OmegaConf.to_container(value, resolve=True) if OmegaConf.is_config(value) else value


def _default(key: str) -> Any:
    """The value of a key without the overrides of single keys; NOWHERE where it has none."""
    groups, _ = _groups_and_values()
    lines = [str(each.input_line) for each in groups]
    searched = [each for each in composing_overrides() if each not in task_overrides()]
    return _plain(compose(str(HydraConfig.get().job.config_name), [*searched, *lines]), key)


def _shown(value: Any) -> str:
    if isinstance(value, list | tuple):
        return f"[{','.join(map(_shown, value))}]"
    if isinstance(value, Mapping):
        return "{" + ",".join(f"{key}:{_shown(each)}" for key, each in value.items()) + "}"
    if isinstance(value, bool):
        return str(value).lower()
    return "null" if value is None else str(value)
