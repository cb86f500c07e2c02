"""Hydra's and OmegaConf's errors as one line that names the fix. Covered by tests/cli/test_command.py."""

from __future__ import annotations

import re
from collections.abc import Iterator

from hydra.errors import (
    HydraException,
    InstantiationException,
    MissingConfigException,
    OverrideParseException,
)
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import ConfigAttributeError, ConfigKeyError, GrammarParseError, OmegaConfBaseException
from yaml import MarkedYAMLError

from brats_seg.artifacts.training_keys import new_name
from brats_seg.cli.machine_errors import explain_machine
from brats_seg.cli.unknown_keys import unknown_group, unknown_key
from brats_seg.errors import UserError, WrongValue, one_line
from brats_seg.runtime.hydra_main import root_node

UNUSABLE, WRONG_USE = 1, 2
"""Exit codes: data or environment that cannot be used; a wrong key or value."""


ADDED = re.compile(r"Could not append to config\. An item is already at '([^']+)'")
NO_TARGET = re.compile(r"Error locating target '([^']+)'")
OTHER_GROUP = re.compile(r"Could not override '([^'@]+)[^']*'\. No match in the defaults list")
"""What Hydra says of ``+key=value`` where the key is there, of a class that cannot be imported, and of a
group that the command does not have."""


def explain(error: Exception, command: str) -> tuple[int, str] | None:
    """What to tell the user.

    Args:
        error: What a command ended with.
        command: As its file in ``conf/``.

    Returns:
        Exit code and message; None for a defect of this package.
    """
    chain = list(_chain(error))
    for link in chain:
        if isinstance(link, UserError):  # Hydra wraps what a constructor raises
            return WRONG_USE if isinstance(link, WrongValue) else UNUSABLE, str(link)
        # Lightning's, about this machine; its import takes seconds.
        if type(link).__name__ == "MisconfigurationException":
            return UNUSABLE, one_line(link)
    configuration = _explain_configuration(error, chain, command)
    if configuration is not None:
        return configuration
    machine = explain_machine(chain)
    return _unusable_launcher(error) if machine is None else (UNUSABLE, machine)


def _explain_configuration(
    error: Exception, chain: list[BaseException], command: str
) -> tuple[int, str] | None:
    """What Hydra and OmegaConf raise."""
    if isinstance(error, OverrideParseException):
        return WRONG_USE, f"cannot read {error.override!r}: write key=value"
    if isinstance(error, MissingConfigException):
        return WRONG_USE, _unknown_option(error)
    if isinstance(error, InstantiationException):
        return _refused_by_constructor(error, chain)
    if isinstance(error, MarkedYAMLError):
        return WRONG_USE, _unreadable_yaml(error)
    for link in chain:
        if isinstance(link, GrammarParseError):
            said = str(link).strip(": ").splitlines()[0]
            return WRONG_USE, rf"cannot read an interpolation ({said}): write ${{KEY}}, or \${{ for the text"
        if isinstance(link, ConfigKeyError | ConfigAttributeError):
            return WRONG_USE, _unknown_key(link, re.search(r"^Could not override '([^']+)'", str(error)))
    if isinstance(error, OmegaConfBaseException):
        return WRONG_USE, f"{error.full_key}: {str(error).splitlines()[0]}"
    if isinstance(error, HydraException):
        return WRONG_USE, _misplaced(str(error), command) or ": ".join(dict.fromkeys(map(one_line, chain)))
    return None


def _unreadable_yaml(error: MarkedYAMLError) -> str:
    """The place in a file below ``--config-dir``."""
    mark = error.problem_mark
    where = "" if mark is None else f"{mark.name}, line {mark.line + 1}: "
    return f"{where}expected YAML, found a fault ({error.problem})"


def _misplaced(said: str, command: str) -> str | None:
    """A key that is there already, or a group of another command."""
    if added := ADDED.match(said):
        return f"{added[1]} is a key already: write {added[1]}=... without the +"
    group = OTHER_GROUP.match(said)
    return unknown_group(group[1], command) if group else None


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__


def _unknown_option(error: MissingConfigException) -> str:
    group, _, name = (error.missing_cfg_file or "").rpartition("/")
    if not error.options or not group:
        return f"there is no configuration {error.missing_cfg_file}"
    if renamed := new_name(f"{group}={name}"):
        return f"{group}={name} is now {renamed}"
    return f"{group}={name}: there is no such option, use one of {', '.join(error.options)}"


def _refused_by_constructor(
    error: InstantiationException, chain: list[BaseException]
) -> tuple[int, str] | None:
    where = re.search(r"full_key: (\S+)", str(error))
    if missing := NO_TARGET.search(str(error)):
        key = "" if where is None else f"{where[1]}: "
        return WRONG_USE, f"{key}there is no {missing[1]} ({one_line(chain[-1])})"
    if not isinstance(chain[-1], TypeError | ValueError | InstantiationException):
        return None
    reason = one_line(chain[-1])
    return WRONG_USE, reason if where is None else f"{where[1]}: {reason}"


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
