"""A pretended CUDA device on a torch built for CPUs: torch's autocast, autograd, meta kernels, no arithmetic.

The guard must be loaded before torch is imported and changes the process for good, so it has a process of its
own (``step.py``).
"""

from __future__ import annotations

import subprocess
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensor, FakeTensorMode

GUARD = Path(__file__).with_name("guard.cpp")
CARD = torch.device("cuda", 0)


def build(library: Path) -> None:
    """Compile the guard against the installed torch.

    Raises:
        subprocess.CalledProcessError: g++ is missing a header, or torch has changed.
    """
    torch_folder = Path(torch.__path__[0])
    include = torch_folder / "include"
    headers = [f"-I{include}", f"-I{include}/torch/csrc/api/include"]
    libraries = [f"-L{torch_folder}/lib", "-lc10", "-ltorch_cpu", f"-Wl,-rpath,{torch_folder}/lib"]
    command = [
        "g++",
        "-std=c++20",
        "-shared",
        "-fPIC",
        "-O0",
        *headers,
        str(GUARD),
        "-o",
        str(library),
        *libraries,
    ]
    subprocess.run(command, check=True, capture_output=True, text=True)


def pretend() -> None:
    """From here on torch's Python believes in one card, as its C++ does since the guard was loaded."""
    warnings.filterwarnings("ignore")
    import torch.cuda.amp.common as common

    common.amp_definitely_not_available = lambda: False
    torch.cuda.is_available = lambda: True
    torch.cuda.is_bf16_supported = lambda including_emulation=True: True
    torch.cuda._lazy_init = lambda: None
    torch.cuda.get_rng_state = lambda device="cuda": torch.zeros(16, dtype=torch.uint8)
    torch.cuda.set_rng_state = lambda state, device="cuda": None


def on_card(mode: FakeTensorMode, tensor: Tensor) -> Tensor:
    """A tensor of the meta device as one of the card."""
    return FakeTensor(mode, tensor.detach(), CARD)


def move(net: nn.Module, mode: FakeTensorMode) -> None:
    """All parameters of a network of the meta device to the card."""
    for module in net.modules():
        for name, parameter in list(module.named_parameters(recurse=False)):
            fake = on_card(mode, parameter)
            with mode:
                module._parameters[name] = nn.Parameter(fake)


@contextmanager
def autocast(dtype: torch.dtype | None) -> Iterator[None]:
    """``torch.autocast("cuda", dtype)`` without its look at the card."""
    if dtype is None:
        yield
        return
    torch.set_autocast_enabled("cuda", True)
    torch.set_autocast_dtype("cuda", dtype)
    torch.autocast_increment_nesting()
    yield
    torch.autocast_decrement_nesting()
    torch.clear_autocast_cache()
    torch.set_autocast_enabled("cuda", False)
