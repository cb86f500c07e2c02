"""A step of a reproduction, where its files are, and how its command is written.

Covered by tests/workflows/test_reproduction.py.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from brats_seg.artifacts.run_folder import RunFolder


@dataclass(frozen=True)
class Step:
    """One command.

    Attributes:
        title: Of the step in the paper.
        command: Name and overrides.
        done: Whether the step's results are there.
        once: The results may be edited by hand, so they are never overwritten.
        folds: Run folders of its trainings.
    """

    title: str
    command: tuple[str, ...]
    done: Callable[[], bool]
    once: bool = False
    folds: Sequence[RunFolder] = ()

    @property
    def line(self) -> str:
        """The command as a shell takes it."""
        return shlex.join(["brats-seg", *self.command])


@dataclass(frozen=True)
class Places:
    """Everything that a reproduction reads and writes."""

    output: Path
    root: Path
    cache: Path
    input: Path

    @property
    def runs(self) -> Path:
        """A folder per experiment."""
        return self.output / "runs"

    @property
    def flagged(self) -> Path:
        """Training cases that the filtered experiment leaves out."""
        return self.output / "flagged.json"

    @property
    def selection(self) -> Path:
        """Table 2 and the ensemble."""
        return self.output / "cross_validation"

    @property
    def predictions(self) -> Path:
        """Label maps of the input, merged; each pipeline's below."""
        return self.output / "predictions"

    @property
    def evaluation(self) -> Path:
        """Table 3."""
        return self.output / "evaluation"


def override(key: str, path: Path) -> str:
    """An override with a path, in the quotes that Hydra needs around some characters.

    Args:
        key: Of the configuration.
        path: Its value.

    Returns:
        ``key=path``.
    """
    return f"{key}={_quoted(path)}"


def overrides_list(key: str, paths: Sequence[Path]) -> str:
    """An override with a list of paths.

    Args:
        key: Of the configuration.
        paths: Its value.

    Returns:
        ``key=[path,path]``.
    """
    return f"{key}=[{','.join(map(_quoted, paths))}]"


def _quoted(path: Path) -> str:
    text = str(path)
    if re.fullmatch(r"[\w./+-]+", text):
        return text
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
