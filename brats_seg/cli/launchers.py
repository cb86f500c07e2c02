"""What Hydra's launchers leave open: whose jobs are lost, which device a job gets, in which process it runs."""

from __future__ import annotations

import contextlib
import math
import os
import signal
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from functools import wraps
from types import FrameType
from typing import Any, TypeVar, cast
from unittest.mock import patch

from hydra.core.config_store import ConfigStore
from hydra.core.hydra_config import HydraConfig
from hydra.core.plugins import Plugins
from hydra.core.utils import JobReturn, JobStatus
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


@contextlib.contextmanager
def patient_launchers() -> Iterator[None]:
    """A job that a cluster lost (cancelled, out of memory, its node gone) is a failed one; submitit would wait for no other."""
    try:
        from submitit import Job as Submitted
    except ImportError:  # an extra
        yield
        return
    results = Submitted.results

    @wraps(results)
    def wait(self: Any) -> list[Any]:
        try:
            return list(results(self))
        except Exception:
            lost = f"lost by the cluster, see {self.paths.stderr}"
            return [JobReturn(status=JobStatus.COMPLETED, _return_value=Job(tuple(self.submission().args[0]), 1, lost))]

    with patch.object(Submitted, "results", wait):
        yield


def preempted_once() -> None:
    """In a job of Slurm: ignore the signal of preemption once it has come.

    Repeated, as ``scancel`` repeats it, it would break into submitit's answer to the first, and the job would end, not wait
    in the queue again.
    """
    number = signal.SIGUSR2
    answer = signal.getsignal(number)

    def once(received: int, frame: FrameType | None) -> None:
        signal.signal(number, signal.SIG_IGN)
        if callable(answer):
            answer(received, frame)

    if HydraConfig.get().runtime.choices["hydra/launcher"] == "submitit_slurm" and callable(answer):
        signal.signal(number, once)


def own_launchers() -> None:
    """Let ``conf/hydra/launcher`` replace the plugins' options of the same names: Hydra would merge them, with a warning.

    (In joblib's workers the plugins register again, so it is not to be heard there.)
    And let ``${brats_seg.devices:ACCELERATOR}`` say there how many devices a machine has.
    """

    def count(accelerator: str) -> int:
        from brats_seg.training.devices import devices

        return len(devices(accelerator))

    OmegaConf.register_new_resolver("brats_seg.devices", count, replace=True)
    Plugins.instance()  # they register themselves
    options = ConfigStore.instance().repo.get("hydra", {}).get("launcher", {})
    for name in ("joblib", "submitit_slurm"):
        options.pop(f"{name}.yaml", None)
    os.environ.setdefault("PYTHONWARNINGS", "ignore::UserWarning:multiprocessing.process")


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

    from brats_seg.training.devices import devices, leased

    names = devices(config.trainer.accelerator)
    slots = math.ceil(joblib.effective_n_jobs(running.launcher.n_jobs) / len(names))
    with leased(names, slots), ProcessPoolExecutor(1) as process:
        try:
            ended: T = process.submit(task, config).result()
        except BrokenProcessPool:
            raise UserError("its process was killed, perhaps for lack of memory") from None
    return ended
