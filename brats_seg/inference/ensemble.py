"""Average the probabilities of views and models: one running mean, never a list of volumes (section 2.6)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager, nullcontext

import torch
from torch import Tensor

from brats_seg.errors import UserError
from brats_seg.geometry import Triple, pad_to_multiple
from brats_seg.inference.tta import View
from brats_seg.models import UNet
from brats_seg.terms import DIVISOR, REGIONS

AUTOCAST = {"bf16-mixed": torch.bfloat16, "16-mixed": torch.float16, "32-true": None}
"""Lightning's names of the precisions."""


def arithmetic(precision: str, device: torch.device) -> AbstractContextManager[object]:
    """Autocast of a named precision.

    Raises:
        UserError: The name is unknown.
    """
    if precision not in AUTOCAST:
        raise UserError(f"unknown precision={precision}: use auto, {', '.join(AUTOCAST)}")
    dtype = AUTOCAST[precision]
    return nullcontext() if dtype is None else torch.autocast(device.type, dtype)


@torch.inference_mode()
def mean_probabilities(
    image: Tensor, nets: Iterable[UNet], views: Sequence[View], *, precision: str, memory_format: torch.memory_format = torch.channels_last_3d
) -> Tensor:
    """Mean over networks and views of the sigmoid of the main head; the deep heads are not computed.

    Args:
        image: ``(modality, z, y, x)`` normalised, on the device of the networks; any size.
        nets: In evaluation mode, all of one normalisation.
        views: Which views.
        precision: As :func:`arithmetic`.
        memory_format: Of the networks' weights.

    Returns:
        ``(region, z, y, x)`` float32 in [0, 1].
    """
    shape: Triple = (image.shape[1], image.shape[2], image.shape[3])
    padding = pad_to_multiple(shape, DIVISOR)
    padded = padding.pad(image)
    mean = padded.new_zeros((len(REGIONS), *padded.shape[1:]), dtype=torch.float32)
    count = 0
    for net in nets:
        for view in views:
            seen = view.apply(padded)[None].contiguous(memory_format=memory_format)
            with arithmetic(precision, image.device):
                logits = net(seen, deep=False).main[0]
            mean.add_(view.undo(logits.float().sigmoid_()))
            count += 1
    return padding.undo(mean.div_(count))
