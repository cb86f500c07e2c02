"""The augmentations of section 2.4, and some that the paper has not: draw plain parameters, then apply them.

Image and target change together, on the device. A draw is a pure function of its seed, so a resumed training
augments as the first one would have.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float, Shaped
from torch import Tensor

from brats_seg.augment.apply import NoiseUnit, apply_draw
from brats_seg.augment.draw import CHANNELS, Draw, below, heads, uniform
from brats_seg.augment.spatial import Motion
from brats_seg.errors import WrongValue
from brats_seg.kinds import Amount

PROBABILITIES = (
    "flip",
    "rescale",
    "shift",
    "noise",
    "drop",
    "rotate",
    "zoom",
    "gamma",
    "blur",
    "low_resolution",
)


@dataclass(frozen=True)
class Augmentation:
    """Flip, rescale, shift, noise, drop, in this order (section 2.4).

    Behind the flip come those that the paper has not: rotation and zoom, gamma, blur, low resolution. Every
    transform tosses its own coin per sample, flips one per axis. Factors are independent per channel, the
    background is included, nothing is clipped afterwards (PAPER.md).

    Attributes:
        flip: Probability, per axis.
        rescale: Probability.
        rescale_range: Factors are uniform in it.
        shift: Probability.
        shift_range: Offsets are uniform in it, in normalised units.
        noise: Probability.
        noise_sd: Standard deviation, in ``noise_unit``.
        noise_unit: ``channel_sd``, the standard deviation of the channel's non-zero voxels, measured on the
            patch before augmentation; or ``intensity``, the normalised unit itself.
        drop: Probability that one channel is set to zero.
        rotate: Probability.
        rotate_degrees: The angle about each axis is uniform from minus to plus this.
        zoom: Probability.
        zoom_range: The factor is uniform in it; above 1 enlarges.
        gamma: Probability.
        gamma_range: Exponents are uniform in it.
        blur: Probability.
        blur_range: Standard deviations of the Gaussian are uniform in it, in voxels.
        low_resolution: Probability.
        low_resolution_range: The share of voxels kept along each axis is uniform in it.
    """

    flip: Amount
    rescale: Amount
    rescale_range: tuple[float, float]
    shift: Amount
    shift_range: tuple[float, float]
    noise: Amount
    noise_sd: Amount
    noise_unit: NoiseUnit
    drop: Amount
    rotate: Amount
    rotate_degrees: Amount
    zoom: Amount
    zoom_range: tuple[float, float]
    gamma: Amount
    gamma_range: tuple[float, float]
    blur: Amount
    blur_range: tuple[float, float]
    low_resolution: Amount
    low_resolution_range: tuple[float, float]

    def __post_init__(self) -> None:
        for name in PROBABILITIES:
            if not 0 <= getattr(self, name) <= 1:
                raise WrongValue(
                    f"augmentation.{name}={getattr(self, name)}: a probability lies between 0 and 1"
                )
        for name in ("zoom_range", "gamma_range", "blur_range", "low_resolution_range"):
            if min(getattr(self, name)) <= 0:
                raise WrongValue(f"augmentation.{name}={list(getattr(self, name))}: both must be above 0")
        if max(self.low_resolution_range) > 1:
            found = list(self.low_resolution_range)
            raise WrongValue(f"augmentation.low_resolution_range={found}: a share is at most 1")

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
        for name, value in fields.items():
            if name.endswith("_range"):
                fields[name] = tuple(value)
        return cls(**fields)

    def draw(self, seed: int) -> Draw:
        """The parameters of one sample, a pure function of the seed."""
        # The order of the draws is part of what a seed means: a coin first, then its number.
        generator = torch.Generator().manual_seed(seed)
        coins = torch.rand(3, generator=generator).tolist()
        flips = tuple(axis for axis, coin in enumerate(coins) if coin < self.flip)
        scale = shift = noise_seed = dropped = None
        if heads(self.rescale, generator):
            scale = uniform(self.rescale_range, generator)
        if heads(self.shift, generator):
            shift = uniform(self.shift_range, generator)
        if heads(self.noise, generator):
            noise_seed = below(2**62, generator)
        if heads(self.drop, generator):
            dropped = below(CHANNELS, generator)
        motion = self._draw_motion(generator)
        gamma = blur = resolution = None
        if heads(self.gamma, generator):
            gamma = uniform(self.gamma_range, generator)
        if heads(self.blur, generator):
            blur = uniform(self.blur_range, generator)
        if heads(self.low_resolution, generator):
            resolution = uniform(self.low_resolution_range, generator)
        return Draw(flips, scale, shift, noise_seed, dropped, motion, gamma, blur, resolution)

    def _draw_motion(self, generator: torch.Generator) -> Motion | None:
        degrees, zoom = (0.0, 0.0, 0.0), 1.0
        rotates = heads(self.rotate, generator)
        if rotates:
            z, y, x = uniform((-self.rotate_degrees, self.rotate_degrees), generator, 3)
            degrees = (z, y, x)
        zooms = heads(self.zoom, generator)
        if zooms:
            (zoom,) = uniform(self.zoom_range, generator, 1)
        return Motion(degrees, zoom) if rotates or zooms else None

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
        return apply_draw(image, target, draw, noise_sd=self.noise_sd, noise_unit=self.noise_unit)
