"""Keys that several commands have, and the class of all keys of a command: ``Keys`` beside it.

Keys below a ``_target_`` are left to the annotations of its parameters, unless a class knows more. Covered by
tests/cli/test_values.py.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import Annotated

from brats_seg.kinds import Amount, Count, Existing, ExistingOrNone, Exists, Positive

Shape = tuple[Positive, Positive, Positive]
Folders = Annotated[list[str] | str, Exists()]
"""That are read."""
Packages = list[str] | str


@dataclass(frozen=True)
class Patterns:
    """``conf/patterns``."""

    t1: str | None
    t1ce: str | None
    t2: str | None
    flair: str | None
    seg: str | None
    patient: str | None


@dataclass(frozen=True)
class LabelsOfBoth:
    """Label values of what is compared."""

    predictions: str | None
    references: str | None


@dataclass(frozen=True)
class PipelineScale:
    """``conf/scale``, of one pipeline."""

    learning_rate: Amount
    batch_size: Positive
    constant_epochs: Count
    cosine_epochs: Count
    swa_cycles: Count


@dataclass(frozen=True)
class Scale:
    """``conf/scale``."""

    width: Positive
    patch: Shape
    a: PipelineScale
    b: PipelineScale


@dataclass(frozen=True)
class Bundles:
    """Of each pipeline."""

    a: Folders
    b: Folders


@dataclass(frozen=True)
class Data:
    """The files that a training names: known here without importing the class that takes them."""

    root: Existing
    cache: str
    split: ExistingOrNone
    exclude: ExistingOrNone
    unlabelled: ExistingOrNone


@dataclass(frozen=True)
class Series:
    """The DICOM series of each sequence: a SeriesInstanceUID, or a pattern of the description."""

    t1: str | None
    t1ce: str | None
    t2: str | None
    flair: str | None


@dataclass(frozen=True)
class Alignment:
    """How raw scans are aligned; choices are those of ``brats_seg.scans.AlignSettings``."""

    atlas: str | None
    to_atlas: str
    interpolation: str
    n4: bool
    brain: str
    device: str
    seed: Count


def schema_of(command: str) -> type:
    """The class with the keys of a command, named as its file in ``conf/``."""
    keys: type = import_module(f"brats_seg.cli.commands.{command}").Keys
    return keys
