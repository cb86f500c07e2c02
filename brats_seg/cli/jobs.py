"""The jobs of a multirun: how each ended, and in which process it runs."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from typing import Any, TypeVar, cast

from hydra.core.hydra_config import HydraConfig
from hydra.core.utils import JobReturn
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf

from brats_seg.errors import UserError

T = TypeVar("T")


@dataclass(frozen=True)
class Job:
    """How one job ended.

    Attributes:
        overrides: What made it one.
        code: Exit code.
        message: Of its error.
        result: What the task returned.
    """

    overrides: tuple[str, ...]
    code: int
    message: str = ""
    result: Any = None


def task_overrides() -> list[str]:
    """Of the running job, as they were given."""
    return cast(list[str], OmegaConf.to_container(HydraConfig.get().overrides.task, resolve=False))


def done(results: Sequence[Any]) -> tuple[list[Job], bool]:
    """The jobs in what Hydra returns, of one run or of a multirun's batches, and whether it was a multirun."""
    several = any(isinstance(result, list) for result in results)
    returns = [job for result in results if isinstance(result, list) for batch in result for job in batch]
    returns += [result for result in results if isinstance(result, JobReturn)]
    return [job.return_value for job in returns], several


def isolated(task: Callable[[DictConfig], T], config: DictConfig) -> T:
    """Run a job; one of joblib in a process of its own on a device of its own.

    So its memory is free afterwards, and what kills it kills no other.

    Args:
        task: Importable by name.
        config: Given to it.

    Raises:
        UserError: The process was killed.
    """
    running = HydraConfig.get()
    if running.mode != RunMode.MULTIRUN or running.runtime.choices["hydra/launcher"] != "joblib":
        return task(config)
    import joblib
    from joblib.externals.loky import ProcessPoolExecutor  # Python's own cannot be nested in it

    from brats_seg.runtime.devices import devices, leased

    names = devices(config.trainer.accelerator)
    slots = math.ceil(joblib.effective_n_jobs(running.launcher.n_jobs) / len(names))
    with leased(names, slots), ProcessPoolExecutor(1) as process:
        try:
            ended: T = process.submit(task, config).result()
        except BrokenProcessPool:
            raise UserError("its process was killed, perhaps for lack of memory") from None
    return ended
