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


def keys_before_options(arguments: Sequence[str]) -> list[str]:
    """Hydra's command line takes its keys in one piece; people write options between them.

    Args:
        arguments: As typed, ``seed=1 --config-dir mine fold=2``.

    Returns:
        The keys, then the options with their values: ``seed=1 fold=2 --config-dir mine``.
    """
    options_of: dict[str | int | None, set[str]] = {}
    for action in get_args_parser()._actions:
        options_of.setdefault(action.nargs, set()).update(action.option_strings)
    keys: list[str] = []
    options: list[str] = []
    before = ""
    for argument in arguments:
        is_value = before in options_of[None] or (before in options_of["?"] and "=" not in argument)
        is_key = not is_value and not argument.startswith("-")
        (keys if is_key else options).append(argument)
        before = argument
    return [*keys, *options]


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
