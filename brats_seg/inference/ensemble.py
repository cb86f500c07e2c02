"""Average the probabilities of views and networks: one running mean, never a list of volumes (section 2.6)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn

from brats_seg.artifacts.bundles import Bundle
from brats_seg.cases import LoadedCase
from brats_seg.geometry import Box, Padding, pad_to_multiple
from brats_seg.inference.sliding_window import sliding_window
from brats_seg.inference.tta import View
from brats_seg.models import UNet
from brats_seg.preprocessing import Normalisation, prepare
from brats_seg.runtime.precision import arithmetic
from brats_seg.terms import DIVISOR, REGIONS

BYTES_PER_VOXEL = 6 * 4
"""What a forward pass holds at its peak, per voxel and channel of the first stage: six float32 tensors."""
Tick = Callable[[], None]


@dataclass(eq=False)
class Moments:
    """Sums over the members of an ensemble, in float32 on the device.

    Attributes:
        total: Of their probabilities, ``(region, z, y, x)``.
        squares: Of their squares; None where nobody asked for the spread.
        count: How many members were added.
    """

    total: Tensor
    squares: Tensor | None
    count: int = 0

    def add(self, probabilities: Tensor) -> None:
        """One more member."""
        self.total += probabilities
        if self.squares is not None:
            self.squares.addcmul_(probabilities, probabilities)
        self.count += 1

    def __add__(self, other: Moments) -> Moments:
        squares = None if self.squares is None or other.squares is None else self.squares + other.squares
        return Moments(self.total + other.total, squares, self.count + other.count)

    @property
    def mean(self) -> Tensor:
        """``(region, z, y, x)`` in [0, 1]."""
        return self.total / self.count

    @property
    def variance(self) -> Tensor:
        """Of the population of members, ``(region, z, y, x)`` in [0, 0.25]."""
        assert self.squares is not None
        return (self.squares / self.count - self.mean**2).clamp_(min=0)

    def undo(self, padding: Padding) -> Moments:
        """Without the pad, a view."""
        return Moments(
            padding.undo(self.total), None if self.squares is None else padding.undo(self.squares), self.count
        )


class Ensemble(nn.Module):
    """The networks of one pipeline; those of one normalisation share the box, the pad and the views of their image.

    Args:
        bundles: At least one.
        channels_last: Keep weights and images in ``channels_last_3d``.

    Raises:
        UserError: The weights of a bundle cannot be used.
    """

    def __init__(self, bundles: Sequence[Bundle], *, channels_last: bool) -> None:
        super().__init__()
        self.layout = torch.channels_last_3d if channels_last else torch.contiguous_format
        self.normalisations: list[Normalisation] = []
        self.groups = nn.ModuleList()
        for bundle in bundles:
            if bundle.normalisation not in self.normalisations:
                self.normalisations.append(bundle.normalisation)
                self.groups.append(nn.ModuleList())
            group = cast(nn.ModuleList, self.groups[self.normalisations.index(bundle.normalisation)])
            group.append(bundle.net().to(memory_format=self.layout))  # type: ignore[call-overload]  # torch's stub lacks it

    @property
    def size(self) -> int:
        """How many networks."""
        return sum(len(cast(nn.ModuleList, group)) for group in self.groups)

    @torch.inference_mode()
    def forward(
        self,
        loaded: LoadedCase,
        views: Sequence[View],
        *,
        precision: str,
        windows: bool,
        spread: bool,
        at_once: int | None,
        tick: Tick,
    ) -> tuple[Moments, Box]:
        """Sums over views and networks for one case.

        Args:
            loaded: The case.
            views: Which views.
            precision: As :func:`arithmetic`.
            windows: Slide a window instead of taking the brain whole.
            spread: Also sum squares.
            at_once: Views per forward pass; None takes what memory allows.
            tick: Called after every forward pass, once per view in it.

        Returns:
            The sums over the brain box, and the box.
        """
        moments, box = None, None
        for normalise, nets in zip(self.normalisations, self.groups, strict=True):
            prepared = prepare(loaded, normalise)
            image = torch.from_numpy(prepared.image).to(next(self.parameters()).device)
            sums = accumulate(
                image, cast(Sequence[UNet], nets), views, precision=precision, layout=self.layout, windows=windows, spread=spread,
                at_once=at_once, tick=tick,
            )  # fmt: skip
            moments, box = sums if moments is None else moments + sums, prepared.box
        assert moments is not None  # there is always one bundle
        assert box is not None
        return moments, box


@torch.inference_mode()
def accumulate(
    image: Tensor,
    nets: Sequence[UNet],
    views: Sequence[View],
    *,
    precision: str,
    layout: torch.memory_format = torch.channels_last_3d,
    windows: bool = False,
    spread: bool = False,
    at_once: int | None = 1,
    tick: Tick = lambda: None,
) -> Moments:
    """Sums over networks and views of the sigmoid of the main head; the deep heads are not computed.

    Args:
        image: ``(modality, z, y, x)`` normalised, on the device of the networks; any size.
        nets: In evaluation mode, all of one normalisation.
        views: Which views.
        precision: As :func:`arithmetic`.
        layout: Memory format of the networks' weights.
        windows: Slide a window instead of taking the image whole.
        spread: Also sum squares.
        at_once: Views per forward pass; None takes what memory allows.
        tick: Called for each view when it is done.

    Returns:
        Sums ``(region, z, y, x)``.
    """
    z, y, x = image.shape[1:]
    padding = pad_to_multiple((z, y, x), DIVISOR)
    padded = padding.pad(image)
    zeros = padded.new_zeros((len(REGIONS), *padded.shape[1:]), dtype=torch.float32)
    moments = Moments(zeros, zeros.clone() if spread else None)
    limit = at_once or views_at_once(padded, max(net.settings()["width"] for net in nets))
    for some in batches(views, limit):
        seen = torch.stack([view.apply(padded) for view in some]).contiguous(memory_format=layout)
        for net in nets:
            with arithmetic(precision, image.device):
                logits = _logits(net, seen, windows)
            for view, answer in zip(some, logits, strict=True):
                moments.add(view.undo(answer.float().sigmoid_()))
                tick()
    return moments.undo(padding)


def _logits(net: UNet, image: Tensor, windows: bool) -> Tensor:
    def forward(part: Tensor) -> Tensor:
        logits: Tensor = net(part, deep=False).main
        return logits

    return sliding_window(forward, image) if windows else forward(image)


def batches(views: Sequence[View], limit: int) -> Iterator[Sequence[View]]:
    """Views in batches of one shape: a quarter turn exchanges y and x."""
    for odd in (0, 1):
        alike = [view for view in views if view.quarter_turns % 2 == odd]
        yield from (alike[start : start + limit] for start in range(0, len(alike), limit))


def views_at_once(image: Tensor, width: int) -> int:
    """How many views of a padded image the device's free memory holds; on a CPU one, where a batch gains nothing."""
    if image.device.type != "cuda":
        return 1
    cached = torch.cuda.memory_reserved(image.device) - torch.cuda.memory_allocated(image.device)
    free = torch.cuda.mem_get_info(image.device)[0] + cached
    # Half of it: the libraries' workspaces want theirs.
    return max(1, min(8, free // 2 // (BYTES_PER_VOXEL * width * image[0].numel())))
