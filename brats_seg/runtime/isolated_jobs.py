"""One process and one device for each job of a sweep by joblib. Covered by tests/workflows/test_sweep.py."""

from __future__ import annotations

import math
import multiprocessing
import os
import re
from collections.abc import Callable
from concurrent.futures.process import BrokenProcessPool
from typing import TypeVar

from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import DictConfig

from brats_seg.errors import UserError
from brats_seg.parallel import end_with

KILLED = "SIGKILL"
Result = TypeVar("Result")


def usual_start_method() -> None:
    """Let processes that this one starts begin as they do elsewhere.

    joblib marks its processes with a start method of its own, which Python does not know in their children.
    """
    known = (None, *multiprocessing.get_all_start_methods())
    if multiprocessing.get_start_method(allow_none=True) not in known:
        multiprocessing.set_start_method(None, force=True)


def isolated(task: Callable[[DictConfig], Result], config: DictConfig) -> Result:
    """Run a job here, or, in a multirun of joblib, in a process of its own on a device of its own.

    The memory of such a process is free afterwards, and what kills it kills no other job.

    Args:
        task: Importable by name.
        config: Handed to the task.

    Returns:
        The task's result.

    Raises:
        UserError: The process was killed.
    """
    running = HydraConfig.get()
    if running.mode != RunMode.MULTIRUN or running.runtime.choices["hydra/launcher"] != "joblib":
        return task(config)
    import joblib
    from joblib.externals.loky import ProcessPoolExecutor  # Python's own cannot be nested in it

    from brats_seg.runtime.devices import lease_device, list_devices

    names = list_devices(config.trainer.accelerator)
    jobs_at_a_time = joblib.effective_n_jobs(running.launcher.n_jobs)
    slots = math.ceil(jobs_at_a_time / len(names))
    end_with(os.getppid())  # joblib's process, and the one that it starts, do not outlive the command
    pool = ProcessPoolExecutor(1, initializer=_begin_isolated, initargs=(os.getpid(),))
    with lease_device(names, slots), pool as process:
        try:
            result: Result = process.submit(task, config).result()
        except BrokenProcessPool as error:
            raise UserError(_why_it_ended(str(error))) from None
    return result


def _begin_isolated(parent: int) -> None:
    usual_start_method()
    end_with(parent)


def _why_it_ended(said: str) -> str:
    """What to tell of a process that is gone, from what joblib says of it."""
    codes = re.search(r"exit codes of the workers are \{(.*)\}", said)
    reason = codes[1] if codes else ""
    if reason.startswith(KILLED):
        return f"the process of this job was killed ({reason}), perhaps for lack of memory"
    return f"the process of this job has ended ({reason or 'joblib says no more'}), see above what it said"
