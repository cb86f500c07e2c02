"""How scans are aligned; the defaults are those of ``conf/scans/default.yaml``.

Covered by tests/scans/test_align.py.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal

import yaml

from brats_seg.errors import WrongValue
from brats_seg.scans.brain import MODES
from brats_seg.scans.register import KINDS

INTERPOLATIONS = ("linear", "bspline")
DEVICES = ("auto", "cpu", "cuda")


@dataclass(frozen=True)
class AlignSettings:
    """How raw sequences are brought to the space of BraTS.

    Attributes:
        atlas: A skull-stripped volume; None: ICBM152.
        to_atlas: ``"rigid"`` or ``"affine"``.
        interpolation: ``"linear"`` or ``"bspline"``.
        n4: Whether registration and brain extraction see images with their bias field removed; what is
        written keeps it.
        brain: ``"fast"`` or ``"accurate"``.
        device: For the brain extraction: ``"auto"``, ``"cpu"`` or ``"cuda"``.
        seed: Of the voxels that the registration looks at.

    Raises:
        WrongValue: A value is not one of those.
    """

    atlas: str | None
    to_atlas: Literal["rigid", "affine"]
    interpolation: Literal["linear", "bspline"]
    n4: bool
    brain: Literal["fast", "accurate"]
    device: Literal["auto", "cpu", "cuda"]
    seed: int

    def __post_init__(self) -> None:
        known = {"to_atlas": KINDS, "interpolation": INTERPOLATIONS, "brain": tuple(MODES), "device": DEVICES}
        for name, values in known.items():
            if getattr(self, name) not in values:
                raise WrongValue(f"scans.{name}={getattr(self, name)}: expected {' or '.join(values)}")

    @classmethod
    def default(cls, **changes: Any) -> AlignSettings:
        """As ``conf/scans/default.yaml`` says.

        Args:
            changes: Fields that differ.

        Returns:
            The settings.
        """
        text = (files("brats_seg.conf") / "scans" / "default.yaml").read_text(encoding="utf-8")
        return cls(**{**yaml.safe_load(text), **changes})

    @property
    def atlas_file(self) -> Path | None:
        """Where the atlas lies; None: nilearn's."""
        return Path(self.atlas).expanduser() if self.atlas else None

    @property
    def torch_device(self) -> str:
        """Where torch computes."""
        import torch

        if self.device != "auto":
            return self.device
        return "cuda" if torch.cuda.is_available() else "cpu"

    def science(self) -> dict[str, Any]:
        """What the result depends on, as plain values."""
        values = asdict(self)
        del values["device"]
        return values
