"""A bundle's network as a file that runs without this package, compared with the bundle before it is kept.

Covered by tests/inference/test_export.py.
"""

from __future__ import annotations

import copy
import io
import logging
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.export import Dim

from brats_seg.artifacts.bundles import Bundle
from brats_seg.errors import FileError, UserError, WrongValue
from brats_seg.files import refuse_foreign, says, whole_file, write_json
from brats_seg.geometry import Triple
from brats_seg.inference.onnx_norms import replace_norms
from brats_seg.models import Network, OwnNetwork
from brats_seg.terms import MODALITIES, REGIONS

TOLERANCE = 1e-3
"""Largest difference of a probability that counts as the same: other kernels add in another order."""
SUFFIXES = {"torch_export": ".pt2", "onnx": ".onnx"}
SMALLEST, LARGEST = 2, 64
"""Sides, in multiples of what the network needs: 8.

With one, the lowest level is a single voxel, and shapes of one are special to torch.export.
"""
EXAMPLE: Triple = (4, 5, 6)
"""Sides of what is traced, in the same unit; the file takes every size between the bounds."""
Answer = Callable[[Tensor], Tensor]


class Probabilities(nn.Module):
    """Normalised image ``(1, modality, z, y, x)``, sides multiples of 8, to probabilities."""

    def __init__(self, net: Network) -> None:
        super().__init__()
        self.net = net

    def forward(self, image: Tensor) -> Tensor:
        """Run the network.

        Args:
            image: Normalised.

        Returns:
            Probabilities of the regions.
        """
        logits: Tensor = self.net(image, deep=False).main
        return logits.sigmoid()


@torch.no_grad()
def export(
    bundle: Bundle, path: Path, *, format: str, parity_shape: Triple, overwrite: bool = False
) -> float:
    """Write the network of a bundle as one file, and ``<file>.json`` that describes its input and output.

    Args:
        bundle: What to export.
        path: The file, ``.pt2`` or ``.onnx``.
        format: ``torch_export`` (``torch.export.load``) or ``onnx``.
        parity_shape: ``(z, y, x)`` of the random volume on which the file has to answer as the bundle does.
        overwrite: Replace a file that this program has not written.

    Returns:
        The largest difference of a probability.

    Raises:
        UserError: The format is unknown, what it needs is not installed, or the file does not answer as the
            bundle does.
    """
    if format not in SUFFIXES or path.suffix != SUFFIXES[format]:
        ways = " or ".join(f"{name} with *{suffix}" for name, suffix in SUFFIXES.items())
        raise WrongValue(f"format={format} output={path}: use {ways}")
    description = path.with_name(f"{path.name}.json")
    ours = says('"bundle"', '"parity"')
    refuse_foreign({description: ours, path: lambda _: ours(description)}, overwrite=overwrite)
    net = Probabilities(bundle.net()).eval()
    multiple = net.net.divisor
    _refuse_other_shape(parity_shape, multiple)
    image = torch.randn(1, len(MODALITIES), *parity_shape, generator=torch.Generator().manual_seed(0))
    with whole_file(path) as temporary, _quiet():
        answer = _written(net, temporary, format)
        difference = float((answer(image) - net(image)).abs().max())
        if not difference <= TOLERANCE:
            expected = f"the bundle's probabilities to {TOLERANCE}"
            raise FileError(path, expected, f"a difference of {difference:.2g}")
        # First, because it tells whose the file is.
        write_json(description, _describe(bundle, parity_shape, difference, multiple))
    return difference


def _written(net: Probabilities, path: Path, format: str) -> Answer:
    """The answer of the file; a network of another package may do what no exporter can follow."""
    try:
        return {"torch_export": _torch_export, "onnx": _onnx}[format](net, path)
    except UserError:
        raise
    except Exception as error:
        if not isinstance(net.net, OwnNetwork):
            raise
        reason = next(iter(str(error).strip().splitlines()), type(error).__name__)
        raise UserError(f"format={format}: torch cannot export {net.net.name} ({reason})") from error


def _refuse_other_shape(shape: Triple, multiple: int) -> None:
    smallest, largest = SMALLEST * multiple, LARGEST * multiple
    sides = range(smallest, largest + 1, multiple)
    if len(shape) != 3 or any(side not in sides for side in shape):
        expected = f"three multiples of {multiple} from {smallest} to {largest}"
        raise WrongValue(f"parity_shape={list(shape)}: expected {expected}")


def _describe(bundle: Bundle, parity_shape: Triple, difference: float, multiple: int) -> dict[str, Any]:
    return {
        "bundle": {"path": str(bundle.folder), "sha256": bundle.sha256},
        "input": {
            "name": "image",
            "axes": ["batch of 1", "modality", "z", "y", "x"],
            "orientation": "LPS",
            "multiple": multiple,
            "smallest": SMALLEST * multiple,
            "largest": LARGEST * multiple,
        },
        "output": {"name": "probabilities", "axes": ["batch of 1", "region", "z", "y", "x"]},
        "modalities": MODALITIES,
        "regions": REGIONS,
        "normalisation": bundle.record["normalisation"],
        "parity": {"shape": parity_shape, "largest_difference": difference},
        "torch": torch.__version__,
    }


@contextmanager
def _quiet() -> Iterator[None]:
    """Silence the exporters' warnings, which are about their own code."""
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings(action="ignore"):
            yield
    finally:
        logging.disable(logging.NOTSET)


def _dynamic(multiple: int) -> dict[str, dict[int, object]]:
    sides: dict[int, object] = {}
    for axis, name in ((2, "z"), (3, "y"), (4, "x")):
        sides[axis] = multiple * Dim(f"{name}_steps", min=SMALLEST, max=LARGEST)
    return {"image": sides}


def _example(multiple: int) -> tuple[Tensor]:
    return (torch.zeros(1, len(MODALITIES), *(multiple * steps for steps in EXAMPLE)),)


def _torch_export(net: Probabilities, path: Path) -> Answer:
    multiple = net.net.divisor
    program = torch.export.export(net, _example(multiple), dynamic_shapes=_dynamic(multiple))
    file = io.BytesIO()  # torch's own writing to disk aborts the process when that is full
    torch.export.save(program, file)
    path.write_bytes(file.getvalue())
    loaded: Answer = torch.export.load(path).module()
    return loaded


def _onnx(net: Probabilities, path: Path) -> Answer:
    try:
        import onnxruntime
        import onnxscript  # noqa: F401  # torch's exporter needs it
    except ImportError as error:
        raise UserError(f"format=onnx needs {error.name}: pip install 'brats-seg[export]'") from error
    multiple = net.net.divisor
    torch.onnx.export(
        replace_norms(copy.deepcopy(net)),
        _example(multiple),
        path,
        dynamo=True,
        dynamic_shapes=_dynamic(multiple),
        input_names=["image"],
        output_names=["probabilities"],
        external_data=False,
        verbose=False,
    )
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    return lambda image: torch.from_numpy(session.run(None, {"image": image.numpy()})[0])
