"""Weights as files that explain themselves and know when they are damaged.

Covered by tests/artifacts/test_bundles.py and tests/training/callbacks/test_cyclic_swa.py.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from brats_seg.errors import FileError
from brats_seg.files import parse_json, read_bytes, whole_file

Facts = Mapping[str, Any]
"""Plain values beside the weights: pipeline, architecture, normalisation; of a snapshot also its epoch."""
FACTS = "brats_seg"
"""The facts' key in the file's metadata; one key, because safetensors writes several in any order."""
SHA256 = "sha256"
"""Of the other facts and the weights, among the facts."""
MAX_BYTES = 2**31
"""The largest file of weights that is read: 30 times that of the paper's network."""
LENGTH_BYTES = 8
"""A file of weights begins with the length of its header."""


def to_bytes(weights: Mapping[str, Tensor], facts: Facts | None = None) -> bytes:
    """A file of weights; safetensors' own writing leaves a temporary of mode 0600 behind.

    Args:
        weights: On any device.
        facts: As JSON can hold them; None: none.

    Returns:
        The same bytes for the same weights and facts.
    """
    # A copy of each: safetensors refuses weights that share memory.
    plain = {name: value.detach().cpu().contiguous().clone() for name, value in weights.items()}
    if facts is None:
        return save(plain)
    with_sum = {**facts, SHA256: _digest(plain, facts)}
    return save(plain, {FACTS: json.dumps(with_sum)})


def write_weights(path: Path, weights: Mapping[str, Tensor], facts: Facts) -> None:
    """Write weights with their facts, whole or not at all.

    Args:
        path: A safetensors file; replaced where it is there.
        weights: On any device.
        facts: As JSON can hold them.

    Raises:
        UserError: The folder cannot be written or the disk is full.
    """
    with whole_file(path) as temporary:
        temporary.write_bytes(to_bytes(weights, facts))


def read_weights(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Weights and facts of a file that :func:`write_weights` wrote.

    Returns:
        Tensors on the CPU by their names, and the facts.

    Raises:
        FileError: There is no such file, or it is damaged or of another kind.
    """
    data = read_bytes(path, MAX_BYTES)
    weights, facts = parse_weights(path, data), _facts(path, data)
    recorded = facts.pop(SHA256, None)  # an earlier version wrote none
    if recorded is not None and recorded != _digest(weights, facts):
        found = "damaged ones; copy the file again, or train again"
        raise FileError(path, f"weights of sha256 {recorded}", found)
    return weights, facts


def parse_weights(path: Path, data: bytes) -> dict[str, Tensor]:
    """The tensors in a file of weights.

    Args:
        path: Of the file, for the error.
        data: All of it.

    Returns:
        Tensors on the CPU by their names.

    Raises:
        FileError: The bytes are damaged or those of another kind of file.
    """
    try:
        return load(data)
    except (SafetensorError, RuntimeError, ValueError, KeyError, TypeError, OverflowError) as error:
        reason = str(error).partition("\n")[0]
        raise FileError(path, "a file of weights", f"something else ({reason})") from error


def _facts(path: Path, data: bytes) -> dict[str, Any]:
    length = int.from_bytes(data[:LENGTH_BYTES], "little")
    header = parse_json(path, data[LENGTH_BYTES : LENGTH_BYTES + length])
    metadata = header.get("__metadata__") or {}  # null is none to safetensors
    facts = parse_json(path, metadata.get(FACTS, "{}").encode())
    if not isinstance(facts, dict):
        raise FileError(path, "a file of weights that says what they are", "something else")
    return facts


def _digest(weights: Mapping[str, Tensor], facts: Facts) -> str:
    digest = hashlib.sha256(json.dumps(dict(facts)).encode())
    for name, value in sorted(weights.items()):
        digest.update(f"{name} {value.dtype} {tuple(value.shape)}".encode())
        digest.update(value.reshape(-1).view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()
