"""What Hydra's main function and OmegaConf's nodes know and do not give away.

Covered by tests/cli/test_command.py.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any
from unittest.mock import patch

from hydra._internal.hydra import Hydra
from hydra._internal.utils import get_args_parser
from hydra.core.global_hydra import GlobalHydra
from omegaconf import Node

from brats_seg.errors import WrongValue

INFO = ("all", "config", "defaults", "defaults-tree", "plugins", "searchpath")
"""What Hydra's ``-i`` takes."""
SHORT = {"i": "input", "o": "output"}


def keys_before_options(arguments: Sequence[str]) -> list[str]:
    """Hydra's command line takes its keys in one piece; people write options between them.

    Args:
        arguments: As typed, ``seed=1 --config-dir mine fold=2``.

    Returns:
        The keys, then the options with their values: ``seed=1 fold=2 --config-dir mine``.

    Raises:
        WrongValue: There is no such option; the line says how the key is written.
    """
    options_of: dict[str | int | None, set[str]] = {}
    for action in get_args_parser()._actions:
        options_of.setdefault(action.nargs, set()).update(action.option_strings)
    known = set().union(*options_of.values())
    keys: list[str] = []
    options: list[str] = []
    before = ""
    for index, argument in enumerate(arguments):
        is_value = before in options_of[None] or (before in options_of["?"] and "=" not in argument)
        if argument.startswith("-") and not is_value:
            _refuse_unknown(argument, arguments[index + 1 :], known)
        is_key = not is_value and not argument.startswith("-")
        (keys if is_key else options).append(argument)
        before = argument
    return [*keys, *options]


def _refuse_unknown(option: str, behind: Sequence[str], known: set[str]) -> None:
    """``--input DIR`` and ``-i DIR`` are what other programs take."""
    name, _, value = option.partition("=")
    following = behind[0] if behind and not behind[0].startswith("-") and "=" not in behind[0] else ""
    if name in known and not (name == "-i" and following not in ("", *INFO)):
        return
    plain = name.lstrip("-")
    key = SHORT.get(plain, plain.replace("-", "_"))
    raise WrongValue(f"{name}: keys are written without dashes: {key}={value or following or 'VALUE'}")


@contextlib.contextmanager
def kept_results() -> Iterator[list[Any]]:
    """Replace Hydra's ``run_and_report``, which prints errors over many lines and drops the jobs' results.

    Yields:
        A list that fills with what Hydra's runs return: a ``JobReturn``, or the batches of a multirun.
    """
    results: list[Any] = []

    def run(function: Callable[[], Any]) -> Any:
        results.append(function())
        return results[-1]

    with patch("hydra._internal.utils.run_and_report", run):
        yield results


@contextlib.contextmanager
def within_hydra(results: Sequence[Any]) -> Iterator[None]:
    """Inside, configurations are composed as the main function did, from the same folders.

    Args:
        results: Of :func:`kept_results`.
    """
    (hydra,) = [each for each in results if isinstance(each, Hydra)][-1:]
    GlobalHydra.instance().initialize(hydra)
    try:
        yield
    finally:
        GlobalHydra.instance().clear()


def root_node(node: Node) -> Any:
    """The whole configuration that a node belongs to."""
    return node._get_root()
