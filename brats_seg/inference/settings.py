"""What shapes a prediction besides the bundles. Covered by tests/inference/test_predict.py."""

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
        inferer: ``whole_volume``, ``sliding_window``, or ``auto``: the first, and the second where memory
            does not suffice.
        threshold: A voxel belongs to a region whose mean probability is above it.
        labels_output: Label values of what is written; None: those of each input.
        labels_input: Label values of inputs whose naming does not tell; None refuses them.
        on_missing_modality: ``refuse``, or ``zero``: segment with that channel zeroed.
        probabilities: Write the mean probabilities.
        uncertainty: Write uncertainty maps from the ``variance`` over views and networks, or the ``entropy``
            of their mean.
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
            value = getattr(self, key)
            if value not in choices:
                names = ", ".join("null" if choice is None else choice for choice in choices)
                raise WrongValue(f"unknown {key.replace('labels_', 'labels.')}={value}: use one of {names}")
        if not (_is_number(self.threshold) and 0 < self.threshold < 1):
            raise WrongValue(f"threshold={self.threshold}: expected a probability between 0 and 1")
        for key in ("enhancing_below_mm3", "components_below_mm3"):
            value = getattr(self, key)
            if not (_is_number(value) and value >= 0):
                raise WrongValue(f"postprocessing.{key}={value}: expected cubic millimetres, 0 for off")
        if not isinstance(self.probabilities, bool):
            raise WrongValue(f"probabilities={self.probabilities}: expected true or false")

    @classmethod
    def from_plain(cls, values: Mapping[str, Any]) -> Settings:
        """From the keys of ``conf/predict.yaml``."""
        labels = {f"labels_{which}": values["labels"][which] for which in ("input", "output")}
        return cls(**_of_fields(cls, {**values, **values["postprocessing"], **labels}))

    @classmethod
    def default(cls, **changes: Any) -> Settings:
        """As ``conf/predict.yaml`` says, so that a number has one place also for those who do without Hydra.

        Args:
            changes: Fields that differ.

        Returns:
            The settings.

        Raises:
            UserError: There is no such field, or a value cannot be used.
        """
        return cls(**_changed(asdict(cls.from_plain(_read_conf())), changes))

    def record(self) -> dict[str, Any]:
        """As plain values."""
        return asdict(self)


@dataclass(frozen=True, kw_only=True)
class Machine:
    """The keys of ``conf/predict.yaml`` that say where to compute; they change no more than rounding.

    Attributes:
        accelerator: Lightning's name: ``auto``, ``gpu`` or ``cpu``.
        devices: How many, or a list of their numbers; they share the cases.
        num_nodes: Computers that share the cases.
        strategy: Lightning's name: ``auto`` or ``ddp``.
        channels_last: Keep weights and images in ``channels_last_3d``.
        fused_norm: Norm and ReLU in one kernel where there is one.
    """

    accelerator: str
    devices: int | str | list[int]
    num_nodes: int
    strategy: str
    channels_last: bool
    fused_norm: bool

    @classmethod
    def from_plain(cls, values: Mapping[str, Any]) -> Machine:
        """From the keys of ``conf/predict.yaml``."""
        return cls(**_of_fields(cls, values))

    @classmethod
    def default(cls, **changes: Any) -> Machine:
        """As ``conf/predict.yaml`` says.

        Args:
            changes: Fields that differ.

        Returns:
            The machine.

        Raises:
            UserError: There is no such field.
        """
        return cls(**_changed(asdict(cls.from_plain(_read_conf())), changes))


def _read_conf() -> dict[str, Any]:
    values: dict[str, Any] = yaml.safe_load(
        (files("brats_seg.conf") / "predict.yaml").read_text(encoding="utf-8")
    )
    return values


def _of_fields(kind: type[Settings] | type[Machine], values: Mapping[str, Any]) -> dict[str, Any]:
    return {field.name: values[field.name] for field in fields(kind)}


def _changed(values: dict[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    unknown = set(changes) - set(values)
    if unknown:
        raise WrongValue(f"unknown setting {', '.join(sorted(unknown))}: use {', '.join(values)}")
    return {**values, **changes}


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
