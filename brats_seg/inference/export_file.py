"""A bundle's network as a file that runs without this package, compared with the bundle before it is kept.

Covered by tests/inference/test_export.py.
"""

from __future__ import annotations

import copy
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
from brats_seg.files import whole_file, write_json
from brats_seg.geometry import Triple
from brats_seg.inference.onnx_norms import replace_norms
from brats_seg.models import UNet
from brats_seg.terms import DIVISOR, MODALITIES, REGIONS

TOLERANCE = 1e-3
"""Largest difference of a probability that counts as the same: other kernels add in another order."""
SUFFIXES = {"torch_export": ".pt2", "onnx": ".onnx"}
SMALLEST, LARGEST = 2, 64
"""Eighths of a side.

With one, the lowest level is a single voxel, and shapes of one are special to torch.export.
"""
EXAMPLE: Triple = (32, 40, 48)
"""What is traced; the file takes every size between the bounds."""
Answer = Callable[[Tensor], Tensor]


class Probabilities(nn.Module):
    """Normalised image ``(1, modality, z, y, x)``, sides multiples of 8, to probabilities."""

    def __init__(self, net: UNet) -> None:
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
def export(bundle: Bundle, path: Path, *, format: str, parity_shape: Triple) -> float:
    """Write the network of a bundle as one file, and ``<file>.json`` that describes its input and output.

    Args:
        bundle: What to export.
        path: The file, ``.pt2`` or ``.onnx``.
        format: ``torch_export`` (``torch.export.load``) or ``onnx``.
        parity_shape: ``(z, y, x)`` of the random volume on which the file has to answer as the bundle does.

    Returns:
        The largest difference of a probability.

    Raises:
        UserError: The format is unknown, what it needs is not installed, or the file does not answer as the
            bundle does.
    """
    if format not in SUFFIXES or path.suffix != SUFFIXES[format]:
        ways = " or ".join(f"{name} with *{suffix}" for name, suffix in SUFFIXES.items())
        raise WrongValue(f"format={format} output={path}: use {ways}")
    _refuse_other_shape(parity_shape)
    net = Probabilities(bundle.net()).eval()
    image = torch.randn(1, len(MODALITIES), *parity_shape, generator=torch.Generator().manual_seed(0))
    with whole_file(path) as temporary, _quiet():
        answer = {"torch_export": _torch_export, "onnx": _onnx}[format](net, temporary)
        difference = float((answer(image) - net(image)).abs().max())
        if not difference <= TOLERANCE:
            expected = f"the bundle's probabilities to {TOLERANCE}"
            raise FileError(path, expected, f"a difference of {difference:.2g}")
    record = _describe(bundle, parity_shape, difference)
    write_json(path.with_name(f"{path.name}.json"), record)
    return difference


def _refuse_other_shape(shape: Triple) -> None:
    smallest, largest = SMALLEST * DIVISOR, LARGEST * DIVISOR
    sides = range(smallest, largest + 1, DIVISOR)
    if len(shape) != 3 or any(side not in sides for side in shape):
        expected = f"three multiples of {DIVISOR} from {smallest} to {largest}"
        raise WrongValue(f"parity_shape={list(shape)}: expected {expected}")


def _describe(bundle: Bundle, parity_shape: Triple, difference: float) -> dict[str, Any]:
    return {
        "bundle": {"path": str(bundle.folder), "sha256": bundle.sha256},
        "input": {
            "name": "image",
            "axes": ["batch of 1", "modality", "z", "y", "x"],
            "orientation": "LPS",
            "multiple": DIVISOR,
            "smallest": SMALLEST * DIVISOR,
            "largest": LARGEST * DIVISOR,
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


def _dynamic() -> dict[str, dict[int, object]]:
    sides: dict[int, object] = {}
    for axis, name in ((2, "z"), (3, "y"), (4, "x")):
        sides[axis] = DIVISOR * Dim(f"{name}_eighths", min=SMALLEST, max=LARGEST)
    return {"image": sides}


def _torch_export(net: nn.Module, path: Path) -> Answer:
    example = (torch.zeros(1, len(MODALITIES), *EXAMPLE),)
    program = torch.export.export(net, example, dynamic_shapes=_dynamic())
    torch.export.save(program, path)
    loaded: Answer = torch.export.load(path).module()
    return loaded


def _onnx(net: nn.Module, path: Path) -> Answer:
    try:
        import onnxruntime
        import onnxscript  # noqa: F401  # torch's exporter needs it
    except ImportError as error:
        raise UserError(f"format=onnx needs {error.name}: pip install 'brats-seg[export]'") from error
    example = (torch.zeros(1, len(MODALITIES), *EXAMPLE),)
    torch.onnx.export(
        replace_norms(copy.deepcopy(net)),
        example,
        path,
        dynamo=True,
        dynamic_shapes=_dynamic(),
        input_names=["image"],
        output_names=["probabilities"],
        external_data=False,
        verbose=False,
    )
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    return lambda image: torch.from_numpy(session.run(None, {"image": image.numpy()})[0])
