"""The jobs of a run or multirun, and how each ended. Covered by tests/cli/test_command.py."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

from hydra.core.hydra_config import HydraConfig
from hydra.core.utils import JobReturn
from omegaconf import OmegaConf


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


def done(results: Sequence[Any]) -> tuple[list[Job], bool]:
    """The jobs in what Hydra returns.

    Args:
        results: One for each call of Hydra: a ``JobReturn``, or for a multirun a list of batches of them.

    Returns:
        The jobs, and whether it was a multirun.
    """
    jobs: list[Job] = []
    several = False
    for result in results:
        if isinstance(result, JobReturn):
            jobs.append(result.return_value)
        elif isinstance(result, list):
            several = True
            for batch in result:
                jobs += [job.return_value for job in batch]
    return jobs, several
