"""A bundle's network in a form that runs without this package, held against the bundle before it is kept."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.export import Dim

from brats_seg.bundles import Bundle
from brats_seg.errors import UserError
from brats_seg.files import whole_file, write_json
from brats_seg.geometry import Triple
from brats_seg.models import UNet
from brats_seg.models.blocks import InstanceNorm
from brats_seg.terms import DIVISOR, MODALITIES, REGIONS

TOLERANCE = 1e-3
"""Largest difference of a probability that counts as the same: other kernels add in another order."""
FORMATS = {"torch_export": ".pt2", "onnx": ".onnx"}
EXAMPLE: Triple = (32, 40, 48)
"""Any size will do: the exported network takes every multiple of 8."""


class Probabilities(nn.Module):
    """Normalised image ``(1, modality, z, y, x)`` to probabilities ``(1, region, z, y, x)``; sizes are multiples of 8."""

    def __init__(self, net: UNet) -> None:
        super().__init__()
        self.net = copy.deepcopy(net)
        for module in self.net.modules():
            if isinstance(module, InstanceNorm):
                module.__class__ = nn.InstanceNorm3d  # the same function, without our shortcut for one kind of device

    def forward(self, image: Tensor) -> Tensor:
        """As the class says."""
        logits: Tensor = self.net(image, deep=False).main
        return logits.sigmoid()


def export(bundle: Bundle, path: Path, *, format: str, parity_shape: Triple) -> float:
    """Write the network of a bundle as one file, and ``<file>.json`` that says what it wants and gives.

    Args:
        bundle: What to export.
        path: The file, ``.pt2`` or ``.onnx``.
        format: ``torch_export`` (``torch.export.load``) or ``onnx``.
        parity_shape: ``(z, y, x)`` of the random volume on which the file has to answer as the bundle does.

    Returns:
        The largest difference of a probability.

    Raises:
        UserError: The format is unknown, what it needs is not installed, or the file does not answer as the bundle does.
    """
    if format not in FORMATS or path.suffix != FORMATS[format]:
        raise UserError(f"format={format} output={path}: use {' or '.join(f'{f} with *{s}' for f, s in FORMATS.items())}")
    if any(n % DIVISOR for n in parity_shape):
        raise UserError(f"parity_shape={list(parity_shape)}: expected multiples of {DIVISOR}")
    net = Probabilities(bundle.net()).eval()
    with whole_file(path) as temporary, torch.inference_mode():
        answer = {"torch_export": _torch_export, "onnx": _onnx}[format](net, temporary)
        image = torch.randn(1, len(MODALITIES), *parity_shape, generator=torch.Generator().manual_seed(0))
        expected = bundle.net()(image, deep=False).main.sigmoid()
        difference = float((answer(image) - expected).abs().max())
        if not difference <= TOLERANCE:
            raise UserError(f"{path}: expected the bundle's probabilities to {TOLERANCE}, found a difference of {difference:.2g}")
    write_json(
        path.with_name(f"{path.name}.json"),
        {
            "bundle": {"path": str(bundle.folder), "sha256": bundle.sha256},
            "input": {
                "name": "image",
                "axes": ["batch of 1", "modality", "z", "y", "x"],
                "multiple": DIVISOR,
                "orientation": "LPS",
            },
            "output": {"name": "probabilities", "axes": ["batch of 1", "region", "z", "y", "x"]},
            "modalities": MODALITIES,
            "regions": REGIONS,
            "normalisation": bundle.record["normalisation"],
            "parity": {"shape": parity_shape, "largest_difference": difference},
        },
    )
    return difference


def _sizes() -> dict[str, dict[int, object]]:
    return {"image": {axis: DIVISOR * Dim(f"{name}_eighths", min=1, max=64) for axis, name in ((2, "z"), (3, "y"), (4, "x"))}}


def _torch_export(net: nn.Module, path: Path) -> Callable[[Tensor], Tensor]:
    program = torch.export.export(net, (torch.zeros(1, len(MODALITIES), *EXAMPLE),), dynamic_shapes=_sizes())
    with path.open("wb") as file:
        torch.export.save(program, file)
    with path.open("rb") as file:
        loaded: Callable[[Tensor], Tensor] = torch.export.load(file).module()
    return loaded


def _onnx(net: nn.Module, path: Path) -> Callable[[Tensor], Tensor]:
    try:
        import onnxruntime
        import onnxscript  # noqa: F401  # torch's exporter needs it
    except ImportError as error:
        raise UserError(f"format=onnx needs {error.name}: pip install onnx onnxscript onnxruntime") from error
    example = (torch.zeros(1, len(MODALITIES), *EXAMPLE),)
    torch.onnx.export(
        net, example, path, dynamo=True, dynamic_shapes=_sizes(), input_names=["image"], output_names=["probabilities"],
        external_data=False, verbose=False,
    )  # fmt: skip
    session = onnxruntime.InferenceSession(path.read_bytes(), providers=["CPUExecutionProvider"])
    return lambda image: torch.from_numpy(session.run(None, {"image": image.numpy()})[0])
