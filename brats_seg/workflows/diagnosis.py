"""What this machine has, and what is missing for which feature."""

from __future__ import annotations

import os
import platform
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path

import torch

from brats_seg.errors import UserError
from brats_seg.report.pages import viewer_script
from brats_seg.runtime import cores, default_precision, memory_bytes
from brats_seg.runtime.card import usable_device
from brats_seg.runtime.wandb_account import is_logged_in

VERSIONS = ("brats-seg", "torch", "pytorch-lightning", "hydra-core", "numpy", "nibabel")
GIB = 2**30
READY = "ready"
SLOW_CUDNN = (90800, 91500)
"""From 9.8 until before 9.15."""


@dataclass(frozen=True)
class Diagnosis:
    """What this machine has.

    Attributes:
        versions: Of Python and of the packages that results depend on.
        machine: Device, precision, cores, memory, disk.
        features: Those that need more than the package; the value is "ready" or what to do.
    """

    versions: Mapping[str, str]
    machine: Mapping[str, str]
    features: Mapping[str, str]


def doctor(folder: Path) -> Diagnosis:
    """Examine this machine.

    Args:
        folder: Whose disk is measured; need not exist yet.

    Returns:
        Versions, machine and features.
    """
    versions = {"python": platform.python_version()}
    for name in VERSIONS:
        versions[name] = metadata.version(name)
    return Diagnosis(versions, _examine_machine(folder), _examine_features())


def _examine_machine(folder: Path) -> dict[str, str]:
    place = folder.absolute()
    while not place.exists():
        place = place.parent
    free, total = memory_bytes()
    return {
        "device": _describe_device(),
        "precision": default_precision(),
        "16-bit convolution on the GPU": _probe_convolution(),
        "cores": str(cores()),
        "memory": f"{free / GIB:.1f} GiB free of {total / GIB:.1f} GiB",
        "disk": f"{shutil.disk_usage(place).free / GIB:.1f} GiB free in {place}",
    }


def _describe_device() -> str:
    try:
        device = usable_device("auto")
    except UserError as error:
        return str(error)
    return device if torch.cuda.is_available() else f"{device}, {torch.backends.cpu.get_cpu_capability()}"


def _probe_convolution() -> str:
    """One step of a 16-bit convolution: what a wrong driver, cuDNN or card fails at."""
    if not torch.cuda.is_available():
        return "not on a CPU"
    cudnn = torch.backends.cudnn.version() or 0  # type: ignore[no-untyped-call]
    try:
        image = torch.ones(1, 16, 8, 8, 8, device="cuda", dtype=torch.float16, requires_grad=True)
        weight = torch.ones(16, 16, 3, 3, 3, device="cuda", dtype=torch.float16, requires_grad=True)
        answer = torch.nn.functional.conv3d(image, weight, padding=1)
        torch.autograd.grad(answer.float().sum(), (image, weight))
        torch.cuda.synchronize()
    except RuntimeError as error:
        return f"fails: {str(error).splitlines()[0]}"
    if SLOW_CUDNN[0] <= cudnn < SLOW_CUDNN[1]:
        return f"works; cuDNN {cudnn} is slow or wrong for some 3-D convolutions: take 9.15 or later"
    return f"works (cuDNN {cudnn})"


def _examine_features() -> dict[str, str]:
    joblib = _extra("sweeps", "hydra_plugins.hydra_joblib_launcher")
    slurm = _extra("sweeps", "hydra_plugins.hydra_submitit_launcher")
    if slurm == READY and not shutil.which("sbatch"):
        slurm = "run the command on a machine that has sbatch"
    return {
        "folds in parallel (hydra/launcher=joblib)": joblib,
        "folds on Slurm (hydra/launcher=submitit_slurm)": slurm,
        "Weights & Biases online": READY if is_logged_in(os.environ) else "wandb login",
        "TensorBoard (logger=tensorboard)": _extra("tensorboard", "tensorboard"),
        "ONNX (export format=onnx)": _extra("export", "onnx", "onnxscript", "onnxruntime"),
        "3-D viewer of reports": READY if viewer_script() else "make viewer",
    }


def _extra(extra: str, *modules: str) -> str:
    """Ready, or how to install the extra that brings the modules."""
    if all(_installed(module) for module in modules):
        return READY
    return f'pip install "brats-seg[{extra}]"'


def _installed(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:  # not even the package that the module would lie in
        return False
