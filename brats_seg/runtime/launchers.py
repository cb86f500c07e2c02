"""Fixes around Hydra's launchers: lost jobs, own options, one line about each job."""

from __future__ import annotations

import contextlib
import json
import os
import signal
from collections.abc import Callable, Iterator, Sequence
from functools import wraps
from types import FrameType
from typing import Any
from unittest.mock import patch

from hydra.core.config_store import ConfigStore
from hydra.core.hydra_config import HydraConfig
from hydra.core.plugins import Plugins
from hydra.core.utils import JobReturn, JobStatus
from hydra.types import RunMode
from omegaconf import OmegaConf

OWN = ("joblib", "submitit_slurm")
"""Launchers that have a file in ``conf/hydra/launcher``."""
SWEEP = "BRATS_SEG_SWEEP"
"""In the environment of a sweep's jobs: what the launcher knows of the others."""
QUIET_WORKERS = "ignore::UserWarning:multiprocessing.process"
"""For ``PYTHONWARNINGS``: in joblib's workers the plugins register again, and Hydra warns of it."""

Jobs = Sequence[Sequence[str]]


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


def _count_devices(accelerator: str) -> int:
    from brats_seg.runtime.devices import list_devices  # torch takes seconds

    return len(list_devices(accelerator))
