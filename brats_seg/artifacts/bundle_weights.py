"""The weights of a bundle, checked before they get into its network.

Covered by tests/artifacts/test_bundles.py.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load
from torch import Tensor, nn

from brats_seg.errors import FileError, UserError
from brats_seg.files import read_bytes
from brats_seg.models import Network

MAX_HEADER_BYTES = 1_000_000
"""What safetensors may take beside the numbers themselves."""


def read_net(path: Path, sha256: str, untrained: Callable[[], Network], sizes_from: str) -> Network:
    """A network with the weights of a file.

    Args:
        path: Of the weights.
        sha256: Of the file, as it was recorded.
        untrained: Makes the network.
        sizes_from: Device on which one is made to see how large the file may be.

    Returns:
        The network.

    Raises:
        UserError: The weights are damaged, changed, not finite, of other types than the network's, or do not
            fit it.
    """
    with torch.device(sizes_from):
        allowed = sum(value.nbytes for value in untrained().state_dict().values())
    data = read_bytes(path, allowed + MAX_HEADER_BYTES)
    found = hashlib.sha256(data).hexdigest()
    if found != sha256:
        raise FileError(path, f"sha256 {sha256}", f"{found}; copy the bundle again")
    net = untrained()
    load_weights(path, net, _weights(path, data, net))
    if not all(bool(value.isfinite().all()) for value in net.state_dict().values()):
        raise FileError(path, "finite weights", "NaN or infinite ones; train again")
    return net


def load_weights(path: Path, net: nn.Module, weights: Mapping[str, Tensor]) -> None:
    """Give a network its weights.

    Args:
        path: Of the file that they were read from, for the error.
        net: Changed.
        weights: By name.

    Raises:
        UserError: They are those of another architecture.
    """
    try:
        net.load_state_dict(weights)
    except RuntimeError as error:
        raise _unfit(path, error) from error


def _weights(path: Path, data: bytes, net: Network) -> dict[str, Tensor]:
    known = {_type(value) for value in net.state_dict().values()}
    expected = f"weights in {' and '.join(sorted(known))}"
    try:
        weights = load(data)
    except KeyError as error:  # a type that safetensors knows and its torch half does not
        raise FileError(path, expected, str(error)) from error
    except (SafetensorError, RuntimeError, ValueError) as error:
        raise _unfit(path, error) from error
    other = {_type(value) for value in weights.values()} - known
    if other:
        raise FileError(path, expected, ", ".join(sorted(other)))
    return weights


def _type(value: Tensor) -> str:
    return str(value.dtype).removeprefix("torch.")


def _unfit(path: Path, error: Exception) -> UserError:
    return UserError(f"{path}: the weights do not fit the architecture ({str(error).splitlines()[0]})")
