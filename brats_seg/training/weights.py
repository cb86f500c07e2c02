"""Weights as files that explain themselves, and their mean (section 2.5).

Covered by tests/training/callbacks/test_cyclic_swa.py.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from brats_seg.errors import FileError, UserError
from brats_seg.files import parse_json, whole_file

Facts = Mapping[str, Any]
"""Plain values beside the weights: pipeline, architecture, normalisation; of a snapshot also its epoch."""
FACTS = "brats_seg"
"""The facts' key in the file's metadata; one key, because safetensors writes several in any order."""


def write_weights(path: Path, net: nn.Module, facts: Facts) -> None:
    """Write the weights with their facts, whole or not at all.

    Args:
        path: A safetensors file; replaced where it is there.
        net: The network, on any device.
        facts: As JSON can hold them.

    Raises:
        UserError: The folder cannot be written or the disk is full.
    """
    # A copy of each: safetensors refuses weights that share memory.
    weights = {name: value.detach().cpu().contiguous().clone() for name, value in net.state_dict().items()}
    with whole_file(path) as temporary:
        save_file(weights, temporary, {FACTS: json.dumps(dict(facts))})


def read_weights(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Weights and facts of a file that :func:`write_weights` wrote.

    Returns:
        Tensors on the CPU by their names, and the facts.

    Raises:
        FileError: There is no such file, or it is damaged or of another kind.
    """
    try:
        with safe_open(path, "pt") as file:
            facts = parse_json(path, (file.metadata() or {}).get(FACTS, "{}").encode("utf-8"))
            weights = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a mapping)
    except (OSError, SafetensorError, ValueError, KeyError, RuntimeError) as error:
        raise FileError(path, "a file of weights", next(iter(str(error).splitlines()), "none")) from error
    if not isinstance(facts, dict):
        raise FileError(path, "weights with their facts", "something else")
    return weights, facts


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
