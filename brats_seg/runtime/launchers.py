"""Fixes around Hydra's launchers: lost jobs, one device per job, one process per job."""

from __future__ import annotations

import contextlib
import json
import math
import multiprocessing
import os
import re
import signal
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures.process import BrokenProcessPool
from functools import wraps
from types import FrameType
from typing import Any, TypeVar
from unittest.mock import patch

from hydra.core.config_store import ConfigStore
from hydra.core.hydra_config import HydraConfig
from hydra.core.plugins import Plugins
from hydra.core.utils import JobReturn, JobStatus
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf

from brats_seg.errors import UserError
from brats_seg.parallel import end_with

OWN = ("joblib", "submitit_slurm")
"""Launchers that have a file in ``conf/hydra/launcher``."""
KILLED = "SIGKILL"
SWEEP = "BRATS_SEG_SWEEP"
"""In the environment of a sweep's jobs: what the launcher knows of the others."""
QUIET_WORKERS = "ignore::UserWarning:multiprocessing.process"
"""For ``PYTHONWARNINGS``: in joblib's workers the plugins register again, and Hydra warns of it."""

Jobs = Sequence[Sequence[str]]
Result = TypeVar("Result")


def own_launchers() -> None:
    """Let the files in ``conf/hydra/launcher`` replace the plugins' options of the same names.

    Hydra would merge the two, with a warning.
    In those files ``${brats_seg.devices:ACCELERATOR}`` is the number of devices of this machine.
    """
    OmegaConf.register_new_resolver("brats_seg.devices", _count_devices, replace=True)
    Plugins.instance()  # registers the options of every plugin
    options = ConfigStore.instance().repo.get("hydra", {}).get("launcher", {})
    for name in OWN:
        options.pop(f"{name}.yaml", None)
    os.environ.setdefault("PYTHONWARNINGS", QUIET_WORKERS)


@contextlib.contextmanager
def patient_launchers(failed: Callable[[Sequence[str], str], object]) -> Iterator[None]:
    """Count a job that the cluster lost (cancelled, out of memory, node down) as failed.

    submitit would raise its error and wait for none of the other jobs.

    Args:
        failed: Takes the job's overrides and a message; gives what the job counts as having returned.
    """
    try:
        from submitit import Job as Submitted
    except ImportError:  # an extra
        yield
        return
    wait_for_results = Submitted.results

    @wraps(wait_for_results)
    def results(self: Any) -> list[Any]:
        try:
            return list(wait_for_results(self))
        except Exception:
            overrides = self.submission().args[0]
            answer = failed(overrides, f"lost by the cluster, see {self.paths.stderr}")
            return [JobReturn(status=JobStatus.COMPLETED, _return_value=answer)]

    with patch.object(Submitted, "results", results):
        yield


@contextlib.contextmanager
def kept_launches() -> Iterator[list[JobReturn]]:
    """Keep how each job of a multirun ended: a sweeper that optimises hands on none of them.

    Meanwhile :func:`job_of_sweep` knows how many jobs are launched together.

    Yields:
        A list that fills with what the launchers return.
    """
    launched: list[JobReturn] = []
    instantiate = Plugins.instantiate_launcher

    @wraps(instantiate)
    def instantiate_keeping(self: Plugins, **arguments: Any) -> Any:
        launcher: Any = instantiate(self, **arguments)
        launch = launcher.launch

        def launch_keeping(job_overrides: Jobs, initial_job_idx: int) -> Sequence[JobReturn]:
            several = len(job_overrides) > 1  # else a sweeper that asks one at a time
            shared = sorted(set.intersection(*map(set, job_overrides))) if several else None
            told = {"last": initial_job_idx + len(job_overrides), "shared": shared}
            with patch.dict(os.environ, {SWEEP: json.dumps(told)}):
                returned: Sequence[JobReturn] = launch(job_overrides, initial_job_idx=initial_job_idx)
            launched.extend(returned)
            return returned

        launcher.launch = launch_keeping
        return launcher

    with patch.object(Plugins, "instantiate_launcher", instantiate_keeping):
        yield launched


def job_of_sweep(overrides: Sequence[str]) -> str | None:
    """A line that says which job of a multirun this is.

    Args:
        overrides: Of the job.

    Returns:
        Such as ``job 2 of 6: fold=1 seed=7``; None in a single run.
    """
    running = HydraConfig.get()
    if running.mode != RunMode.MULTIRUN:
        return None
    told = json.loads(os.environ.get(SWEEP, "{}"))
    of = f" of {told['last']}" if told.get("shared") is not None else ""
    own = [each for each in overrides if each not in (told.get("shared") or ())]
    return f"job {running.job.num + 1}{of}: {' '.join(own)}"


def preempted_once() -> None:
    """In a Slurm job: ignore further signals of preemption once the first has come.

    ``scancel`` repeats the signal. The second one would interrupt submitit's handler of the first, and the
    job would end instead of being queued again.
    """
    if not hasattr(signal, "SIGUSR2"):  # Windows, which has no Slurm
        return
    handler = signal.getsignal(signal.SIGUSR2)
    if HydraConfig.get().runtime.choices["hydra/launcher"] != "submitit_slurm" or not callable(handler):
        return

    def handle_once(number: int, frame: FrameType | None) -> None:
        signal.signal(number, signal.SIG_IGN)
        handler(number, frame)

    signal.signal(signal.SIGUSR2, handle_once)


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


def _count_devices(accelerator: str) -> int:
    from brats_seg.runtime.devices import list_devices  # torch takes seconds

    return len(list_devices(accelerator))
