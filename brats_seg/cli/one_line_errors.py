"""Hydra's and OmegaConf's errors as one line that names the fix. Covered by tests/cli/test_command.py."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Mapping, Sequence
from importlib.resources import files
from typing import Any

from hydra.errors import (
    HydraException,
    InstantiationException,
    MissingConfigException,
    OverrideParseException,
)
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import ConfigAttributeError, ConfigKeyError, OmegaConfBaseException

from brats_seg.artifacts.training_keys import new_name
from brats_seg.errors import UserError, WrongValue
from brats_seg.runtime.hydra_main import root_node

UNUSABLE, WRONG_USE = 1, 2
"""Exit codes: data or environment that cannot be used; a wrong key or value."""


def explain(error: Exception) -> tuple[int, str] | None:
    """What to tell the user: exit code and message; None for a defect of this package."""
    chain = list(_chain(error))
    for link in chain:
        if isinstance(link, UserError):  # Hydra wraps what a constructor raises
            return WRONG_USE if isinstance(link, WrongValue) else UNUSABLE, str(link)
        # Lightning's, about this machine; its import takes seconds.
        if type(link).__name__ == "MisconfigurationException":
            return UNUSABLE, " ".join(str(link).split())
    return _explain_configuration(error, chain) or _unusable_launcher(error)


def _explain_configuration(error: Exception, chain: list[BaseException]) -> tuple[int, str] | None:
    """What Hydra and OmegaConf raise."""
    if isinstance(error, OverrideParseException):
        return WRONG_USE, _unreadable(error.override)
    if isinstance(error, MissingConfigException):
        return WRONG_USE, _unknown_option(error)
    if isinstance(error, InstantiationException):
        return _refused_by_constructor(error, chain)
    for link in chain:
        if isinstance(link, ConfigKeyError | ConfigAttributeError):
            return WRONG_USE, _unknown_key(link, re.search(r"^Could not override '([^']+)'", str(error)))
    if isinstance(error, OmegaConfBaseException):
        return WRONG_USE, f"{error.full_key}: {str(error).splitlines()[0]}"
    if isinstance(error, HydraException):
        return WRONG_USE, _one_line(chain)
    return None


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
    hint = f"did you mean {meant}?" if meant else "see --cfg job for the keys there are"
    return f"unknown key {key}: {hint}"


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


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__


def _one_line(chain: Sequence[BaseException]) -> str:
    return ": ".join(dict.fromkeys(" ".join(str(link).split()) for link in chain))


def _unreadable(override: str) -> str:
    key, equals, value = override.partition("=")
    start = f"cannot read {override!r}"
    if not equals:
        return f"{start}: write key=value"
    if value.startswith("[") and value.endswith("]"):
        elements = ",".join(f'"{each.strip()}"' for each in value[1:-1].split(","))
        quoted = f"'{key}=[{elements}]'"
        advice = "put each value of the list in double quotes and the whole argument in single quotes"
        return f"{start}: {advice}, {quoted}"
    quoted = f"'{key}=\"{value}\"'"
    return f"{start}: a value with = , : ~ or brackets in it needs two pairs of quotes, {quoted}"


def _unknown_option(error: MissingConfigException) -> str:
    group, _, name = (error.missing_cfg_file or "").rpartition("/")
    if not error.options or not group:
        return _one_line([error])
    if renamed := new_name(f"{group}={name}"):
        return f"{group}={name} is now {renamed}"
    return f"{group}={name}: there is no such option, use one of {', '.join(error.options)}"


def _refused_by_constructor(
    error: InstantiationException, chain: list[BaseException]
) -> tuple[int, str] | None:
    if not isinstance(chain[-1], TypeError | ValueError | InstantiationException):
        return None
    where = re.search(r"full_key: (\S+)", str(error))
    return WRONG_USE, _one_line(chain[-1:]) if where is None else f"{where[1]}: {_one_line(chain[-1:])}"


def _unusable_launcher(error: Exception) -> tuple[int, str] | None:
    if isinstance(error, RuntimeError) and "Unknown plugin class" in str(error):
        return (
            UNUSABLE,
            'this launcher needs packages that are not installed: pip install "brats-seg[sweeps]"',
        )
    if isinstance(error, RuntimeError) and "srun" in str(error):
        return (
            UNUSABLE,
            "hydra/launcher=submitit_slurm works where Slurm's sbatch and srun are: this machine has none",
        )
    if type(error).__module__.startswith("submitit."):
        return UNUSABLE, f"Slurm refused the jobs: {str(error).strip().splitlines()[-1]}"
    return None


def _unknown_key(error: OmegaConfBaseException, asked: re.Match[str] | None) -> str:
    key = asked[1] if asked else str(error.full_key or error.key)
    known = root_node(error.parent_node) if isinstance(error.parent_node, DictConfig) else OmegaConf.create()
    return unknown_key(key, known)


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
