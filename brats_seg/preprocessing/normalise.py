"""Intensity normalisation of each sequence over its own non-zero voxels (section 2.3)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, ClassVar, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float32, Real
from numpy.typing import NDArray

from brats_seg.errors import UserError, WrongValue
from brats_seg.trusted import is_dotted, trusted_class

Scanner = Real[NDArray[np.number], "modality z y x"]
Normalised = Float32[NDArray[np.float32], "modality z y x"]


@runtime_checkable
class Normalisation(Protocol):
    """Whole volumes in scanner units to the network's units.

    Statistics come from the whole volume, so it is called before any cropping. A channel of zeros stays zero.
    """

    def __call__(self, image: Scanner) -> Normalised:
        """Normalise every channel."""
        ...

    def settings(self) -> dict[str, Any]:
        """Name and numbers as plain values: what a bundle keeps."""
        ...


@dataclass(frozen=True)
class MinMax:
    """Pipeline A: ``clip((x - low) / (high - low), 0, 1)``, background 0.

    Attributes:
        lower_percentile: Of the non-zero voxels, in percent.
        upper_percentile: Of the non-zero voxels, in percent; the larger.
    """

    name: ClassVar[str] = "min_max"
    lower_percentile: float
    upper_percentile: float

    def __post_init__(self) -> None:
        if not 0 <= self.lower_percentile < self.upper_percentile <= 100:
            found = f"{self.lower_percentile} and {self.upper_percentile}"
            raise WrongValue(f"percentiles must rise within 0 to 100, found {found}")

    def __call__(self, image: Scanner) -> Normalised:
        """Normalise every channel."""
        out = np.zeros(image.shape, np.float32)
        for channel, result in zip(image, out, strict=True):
            inside = channel != 0
            values = channel[inside]
            if not values.size:
                continue
            low, high = np.percentile(values, (self.lower_percentile, self.upper_percentile))
            scale = max(float(high - low), float(np.finfo(np.float32).tiny))
            result[inside] = np.clip((values - np.float32(low)) / np.float32(scale), 0, 1)
        return out

    def settings(self) -> dict[str, Any]:
        """``{"name": "min_max", "lower_percentile": ..., "upper_percentile": ...}``."""
        return {"name": self.name, **asdict(self)}


@dataclass(frozen=True)
class ZScore:
    """Pipeline B: zero mean and unit population standard deviation over the non-zero voxels, background 0."""

    name: ClassVar[str] = "z_score"

    def __call__(self, image: Scanner) -> Normalised:
        """Normalise every channel."""
        out = np.zeros(image.shape, np.float32)
        for channel, result in zip(image, out, strict=True):
            inside = channel != 0
            values = channel[inside]
            if not values.size:
                continue
            mean, deviation = values.mean(dtype=np.float64), values.std(dtype=np.float64)
            result[inside] = (values - np.float32(mean)) / np.float32(deviation or 1.0)
        return out

    def settings(self) -> dict[str, Any]:
        """``{"name": "z_score"}``."""
        return {"name": self.name}


def normalisation_from(settings: Mapping[str, Any], trust: Sequence[str] = ()) -> Normalisation:
    """Rebuild a normalisation from :meth:`Normalisation.settings`.

    Args:
        settings: Its name and numbers: data. A name with dots is that of a class of another package.
        trust: Packages whose code may be run.

    Returns:
        The normalisation.

    Raises:
        UserError: The name is unknown, or takes other numbers, or is of a package that is not trusted.
    """
    known: dict[str, Callable[..., Normalisation]] = {c.name: c for c in (MinMax, ZScore)}
    numbers = {key: value for key, value in settings.items() if key != "name"}
    name = str(settings.get("name"))
    wrong = [value for value in numbers.values() if type(value) not in (int, float)]
    if is_dotted(name) and not wrong:
        known[name] = trusted_class(name, trust, Normalisation)  # type: ignore[type-abstract]
    if name not in known or wrong:
        names = ", ".join(known)
        raise UserError(f"unknown normalisation {dict(settings)}: use one of {names} with its numbers")
    try:
        return known[name](**numbers)
    except TypeError as error:
        raise UserError(f"normalisation {name!r} takes other numbers than {numbers}") from error
