"""The jobs of a run or multirun, and how each ended. Covered by tests/cli/test_command.py."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

from hydra.core.hydra_config import HydraConfig
from hydra.core.utils import JobReturn
from omegaconf import OmegaConf

SEARCH_PATH = "hydra.searchpath"
"""Hydra's key for further folders of configuration, on the command line."""


@dataclass(frozen=True)
class Job:
    """How one job ended.

    Attributes:
        overrides: What distinguishes the job.
        code: Exit code.
        message: The error's, if there was one.
        result: What the task returned.
    """

    overrides: tuple[str, ...]
    code: int
    message: str = ""
    result: Any = None

    def __float__(self) -> float:
        """What a sweeper that optimises asks for.

        Raises:
            ValueError: The job failed.
        """
        if self.code:
            raise ValueError(self.message)
        return float(self.result)

    @classmethod
    def failed(cls, overrides: Sequence[str], message: str) -> Job:
        """A job that did not come to its end.

        Args:
            overrides: Of the job.
            message: Why.

        Returns:
            The job, with exit code 1.
        """
        return cls(tuple(overrides), 1, message)


def task_overrides() -> list[str]:
    """The overrides of the running job, as given."""
    return cast(list[str], OmegaConf.to_container(HydraConfig.get().overrides.task, resolve=False))


def composing_overrides() -> list[str]:
    """Those of which the running job's configuration can be composed again: ``hydra.searchpath``, too."""
    of_hydra = cast(list[str], OmegaConf.to_container(HydraConfig.get().overrides.hydra, resolve=False))
    return [*(each for each in of_hydra if each.startswith(f"{SEARCH_PATH}=")), *task_overrides()]


def done(results: Sequence[Any], launched: Sequence[JobReturn]) -> tuple[list[Job], bool]:
    """The jobs of a command.

    Args:
        results: What Hydra returned; last of a single run a ``JobReturn``.
        launched: What launchers returned, in a multirun.

    Returns:
        The jobs, and whether it was a multirun.
    """
    returned = [each for each in results[-1:] if isinstance(each, JobReturn)]
    jobs: list[Job] = [each.return_value for each in launched or returned]
    return jobs, bool(launched)
