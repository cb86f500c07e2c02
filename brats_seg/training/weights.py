"""The weights of a network in a file, and the mean of several files (section 2.5).

Covered by tests/training/callbacks/test_cyclic_swa.py.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from torch import Tensor, nn

from brats_seg.artifacts import weights_file
from brats_seg.artifacts.weights_file import Facts, read_weights
from brats_seg.errors import FileError, UserError

__all__ = ["Facts", "mean_weights", "read_weights", "write_weights"]


def write_weights(path: Path, net: nn.Module, facts: Facts) -> None:
    """Write the weights of a network with their facts, whole or not at all.

    Args:
        path: A safetensors file; replaced where it is there.
        net: The network, on any device.
        facts: As JSON can hold them.

    Raises:
        UserError: The folder cannot be written or the disk is full.
    """
    weights_file.write_weights(path, net.state_dict(), facts)


def mean_weights(paths: Sequence[Path]) -> dict[str, Tensor]:
    """The mean of the files in float64, as float32; one file in memory at a time.

    Raises:
        UserError: There is no file, one cannot be read or is not finite, or they are of different networks.
    """
    if not paths:
        raise UserError("no snapshot to average")
    total: dict[str, Tensor] = {}
    for path in paths:
        weights, _ = read_weights(path)
        if total and _shapes(weights) != _shapes(total):
            raise FileError(path, f"the network of {paths[0]}", "another one")
        if not all(bool(value.isfinite().all()) for value in weights.values()):
            raise FileError(path, "finite weights", "NaN or infinite ones")
        total = {name: value.double() + total.get(name, 0) for name, value in weights.items()}
    return {name: (value / len(paths)).float() for name, value in total.items()}


def _shapes(weights: Mapping[str, Tensor]) -> dict[str, torch.Size]:
    return {name: value.shape for name, value in weights.items()}
