"""The keys of every command and of what kind their values are: one class for each file of ``conf/``.

Keys below a ``_target_`` are left to the annotations of its parameters, unless a class here knows more.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from brats_seg.kinds import Amount, Count, Positive

Shape = tuple[Positive, Positive, Positive]
Folders = list[str] | str


@dataclass(frozen=True)
class Patterns:
    """``conf/patterns``."""

    t1: str | None
    t1ce: str | None
    t2: str | None
    flair: str | None
    seg: str | None


@dataclass(frozen=True)
class LabelsOfBoth:
    """Label values of what is compared."""

    predictions: str | None
    references: str | None


@dataclass(frozen=True)
class Average:
    """``brats-seg average``."""

    snapshots: Folders
    output: str


@dataclass(frozen=True)
class Bundle:
    """``brats-seg bundle``."""

    action: str
    path: str


@dataclass(frozen=True)
class CheckedData:
    """What ``brats-seg check`` reads."""

    root: str
    labels: str | None


@dataclass(frozen=True)
class Check:
    """``brats-seg check``."""

    data: CheckedData
    patterns: Patterns
    workers: Count | None


@dataclass(frozen=True)
class Keep:
    """Networks per fold."""

    a: Positive | None
    b: Positive | None


@dataclass(frozen=True)
class Bootstrap:
    """Of a mean difference."""

    draws: Positive
    confidence: Amount


@dataclass(frozen=True)
class CvSummary:
    """``brats-seg cv-summary``."""

    runs: Folders
    output: str
    keep: Keep
    bootstrap: Bootstrap
    seed: Count
    paper: bool


@dataclass(frozen=True)
class Demo:
    """``brats-seg demo``."""

    output: str
    cases: Count
    test_cases: Count
    shape: Shape
    folds: list[Count]
    size: str
    tta: str
    seed: Count


@dataclass(frozen=True)
class Doctor:
    """``brats-seg doctor``."""

    folder: str


@dataclass(frozen=True)
class EnhancingThreshold:
    """``brats-seg enhancing-threshold``."""

    predictions: Folders
    references: str
    labels: LabelsOfBoth


@dataclass(frozen=True)
class UncertaintyScore:
    """The score of the BraTS uncertainty task."""

    score: bool
    intervals: Positive


@dataclass(frozen=True)
class CalibrationScore:
    """The calibration error."""

    score: bool
    bins: Positive


@dataclass(frozen=True)
class Evaluate:
    """``brats-seg evaluate``."""

    predictions: Folders
    references: str
    patterns: Patterns
    output: str
    convention: str
    labels: LabelsOfBoth
    missing: str
    paper: bool
    uncertainty: UncertaintyScore
    calibration: CalibrationScore
    seed: Count
    workers: Count | None


@dataclass(frozen=True)
class Export:
    """``brats-seg export``."""

    bundle: str
    format: str
    output: str
    parity_shape: Shape


@dataclass(frozen=True)
class FlagCases:
    """``brats-seg flag-cases``."""

    runs: Folders
    output: str
    last_epochs: Positive
    deviations: Amount


@dataclass(frozen=True)
class LabelsOfPredictions:
    """Label values of both prediction folders."""

    predictions: str | None


@dataclass(frozen=True)
class Merge:
    """``brats-seg merge``."""

    a: str
    b: str
    output: str
    labels: LabelsOfPredictions


@dataclass(frozen=True)
class Phantom:
    """``brats-seg phantom``."""

    output: str
    cases: Count
    seed: Count
    shape: Shape
    first: Positive
    workers: Count | None


@dataclass(frozen=True)
class Bundles:
    """Of each pipeline."""

    a: Folders
    b: Folders


@dataclass(frozen=True)
class LabelsOfPrediction:
    """Label values of what ``brats-seg predict`` reads and writes."""

    input: str | None
    output: str | None


@dataclass(frozen=True)
class Postprocessing:
    """Volumes in mm3."""

    enhancing_below_mm3: Amount
    components_below_mm3: Amount


@dataclass(frozen=True)
class Predict:
    """``brats-seg predict``; choices and ranges are those of :class:`brats_seg.inference.settings.Settings`."""

    input: str | None
    t1: str | None
    t1ce: str | None
    t2: str | None
    flair: str | None
    output: str
    bundles: Bundles
    ensemble: str | None
    tta: str
    threshold: Amount
    precision: str
    inferer: str
    on_missing_modality: str
    labels: LabelsOfPrediction
    probabilities: bool
    uncertainty: str | None
    postprocessing: Postprocessing
    patterns: Patterns
    channels_last: bool
    accelerator: str
    devices: int | str | list[int]
    num_nodes: Positive
    strategy: str


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
class Prepare:
    """``brats-seg prepare``."""

    scale: Scale
    data: Data
    patterns: Patterns
    verify: bool


@dataclass(frozen=True)
class Report:
    """``brats-seg report``."""

    predictions: str
    references: str
    output: str
    evaluation: str | None
    convention: str | None
    labels: LabelsOfBoth
    runs: list[str]
    title: str
    viewer: bool
    workers: Count | None


@dataclass(frozen=True)
class ReproducedData:
    """What ``brats-seg reproduce`` trains on."""

    root: str | None
    cache: str | None


@dataclass(frozen=True)
class SyntheticCohort:
    """What ``brats-seg reproduce scale=smoke`` makes."""

    cases: Count
    test_cases: Count
    shape: Shape
    seed: Count
    overrides: list[str]


@dataclass(frozen=True)
class Reproduce:
    """``brats-seg reproduce``."""

    scale: Scale
    data: ReproducedData
    input: str | None
    output: str
    tta: str
    overrides: list[str]
    synthetic: SyntheticCohort


@dataclass(frozen=True)
class Data:
    """The files that a training names: known here without importing the class that takes them."""

    root: str
    cache: str
    split: str | None
    exclude: str | None


@dataclass(frozen=True)
class Optimizer:
    """The key that every optimiser has."""

    lr: Amount


@dataclass(frozen=True)
class Trainer:
    """What Lightning's own annotations leave open."""

    precision: str | int
    devices: int | str | list[int]
    num_nodes: Positive
    check_val_every_n_epoch: Positive
    accumulate_grad_batches: Positive
    gradient_clip_val: Amount | None


@dataclass(frozen=True)
class Overlays:
    """Arguments of :class:`brats_seg.training.callbacks.Overlays`."""

    every_epochs: Count
    cases: Count


@dataclass(frozen=True)
class OutOfFold:
    """What follows a training."""

    predict: bool
    tta: str


@dataclass(frozen=True)
class Train:
    """``brats-seg train``."""

    scale: Scale
    data: Data
    patterns: Patterns
    model: Any
    loss: Any
    optimizer: Optimizer
    schedule: Any
    swa: Any
    trainer: Trainer
    logger: Any
    callbacks: Any
    fold: Count | Literal["all"]
    seed: Count
    runs_root: str
    name: str | None
    pipeline: Literal["a", "b"]
    keep: str
    filtered: bool
    init: str | None
    channels_last: bool
    compile: bool
    checkpointing: bool
    deterministic: bool
    overlays: Overlays
    out_of_fold: OutOfFold


def schema_of(command: str) -> type:
    """The class with the keys of a command, ``FlagCases`` for ``flag_cases``."""
    found: type = globals()["".join(word.title() for word in command.split("_"))]
    return found
