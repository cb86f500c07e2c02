"""What shapes a prediction besides the bundles."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from importlib.resources import files
from typing import Any, Literal

import yaml

from brats_seg.errors import WrongValue
from brats_seg.inference.tta import VIEWS
from brats_seg.labels import LABEL_VALUES
from brats_seg.runtime.precision import AUTOCAST

CHOICES: dict[str, tuple[str | None, ...]] = {
    "tta": tuple(VIEWS),
    "precision": ("auto", *AUTOCAST),
    "inferer": ("auto", "whole_volume", "sliding_window"),
    "uncertainty": (None, "variance", "entropy"),
    "on_missing_modality": ("refuse", "zero"),
    "labels_output": (None, *LABEL_VALUES),
    "labels_input": (None, *LABEL_VALUES),
}


@dataclass(frozen=True, kw_only=True)
class Settings:
    """The keys of ``conf/predict.yaml`` that change what is written.

    Attributes:
        tta: ``none``, ``flips8`` or ``group16``.
        precision: Of the forward pass; ``auto`` by the device.
        inferer: ``whole_volume``, ``sliding_window``, or ``auto``: the first, and the second where memory does not suffice.
        threshold: A voxel belongs to a region whose mean probability is above it.
        labels_output: Convention of what is written; None follows each input.
        labels_input: Label values of inputs whose naming does not tell; None refuses them.
        on_missing_modality: ``refuse``, or ``zero``: segment with that channel zeroed.
        probabilities: Write the mean probabilities.
        uncertainty: Write uncertainty maps from the ``variance`` over views and networks, or the ``entropy`` of their mean.
        enhancing_below_mm3: Enhancing tumour of less than this becomes necrosis; 0 is off.
        components_below_mm3: Components smaller than this are removed; 0 is off.

    Raises:
        UserError: A value is not one of its choices, or out of its range.
    """

    tta: str
    precision: str
    inferer: str
    threshold: float
    labels_output: str | None
    labels_input: str | None
    on_missing_modality: Literal["refuse", "zero"]
    probabilities: bool
    uncertainty: str | None
    enhancing_below_mm3: float
    components_below_mm3: float

    def __post_init__(self) -> None:
        for key, choices in CHOICES.items():
            if getattr(self, key) not in choices:
                names = ", ".join("null" if choice is None else choice for choice in choices)
                raise WrongValue(
                    f"unknown {key.replace('labels_', 'labels.')}={getattr(self, key)}: use one of {names}"
                )
        if not (_number(self.threshold) and 0 < self.threshold < 1):
            raise WrongValue(f"threshold={self.threshold}: expected a probability between 0 and 1")
        for key in ("enhancing_below_mm3", "components_below_mm3"):
            if not (_number(value := getattr(self, key)) and value >= 0):
                raise WrongValue(f"postprocessing.{key}={value}: expected cubic millimetres, 0 for off")
        if not isinstance(self.probabilities, bool):
            raise WrongValue(f"probabilities={self.probabilities}: expected true or false")

    @classmethod
    def from_plain(cls, values: Mapping[str, Any]) -> Settings:
        """From the keys of ``conf/predict.yaml``."""
        flat = {
            **values,
            **values["postprocessing"],
            "labels_output": values["labels"]["output"],
            "labels_input": values["labels"]["input"],
        }
        return cls(**{field.name: flat[field.name] for field in fields(cls)})

    @classmethod
    def default(cls, **changes: Any) -> Settings:
        """As ``conf/predict.yaml`` says, so that a number has one place also for those who do without Hydra."""
        values = yaml.safe_load((files("brats_seg.conf") / "predict.yaml").read_text(encoding="utf-8"))
        settings = asdict(cls.from_plain(values))
        if unknown := set(changes) - set(settings):
            raise WrongValue(f"unknown setting {', '.join(sorted(unknown))}: use {', '.join(settings)}")
        return cls(**{**settings, **changes})

    def record(self) -> dict[str, Any]:
        """As plain values."""
        return asdict(self)


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
