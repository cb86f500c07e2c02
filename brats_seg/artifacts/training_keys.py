"""What each key of a training is to its run folder: science or resource, old or new name.

``conf/keys.yaml`` declares it. Covered by tests/artifacts/test_run_folder.py and tests/cli/test_command.py.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping
from functools import cache
from importlib.resources import files
from typing import Any, cast

import yaml


def override_key(override: str) -> str:
    """The key of an override as it is typed, such as ``seed`` of ``+seed=1``."""
    return override.partition("=")[0].lstrip("+~")


def is_resource(key: str) -> bool:
    """Whether two starts of one training may differ in a dotted key."""
    return _among(key, _named("resources", "scores", "cases"))


def changes_scores(key: str) -> bool:
    """Whether a dotted key changes what is learnt, or what is scored at the end."""
    return not _among(key, _named("resources"))


def enters_name(key: str) -> bool:
    """Whether an override of a key makes a run of another name; ``trainer=ddp`` is about devices alone."""
    return key != "trainer" and not _among(key, _named("resources", "scores", "place"))


def new_name(key: str) -> str | None:
    """What a key that was renamed is called now, as ``scale.a.learning_rate``.

    Args:
        key: As it was given; also a group of renamed keys, or an option of a group, ``schedule=pipeline_a``.

    Returns:
        The new name, for a group the new names joined by ``and``; None where nothing was renamed.
    """
    renamed = _renamed()
    inner = [new for old, new in renamed.items() if old.startswith(f"{key}.")]
    return _replaced(key, renamed) or " and ".join(inner) or None


def old_name(key: str) -> str:
    """The first name of a key.

    Runs are named by a hash of their overrides, and keep their names when a key is renamed.
    """
    first_names = {new: old for old, new in _renamed().items()}
    return _replaced(key, first_names) or key


def flat_keys(value: Any, prefix: str = "") -> dict[str, Any]:
    """Every dotted key of nested mappings.

    Args:
        value: Mappings, lists and plain values.
        prefix: Of all keys.

    Returns:
        Key to value; a list is a value.
    """
    if not isinstance(value, dict):
        return {prefix: value}
    found: dict[str, Any] = {}
    for key, inner in value.items():
        found |= flat_keys(inner, f"{prefix}.{key}" if prefix else str(key))
    return found


def with_new_names(recorded: Mapping[str, Any], known: Container[str]) -> dict[str, Any]:
    """A recorded configuration, perhaps of an older version, under the keys of today.

    Args:
        recorded: Dotted keys and their values.
        known: The keys of today; another key is renamed, where it has a new name.

    Returns:
        The same values.
    """
    found = {}
    for key, value in recorded.items():
        new = None if key in known else _replaced(key, _renamed())
        found[new or key] = value
    return found


def _replaced(key: str, names: Mapping[str, str]) -> str | None:
    """The key with the name that it is, or begins with, replaced; None where there is none."""
    for name, replacement in names.items():
        if _among(key, [name]):
            return replacement + key.removeprefix(name)
    return None


def _among(key: str, names: Iterable[str]) -> bool:
    return any(key == name or key.startswith(f"{name}.") for name in names)


def _named(*lists: str) -> list[str]:
    keys = _keys()
    names: list[str] = []
    for each in lists:
        names += keys[each]
    return names


def _renamed() -> dict[str, str]:
    return cast(dict[str, str], _keys()["renamed"])


@cache
def _keys() -> dict[str, Any]:
    text = (files("brats_seg.conf") / "keys.yaml").read_text(encoding="utf-8")
    return cast(dict[str, Any], yaml.safe_load(text))
