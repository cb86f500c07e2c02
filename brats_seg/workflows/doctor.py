"""What this machine has, and what is missing for which feature."""

from __future__ import annotations

import netrc
import os
import platform
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path

import torch

from brats_seg.report.pages import viewer_script
from brats_seg.runtime.precision import default_precision

VERSIONS = ("brats-seg", "torch", "pytorch-lightning", "hydra-core", "numpy", "nibabel")
GIB = 2**30


@dataclass(frozen=True)
class Diagnosis:
    """What was found, each by its name.

    Attributes:
        versions: Of Python and of the packages that results depend on.
        machine: Device, precision, cores, memory, disk.
        features: What is not built in; the value is "ready" or what to do for it.
    """

    versions: Mapping[str, str]
    machine: Mapping[str, str]
    features: Mapping[str, str]


def doctor(folder: Path) -> Diagnosis:
    """Examine this machine.

    Args:
        folder: Whose disk is measured; need not exist yet.
    """
    versions = {"python": platform.python_version(), **{name: metadata.version(name) for name in VERSIONS}}
    return Diagnosis(versions, _machine(folder), _features())


def _machine(folder: Path) -> dict[str, str]:
    place = next(path for path in (folder.absolute(), *folder.absolute().parents) if path.exists())
    free, total = memory()
    return {
        "device": _device(),
        "precision": default_precision(),
        "cores": str(len(os.sched_getaffinity(0))),
        "memory": f"{free / GIB:.1f} GiB free of {total / GIB:.1f} GiB",
        "disk": f"{shutil.disk_usage(place).free / GIB:.1f} GiB free in {place}",
    }


def _device() -> str:
    if torch.cuda.is_available():
        cards = [torch.cuda.get_device_properties(index) for index in range(torch.cuda.device_count())]
        return ", ".join(f"{card.name} ({card.total_memory / GIB:.0f} GiB)" for card in cards)
    reason = (
        "the installed torch cannot use the NVIDIA card" if shutil.which("nvidia-smi") else "no NVIDIA card"
    )
    return f"CPU, {torch.backends.cpu.get_cpu_capability()} ({reason})"


def memory() -> tuple[int, int]:
    """Free and total bytes for this process: the machine's, or those of its control group where that has fewer."""
    page = os.sysconf("SC_PAGE_SIZE")
    lines = (line.split() for line in Path("/proc/meminfo").read_text().splitlines())
    free = next(int(words[1]) * 1024 for words in lines if words[0] == "MemAvailable:")
    total = page * os.sysconf("SC_PHYS_PAGES")
    group = Path("/sys/fs/cgroup")
    try:
        limit, used = (int((group / name).read_text()) for name in ("memory.max", "memory.current"))
    except (OSError, ValueError):  # no control group, or one without a limit
        return free, total
    return min(free, limit - used), min(total, limit)


def _features() -> dict[str, str]:
    sweeps = 'pip install "brats-seg[sweeps]"'
    slurm = "ready" if shutil.which("sbatch") else "run it where sbatch is"
    return {
        "folds in parallel (hydra/launcher=joblib)": _with("hydra_plugins.hydra_joblib_launcher", sweeps),
        "folds on Slurm (hydra/launcher=submitit_slurm)": _with(
            "hydra_plugins.hydra_submitit_launcher", sweeps, slurm
        ),
        "Weights & Biases online": "ready" if _logged_in() else "wandb login",
        "TensorBoard (logger=tensorboard)": _with("tensorboard", 'pip install "brats-seg[tensorboard]"'),
        "ONNX (export format=onnx)": _export(),
        "3-D viewer of reports": "ready" if viewer_script() else "make viewer",
    }


def _export() -> str:
    answers = [
        _with(module, 'pip install "brats-seg[export]"') for module in ("onnx", "onnxscript", "onnxruntime")
    ]
    return next((answer for answer in answers if answer != "ready"), "ready")


def _with(module: str, installation: str, ready: str = "ready") -> str:
    try:
        return ready if find_spec(module) else installation
    except ModuleNotFoundError:
        return installation


def _logged_in() -> bool:
    try:
        return "WANDB_API_KEY" in os.environ or netrc.netrc().authenticators("api.wandb.ai") is not None
    except (OSError, netrc.NetrcParseError):
        return False
