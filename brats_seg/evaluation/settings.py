"""How predictions are scored. Covered by tests/evaluation/test_evaluation.py."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from importlib.resources import files
from typing import Any, Literal, get_args

import yaml

from brats_seg.errors import WrongValue
from brats_seg.evaluation.conventions import find_convention

Missing = Literal["penalise", "fail", "skip"]


@dataclass(frozen=True, kw_only=True)
class Scoring:
    """The keys of ``conf/evaluate.yaml`` that change what is written.

    Attributes:
        convention: Key of :data:`brats_seg.evaluation.conventions.CONVENTIONS`.
        prediction_labels: Name of the label values of the predictions; None: as the JSON beside each records.
        reference_labels: Name of the label values of the references; None: as their file names imply.
        missing: How a missing or unusable prediction counts: ``penalise`` gives the worst score, ``fail`` is
            one error that lists all, ``skip`` leaves the case out.
        paper: Put the paper's results beside the means.
        uncertainty_intervals: Between the thresholds of the uncertainty scores; 0 leaves these scores out.
        calibration_bins: Of the reliability diagram; 0 leaves it out.
        orientation: Of files whose header tells no space; None: as the JSON beside the prediction says.
        seed: Of the ranking's permutation test.
        overwrite: Replace files in the output folder that this program has not written.

    Raises:
        WrongValue: A name is not known.
    """

    convention: str
    prediction_labels: str | None
    reference_labels: str | None
    missing: Missing
    paper: bool
    uncertainty_intervals: int
    calibration_bins: int
    orientation: str | None
    seed: int
    overwrite: bool

    def __post_init__(self) -> None:
        find_convention(self.convention)
        if self.missing not in get_args(Missing):
            raise WrongValue(f"missing={self.missing}: use one of {', '.join(get_args(Missing))}")

    @classmethod
    def from_plain(cls, values: Mapping[str, Any]) -> Scoring:
        """From the keys of ``conf/evaluate.yaml``.

        Raises:
            WrongValue: A name is not known.
        """
        uncertainty, calibration = values["uncertainty"], values["calibration"]
        return cls(
            convention=values["convention"],
            prediction_labels=values["labels"]["predictions"],
            reference_labels=values["labels"]["references"],
            missing=values["missing"],
            paper=values["paper"],
            uncertainty_intervals=uncertainty["intervals"] if uncertainty["score"] else 0,
            calibration_bins=calibration["bins"] if calibration["score"] else 0,
            orientation=values["orientation"],
            seed=values["seed"],
            overwrite=values["overwrite"],
        )

    @classmethod
    def default(cls, **changes: Any) -> Scoring:
        """As in ``conf/evaluate.yaml``, so that every default has one place.

        Args:
            changes: Attributes that differ.

        Returns:
            The settings.

        Raises:
            WrongValue: A name is not known.
        """
        text = (files("brats_seg.conf") / "evaluate.yaml").read_text(encoding="utf-8")
        return replace(cls.from_plain(yaml.safe_load(text)), **changes)
