"""What Hydra's main function and OmegaConf's nodes know and do not give away.

Covered by tests/cli/test_command.py.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any
from unittest.mock import patch

from omegaconf import Node


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


def root_node(node: Node) -> Any:
    """The whole configuration that a node belongs to."""
    return node._get_root()
