"""The augmentations of section 2.4: draw plain parameters, then apply them to image and target on the device.

A draw is a pure function of its seed, so a resumed training augments as the first one would have.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float, Shaped
from torch import Tensor

from brats_seg.errors import WrongValue
from brats_seg.kinds import Amount
from brats_seg.terms import MODALITIES

CHANNELS = len(MODALITIES)


@dataclass(frozen=True)
class Draw:
    """What happens to one sample.

    Attributes:
        flips: Spatial axes to mirror, of 0 (z), 1 (y), 2 (x).
        scale: Factor per channel, or None.
        shift: Offset per channel in normalised units, or None.
        noise_seed: Seed of the noise, or None.
        dropped: Channel set to zero, or None.
    """

    flips: tuple[int, ...]
    scale: tuple[float, ...] | None
    shift: tuple[float, ...] | None
    noise_seed: int | None
    dropped: int | None


@dataclass(frozen=True)
class Augmentation:
    """Flip, rescale, shift, noise, drop, in this order.

    Every transform tosses its own coin per sample, flips one per axis. Factors are independent per channel,
    the background is included, nothing is clipped afterwards (PAPER.md).

    Attributes:
        flip: Probability, per axis.
        rescale: Probability.
        rescale_range: Factors are uniform in it.
        shift: Probability.
        shift_range: Offsets are uniform in it, in normalised units.
        noise: Probability.
        noise_sd: Standard deviation in normalised units.
        drop: Probability that one channel is set to zero.
    """

    flip: Amount
    rescale: Amount
    rescale_range: tuple[float, float]
    shift: Amount
    shift_range: tuple[float, float]
    noise: Amount
    noise_sd: Amount
    drop: Amount

    def __post_init__(self) -> None:
        for name in ("flip", "rescale", "shift", "noise", "drop"):
            if not 0 <= getattr(self, name) <= 1:
                raise WrongValue(
                    f"augmentation.{name}={getattr(self, name)}: a probability lies between 0 and 1"
                )

    @classmethod
    def from_plain(cls, values: Mapping[str, Any], **fixed: Any) -> Augmentation:
        """From a configuration, which has lists in the place of pairs.

        Args:
            values: Fields of the class.
            fixed: Those that a pipeline does not leave open.

        Returns:
            The augmentation.

        Raises:
            UserError: A field is missing or unknown, or a probability is none.
        """
        fields = {**fixed, **values}
        for name in ("rescale_range", "shift_range"):
            fields[name] = tuple(fields[name])
        return cls(**fields)

    def draw(self, seed: int) -> Draw:
        """The parameters of one sample, a pure function of the seed."""
        # The order of the draws is part of what a seed means: a coin first, then its number.
        generator = torch.Generator().manual_seed(seed)
        coins = torch.rand(3, generator=generator).tolist()
        flips = tuple(axis for axis, coin in enumerate(coins) if coin < self.flip)
        scale = shift = noise_seed = dropped = None
        if _heads(self.rescale, generator):
            scale = _uniform(self.rescale_range, generator)
        if _heads(self.shift, generator):
            shift = _uniform(self.shift_range, generator)
        if _heads(self.noise, generator):
            noise_seed = _below(2**62, generator)
        if _heads(self.drop, generator):
            dropped = _below(CHANNELS, generator)
        return Draw(flips, scale, shift, noise_seed, dropped)

    def __call__(
        self,
        image: Float[Tensor, "batch modality z y x"],
        target: Shaped[Tensor, "batch region z y x"],
        seeds: Sequence[int],
    ) -> tuple[Float[Tensor, "batch modality z y x"], Shaped[Tensor, "batch region z y x"]]:
        """Augment a batch; the inputs are left as they are.

        Args:
            image: In normalised units.
            target: 0 or 1.
            seeds: One per sample.

        Returns:
            Image and target, augmented.
        """
        images, targets = [], []
        for sample, truth, seed in zip(image, target, seeds, strict=True):
            changed, moved = self.apply(sample, truth, self.draw(seed))
            images.append(changed)
            targets.append(moved)
        return torch.stack(images), torch.stack(targets)

    def apply(
        self, image: Float[Tensor, "modality z y x"], target: Shaped[Tensor, "region z y x"], draw: Draw
    ) -> tuple[Float[Tensor, "modality z y x"], Shaped[Tensor, "region z y x"]]:
        """Apply one draw to one sample; the inputs are left as they are.

        Args:
            image: In normalised units.
            target: 0 or 1.
            draw: What happens to them.

        Returns:
            Image and target, augmented.
        """
        axes = [axis + 1 for axis in draw.flips]
        image, target = image.flip(axes), target.flip(axes)  # flip copies, so the rest may work in place
        # By plain numbers: a tensor of them would be copied to a GPU, and the copy waits for the GPU.
        if draw.scale is not None:
            for channel, factor in zip(image, draw.scale, strict=True):
                channel.mul_(factor)
        if draw.shift is not None:
            for channel, summand in zip(image, draw.shift, strict=True):
                channel.add_(summand)
        if draw.noise_seed is not None:
            generator = torch.Generator(image.device).manual_seed(draw.noise_seed)
            noise = torch.randn(image.shape, generator=generator, device=image.device, dtype=image.dtype)
            image.add_(noise, alpha=self.noise_sd)
        if draw.dropped is not None:
            image[draw.dropped] = 0
        return image, target


def _heads(probability: float, generator: torch.Generator) -> bool:
    return torch.rand(1, generator=generator).item() < probability


def _uniform(bounds: Sequence[float], generator: torch.Generator) -> tuple[float, ...]:
    """A number between the bounds for each channel."""
    low, high = bounds
    return tuple((low + (high - low) * torch.rand(CHANNELS, generator=generator)).tolist())


def _below(end: int, generator: torch.Generator) -> int:
    return int(torch.randint(end, (1,), generator=generator))
