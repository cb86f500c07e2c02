"""Hydra's launchers: their options, and jobs that come to no end."""

from __future__ import annotations

import inspect
from dataclasses import fields
from pathlib import Path
from typing import Any

import brats_seg.conf
import pytest
import yaml
from hydra.core.utils import JobStatus

from brats_seg.runtime.launchers import patient_launchers


@pytest.mark.parametrize("name", ["joblib", "submitit_slurm"])
def test_launchers_have_the_keys_that_their_plugins_take(name: str) -> None:
    from hydra_plugins.hydra_submitit_launcher.config import SlurmQueueConf
    from joblib import Parallel

    known = {
        "joblib": set(inspect.signature(Parallel).parameters),
        "submitit_slurm": {field.name for field in fields(SlurmQueueConf)},
    }
    file = Path(str(brats_seg.conf.__file__)).parent / "hydra" / "launcher" / f"{name}.yaml"
    keys = set(yaml.safe_load(file.read_text())) - {"_target_"}
    assert keys and keys <= known[name]


def test_a_job_that_the_cluster_lost_is_a_failed_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import submitit

    def lost(self: Any) -> list[Any]:
        raise RuntimeError("job not found")

    class Submission:
        args = (["fold=1"],)

    monkeypatch.setattr(submitit.Job, "results", lost)
    monkeypatch.setattr(submitit.Job, "submission", lambda self: Submission)
    job: Any = submitit.Job(tmp_path, "12")
    with patient_launchers(lambda overrides, message: (overrides, message)):
        (returned,) = job.results()
    assert returned.status == JobStatus.COMPLETED
    overrides, message = returned.return_value
    assert overrides == ["fold=1"]
    assert message.startswith("lost by the cluster, see ")
    with pytest.raises(RuntimeError, match="job not found"):
        job.results()
