"""Average the probabilities of views and networks (section 2.6): one running mean, no list of volumes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import cast

import torch
from jaxtyping import Shaped
from torch import Tensor, nn

from brats_seg.artifacts.bundles import Bundle, Pipeline
from brats_seg.geometry import Box, pad_to_multiple
from brats_seg.inference.batches import batches, views_at_once
from brats_seg.inference.moments import Moments
from brats_seg.inference.ready import ReadyCase
from brats_seg.inference.tta import View
from brats_seg.models import Network
from brats_seg.models.sliding_window import sliding_window
from brats_seg.preprocessing import Normalisation
from brats_seg.runtime.precision import arithmetic, exact_float32
from brats_seg.terms import DIVISOR, REGIONS

Tick = Callable[[], None]


@dataclass(frozen=True, kw_only=True)
class Pass:
    """How the members of an ensemble answer.

    Attributes:
        views: Which views of the image.
        precision: As for :func:`arithmetic`.
        windows: Slide a window instead of taking the image whole.
        spread: Also sum squares.
        at_once: Views per forward pass; None takes what memory allows.
        layout: Memory format of images and weights.
    """

    views: Sequence[View]
    precision: str
    windows: bool = False
    spread: bool = False
    at_once: int | None = 1
    layout: torch.memory_format = torch.channels_last_3d


class Ensemble(nn.Module):
    """The networks of one pipeline.

    Networks of one normalisation share the box, the padding and the views of their image.

    Args:
        bundles: At least one.
        layout: Memory format of the weights.
        fused_norm: Norm and ReLU in one kernel where there is one.

    Raises:
        UserError: The weights of a bundle cannot be used.
    """

    def __init__(
        self, bundles: Sequence[Bundle], *, layout: torch.memory_format, fused_norm: bool = True
    ) -> None:
        super().__init__()
        self.layout = layout
        self.normalisations: list[Normalisation] = []
        self.groups = nn.ModuleList()
        for bundle in bundles:
            if bundle.normalisation not in self.normalisations:
                self.normalisations.append(bundle.normalisation)
                self.groups.append(nn.ModuleList())
            group = cast(nn.ModuleList, self.groups[self.normalisations.index(bundle.normalisation)])
            net = bundle.net().to(memory_format=layout)  # type: ignore[call-overload]  # torch's stub lacks it
            net.fuse_norms(fused_norm)
            group.append(net)

    @property
    def size(self) -> int:
        """How many networks."""
        return sum(len(cast(nn.ModuleList, group)) for group in self.groups)

    @torch.inference_mode()
    def forward(self, case: ReadyCase, how: Pass, tick: Tick) -> tuple[Moments, Box]:
        """Sums over views and networks for one case.

        Args:
            case: To be answered.
            how: Views, precision and memory.
            tick: Called for each view when it is done.

        Returns:
            The sums over the brain box, and the box.
        """
        moments, box = None, None
        for normalise, nets in zip(self.normalisations, self.groups, strict=True):
            prepared = case.as_seen_by(normalise)
            image = torch.from_numpy(prepared.image).to(next(self.parameters()).device)
            sums = accumulate(image, cast(Sequence[Network], nets), how, tick)
            moments, box = sums if moments is None else moments + sums, prepared.box
        assert moments is not None  # there is always one bundle
        assert box is not None
        return moments, box


def make_ensembles(
    bundles: Mapping[Pipeline, Sequence[Bundle]],
    *,
    device: str | torch.device = "cpu",
    channels_last: bool = True,
    fused_norm: bool = True,
) -> dict[Pipeline, Ensemble]:
    """Make the ensemble of each pipeline that has a bundle.

    Args:
        bundles: Pipeline to its bundles.
        device: Where they compute.
        channels_last: Keep weights and images in ``channels_last_3d``.
        fused_norm: Norm and ReLU in one kernel where there is one.

    Returns:
        Pipeline to its ensemble.

    Raises:
        UserError: The weights of a bundle cannot be used.
    """
    exact_float32()
    layout = torch.channels_last_3d if channels_last else torch.contiguous_format
    ensembles: dict[Pipeline, Ensemble] = {}
    for pipeline, group in bundles.items():
        if group:
            ensembles[pipeline] = Ensemble(group, layout=layout, fused_norm=fused_norm).to(device)
    return ensembles


@torch.inference_mode()
def accumulate(
    image: Shaped[Tensor, "modality z y x"], nets: Sequence[Network], how: Pass, tick: Tick = lambda: None
) -> Moments:
    """Sums over networks and views of the sigmoid of the main head; the deep heads are not computed.

    Args:
        image: Normalised, on the device of the networks; any size.
        nets: In evaluation mode, all of one normalisation.
        how: Views, precision and memory.
        tick: Called for each view when it is done.

    Returns:
        Sums ``(region, z, y, x)``.
    """
    z, y, x = image.shape[1:]
    padding = pad_to_multiple((z, y, x), DIVISOR)
    padded = padding.pad(image)
    zeros = padded.new_zeros((len(REGIONS), *padded.shape[1:]), dtype=torch.float32)
    moments = Moments(zeros, zeros.clone() if how.spread else None)
    channels = max(net.channels for net in nets)
    limit = how.at_once or views_at_once(padded, channels, how.precision)
    for some in batches(how.views, limit):
        seen = torch.stack([view.apply(padded) for view in some]).contiguous(memory_format=how.layout)
        for net in nets:
            with arithmetic(how.precision, image.device):
                logits = _logits(net, seen, how.windows)
            for view, answer in zip(some, logits, strict=True):
                moments.add(view.undo(answer.float().sigmoid_()))
                tick()
    return moments.undo(padding)


def _logits(net: Network, image: Tensor, windows: bool) -> Tensor:
    def forward(part: Tensor) -> Tensor:
        logits: Tensor = net(part, deep=False).main
        return logits

    return sliding_window(forward, image) if windows else forward(image)
