"""The augmentations of section 2.4: draw plain parameters, then apply them to image and target on the device."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from brats_seg.errors import WrongValue
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
    """Flip, rescale, shift, noise, drop, in this order; every transform tosses its own coin per sample, flips one per axis.

    Factors are independent per channel, the background is included, nothing is clipped afterwards (PAPER.md).

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

    flip: float
    rescale: float
    rescale_range: Sequence[float]
    shift: float
    shift_range: Sequence[float]
    noise: float
    noise_sd: float
    drop: float

    def __post_init__(self) -> None:
        for name in ("flip", "rescale", "shift", "noise", "drop"):
            if not 0 <= getattr(self, name) <= 1:
                raise WrongValue(
                    f"augmentation.{name}={getattr(self, name)}: a probability lies between 0 and 1"
                )

    def draw(self, seed: int) -> Draw:
        """The parameters of one sample, a pure function of the seed."""
        generator = torch.Generator().manual_seed(seed)

        def coins(probability: float, count: int) -> list[bool]:
            return [bool(u < probability) for u in torch.rand(count, generator=generator).tolist()]

        def uniform(bounds: Sequence[float]) -> tuple[float, ...]:
            low, high = bounds
            return tuple((low + (high - low) * torch.rand(CHANNELS, generator=generator)).tolist())

        flips = tuple(axis for axis, heads in enumerate(coins(self.flip, 3)) if heads)
        scale = uniform(self.rescale_range) if coins(self.rescale, 1)[0] else None
        shift = uniform(self.shift_range) if coins(self.shift, 1)[0] else None
        noise_seed = int(torch.randint(2**62, (1,), generator=generator)) if coins(self.noise, 1)[0] else None
        dropped = int(torch.randint(CHANNELS, (1,), generator=generator)) if coins(self.drop, 1)[0] else None
        return Draw(flips, scale, shift, noise_seed, dropped)

    def __call__(self, image: Tensor, target: Tensor, seeds: Sequence[int]) -> tuple[Tensor, Tensor]:
        """Augment a batch; the inputs are left as they are.

        Args:
            image: ``(batch, modality, z, y, x)``.
            target: ``(batch, region, z, y, x)``.
            seeds: One per sample.
        """
        pairs = [self.apply(x, y, self.draw(seed)) for x, y, seed in zip(image, target, seeds, strict=True)]
        images, targets = zip(*pairs, strict=True)
        return torch.stack(images), torch.stack(targets)

    def apply(self, image: Tensor, target: Tensor, draw: Draw) -> tuple[Tensor, Tensor]:
        """Apply one draw to one sample ``(channel, z, y, x)``."""
        axes = [axis + 1 for axis in draw.flips]
        image, target = image.flip(axes), target.flip(axes)  # flip copies, so the rest may work in place

        def column(values: tuple[float, ...]) -> Tensor:
            return torch.tensor(values, dtype=image.dtype, device=image.device)[:, None, None, None]

        if draw.scale is not None:
            image.mul_(column(draw.scale))
        if draw.shift is not None:
            image.add_(column(draw.shift))
        if draw.noise_seed is not None:
            generator = torch.Generator(image.device).manual_seed(draw.noise_seed)
            image.add_(
                torch.randn(image.shape, generator=generator, device=image.device, dtype=image.dtype),
                alpha=self.noise_sd,
            )
        if draw.dropped is not None:
            image[draw.dropped] = 0
        return image, target
