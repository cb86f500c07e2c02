"""What Hydra's launchers leave open: whose jobs are lost, which device a job gets, in which process it runs."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Iterator
from functools import wraps
from types import FrameType
from typing import Any
from unittest.mock import patch

from hydra.core.config_store import ConfigStore
from hydra.core.hydra_config import HydraConfig
from hydra.core.plugins import Plugins
from hydra.core.utils import JobReturn, JobStatus
from omegaconf import OmegaConf

from brats_seg.cli.jobs import Job


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
            return [
                JobReturn(
                    status=JobStatus.COMPLETED, _return_value=Job(tuple(self.submission().args[0]), 1, lost)
                )
            ]

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
        from brats_seg.runtime.devices import devices

        return len(devices(accelerator))

    OmegaConf.register_new_resolver("brats_seg.devices", count, replace=True)
    Plugins.instance()  # they register themselves
    options = ConfigStore.instance().repo.get("hydra", {}).get("launcher", {})
    for name in ("joblib", "submitit_slurm"):
        options.pop(f"{name}.yaml", None)
    os.environ.setdefault("PYTHONWARNINGS", "ignore::UserWarning:multiprocessing.process")
