"""The weights of a bundle, checked before they get into its network.

Covered by tests/artifacts/test_bundles.py.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

from brats_seg.artifacts.weights_file import parse_weights
from brats_seg.errors import FileError, UserError
from brats_seg.files import read_bytes
from brats_seg.models import Network, is_own
from brats_seg.models.shapes import shapes_of

CPU, META = "cpu", "meta"
MAX_HEADER_BYTES = 1_000_000
"""What safetensors may take beside the numbers themselves."""


def read_net(path: Path, sha256: str, untrained: Callable[[], Network], sizes_from: str) -> Network:
    """A network with the weights of a file.

    Args:
        path: Of the weights.
        sha256: Of the file, as it was recorded.
        untrained: Makes the network.
        sizes_from: As :func:`sizes_from` says.

    Returns:
        The network.

    Raises:
        UserError: The weights are damaged, changed, not finite, of other types than the network's, or do not
            fit it.
    """
    expected = shapes_of(untrained, on_cpu=sizes_from == CPU)
    allowed = sum(value.nbytes for value in expected.values())
    data = read_bytes(path, allowed + MAX_HEADER_BYTES)
    found = hashlib.sha256(data).hexdigest()
    if found != sha256:
        raise FileError(path, f"sha256 {sha256}", f"{found}; copy the bundle again")
    net = _filled(path, _weights(path, data, expected), expected, untrained)
    if not all(bool(value.isfinite().all()) for value in net.state_dict().values()):
        raise FileError(path, "finite weights", "NaN or infinite ones; train again")
    return net


def with_weights(
    path: Path, weights: Mapping[str, Tensor], untrained: Callable[[], Network], sizes_from: str
) -> Network:
    """A network with weights, compared with it before memory is taken for it.

    Args:
        path: Of the file that they were read from, for the error.
        weights: By name.
        untrained: Makes the network.
        sizes_from: As :func:`sizes_from` says.

    Returns:
        The network.

    Raises:
        UserError: They are those of another architecture.
    """
    return _filled(path, weights, shapes_of(untrained, on_cpu=sizes_from == CPU), untrained)


def _filled(
    path: Path,
    weights: Mapping[str, Tensor],
    expected: Mapping[str, Tensor],
    untrained: Callable[[], Network],
) -> Network:
    """The network, made only where every shape is the expected one."""
    for name in sorted(expected.keys() | weights.keys()):
        asked, found = _shape(expected.get(name)), _shape(weights.get(name))
        if asked != found:
            raise _unfit(path, f"{name}: expected {asked}, found {found}")
    net = untrained()
    try:
        net.load_state_dict(weights)
    except RuntimeError as error:  # pragma: no cover (a network of one's own may load in its own way)
        raise _unfit(path, error) from error
    return net


def sizes_from(architecture: Mapping[str, Any]) -> str:
    """Device on which a network is made to see how large its weights are.

    Constructors of other packages may ask for the values of a tensor, which meta tensors have not.
    """
    return CPU if is_own(architecture) else META


def _shape(value: Tensor | None) -> str:
    return "nothing" if value is None else f"shape {list(value.shape)}"


def _weights(path: Path, data: bytes, expected_weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    known = {_type(value) for value in expected_weights.values()}
    expected = f"weights in {' and '.join(sorted(known))}"
    weights = parse_weights(path, data)
    other = {_type(value) for value in weights.values()} - known
    if other:
        raise FileError(path, expected, ", ".join(sorted(other)))
    return weights


def _type(value: Tensor) -> str:
    return str(value.dtype).removeprefix("torch.")


def _unfit(path: Path, error: Exception | str) -> UserError:
    return UserError(f"{path}: the weights do not fit the architecture ({str(error).splitlines()[0]})")
