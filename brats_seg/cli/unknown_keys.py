"""The line for a key that nobody reads, with the one that was probably meant.

Covered by tests/cli/test_command.py.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from importlib.resources import files
from typing import Any

import yaml
from omegaconf import DictConfig, OmegaConf

from brats_seg.artifacts.training_keys import new_name


def unknown_key(key: str, config: DictConfig) -> str:
    """The line for a key that nobody reads.

    Args:
        key: As it was given.
        config: The whole configuration of the command.

    Returns:
        The line, with the key's new name, or one that was probably meant.
    """
    known = _keys_besides(key, list(flat(OmegaConf.to_container(config, resolve=False))))
    renamed = new_name(key)
    if renamed is not None and set(renamed.split(" and ")) & set(known):
        return f"{key} is now {renamed}"
    if key.startswith("callbacks."):
        return f"unknown key {key}: add your own callback, '+{key}={{_target_: my_package.MyCallback}}'"
    groups = [entry.name for entry in files("brats_seg.conf").iterdir() if entry.is_dir()]
    meant = closest(key, groups + known)
    hint = f"did you mean {meant}?" if meant else "see --help for the keys there are"
    return f"unknown key {key}: {hint}"


def unknown_group(group: str, command: str) -> str:
    """The line for a group of files that this command does not choose from.

    Args:
        group: As it was given, such as ``scale``.
        command: As its file in ``conf/``.

    Returns:
        The line, with the key of this command whose default is an option of the group, where there is one.
    """
    conf = files("brats_seg.conf")
    options = [entry.name for entry in (conf / group).iterdir()]
    there = flat(yaml.safe_load((conf / f"{command}.yaml").read_text(encoding="utf-8")))
    meant = [key for key, value in there.items() if f"{value}.yaml" in options]
    hint = f"did you mean {meant[0]}?" if meant else "see --help for the keys there are"
    return f"unknown key {group}: {hint}"


def _keys_besides(key: str, there: Sequence[str]) -> list[str]:
    """The keys without one that may have been added, what is below it, and nodes that exist for it alone."""
    others = [other for other in there if not f"{other}.".startswith(f"{key}.")]
    known: list[str] = []
    for other in others:
        exists_for_it = key.startswith(f"{other}.") and not any(
            each.startswith(f"{other}.") for each in others
        )
        if not exists_for_it:
            known.append(other)
    return known


def closest(word: str, known: Sequence[str]) -> str | None:
    """Find the known key that was probably meant.

    Args:
        word: The unknown key.
        known: Dotted keys.

    Returns:
        A key that ends with the word or is spelt like it, else one whose last part, else one whose first part
        is spelt like the word's; None where none is.
    """
    if same_end := [other for other in known if other.endswith(f".{word}")]:
        return min(same_end, key=len)
    if alike := difflib.get_close_matches(word, known, n=1, cutoff=0.8):
        return alike[0]
    by_last = {other.rpartition(".")[2]: other for other in reversed(known)}
    last = difflib.get_close_matches(word.rpartition(".")[2], by_last, n=1, cutoff=0.8)
    if last:
        return by_last[last[0]]
    first = word.partition(".")[0]
    tops = [] if first in known else [other for other in known if "." not in other]
    return next(iter(difflib.get_close_matches(first, tops, n=1, cutoff=0.8)), None)


def flat(tree: Any, prefix: str = "") -> dict[str, Any]:
    """Every dotted key of a configuration, without Hydra's own.

    Args:
        tree: Mappings, lists and plain values.
        prefix: Of all keys, with its dot.

    Returns:
        Key to value; inner nodes, too.
    """
    if not isinstance(tree, Mapping):
        return {}
    found: dict[str, Any] = {}
    for name in tree if prefix else tree.keys() - {"hydra"}:
        found |= {f"{prefix}{name}": tree[name], **flat(tree[name], f"{prefix}{name}.")}
    return found
